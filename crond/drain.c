/* drain: the other end of what a job prints, where its keeper is gone.
 * Flow: we hold the pipes of each run that lasts, too; a keeper that is killed then takes
 * nothing from its job, which would end by SIGPIPE: what is in them goes with the outcome
 * `lost`, and what comes later a process of its own reads and forgets. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/helper.h"

enum { CHUNK = 4096, CHUNKS_AT_ONCE = 16, HOLD_MS = 100 };

static int end_open(struct crond *c, pid_t keeper, int number)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)keeper, number);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && (rlim_t)fd < c->files_hard / 2)
		return fd;
	close(fd); /* the run is over; or the rest is for what cannot do without */
	return -1;
}

void drain_hold(struct crond *c, struct live_run *run, pid_t keeper, const int16_t pipes[2])
{
	if (run->pipes[0] >= 0 || pipes[0] < 3 || !kernel_proc_is_ours())
		return;
	for (int i = 0; i < 2; i++)
		if (pipes[i] >= 3)
			run->pipes[i] = end_open(c, keeper, pipes[i]);
}

/* Opened by way of /proc they cost as much as a start's claim: most runs that have outlived
 * their grace in a storm of starts end before it comes to that. */
void drain_later(struct crond *c)
{
	wait_later(c, LATER_HOLD, HOLD_MS);
}

void drain_due(struct crond *c)
{
	struct live_run *run;

	RB_FOREACH(run, run_tree, &c->live) {
		if (run->far[0] && run->state == RUN_STATE_LIVE && run->keeper)
			drain_hold(c, run, run->keeper->pid, run->far);
		run->far[0] = 0;
	}
}

void drain_drop(struct live_run *run)
{
	for (int i = 0; i < 2; i++) {
		if (run->pipes[i] >= 0)
			close(run->pipes[i]);
		run->pipes[i] = -1;
	}
}

/* The last bytes of what is in a pipe. False: it has an end, and that was it. */
static bool end_read(int fd, struct buf *tail, uint64_t *total)
{
	char chunk[CHUNK];
	ssize_t n = 0;

	for (int i = 0; i < CHUNKS_AT_ONCE && (n = read(fd, chunk, sizeof(chunk))) > 0; i++) {
		*total += (uint64_t)n;
		if (tail->len + (size_t)n > OUTCOME_TAIL) {
			size_t keep = OUTCOME_TAIL - (size_t)n < tail->len ? OUTCOME_TAIL - (size_t)n : tail->len;

			memmove(tail->data, tail->data + tail->len - keep, keep);
			tail->len = keep;
		}
		buf_append(tail, chunk, (size_t)n);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Another process than us does it: it may go on for as long as the job does. */
void drain_begin(struct crond *c, struct live_run *run, struct buf tails[2], uint64_t *total)
{
	static const char *const argv[] = { "crond-launcher", "--drain", NULL };
	int fds[2], n = 0;

	for (int i = 0; i < 2; i++)
		if (run->pipes[i] >= 0 && end_read(run->pipes[i], &tails[i], total))
			fds[n++] = run->pipes[i];
	if (n && helper_run(c, argv[0], argv, fds, n, (uid_t)-1, (gid_t)-1) < 0)
		trouble_say(c, "what a job prints is lost, and the job may end by it", strerror(errno));
	drain_drop(run);
}
