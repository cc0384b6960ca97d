/* mailer: the process that executes the system's mailer for crond-notify, which may not: its programs
 * put mail into their queue by a set-group-id bit, and what is caged gains no privilege.
 * Flow: forked before anything else; sendmail sends it orders, and it answers when a mailer has ended. */
#include "config.h"

#include "crond/notify/mailer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/moment.h"
#include "crond/base/process.h"
#include "crond/core/mailtext.h"

struct running {
	pid_t pid; /* 0: free */
	uint32_t number;
	bool killed;
	int64_t deadline_ms;
};

struct mailer {
	int wire, children; /* signalfd */
	struct running list[MAILERS_MOST];
	char path[PATH_MAX]; /* "": none was asked yet */
};

/* --- one mailer */

static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	return posix_spawnattr_setsigmask(attr, &none) ||
		posix_spawnattr_setsigdefault(attr, &all) || posix_spawnattr_setpgroup(attr, 0) ||
		posix_spawnattr_setflags(attr,
			POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

/* The descriptors are above 2, or dup2 would leave them close-on-exec. */
static int spawn(pid_t *pid, const char *mailer, const char *address, int in, int errors)
{
	const char *argv[] = { "sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", address,
		NULL };
	const char *env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int bad;

	if (posix_spawn_file_actions_init(&files))
		return ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	bad = posix_spawn_file_actions_adddup2(&files, in, 0) ||
		posix_spawn_file_actions_adddup2(&files, errors, 1) ||
		posix_spawn_file_actions_adddup2(&files, errors, 2) || set_signals(&attr);
	bad = bad ? ENOMEM
		  : posix_spawn(pid, mailer, &files, &attr, (char *const *)argv,
			    (char *const *)env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return bad;
}

static struct running *slot_of(struct mailer *m, pid_t pid)
{
	for (size_t i = 0; i < MAILERS_MOST; i++)
		if (m->list[i].pid == pid)
			return &m->list[i];
	return NULL;
}

static void tell(struct mailer *m, const struct mailer_end *end)
{
	while (send(m->wire, end, sizeof(*end), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* Who asks may have been taken over meanwhile: he gets no other program executed. */
static int start(struct mailer *m, const struct mailer_order *o, size_t n, int in, int errors)
{
	const char *path = o->text, *address = memchr(path, '\0', n);
	struct running *slot = slot_of(m, 0);
	pid_t pid;
	int error;

	if (!slot || !address++ || address >= path + n || path[n - 1] || in < 3 || errors < 3 ||
		!mailtext_safe(slice_of(address)))
		return EINVAL;
	if (!m->path[0])
		memcpy(m->path, path, strlen(path) + 1);
	if (strcmp(m->path, path) != 0)
		return EPERM;
	error = spawn(&pid, path, address, in, errors);
	if (!error)
		*slot = (struct running){ .pid = pid, .number = o->number,
			.deadline_ms = moment_ms(CLOCK_BOOTTIME) + o->ms };
	return error;
}

/* --- orders */

static void take_fds(struct msghdr *msg, int fds[2])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		c->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
}

/* false: there will be no more. */
static bool take_order(struct mailer *m)
{
	struct mailer_order o;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec part = { &o, sizeof(o) };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(m->wire, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const ssize_t head = offsetof(struct mailer_order, text);
	int fds[2] = { -1, -1 }, error;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	take_fds(&msg, fds);
	error = n > head + 1 ? start(m, &o, (size_t)(n - head), fds[0], fds[1]) : EINVAL;
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (error && n > head)
		tell(m, &(struct mailer_end){ .number = o.number, .error = error });
	return true;
}

/* --- ends */

static void take_ends(struct mailer *m)
{
	struct signalfd_siginfo s;
	struct running *one;
	pid_t pid;
	int status;

	while (read(m->children, &s, sizeof(s)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		one = slot_of(m, pid);
		if (!one)
			continue;
		tell(m, &(struct mailer_end){ .number = one->number, .status = status,
				.killed = one->killed });
		*one = (struct running){ 0 };
	}
}

static void kill_one(struct running *one)
{
	one->killed = true;
	kill(-one->pid, SIGKILL);
	kill(one->pid, SIGKILL);
}

/* When the next is late, in ms; -1: none will be. */
static int kill_late(struct mailer *m)
{
	int64_t now = moment_ms(CLOCK_BOOTTIME), first = -1;

	for (size_t i = 0; i < MAILERS_MOST; i++) {
		struct running *one = &m->list[i];
		int64_t left = one->deadline_ms - now;

		if (one->pid == 0 || one->killed)
			continue;
		if (left <= 0)
			kill_one(one);
		else if (first < 0 || left < first)
			first = left;
	}
	return first > INT_MAX ? INT_MAX : (int)first;
}

static void work(struct mailer *m)
{
	struct pollfd fds[] = { { .fd = m->wire, .events = POLLIN },
		{ .fd = m->children, .events = POLLIN } };

	while (poll(fds, 2, kill_late(m)) >= 0 || errno == EINTR) {
		take_ends(m);
		if (!take_order(m))
			break;
	}
	for (size_t i = 0; i < MAILERS_MOST; i++)
		if (m->list[i].pid)
			kill_one(&m->list[i]);
}

/* It ends by its socket alone: who is to end has mails under way for a while. */
static void __attribute__((noreturn)) child(int wire)
{
	struct mailer m = { .wire = wire };
	sigset_t heard;

	sigemptyset(&heard);
	sigaddset(&heard, SIGCHLD);
	sigaddset(&heard, SIGTERM);
	sigaddset(&heard, SIGINT);
	sigprocmask(SIG_BLOCK, &heard, NULL);
	sigemptyset(&heard);
	sigaddset(&heard, SIGCHLD);
	if (process_descriptors(&wire, 1) == 0) {
		m.children = signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
		if (m.children >= 0)
			work(&m);
	}
	_exit(0);
}

int mailer_open(pid_t *pid)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	*pid = fork();
	if (*pid == 0)
		child(pair[1]);
	close(pair[1]);
	if (*pid > 0 && fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK) == 0)
		return pair[0];
	close(pair[0]);
	return -1;
}
