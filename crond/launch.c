/* launch: the launcher, as the scheduler sees it, and how helpers are started.
 * Flow: start sends run ids here, keepers' reports come back here and go to runs. */
#include "config.h"

#include "crond/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/crond.h"

enum { SOCKET_ROOM = 4 << 20, RESTART_MS = 1000, PROBE_MS = 5000, WAITING_MS = 3000, DEATHS_AT_ONCE = 5,
	FD_FIRST = 3, FDS_MOST = 8 };

static void say(struct crond *c, const char *what, const char *why)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0, "(CRON) ERROR (%s: %s)",
		what, why);
}

/* --- helper programs */

struct helper {
	const char *path;
	const char *const *argv;
	const char *const *env;
	int fds[FDS_MOST], n;
	int out;           /* standard output, or -1: leave it */
	uid_t uid;
	gid_t gid;
	struct rlimit files;
};

/* Between vfork and exec: nothing here may touch memory that the scheduler uses. */
static void __attribute__((noreturn)) helper_child(const struct helper *h)
{
	sigset_t none;
	int at[FDS_MOST];

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	for (int i = 0; i < h->n; i++) { /* out of the way first: targets may be sources */
		at[i] = fcntl(h->fds[i], F_DUPFD_CLOEXEC, FD_FIRST + FDS_MOST);
		if (at[i] < 0)
			_exit(126);
	}
	for (int i = 0; i < h->n; i++) {
		if (dup2(at[i], FD_FIRST + i) < 0)
			_exit(126);
	}
	if (h->out >= 0 && dup2(h->out, 1) < 0)
		_exit(126);
	close_range((unsigned)(FD_FIRST + h->n), ~0u, 0);
	setrlimit(RLIMIT_NOFILE, &h->files);
	if (h->uid != (uid_t)-1) {
		uid_t r, e, s;

		if (setgroups(0, NULL) < 0 || setresgid(h->gid, h->gid, h->gid) < 0 ||
			setresuid(h->uid, h->uid, h->uid) < 0)
			_exit(126);
		if (getresuid(&r, &e, &s) < 0 || r != h->uid || e != h->uid || s != h->uid)
			_exit(126);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(h->path, (char *const *)h->argv, (char *const *)h->env);
	_exit(127);
}

static pid_t __attribute__((noinline)) helper_start(const struct helper *h)
{
	sigset_t all, was;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	pid = vfork();
	if (pid == 0)
		helper_child(h);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return pid;
}

static const char *const clean_env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };

pid_t launch_helper(struct crond *c, const char *name, const char *const *argv, const int *fds, int n,
	uid_t uid, gid_t gid)
{
	char path[PATH_MAX + 32];
	struct helper h = { .path = path, .argv = argv, .env = clean_env, .n = n, .out = -1,
		.uid = uid, .gid = gid, .files = { c->files_soft, c->files_hard } };

	snprintf(path, sizeof(path), "%s/%s", c->set.helpers, name);
	memcpy(h.fds, fds, (size_t)n * sizeof(*fds));
	if (access(path, X_OK) < 0) {
		say(c, path, strerror(errno));
		return -1;
	}
	return helper_start(&h);
}

/* --- the probe: what does /bin/sh add to an environment? */

static bool selinux_on(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static size_t probe_read(int fd, char *out, size_t room)
{
	int64_t until = clock_mono_ms() + PROBE_MS;
	size_t n = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = until - clock_mono_ms();
		ssize_t got;

		if (left <= 0 || n == room || poll(&p, 1, (int)left) <= 0)
			return 0;
		got = read(fd, out + n, room - n);
		if (got <= 0)
			return got == 0 ? n : 0;
		n += (size_t)got;
	}
}

/* Exactly what was given, and PWD; then the pid of what the shell executed. */
static bool probe_judge(const char *out, size_t n, pid_t shell, bool *waits)
{
	char cwd[PATH_MAX + 8] = "PWD=";
	bool given = false, pwd = false;
	uint64_t pid = 0;

	if (n == 0 || out[n - 1] != '\0' || !getcwd(cwd + 4, PATH_MAX))
		return false;
	for (const char *e = out; e < out + n; e += strlen(e) + 1) {
		if (strcmp(e, "PROBE=1") == 0 && !given)
			given = true;
		else if (strcmp(e, cwd) == 0 && !pwd)
			pwd = true;
		else if (text_number(slice_of(e), INT32_MAX, &pid) < 0)
			return false;
	}
	*waits = (pid_t)pid != shell;
	return given && pwd && pid;
}

