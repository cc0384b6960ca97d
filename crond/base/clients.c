/* clients: who asks over a listening Unix socket, a line at a time.
 * Flow: connections and bytes come in here, whole lines go to the helper's calls, pieces of
 * answers go out: one client gets one piece of work at a time. */
#include "config.h"

#include "crond/base/clients.h"
#include "crond/base/moment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	BACKLOG = 128,
	ACCEPTS_EACH = 16, /* at a time */
	EVENTS_EACH = 32,
	READ_EACH = 16384,
	BURST_US = 200000, /* so much work in one go; beyond, half of a processor's time */
	FULL_MS = 200,     /* before it is seen whether a descriptor is free again */
	GROUPS_MOST = 1024,
};

/* --- the socket */

int clients_listen(int dirfd, const char *dir, const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd < 0)
		return -1;
	if (snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", dir, name) >=
		(int)sizeof(at.sun_path))
		snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/%s", dirfd, name);
	unlinkat(dirfd, name, 0);
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 &&
		fchmodat(dirfd, name, 0666, 0) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	unlinkat(dirfd, name, 0);
	close(fd);
	errno = error;
	return -1;
}

static int hear(struct clients *c, int how, int fd, void *who, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = who };

	return epoll_ctl(c->fd, how, fd, &e);
}

int clients_open(struct clients *c, int listening, const struct clients_calls *calls, void *arg)
{
	int flags = fcntl(listening, F_GETFL), error;

	*c = (struct clients){ .listening = listening,
		.calls = calls,
		.arg = arg,
		.served = (uid_t)-1,
		.owner = (uid_t)-1 };
	TAILQ_INIT(&c->all);
	TAILQ_INIT(&c->turns);
	c->fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->fd >= 0 && flags >= 0 && fcntl(listening, F_SETFL, flags | O_NONBLOCK) == 0 &&
		hear(c, EPOLL_CTL_ADD, listening, NULL, EPOLLIN) == 0)
		return 0;
	error = errno;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	errno = error;
	return -1;
}

/* --- who is there */

static void answer_over(struct clients *c, struct client *k)
{
	if (k->answer)
		c->calls->over(c->arg, k);
	k->answer = NULL;
}

static void turn_give(struct clients *c, struct client *k)
{
	if (k->queued)
		return;
	k->queued = true;
	TAILQ_INSERT_TAIL(&c->turns, k, turn);
}

static void client_drop(struct clients *c, struct client *k)
{
	if (k->queued)
		TAILQ_REMOVE(&c->turns, k, turn);
	TAILQ_REMOVE(&c->all, k, link);
	c->count--;
	answer_over(c, k);
	close(k->fd);
	buf_free(&k->in);
	buf_free(&k->out);
	free(k);
}

void clients_close(struct clients *c)
{
	if (c->fd < 0)
		return;
	while (!TAILQ_EMPTY(&c->all))
		client_drop(c, TAILQ_FIRST(&c->all));
	close(c->listening);
	close(c->fd);
	c->fd = -1;
}

