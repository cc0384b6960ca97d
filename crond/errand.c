/* errand: what a keeper has done as the run's user.
 * Flow: files that an option names are opened, made, moved and removed by a child with the
 * user's rights, so that no link of his leads root anywhere. */
#include "config.h"

#include "crond/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/base/moment.h"
#include "crond/spawn.h"

enum { ANSWER_FD = 3, REAP_MS = 1000 };

/* Its head, and as much of the text as there is. */
struct answer {
	int error;
	char text[ERRAND_TEXT];
};

union descriptor {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

/* --- the child */

static void answer_send(const struct errand *e)
{
	struct answer a = { .error = e->error };
	union descriptor d = { 0 };
	struct iovec part = { &a, offsetof(struct answer, text) + strlen(e->text) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	memcpy(a.text, e->text, strlen(e->text));
	if (e->fd >= 0) {
		m.msg_control = &d;
		m.msg_controllen = sizeof(d);
		d.head.cmsg_level = SOL_SOCKET;
		d.head.cmsg_type = SCM_RIGHTS;
		d.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&d.head), &e->fd, sizeof(e->fd));
	}
	sendmsg(ANSWER_FD, &m, MSG_NOSIGNAL);
}

/* The run's lock above all is not to be held by a child that may hang in some disk. */
static void __attribute__((noreturn)) child(const struct spawn *as, int channel,
        void (*work)(void *arg, struct errand *e), void *arg, struct errand *e)
{
	struct sigaction deflt = { .sa_handler = SIG_DFL };
	sigset_t none;

	if (dup2(channel, ANSWER_FD) < 0)
		_exit(1);
	kernel_close_from(ANSWER_FD + 1);
	fcntl(ANSWER_FD, F_SETFD, FD_CLOEXEC);
	sigaction(SIGTERM, &deflt, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(0);
	if (spawn_become(as) != SPAWN_DONE)
		e->error = errno;
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
	if (!e->error)
		work(arg, e);
	answer_send(e);
	_exit(0);
}

/* --- the keeper */

static int wait_readable(int fd)
{
	int64_t until = moment_ms(CLOCK_MONOTONIC) + ERRAND_PATIENCE_MS, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while ((left = until - moment_ms(CLOCK_MONOTONIC)) > 0)
		if (poll(&p, 1, (int)left) > 0)
			return 0;
	errno = ETIMEDOUT;
	return -1;
}

static int answer_receive(int channel, struct errand *e)
{
	struct answer a;
	union descriptor d = { 0 };
	struct iovec part = { &a, sizeof(a) };
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &d, .msg_controllen = sizeof(d)
	};
	const size_t head = offsetof(struct answer, text);
	ssize_t n;

	if (wait_readable(channel) < 0)
		return -1;
	n = recvmsg(channel, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n >= 0 && d.head.cmsg_type == SCM_RIGHTS && d.head.cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&e->fd, CMSG_DATA(&d.head), sizeof(e->fd));
	if (n < (ssize_t)head) { /* it was killed */
		errno = n < 0 ? errno : EIO;
		return -1;
	}
	e->error = a.error;
	memcpy(e->text, a.text, (size_t)n - head);
	e->text[n - (ssize_t)head < ERRAND_TEXT ? n - (ssize_t)head : ERRAND_TEXT - 1] = '\0';
	return 0;
}

/* What stands still in a dead file system's call does not die at once: it is left, with
 * nothing of ours in its hands. Whoever dies has closed the channel shortly before. */
static void reap(pid_t pid, int channel)
{
	struct pollfd p = { .fd = channel };

	kill(pid, SIGKILL);
	if (poll(&p, 1, REAP_MS) <= 0)
		return;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int errand_run(const struct spawn *as, void (*work)(void *arg, struct errand *e), void *arg,
        struct errand *e)
{
	int channel[2];
	pid_t pid;

	*e = (struct errand){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0) {
		e->error = errno;
		return -1;
	}
	pid = fork();
	if (pid == 0)
		child(as, channel[1], work, arg, e);
	if (pid < 0)
		e->error = errno;
	close(channel[1]);
	if (pid > 0 && answer_receive(channel[0], e) < 0)
		e->error = errno;
	if (pid > 0)
		reap(pid, channel[0]);
	close(channel[0]);
	if (e->error && e->fd >= 0) {
		close(e->fd);
		e->fd = -1;
	}
	return e->error ? -1 : 0;
}