bool launch_probe_shell(struct crond *c)
{
	char command[PATH_MAX + 64], out[4096];
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };
	const char *const env[] = { "PROBE=1", NULL };
	struct helper h = { .path = "/bin/sh", .argv = argv, .env = env, .uid = (uid_t)-1,
		.files = { c->files_soft, c->files_hard } };
	int pipes[2];
	size_t n;
	pid_t pid;

	if (!c->set.conf.direct_exec || selinux_on() || strchr(c->set.helpers, '\''))
		return false;
	snprintf(command, sizeof(command), "'%s/crond-launcher' --environment", c->set.helpers);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	h.out = pipes[1];
	pid = helper_start(&h);
	close(pipes[1]);
	n = pid > 0 ? probe_read(pipes[0], out, sizeof(out)) : 0;
	close(pipes[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return probe_judge(out, n, pid, &c->shell_waits);
}

/* --- the launcher */

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
	if (loop_watch(c, &c->w_queue, 0) < 0)
		return -1;
	return loop_watch(c, &c->w_report, EPOLLIN);
}

int launch_init(struct crond *c)
{
	c->shared_fd = memfd_create("crond", MFD_CLOEXEC);
	if (c->shared_fd < 0 || ftruncate(c->shared_fd, sizeof(*c->shared)) < 0)
		return -1;
	c->shared = mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE, MAP_SHARED, c->shared_fd, 0);
	if (c->shared == MAP_FAILED)
		return -1;
	return launch_sockets(c);
}

/* So that a scheduler after us knows when what waits in the queue can be judged. */
static void launcher_record(struct crond *c)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)c->launcher);

	if (file_replace(c->run_fd, "launcher", 0600, text, (size_t)n, 0) < 0)
		say(c, "launcher", strerror(errno));
}

static pid_t launcher_exec(struct crond *c)
{
	static const char *const names[] = { "crond-launcher", "crond-launcher-pam" };
	char level[16];
	const char *const argv[] = { names[c->pam], "3", "4", "5", "6",
		c->log.target == LOG_TO_STDERR ? "stderr" : "syslog", level, NULL };
	int fds[] = { c->queue_far, c->report_far, c->runs, c->shared_fd };

	snprintf(level, sizeof(level), "%d", c->log.level);
	return launch_helper(c, names[c->pam], argv, fds, 4, (uid_t)-1, (gid_t)-1);
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
		say(c, "the launcher cannot be started", strerror(errno));
		c->launcher = 0;
		loop_later(c, LATER_LAUNCHER, RESTART_MS);
		return -1;
	}
	c->launcher_since = clock_mono_ms();
	launcher_record(c);
	launch_resend(c);
	return 0;
}

/* At once, for jobs wait for it; one that cannot live is not started in a circle. */
void launch_ended(struct crond *c)
{
	bool young = clock_mono_ms() - c->launcher_since < RESTART_MS;

	c->launcher_deaths = young ? c->launcher_deaths + 1 : 0;
	say(c, "the launcher ended", "it is started again");
	c->launcher = 0;
	if (c->launcher_deaths > DEATHS_AT_ONCE)
		loop_later(c, LATER_LAUNCHER, RESTART_MS);
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

void launch_send(struct crond *c, struct live_run *run)
{
	loop_later(c, LATER_WAITING, WAITING_MS);
	if (TAILQ_EMPTY(&c->unsent) && send_one(c, run))
		return;
	run->queued = QUEUE_SEND;
	TAILQ_INSERT_TAIL(&c->unsent, run, queue);
	loop_watch_again(c, &c->w_queue, EPOLLOUT);
}

void launch_flush(struct crond *c)
{
	struct live_run *run;

	while ((run = TAILQ_FIRST(&c->unsent))) {
		if (!send_one(c, run)) {
			loop_watch_again(c, &c->w_queue, EPOLLOUT);
			return;
		}
		TAILQ_REMOVE(&c->unsent, run, queue);
		run->queued = QUEUE_NONE;
	}
	loop_watch_again(c, &c->w_queue, 0);
}

/* --- reports */

static ssize_t report_read(int fd, struct report *r, int *pidfd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = r, .iov_len = sizeof(*r) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*pidfd = -1;
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
		memcpy(pidfd, CMSG_DATA(h), sizeof(*pidfd));
	return n;
}

static void report_take(struct crond *c, const struct report *r, int pidfd)
{
	struct live_run *run = run_find(c, r->id);

	if (run && r->type == REPORT_TAKEN) {
		run_event(c, run, RUN_EVENT_TAKEN);
		run_watch_keeper(c, run, r->keeper_pid, pidfd);
		return;
	}
	if (pidfd >= 0)
		close(pidfd);
	if (run && r->type == REPORT_ENDED)
		run_event(c, run, RUN_EVENT_ENDED);
}

void launch_reports(struct crond *c)
{
	struct report r;
	ssize_t n;
	int pidfd;

	while ((n = report_read(c->w_report.fd, &r, &pidfd)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		r.id[sizeof(r.id) - 1] = '\0';
		if (n == sizeof(r))
			report_take(c, &r, pidfd);
		else if (pidfd >= 0)
			close(pidfd);
	}
}
