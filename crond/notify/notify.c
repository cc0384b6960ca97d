/* notify: the helper as a whole: its socket, its spool, its deliveries.
 * Flow: messages of the scheduler in, acknowledgements and log lines back. */
#include "config.h"

#include "crond/notify/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "crond/base/diag.h"
#include "crond/base/moment.h"
#include "crond/base/text.h"
#include "crond/core/event.h"

enum {
	DRAIN_MS = 10000,       /* after the end, for what is under way */
	DRAIN_BEGIN_MS = 5000,  /* of which so long new ones are begun */
	SPOOL_LOOK_MS = 1000,
	LOCK_LOOK_MS = 100,
	LOCK_ORPHAN_MS = 15000, /* more than the other's drain */
	LOCK_SAY_MS = 600000,
	WAIT_MOST_MS = 60000,
	MESSAGES_AT_ONCE = 8, /* each waits for the disk, and results wait for it */
};

static bool peer_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL));
}

static void loaded(void *arg, struct entry *e)
{
	struct notify *n = arg;

	deliver_entry(&n->deliver, e, moment_ms(CLOCK_BOOTTIME));
}

/* What the scheduler sends meanwhile waits in the socket, unacknowledged. The other
 * process drains for ten seconds at most; one that hangs is said again and again. */
static int wait_for_lock(struct notify *n)
{
	int64_t began = moment_ms(CLOCK_BOOTTIME), gone = 0, said = began - LOCK_SAY_MS + LOCK_ORPHAN_MS;

	while (spool_lock(&n->spool)) {
		int64_t now = moment_ms(CLOCK_BOOTTIME);

		if (errno != EWOULDBLOCK && errno != EINTR) {
			report_log(&n->report, LOG_ERR, "cannot lock the spool: %m");
			return -1;
		}
		if (!gone && peer_gone(n->socket))
			gone = now;
		if (gone && now - gone > LOCK_ORPHAN_MS)
			return 1;
		if (now - said >= LOCK_SAY_MS) {
			report_log(&n->report, LOG_WARNING, "alerts wait: another crond-notify "
				"holds the spool for %" PRId64 " s", (now - began) / 1000);
			said = now;
		}
		if (poll(&(struct pollfd){ .fd = n->signals, .events = POLLIN }, 1, LOCK_LOOK_MS) > 0)
			return 1;
	}
	return 0;
}

/* A disk that does not take it may do so later: what the scheduler sends waits with it. */
static int wait_for_spool(struct notify *n, const char *spool)
{
	char said[sizeof(((struct diag *)0)->text)] = "";
	struct diag d;

	while (spool_open(&n->spool, spool, &n->report, &d)) {
		spool_free(&n->spool);
		if (strcmp(said, d.text) != 0)
			report_log(&n->report, LOG_ERR, "alerts wait with the scheduler: %s", d.text);
		snprintf(said, sizeof(said), "%s", d.text);
		report_flush(&n->report, moment_ms(CLOCK_BOOTTIME));
		if (poll(&(struct pollfd){ .fd = n->signals, .events = POLLIN }, 1, SPOOL_LOOK_MS) > 0 ||
			peer_gone(n->socket))
			return 1;
	}
	return 0;
}

int notify_open(struct notify *n, const char *spool)
{
	report_open(&n->report, n->socket, moment_ms(CLOCK_BOOTTIME));
	return wait_for_spool(n, spool);
}

int notify_load(struct notify *n)
{
	struct diag d;
	int bad = wait_for_lock(n);

	if (bad)
		return bad;
	if (spool_load(&n->spool, loaded, n, &d)) {
		report_log(&n->report, LOG_ERR, "%s", d.text);
		return -1;
	}
	return 0;
}

static void take_event(struct notify *n, struct slice record, int64_t now)
{
	struct entry *entry;
	const char *id;
	struct diag d;

	switch (spool_add(&n->spool, record, &entry, &id, &d)) {
	case SPOOL_BAD:
		report_log(&n->report, LOG_ERR, "an alert is refused: %s", d.text);
		break;
	case SPOOL_REFUSED: /* it is offered again and again: that is said once */
		if (!n->refusing)
			report_log(&n->report, LOG_ERR, "alert %s is refused: %s; it waits with the "
				"scheduler, as all that follow", id, d.text);
		n->refusing = true;
		break;
	case SPOOL_KNOWN:
		report_send(&n->report, NOTICE_SPOOLED, id, strlen(id));
		break;
	case SPOOL_NEW:
		if (n->refusing)
			report_log(&n->report, LOG_NOTICE, "alerts are taken again");
		n->refusing = false;
		report_send(&n->report, NOTICE_SPOOLED, id, strlen(id));
		deliver_entry(&n->deliver, entry, now);
		break;
	}
}

