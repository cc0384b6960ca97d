/* report: what keepers say.
 * Flow: a keeper took a run, or one has ended -> runs. */
#include "config.h"

#include "crond/crond.h"
#include "crond/tell.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REPORTS_EACH = 16, PACED_FROM = 16, PACE_MS = 5 };

struct inbox {
	struct report reports[REPORTS_EACH];
	struct iovec parts[REPORTS_EACH];
	struct mmsghdr messages[REPORTS_EACH];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control[REPORTS_EACH];
};

static void inbox_clear(struct inbox *in)
{
	for (int i = 0; i < REPORTS_EACH; i++) {
		in->parts[i] = (struct iovec){ &in->reports[i], sizeof(in->reports[i]) };
		in->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &in->parts[i], .msg_iovlen = 1,
			.msg_control = &in->control[i], .msg_controllen = sizeof(in->control[i]) };
	}
}

static int message_pidfd(struct msghdr *m)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);
	int pidfd = -1;

	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
		memcpy(&pidfd, CMSG_DATA(h), sizeof(pidfd));
	return pidfd;
}

static void report_take(struct crond *c, const struct report *r, size_t outcome_n, int pidfd)
{
	struct live_run *run = run_find(c, r->id);

	if (run && r->type == REPORT_TAKEN) {
		run_event(c, run, RUN_EVENT_TAKEN);
		if (run->flags & RUN_PINGS)
			tell_ping_start(c, run->id);
		run_watch_keeper(c, run, r->keeper_pid, pidfd);
		if (outcome_n == sizeof(run->far)) {
			memcpy(run->far, r->outcome, sizeof(run->far));
			drain_later(c);
		}
		run_stop_tell(c, run);
		return;
	}
	if (pidfd >= 0)
		close(pidfd);
	if (run && r->type == REPORT_ENDED) {
		run->reported = (struct slice){ r->outcome, outcome_n };
		run_event(c, run, RUN_EVENT_ENDED);
		run->reported.n = 0;
	} else if (run && r->type == REPORT_OVERRAN) {
		run_overran(c, run);
	} else if (run && r->type == REPORT_SAID) {
		said_take(run, (struct slice){ r->outcome, outcome_n });
	}
}

static void message_take(struct crond *c, struct report *r, struct mmsghdr *m)
{
	int pidfd = message_pidfd(&m->msg_hdr);

	if (m->msg_len >= REPORT_HEAD && m->msg_len <= sizeof(*r)) {
		r->id[sizeof(r->id) - 1] = '\0';
		report_take(c, r, m->msg_len - REPORT_HEAD, pidfd);
	} else if (pidfd >= 0) {
		close(pidfd);
	}
}

size_t reports_take(struct crond *c)
{
	struct inbox in;
	size_t taken = 0;
	int n;

	do {
		inbox_clear(&in);
		n = recvmmsg(c->w_report.fd, in.messages, REPORTS_EACH, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
		for (int i = 0; i < n; i++)
			message_take(c, &in.reports[i], &in.messages[i]);
		taken += n > 0 ? (size_t)n : 0;
	} while (n == REPORTS_EACH || (n < 0 && errno == EINTR));
	return taken;
}

/* While many runs end we look every few milliseconds rather than wake for each of them:
 * the processors are the jobs'. */
void reports_ready(struct crond *c)
{
	bool paced = reports_take(c) > 0 && c->running > PACED_FROM;

	if (paced)
		wait_later(c, LATER_REPORTS, PACE_MS);
	if (paced != c->reports_paced)
		wait_change(c, &c->w_report, paced ? 0 : EPOLLIN);
	c->reports_paced = paced;
}