bool clients_in_group(int fd, gid_t gid, gid_t group)
{
	gid_t groups[GROUPS_MOST];
	socklen_t n = sizeof(groups);

	if (gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0)
		return false;
	for (size_t i = 0; i < n / sizeof(groups[0]); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

bool clients_all(const struct clients *c, const struct client *k)
{
	if (k->uid == 0 || (c->owner != (uid_t)-1 && k->uid == c->owner))
		return true;
	return c->group_known && clients_in_group(k->fd, k->gid, c->group);
}

static bool has_room(const struct clients *c, uid_t uid)
{
	const struct client *k;
	size_t of_user = 0;

	if (uid == 0)
		return c->count < CLIENTS_MOST;
	TAILQ_FOREACH(k, &c->all, link)
	of_user += k->uid == uid;
	return of_user < CLIENTS_EACH && c->count < CLIENTS_MOST - CLIENTS_RESERVED;
}

void clients_turn_away(int fd, struct buf *words)
{
	if (!words->failed && words->len && send(fd, words->data, words->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		errno = 0; /* it will see the end */
	buf_free(words);
	close(fd);
}

static void turn_away(struct clients *c, int fd)
{
	struct buf b = { 0 };

	c->calls->refuse(&b, CLIENTS_TOO_MANY);
	clients_turn_away(fd, &b);
}

static void client_new(struct clients *c, int fd, const struct ucred *peer, int64_t now)
{
	struct client *k = calloc(1, sizeof(*k));

	if (!k || hear(c, EPOLL_CTL_ADD, fd, k, EPOLLIN | EPOLLONESHOT) < 0) {
		free(k);
		close(fd);
		return;
	}
	k->fd = fd;
	k->uid = peer->uid;
	k->gid = peer->gid;
	k->deadline = now + CLIENTS_IDLE_MS;
	TAILQ_INSERT_TAIL(&c->all, k, link);
	c->count++;
}

/* Nobody new is looked at before that time. */
static void listen_later(struct clients *c, int64_t at_ms)
{
	if (hear(c, EPOLL_CTL_MOD, c->listening, NULL, 0) == 0)
		c->listen_ms = at_ms;
}

static void accept_some(struct clients *c, int64_t now)
{
	for (int i = 0; i < ACCEPTS_EACH; i++) {
		int fd = accept4(c->listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct ucred peer;
		socklen_t n = sizeof(peer);

		/* no descriptor is free: who is there waits, or we would hear of him without end */
		if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			listen_later(c, now + FULL_MS);
		if (fd < 0)
			return;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
			close(fd);
		else if (has_room(c, peer.uid))
			client_new(c, fd, &peer, now);
		else
			turn_away(c, fd);
	}
}

/* --- a turn */

/* true: there was a whole line, or more than one may be. */
static bool line_take(struct clients *c, struct client *k, int64_t now)
{
	char *newline = k->in.len ? memchr(k->in.data, '\n', k->in.len) : NULL;
	size_t n = newline ? (size_t)(newline - k->in.data) : k->in.len;

	if (!newline && n <= c->calls->line_most)
		return false;
	k->deadline = now + CLIENTS_STALL_MS;
	if (n > c->calls->line_most) {
		c->calls->refuse(&k->out, CLIENTS_TOO_LONG);
		buf_free(&k->in);
		k->last = true;
		return true;
	}
	c->calls->begin(c->arg, k, (struct slice){ k->in.data, n });
	k->in.len -= n + 1;
	memmove(k->in.data, newline + 1, k->in.len);
	return true;
}

/* recv() gives no room for descriptors: the kernel closes those that come along. */
int clients_read(int fd, struct buf *in, bool *last)
{
	ssize_t n;

	if (!buf_reserve(in, READ_EACH))
		return -1;
	n = recv(fd, in->data + in->len, READ_EACH, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0) /* who has said all may still read: what it asked for is answered */
		*last = true;
	in->len += (size_t)n;
	return 0;
}

ssize_t clients_write(int fd, struct buf *out, size_t *sent)
{
	const size_t before = *sent;
	size_t total = out->len;

	while (*sent < total) {
		ssize_t n = send(fd, out->data + *sent, total - *sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? (ssize_t)(*sent - before) : -1;
		*sent += (size_t)n;
	}
	buf_clear(out);
	*sent = 0;
	return (ssize_t)(total - before);
}

/* false: nobody reads it any more. */
static bool client_write(struct client *k, int64_t now)
{
	ssize_t n = clients_write(k->fd, &k->out, &k->sent);

	if (n > 0)
		k->deadline = now + CLIENTS_STALL_MS;
	return n >= 0;
}

/* What it is heard for now; nothing to wait for: its next turn. false: it has gone. */
static bool client_rest(struct clients *c, struct client *k)
{
	bool whole = k->in.len && memchr(k->in.data, '\n', k->in.len);

	if (k->sent < k->out.len)
		return hear(c, EPOLL_CTL_MOD, k->fd, k, EPOLLOUT | EPOLLONESHOT) == 0;
	if (k->answer || whole) {
		turn_give(c, k);
		return true;
	}
	if (k->last)
		return false;
	if (!k->in.len) { /* who waits with the next request costs little */
		buf_free(&k->in);
		buf_free(&k->out);
	}
	return hear(c, EPOLL_CTL_MOD, k->fd, k, EPOLLIN | EPOLLONESHOT) == 0;
}

/* One piece of work. false: it has gone. */
static bool client_turn(struct clients *c, struct client *k, int64_t now)
{
	if (!client_write(k, now))
		return false;
	if (!k->answer && !k->out.len && !line_take(c, k, now) && !k->last) {
		if (clients_read(k->fd, &k->in, &k->last) < 0)
			return false;
		line_take(c, k, now);
	}
	if (k->answer && k->out.len - k->sent < CLIENTS_OUT_ENOUGH && !c->calls->step(c->arg, k))
		answer_over(c, k);
	if (k->out.failed || !client_write(k, now))
		return false;
	return client_rest(c, k);
}

/* Root's before anybody else's; then another user's than the last one, where there is one. */
static struct client *turn_next(const struct clients *c)
{
	struct client *k, *other = NULL;

	TAILQ_FOREACH(k, &c->turns, turn)
	{
		if (k->uid == 0)
			return k;
		if (!other && k->uid != c->served)
			other = k;
	}
	return other ? other : TAILQ_FIRST(&c->turns);
}

static void turn_one(struct clients *c, int64_t now)
{
	struct client *k = turn_next(c);

	if (!k)
		return;
	TAILQ_REMOVE(&c->turns, k, turn);
	k->queued = false;
	c->served = k->uid;
	if (!client_turn(c, k, now))
		client_drop(c, k);
}

/* --- time */

/* Work is paid for by as much time without any. When the rest is over. */
static int64_t rested_at(const struct clients *c)
{
	return c->worked_us > BURST_US ? c->worked_ms + (c->worked_us - BURST_US) / 1000 + 1 : 0;
}

static void work_count(struct clients *c, int64_t took_us, int64_t now)
{
	int64_t paid = (now - c->worked_ms) * 1000;

	c->worked_us = (c->worked_us > paid ? c->worked_us - paid : 0) + took_us;
	c->worked_ms = now;
}

static void expire(struct clients *c, int64_t now)
{
	struct client *k, *next;

	TAILQ_FOREACH_SAFE(k, &c->all, link, next)
	{
		if (k->deadline <= now && !k->queued)
			client_drop(c, k);
	}
	if (c->listen_ms && c->listen_ms <= now &&
		hear(c, EPOLL_CTL_MOD, c->listening, NULL, EPOLLIN) == 0)
		c->listen_ms = 0;
}

static void hear_all(struct clients *c, int64_t now)
{
	struct epoll_event events[EVENTS_EACH];
	int n = epoll_wait(c->fd, events, EVENTS_EACH, 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			turn_give(c, events[i].data.ptr);
		else
			accept_some(c, now);
	}
}

void clients_step(struct clients *c, int64_t now_ms)
{
	int64_t began = moment_us(CLOCK_MONOTONIC);

	if (c->fd < 0)
		return;
	expire(c, now_ms);
	if (rested_at(c) > now_ms)
		return;
	hear_all(c, now_ms);
	turn_one(c, now_ms);
	work_count(c, moment_us(CLOCK_MONOTONIC) - began, now_ms);
}

int clients_wait_fd(const struct clients *c, int64_t now_ms)
{
	return rested_at(c) > now_ms ? -1 : c->fd;
}

int64_t clients_due(const struct clients *c, int64_t now_ms)
{
	int64_t first = c->listen_ms ? c->listen_ms : INT64_MAX, rested;
	const struct client *k;

	if (c->fd < 0)
		return INT64_MAX;
	rested = rested_at(c);
	if (rested > now_ms)
		return rested;
	if (!TAILQ_EMPTY(&c->turns))
		return now_ms;
	TAILQ_FOREACH(k, &c->all, link)
	{
		if (k->deadline < first)
			first = k->deadline;
	}
	return first;
}