static void take_people(struct notify *n, const char *text)
{
	char *next;
	long long group = strtoll(text, &next, 10), owner = strtoll(next, NULL, 10);

	n->clients.group_known = group >= 0;
	n->clients.group = (gid_t)group;
	n->clients.owner = owner >= 0 ? (uid_t)owner : (uid_t)-1;
}

static void take_message(struct notify *n, size_t length, int64_t now)
{
	struct slice rest = { n->message + 1, length - 1 };

	if (length == 0 || length > NOTICE_MOST) {
		report_log(&n->report, LOG_ERR, "a message of %zu bytes is refused", length);
		return;
	}
	switch (n->message[0]) {
	case NOTICE_CONFIG:
		deliver_configure(&n->deliver, rest, now);
		break;
	case NOTICE_HEARTBEAT:
		heartbeat_take(&n->deliver.beat, &n->deliver.post, &n->report, rest);
		break;
	case NOTICE_EVENT:
		take_event(n, rest, now);
		break;
	case NOTICE_PULSE:
		report_send(&n->report, NOTICE_PULSE, "", 0);
		break;
	case NOTICE_PEOPLE:
		n->message[length] = '\0';
		take_people(n, n->message + 1);
		break;
	default:
		report_log(&n->report, LOG_ERR, "a message of the unknown type %d is refused",
			(unsigned char)n->message[0]);
	}
}

static void end(struct notify *n, int64_t now)
{
	if (!n->ended)
		n->ended_ms = now;
	n->ended = true;
}

/* At most so many messages that deliveries go on beside them. */
static void receive(struct notify *n, int64_t now)
{
	for (int i = 0; i < MESSAGES_AT_ONCE && !n->ended && !report_full(&n->report); i++) {
		ssize_t length = recv(n->socket, n->message, NOTICE_MOST, MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0 && (errno == EINTR || errno == ECONNRESET))
			continue; /* after a reset there may still be messages */
		if (length < 0) {
			if (errno != EAGAIN)
				end(n, now);
			return;
		}
		if (length == 0 && peer_gone(n->socket)) {
			end(n, now);
			return;
		}
		take_message(n, (size_t)length, now);
	}
}

static int64_t wait_ms(const struct notify *n, int64_t now)
{
	int64_t due = deliver_due(&n->deliver, now), ms = WAIT_MOST_MS;

	if (n->ended)
		ms = n->ended_ms + (n->deliver.closing ? DRAIN_MS : DRAIN_BEGIN_MS) - now;
	if (due == 0) /* a mailer that can only be looked at */
		due = now + 100;
	if (n->report.left_out > 0 && ms > 1000)
		ms = 1000;
	if (!n->ended && clients_due(&n->clients, now) < due)
		due = clients_due(&n->clients, now);
	if (due - now < ms)
		ms = due - now;
	return ms > 0 ? ms : 0;
}

static void wait(struct notify *n, int64_t now)
{
	struct post_fd fds[3 + SENDMAIL_MOST];
	size_t count = sendmail_fds(&n->deliver.mails, fds);
	bool out = n->report.waiting > 0 && !n->report.closed;

	if (!n->ended) {
		fds[count++] = (struct post_fd){ .fd = n->signals, .in = true };
		fds[count++] = (struct post_fd){ .fd = n->socket,
			.in = !report_full(&n->report), .out = out };
		if (clients_wait_fd(&n->clients, now) >= 0)
			fds[count++] = (struct post_fd){ .fd = clients_wait_fd(&n->clients, now),
				.in = true };
	}
	post_wait(&n->deliver.post, fds, count, wait_ms(n, now));
}

static bool is_over(struct notify *n, int64_t now)
{
	if (!n->ended)
		return false;
	n->deliver.closing |= now - n->ended_ms >= DRAIN_BEGIN_MS;
	return now - n->ended_ms >= DRAIN_MS || !deliver_busy(&n->deliver, now);
}

void notify_work(struct notify *n)
{
	int64_t now = moment_ms(CLOCK_BOOTTIME);

	for (;;) {
		receive(n, now);
		if (poll(&(struct pollfd){ .fd = n->signals, .events = POLLIN }, 1, 0) > 0)
			end(n, now);
		deliver_step(&n->deliver, now);
		if (n->deliver.closing)
			end(n, now);
		if (!n->ended && n->clients.fd >= 0)
			clients_step(&n->clients, now);
		report_flush(&n->report, now);
		/* who would wait for our word in vain starts another one; what the dead have said is taken in */
		if (n->report.closed && !peer_gone(n->socket))
			end(n, now);
		if (is_over(n, now))
			return;
		wait(n, now);
		now = moment_ms(CLOCK_BOOTTIME);
	}
}
