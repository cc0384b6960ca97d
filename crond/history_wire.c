/* history_wire: the wire to crond-history.
 * Flow: the backlog's segments are offered as open descriptors; crond-history says how much of
 * them it has committed. It is started when there is something to be written, or somebody asks. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/ctlmsg.h"
#include "crond/core/histrec.h"
#include "crond/helper.h"

static const char program[] = "crond-history";

enum { LIVED_MS = 10 * 1000 };

bool history_installed(const struct crond *c)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", c->set.helpers, program);
	return access(path, X_OK) == 0;
}

/* --- the socket that people ask over: it is ours while crond-history does not run */

void history_listen(struct crond *c)
{
	helper_listen(c, &c->w_history_asked, WATCH_HISTORY_ASKED, CTLMSG_SOCKET_HISTORY);
}

/* --- what it is sent */

/* false: there is no room now, or nobody there. */
static bool wire_send(struct crond *c, const void *bytes, size_t n, int fd)
{
	struct iovec part = { (void *)(uintptr_t)bytes, n };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	pulse_sent(c, &c->history_pulse);
	if (sendmsg(c->w_history.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno == EAGAIN) {
		c->history_full = true;
		wait_change(c, &c->w_history, EPOLLIN | EPOLLOUT);
	}
	return false;
}

static struct history_mark mark_of(const struct crond *c, enum history_type type,
	const struct segment *s)
{
	bool closed = !c->backlog.begun || s != TAILQ_LAST(&c->backlog.segments, segments);

	return (struct history_mark){ .type = (uint8_t)type, .closed = closed, .number = s->number,
		.size = s->size };
}

/* It is tried again with the next records, unless somebody removed it. */
static void segment_missing(struct crond *c, struct segment *s)
{
	int error = errno;

	if (!c->history_said)
		trouble_say(c, "history", strerror(error));
	c->history_said = true;
	if (error == ENOENT)
		backlog_missing(c, s);
}

static bool segment_offer(struct crond *c, struct segment *s)
{
	struct history_mark mark = mark_of(c, HISTORY_SEGMENT, s);
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%" PRIu32, s->number);
	fd = openat(c->backlog.dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		segment_missing(c, s);
		return false;
	}
	c->history_said = false;
	s->offered = wire_send(c, &mark, sizeof(mark), fd);
	s->told = s->offered ? s->size : 0;
	s->closed = s->offered && mark.closed;
	close(fd);
	return s->offered;
}

static bool segment_more(struct crond *c, struct segment *s)
{
	struct history_mark mark = mark_of(c, HISTORY_MORE, s);

	if (!wire_send(c, &mark, sizeof(mark), -1))
		return false;
	s->told = s->size;
	s->closed = mark.closed;
	return true;
}

/* While it has not answered it knows that there is something, and looks for itself how much. */
static bool knows(const struct segment *s)
{
	return s->done < s->told || s->done == s->size || s->told == s->size;
}

/* One that was committed whole before it was told that it ends is not answered again. */
static void segments_tell(struct crond *c)
{
	const struct segment *last = TAILQ_LAST(&c->backlog.segments, segments);
	struct segment *s, *next;

	for (s = TAILQ_FIRST(&c->backlog.segments); s; s = next) {
		bool closes = s != last && !s->closed;

		next = TAILQ_NEXT(s, link);
		if (!s->offered && !segment_offer(c, s))
			return;
		if ((closes || !knows(s)) && !segment_more(c, s))
			return;
		if (s->closed && s->done == s->size)
			backlog_done(c, s->number, s->size);
	}
}

static void config_send(struct crond *c)
{
	struct history_config conf = { .boot = c->backlog.boot, .host = c->fqdn,
		.retention_ms = c->set.conf.history_retention.ms,
		.retention_count = c->set.conf.history_retention.count,
		.size_max = c->set.conf.history_size_max, .group = control_group(c) };
	struct buf b = { 0 };

	buf_putc(&b, HISTORY_CONFIG);
	history_config_encode(&conf, &b);
	if (!b.failed)
		wire_send(c, b.data, b.len, -1);
	buf_free(&b);
}

/* --- starting it */

static int history_directory(const struct crond *c, char *path, size_t room)
{
	const struct settings *s = &c->set;
	int n = s->conf.history_dir ?
		snprintf(path, room, "%s%s", s->prefix ? s->prefix : "", s->conf.history_dir) :
		snprintf(path, room, "%s/history", s->state_dir);

	errno = ENAMETOOLONG;
	return n > 0 && (size_t)n < room ? 0 : -1;
}

/* Where and as whom: another one is needed when that changes. */
static uint64_t history_place(const struct crond *c)
{
	const char *user = c->set.conf.history_user ? c->set.conf.history_user : "";
	char path[PATH_MAX];

	if (history_directory(c, path, sizeof(path)) < 0)
		return 0;
	return text_hash(text_hash(7, path, strlen(path)), user, strlen(user));
}

static void history_later(struct crond *c)
{
	wait_later(c, LATER_HISTORY, helper_backoff_ms(c->history_fails++));
}

static int history_exec(struct crond *c, int wire)
{
	char path[PATH_MAX];
	const char *argv[] = { program, "3", "4", path, NULL, NULL };
	const int fds[] = { wire, c->w_history_asked.fd };
	uid_t uid;
	gid_t gid;

	if (helper_user(c, program, c->set.conf.history_user, HISTORY_USER, &uid, &gid) < 0)
		return -1;
	if (history_directory(c, path, sizeof(path)) < 0 || helper_directory(path, uid, gid) < 0) {
		trouble_say(c, path, strerror(errno));
		return -1;
	}
	if (c->set.root && uid == (uid_t)-1) {
		memmove(&argv[2], &argv[1], 3 * sizeof(*argv));
		argv[1] = "--as-root";
	}
	c->history = helper_run(c, program, argv, fds, 2, uid, gid);
	return c->history < 0 ? -1 : 0;
}

static void history_start(struct crond *c)
{
	int pair[2] = { -1, -1 };

	if (c->history > 0 || c->later[LATER_HISTORY] || c->stop.stage || !c->working || !c->backlog.on)
		return;
	history_listen(c);
	backlog_begin(c);
	if (c->w_history_asked.fd < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
		history_exec(c, pair[1]) < 0) {
		if (pair[0] >= 0) {
			close(pair[0]);
			close(pair[1]);
		}
		c->history = 0;
		history_later(c);
		return;
	}
	close(pair[1]);
	c->w_history = (struct watch){ .kind = WATCH_HISTORY, .fd = pair[0] };
	helper_wait_for(c, &c->w_history, program);
	wait_change(c, &c->w_history_asked, 0);
	c->history_since = wait_now_ms();
	pulse_felt(&c->history_pulse);
	c->history_at = history_place(c);
	c->history_full = false;
	config_send(c);
	segments_tell(c);
}

void history_asked(struct crond *c)
{
	history_start(c);
	if (c->history <= 0) /* who connected waits until it is tried again */
		wait_change(c, &c->w_history_asked, 0);
}

void history_again(struct crond *c)
{
	if (!c->backlog.on)
		return;
	if (c->w_history_asked.fd >= 0)
		wait_change(c, &c->w_history_asked, EPOLLIN);
	history_more(c);
}

static bool something_waits(const struct crond *c)
{
	const struct segment *s;

	TAILQ_FOREACH(s, &c->backlog.segments, link) {
		if (s->size > s->done)
			return true;
	}
	return false;
}

void history_more(struct crond *c)
{
	if (c->history > 0 && !c->history_full && c->w_history.fd >= 0)
		segments_tell(c);
	else if (c->history <= 0 && something_waits(c))
		history_start(c);
}

void history_config(struct crond *c)
{
	if (c->history > 0 && c->history_at == history_place(c))
		config_send(c);
	else if (c->history > 0)
		wait_end(c, &c->w_history); /* it ends, and another one follows */
}

/* --- its end */

void history_ended(struct crond *c)
{
	struct segment *s;
	bool asked = c->w_history.fd < 0;

	c->history = 0;
	wait_end(c, &c->w_history);
	TAILQ_FOREACH(s, &c->backlog.segments, link)
		s->offered = s->closed = false;
	if (wait_now_ms() - c->history_since > LIVED_MS)
		c->history_fails = 0;
	if (asked) {
		history_again(c);
		return;
	}
	trouble_say(c, "crond-history ended", "it is started again");
	history_later(c);
}

/* What it was told of it still takes in. */
void history_close(struct crond *c)
{
	wait_not(c, LATER_HISTORY);
	wait_end(c, &c->w_history);
	if (c->w_history_asked.fd >= 0)
		unlinkat(c->run_fd, CTLMSG_SOCKET_HISTORY, 0);
	wait_end(c, &c->w_history_asked);
}

/* --- what it says */

static void history_take(struct crond *c, char *text, size_t n)
{
	struct history_mark mark;

	if (*text == HISTORY_DONE && n == sizeof(mark)) {
		memcpy(&mark, text, sizeof(mark));
		backlog_done(c, mark.number, mark.size);
	} else if (*text == HISTORY_LOG) {
		helper_log(c, program, c->history, text + 1);
	}
}

void history_ready(struct crond *c, uint32_t events)
{
	char text[HISTORY_WIRE_MOST + 1];
	ssize_t n;

	if (events & EPOLLOUT) {
		c->history_full = false;
		wait_change(c, &c->w_history, EPOLLIN);
	}
	for (int i = 0; i < HELPER_MESSAGES; i++) {
		n = helper_hear(c, &c->w_history, c->history, text, sizeof(text));
		if (n <= 0)
			break;
		pulse_felt(&c->history_pulse);
		history_take(c, text, (size_t)n);
	}
	history_more(c);
}
