/* report: what keepers say.
 * Flow: a keeper took a run, or one has ended -> runs. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

void reports_take(struct crond *c)
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
