/* scribe: a process that writes a run's log, so that no disk holds up the run's keeper.
 * Flow: the output hands on what it has read from the job's pipes; here is the keeper's end. */
#include "config.h"

#include "crond/scribe.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crond/base/moment.h"

enum { TAKE_MS = 1000, SETTLE_MS = 1000, END_MS = 10 * 1000, SENDS_MOST = 3 };

/* A child that ends does not end the wait. */
static bool is_ready(const struct scribe *s, short events, int64_t ms)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int64_t until = moment_ms(CLOCK_MONOTONIC) + ms;
	int n;

	do
		n = poll(&p, 1, ms > 0 ? (int)ms : 0);
	while (n < 0 && errno == EINTR && (ms = until - moment_ms(CLOCK_MONOTONIC)) > 0);
	return n > 0;
}

/* --- what it says */

static void hear(struct scribe *s)
{
	const size_t head = offsetof(struct scribe_word, path);
	struct scribe_word w;
	ssize_t n = recv(s->fd, &w, sizeof(w), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)head) { /* killed */
		s->over = true;
		s->error = EPIPE;
	} else if (w.news == SCRIBE_OVER) {
		s->over = true;
		s->error = w.error;
	} else if (w.error) {
		s->over = true;
		s->open_error = w.error;
	} else {
		s->opened = true;
	}
	n -= (ssize_t)head;
	if (n > 0 && (size_t)n < s->path_n) {
		memcpy(s->path, w.path, (size_t)n);
		s->path[n] = '\0';
	}
}

static void hear_until(struct scribe *s, bool opened, int64_t until)
{
	while (s->fd >= 0 && !s->over && !(opened && s->opened) && moment_ms(CLOCK_MONOTONIC) < until)
		if (is_ready(s, POLLIN, until - moment_ms(CLOCK_MONOTONIC)))
			hear(s);
}

void scribe_settle(struct scribe *s)
{
	hear_until(s, true, moment_ms(CLOCK_MONOTONIC) + SETTLE_MS);
}

/* --- what it is given */

static bool give(struct scribe *s, int stream, const char *bytes, size_t n)
{
	struct scribe_head head = { .stream = (uint32_t)stream, .lost = s->lost };
	struct iovec parts[2] = { { &head, sizeof(head) }, { (void *)(uintptr_t)bytes, n } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };

	if (sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return false;
	s->lost = 0;
	s->stuck = false;
	return true;
}

void scribe_add(struct scribe *s, int stream, const char *bytes, size_t n)
{
	if (s->fd < 0 || s->over || n == 0)
		return;
	for (int i = 0; i < SENDS_MOST; i++) {
		if (give(s, stream, bytes, n))
			return;
		if (errno != EAGAIN && errno != EINTR) { /* it is gone, and may have said why */
			while (!s->over && is_ready(s, POLLIN, 0))
				hear(s);
			s->over = true;
			return;
		}
		if (s->stuck || !is_ready(s, POLLOUT, TAKE_MS))
			break;
	}
	s->stuck = true;
	s->lost += n;
}

void scribe_end(struct scribe *s)
{
	if (s->fd < 0)
		return;
	scribe_settle(s);
	if (s->lost && !s->over)
		give(s, 0, "", 0);
	shutdown(s->fd, SHUT_WR);
	hear_until(s, false, moment_ms(CLOCK_MONOTONIC) + (s->opened && !s->stuck ? END_MS : 0));
	if (!s->over)
		s->error = ETIMEDOUT;
	close(s->fd);
	s->fd = -1;
}
