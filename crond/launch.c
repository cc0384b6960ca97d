/* launch: the launcher, as the scheduler sees it.
 * Flow: start sends run ids here; they go down the queue, again where it is needed. */
#include "config.h"

#include "crond/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/kernel.h"
#include "crond/helper.h"
#include "crond/crond.h"

enum { SOCKET_ROOM = 4 << 20, RESTART_MS = 1000, WAITING_MS = 3000, DEATHS_AT_ONCE = 5 };
enum { SENT_PER_CPU = 8 }; /* of one user's own runs: enough to keep the keepers busy */

/* All of SEQPACKET's room is the sender's. */
static int pair(int fds[2], int sender)
{
	int room = SOCKET_ROOM;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	if (setsockopt(fds[sender], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fds[sender], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return 0;
}

/* The far ends are kept: what is in a queue or on its way outlives a launcher. They are
 * closed with us, which is what tells the launcher that we are gone. */
static int launch_sockets(struct crond *c)
{
	int queue[2], report[2];

	if (pair(queue, 0) < 0 || pair(report, 1) < 0)
		return -1;
	c->queue_far = queue[1];
	c->report_far = report[1];
	c->w_queue = (struct watch){ .kind = WATCH_QUEUE, .fd = queue[0] };
	c->w_report = (struct watch){ .kind = WATCH_REPORT, .fd = report[0] };
	c->w_old = (struct watch){ .kind = WATCH_OLD_LAUNCHER, .fd = -1 };
	TAILQ_INIT(&c->unsent);
	TAILQ_INIT(&c->removable);
	if (wait_for(c, &c->w_queue, 0) < 0)
		return -1;
	return wait_for(c, &c->w_report, EPOLLIN);
}

/* Are we to be spared where memory is short (OOMScoreAdjust= of a unit)? Read once, at the start. */
static bool spared(void)
{
	char text[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	return n > 0 && text[0] == '-';
}

int launch_init(struct crond *c)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	c->sent_each = SENT_PER_CPU * (uint32_t)(cpus > 0 ? cpus : 1);
	c->shared_fd = kernel_shared(c->run_fd, sizeof(*c->shared));
	if (c->shared_fd < 0)
		return -1;
	c->shared = mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE, MAP_SHARED, c->shared_fd, 0);
	if (c->shared == MAP_FAILED)
		return -1;
	c->shared->spared = spared();
	return launch_sockets(c);
}

/* So that a scheduler after us knows when what waits in the queue can be judged. */
static void launcher_record(struct crond *c)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)c->launcher);

	if (file_replace(c->run_fd, "launcher", 0600, text, (size_t)n, 0) < 0)
		trouble_say(c, "launcher", strerror(errno));
}

static pid_t launcher_exec(struct crond *c)
{
	static const char *const names[] = { "crond-launcher", "crond-launcher-pam" };
	char level[16];
	const char *const argv[] = { names[c->pam], "3", "4", "5", "6",
		log_target_name(c->log.target), level,
		c->pam ? c->set.dialect->pam_service : NULL, NULL };
	int fds[] = { c->queue_far, c->report_far, c->runs, c->shared_fd };

	snprintf(level, sizeof(level), "%d", c->log.level);
	return helper_run(c, names[c->pam], argv, fds, 4, (uid_t)-1, (gid_t)-1);
}

/* Every run that no keeper has taken is sent again: the claim's lock lets one keeper
 * have it, however often its name comes. */
void launch_resend(struct crond *c)
{
	struct live_run *run;

	if (!TAILQ_EMPTY(&c->unsent))
		return;
	RB_FOREACH(run, run_tree, &c->live) {
		if (!run->adopted) /* those of a scheduler before us are judged, not started */
			run_event(c, run, RUN_EVENT_LAUNCHER_GONE);
	}
}

int launch_start(struct crond *c)
{
	if (c->launcher > 0)
		return 0;
	c->launcher = launcher_exec(c);
	if (c->launcher < 0) {
		trouble_say(c, "the launcher cannot be started", strerror(errno));
		c->launcher = 0;
		wait_later(c, LATER_LAUNCHER, RESTART_MS);
		return -1;
	}
	c->launcher_since = wait_now_ms();
	launcher_record(c);
	launch_resend(c);
	return 0;
}

/* At once, for jobs wait for it; one that cannot live is not started in a circle. */
void launch_ended(struct crond *c)
{
	bool young = wait_now_ms() - c->launcher_since < RESTART_MS;

	if (c->stop.stage) {
		c->launcher = 0;
		return;
	}
	c->launcher_deaths = young ? c->launcher_deaths + 1 : 0;
	trouble_say(c, "the launcher ended", "it is started again");
	c->launcher = 0;
	if (c->launcher_deaths > DEATHS_AT_ONCE)
		wait_later(c, LATER_LAUNCHER, RESTART_MS);
	else
		launch_start(c);
}

/* --- the queue */

static bool send_one(struct crond *c, struct live_run *run)
{
	for (;;) {
		if (send(c->w_queue.fd, run->id, strlen(run->id), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return true;
		if (errno != EINTR)
			return false;
	}
}

static void send_or_wait(struct crond *c, struct live_run *run)
{
	if (run->taker && !run->sent)
		run->taker->sent++;
	run->sent = run->taker;
	if (TAILQ_EMPTY(&c->unsent) && send_one(c, run))
		return;
	run->queued = QUEUE_SEND;
	TAILQ_INSERT_TAIL(&c->unsent, run, queue);
	wait_change(c, &c->w_queue, EPOLLOUT);
}

bool launch_crowded(const struct crond *c, const struct job_user *u)
{
	return u->sent >= c->sent_each;
}

void launch_send(struct crond *c, struct live_run *run)
{
	wait_later(c, LATER_WAITING, WAITING_MS);
	if (!run->taker || run->sent || !launch_crowded(c, run->taker)) {
		send_or_wait(c, run);
		return;
	}
	run->queued = QUEUE_HELD;
	TAILQ_INSERT_TAIL(&run->taker->held, run, queue);
}

void launch_left(struct crond *c, struct live_run *run)
{
	struct job_user *u = run->taker;

	if (!run->sent)
		return;
	run->sent = false;
	u->sent--;
	while (!c->stop.stage && !launch_crowded(c, u) && (run = TAILQ_FIRST(&u->held))) {
		TAILQ_REMOVE(&u->held, run, queue);
		run->queued = QUEUE_NONE;
		send_or_wait(c, run);
	}
}

void launch_flush(struct crond *c)
{
	struct live_run *run;

	while ((run = TAILQ_FIRST(&c->unsent))) {
		if (!send_one(c, run)) {
			wait_change(c, &c->w_queue, EPOLLOUT);
			return;
		}
		TAILQ_REMOVE(&c->unsent, run, queue);
		run->queued = QUEUE_NONE;
	}
	wait_change(c, &c->w_queue, 0);
}
