/* Any files in the directories of runs that a scheduler finds when it starts, then any reports of
 * keepers: each run is taken in, waits, or is left with a word about it; what is over has an outcome on
 * file; a scheduler after it says no failure again; and all counts come back to nothing. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/crond.h"
#include "crond/launch.h"
#include "crond/rundir.h"

/* No process has it; a number of the input's could be anybody's. */
enum { NOBODY = 0x3fffffff, RUNS = 4, FILES = 6, LOG_MOST = 1 << 20, NOW = 1763668800 };

static const char *const ids[RUNS] = { "backup-1763668740-1", "alice:x-1763668799-1", "d-1763668800-12", "x-5-1" };
static const char *const names[FILES] = { "run", "outcome", RUNDIR_LOGGED, RUNDIR_STOP, RUNDIR_OVERRAN,
	RUNDIR_SAID };
static char dir[PATH_MAX];
static int top_fd = -1, runs_fd, log_fd, ends[2];

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* --- the files */

static void directory_empty(int fd)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(own, e->d_name, 0);
	if (d)
		closedir(d);
}

static void files_remove(void)
{
	int outbox = openat(top_fd, "outbox", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < RUNS; i++)
		rundir_remove(runs_fd, ids[i]);
	directory_empty(outbox);
	close(outbox);
	directory_empty(top_fd);
}

static void end(void)
{
	files_remove();
	unlinkat(top_fd, "runs", AT_REMOVEDIR);
	unlinkat(top_fd, "outbox", AT_REMOVEDIR);
	rmdir(dir);
}

