/* report: what an unprivileged helper says to the scheduler.
 * Flow: acknowledgements and log lines go back through the socket, and wait here while
 * it is full. */
#include "config.h"

#include "crond/base/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

enum { LINE_MOST = 600, BURST = 40, REFILL_MS = 500, WAIT_MOST = 256, WAIT_LINES = 128 };

struct message {
	struct message *next;
	size_t n;
	char bytes[];
};

void report_open(struct report *r, int fd, int64_t now_ms)
{
	*r = (struct report){ .fd = fd, .tokens = BURST, .refilled_ms = now_ms };
}

static void drop_all(struct report *r)
{
	while (r->first) {
		struct message *m = r->first;

		r->first = m->next;
		free(m);
	}
	r->last = NULL;
	r->waiting = 0;
}

static void drop_first(struct report *r)
{
	struct message *m = r->first;

	r->first = m->next;
	if (!r->first)
		r->last = NULL;
	r->waiting--;
	free(m);
}

static void send_waiting(struct report *r)
{
	while (r->first && !r->closed) {
		struct message *m = r->first;

		if (send(r->fd, m->bytes, m->n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
				return;
			r->closed = true;
			break;
		}
		drop_first(r);
	}
	if (r->closed)
		drop_all(r);
}

void report_send(struct report *r, char type, const void *bytes, size_t n)
{
	struct message *m = r->closed ? NULL : malloc(sizeof(*m) + 1 + n);

	if (!m)
		return;
	m->next = NULL;
	m->n = 1 + n;
	m->bytes[0] = type;
	memcpy(m->bytes + 1, bytes, n);
	if (r->last)
		r->last->next = m;
	else
		r->first = m;
	r->last = m;
	r->waiting++;
	send_waiting(r);
}

static void put_line(struct report *r, int priority, char *line)
{
	line[0] = (char)('0' + priority);
	for (char *p = line + 1; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	report_send(r, REPORT_LOG, line, strlen(line));
}

static bool may_say(struct report *r, int priority)
{
	if (r->waiting >= (priority == LOG_DEBUG ? WAIT_LINES / 4 : WAIT_LINES))
		return false;
	if (priority == LOG_DEBUG)
		return true;
	if (r->tokens == 0)
		return false;
	r->tokens--;
	return true;
}

void report_log(struct report *r, int priority, const char *fmt, ...)
{
	char line[LINE_MOST];
	va_list ap;

	if (!may_say(r, priority)) {
		r->left_out += priority != LOG_DEBUG;
		return;
	}
	line[0] = '0';
	va_start(ap, fmt);
	vsnprintf(line + 1, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	put_line(r, priority, line);
}

void report_flush(struct report *r, int64_t now_ms)
{
	int64_t grown = (now_ms - r->refilled_ms) / REFILL_MS;

	if (grown > 0) {
		r->tokens = r->tokens + grown > BURST ? BURST : r->tokens + (unsigned)grown;
		r->refilled_ms += grown * REFILL_MS;
	}
	send_waiting(r);
	if (r->left_out && r->tokens > BURST / 4) {
		unsigned n = r->left_out;

		r->left_out = 0;
		report_log(r, LOG_WARNING, "%u lines were left out", n);
	}
}

bool report_full(const struct report *r)
{
	return r->waiting >= WAIT_MOST;
}

void report_free(struct report *r)
{
	drop_all(r);
}