static void begin(void)
{
	snprintf(dir, sizeof(dir), "%s/fuzz_adopt.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	demand(mkdtemp(dir) != NULL);
	top_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	demand(mkdirat(top_fd, "runs", 0700) == 0 && mkdirat(top_fd, "outbox", 0700) == 0);
	runs_fd = openat(top_fd, "runs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	demand(runs_fd >= 0 && log_fd >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	atexit(end);
}

static void put(const char *id, const char *name, struct slice bytes)
{
	char path[256];
	int fd;

	mkdirat(runs_fd, id, 0700);
	snprintf(path, sizeof(path), "%s/%s", id, name);
	fd = openat(runs_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	demand(fd >= 0 && file_write(fd, bytes.s, bytes.n) == 0);
	close(fd);
}

/* A run file names processes, a socket and a cgroup, which root's scheduler goes by: of one that can be
 * read these are nobody's. What the log is searched for is as it should be. */
static void put_run(const char *id, struct slice bytes)
{
	struct run_progress p;
	struct buf file = { 0 };
	struct run r;

	if (run_file_decode(&p, &r, bytes, NULL) < 0) {
		put(id, "run", bytes);
		return;
	}
	p.version = RUN_PROGRESS_VERSION;
	p.keeper_pid = p.job_pid = NOBODY;
	r.flags &= ~(uint32_t)RUN_PARENT_DEATH;
	r.notify = r.cgroup = NULL;
	r.id = id;
	r.job = "job";
	buf_append(&file, &p, sizeof(p));
	run_encode(&r, &file);
	demand(!file.failed);
	put(id, "run", (struct slice){ file.data, file.len });
	buf_free(&file);
}

/* --- a scheduler with nothing but these */

static struct crond *scheduler(void)
{
	struct crond *c = calloc(1, sizeof(*c));

	demand(c != NULL);
	c->set.dialect = dialect_get(DIALECT_DEBIAN);
	snprintf(c->set.run_dir, sizeof(c->set.run_dir), "%s", dir);
	snprintf(c->set.state_dir, sizeof(c->set.state_dir), "%s", dir);
	c->log = (struct log){ .target = LOG_TO_STDERR, .level = 6, .fd = -1, .err = log_fd };
	c->run_fd = top_fd;
	c->runs = runs_fd;
	c->epoll = c->stamp_fd = c->state_fd = c->handled_fd = c->daemon_fd = -1;
	c->w_old.fd = c->w_notify.fd = c->w_files.fd = c->w_queue.fd = c->w_later.fd = c->outbox_wd = -1;
	c->backlog.dir = c->backlog.fd = -1;
	c->w_report.fd = ends[0];
	c->notify = getpid(); /* it is there, and nothing is sent to it */
	c->room_each = UINT64_MAX;
	c->clock.real.tv_sec = c->clock.high = NOW;
	TAILQ_INIT(&c->unsent);
	TAILQ_INIT(&c->removable);
	TAILQ_INIT(&c->outbox_queue);
	demand(ftruncate(log_fd, 0) == 0 && lseek(log_fd, 0, SEEK_SET) == 0);
	return c;
}

static void scheduler_free(struct crond *c)
{
	struct live_run *run;
	struct job_state *s;

	while ((run = RB_ROOT(&c->live)))
		run_forget(c, run);
	demand(c->running == 0 && c->waiting == 0 && c->catchups == 0 && c->catchups_waiting == 0);
	demand(c->pending_count == 0 && RB_EMPTY(&c->pools) && TAILQ_EMPTY(&c->unsent) && TAILQ_EMPTY(&c->removable));
	while ((s = RB_ROOT(&c->states))) {
		demand(s->running == 0 && s->waiting == 0);
		RB_REMOVE(state_tree, &c->states, s);
		free(s->name);
		free(s);
	}
	if (c->state_fd >= 0)
		close(c->state_fd);
	buf_free(&c->record);
	free(c);
}

/* How many lines of the log hold the text; each is one, whatever was in the files. */
static size_t said(const char *text)
{
	static char log[LOG_MOST];
	ssize_t n = pread(log_fd, log, sizeof(log) - 1, 0);
	size_t count = 0;

	demand(n >= 0);
	log[n] = '\0';
	for (ssize_t i = 0; i < n; i++)
		demand(log[i] == '\n' || ((unsigned char)log[i] >= 0x20 && log[i] != 0x7f));
	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static void check_counts(struct crond *c)
{
	size_t running = 0, waiting = 0, pending = 0, done = 0;
	struct live_run *run;

	RB_FOREACH(run, run_tree, &c->live) {
		waiting += run->state == RUN_STATE_WAITING;
		running += run->state == RUN_STATE_WAITING || run->state == RUN_STATE_LIVE;
		pending += run->state == RUN_STATE_PENDING;
		done += run->state == RUN_STATE_DONE;
		demand(run->state != RUN_STATE_DONE || rundir_has_outcome(runs_fd, run->id) == 1);
		demand((run->state == RUN_STATE_PENDING) == (run->pending != NULL));
	}
	demand(c->running == running && c->waiting == waiting && c->pending_count == pending);
	demand(running + pending + done <= RUNS);
}

/* What is there is known, or was said to be left. */
static void check_known(struct crond *c)
{
	char text[160];

	for (int i = 0; i < RUNS; i++) {
		snprintf(text, sizeof(text), "ERROR (run %s is left as it is: ", ids[i]);
		demand(run_find(c, ids[i]) || said(text) > 0 || faccessat(runs_fd, ids[i], F_OK, 0) < 0);
	}
	check_counts(c);
}

/* What was said of the ends before is not said again, by whoever comes later. */
static void check_failures(size_t before[RUNS])
{
	char text[160];

	for (int i = 0; i < RUNS; i++) {
		snprintf(text, sizeof(text), "FAIL job=job run=%s result=", ids[i]);
		demand(said(text) <= 1 && (!before[i] || said(text) == 0));
		before[i] += rundir_has(runs_fd, ids[i], RUNDIR_LOGGED);
	}
}

static void report(struct crond *c, struct slice bytes)
{
	struct report r = { 0 };
	size_t n = bytes.n < sizeof(r) ? bytes.n : sizeof(r);

	memcpy(&r, bytes.s, n);
	if (n > sizeof(r.type) + sizeof(r.keeper_pid))
		snprintf(r.id, sizeof(r.id), "%s", ids[(unsigned char)r.id[0] % RUNS]);
	r.keeper_pid = NOBODY;
	if (n > 0 && send(ends[1], &r, n, MSG_DONTWAIT) == (ssize_t)n)
		reports_take(c);
	check_counts(c);
}

/* One piece after the other: what it is and whose, two bytes of its length, its bytes. */
static bool piece_next(struct slice *rest, unsigned *what, struct slice *bytes)
{
	const unsigned char *at = (const unsigned char *)rest->s;
	size_t n;

	if (rest->n < 3)
		return false;
	*what = at[0];
	n = at[1] | (size_t)at[2] << 8;
	n = n < rest->n - 3 ? n : rest->n - 3;
	*bytes = (struct slice){ rest->s + 3, n };
	*rest = (struct slice){ rest->s + 3 + n, rest->n - 3 - n };
	return true;
}

static void files_put(struct slice rest)
{
	struct slice bytes;
	unsigned what;

	while (piece_next(&rest, &what, &bytes)) {
		unsigned name = what / RUNS % 8;

		if (name == 0)
			put_run(ids[what % RUNS], bytes);
		else if (name < FILES)
			put(ids[what % RUNS], names[name], bytes);
		else if (name == FILES)
			mkdirat(runs_fd, ids[what % RUNS], 0700);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice all = { (const char *)data, size };
	struct slice rest = all, bytes;
	size_t failures[RUNS] = { 0 };
	struct crond *c;
	unsigned what;

	if (top_fd < 0)
		begin();
	files_put(all);
	c = scheduler();
	adopt_all(c);
	check_known(c);
	adopt_unstarted(c);
	check_known(c);
	while (piece_next(&rest, &what, &bytes))
		if (what / RUNS % 8 == 7)
			report(c, bytes);
	run_unwatched(c);
	check_known(c);
	check_failures(failures);
	scheduler_free(c);
	c = scheduler();
	adopt_all(c);
	check_known(c);
	check_failures(failures);
	scheduler_free(c);
	files_remove();
	return 0;
}
