/* control: the socket that people ask and steer the scheduler by.
 * Flow: connections and bytes come in here, whole lines go to the verbs; the loop gives one
 * client its turn at a time, behind everything that is due. */
#include "config.h"

#include "crond/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/clients.h"
#include "crond/base/diag.h"
#include "crond/base/moment.h"

enum {
	ACCEPTS_EACH = 16, /* at a time */
	BURST_US = 200000, /* so much work in one go; beyond, half of a processor's time */
	REST_MS = 5,
	FULL_MS = 200,     /* before it is seen whether a descriptor is free again */
};

TAILQ_HEAD(client_queue, control_client);

struct control {
	struct watch listen;
	struct client_queue clients;
	struct client_queue turns[2]; /* root's go before anybody else's */
	size_t count;
	int64_t opened; /* epoch second */
	bool group_known;
	gid_t group;
	int64_t worked_us, worked_at; /* work that is not paid for yet; when that was so */
	bool resting;
	struct due_marks *marks; /* NULL: nobody is asking */
};

static void control_drop(struct crond *c, struct control_client *k);

/* --- the socket */

void control_config(struct crond *c)
{
	const char *name = c->set.conf.control_group;
	gid_t gid;

	if (!c->control)
		return;
	c->control->group_known = name && user_group(c, name, &gid) == 0;
	if (c->control->group_known)
		c->control->group = gid;
	else if (name && errno != EINPROGRESS)
		log_line(&c->log, LOG_WARNING, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) WARNING (control-group: there is no group \"%s\" here)", name);
}

int64_t control_group(const struct crond *c)
{
	return c->control && c->control->group_known ? (int64_t)c->control->group : -1;
}

void control_open(struct crond *c)
{
	struct control *o = calloc(1, sizeof(*o));

	if (!o) {
		trouble_say(c, CTLMSG_SOCKET, strerror(ENOMEM));
		return;
	}
	o->opened = time(NULL);
	TAILQ_INIT(&o->clients);
	TAILQ_INIT(&o->turns[0]);
	TAILQ_INIT(&o->turns[1]);
	o->listen = (struct watch){ .kind = WATCH_CONTROL,
		.fd = clients_listen(c->run_fd, c->set.run_dir, CTLMSG_SOCKET) };
	if (o->listen.fd < 0 || wait_for(c, &o->listen, EPOLLIN) < 0) {
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (%s/" CTLMSG_SOCKET ": %s; cronctl does not reach this daemon)",
			c->set.run_dir, strerror(errno));
		unlinkat(c->run_fd, CTLMSG_SOCKET, 0);
		wait_end(c, &o->listen);
		free(o);
		return;
	}
	c->control = o;
	control_config(c);
	if (c->set.only_files) /* nobody could guess where that is */
		log_line(&c->log, LOG_INFO, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) INFO (cronctl list --socket %s/" CTLMSG_SOCKET " asks this daemon)",
			c->set.run_dir);
}

void control_close(struct crond *c)
{
	if (!c->control)
		return;
	while (!TAILQ_EMPTY(&c->control->clients))
		control_drop(c, TAILQ_FIRST(&c->control->clients));
	wait_end(c, &c->control->listen);
	unlinkat(c->run_fd, CTLMSG_SOCKET, 0);
	free(c->control);
	c->control = NULL;
}

int64_t control_opened(const struct crond *c)
{
	return c->control->opened;
}

size_t control_clients(const struct crond *c)
{
	return c->control->count;
}

/* --- who is there */

static struct client_queue *turns_of(struct control *o, const struct control_client *k)
{
	return &o->turns[k->uid != 0];
}

static void turn_give(struct control *o, struct control_client *k)
{
	if (k->queued)
		return;
	k->queued = true;
	TAILQ_INSERT_TAIL(turns_of(o, k), k, turn);
}

static void expire_at(struct crond *c, struct control_client *k, int64_t in_ms)
{
	k->deadline = wait_now_ms() + in_ms;
	wait_later(c, LATER_CONTROL, in_ms + 1);
}

static void answer_over(struct control_client *k)
{
	ctlmsg_free(&k->asked);
	control_walk_end(&k->walk);
	free(k->found.path);
	k->found = (struct control_found){ 0 };
	k->run[0] = '\0';
	k->after = INT64_MIN;
	k->verb = NULL;
}

static void control_drop(struct crond *c, struct control_client *k)
{
	struct control *o = c->control;

	if (k->queued)
		TAILQ_REMOVE(turns_of(o, k), k, turn);
	TAILQ_REMOVE(&o->clients, k, link);
	if (--o->count == 0) {
		wait_not(c, LATER_CONTROL);
		free(o->marks);
		o->marks = NULL;
	}
	k->watch->client = NULL;
	wait_drop(c, k->watch);
	answer_over(k);
	buf_free(&k->in);
	buf_free(&k->out);
	free(k);
}

static bool has_room(const struct control *o, uid_t uid)
{
	const struct control_client *k;
	size_t of_user = 0;

	if (uid == 0)
		return o->count < CLIENTS_MOST;
	TAILQ_FOREACH(k, &o->clients, link)
		of_user += k->uid == uid;
	return of_user < CLIENTS_EACH && o->count < CLIENTS_MOST - CLIENTS_RESERVED;
}

static void turn_away(int fd)
{
	struct buf b = { 0 };

	ctlmsg_error(&b, CTLMSG_BUSY, "too many connections: try again later");
	clients_turn_away(fd, &b);
}

static void client_new(struct crond *c, int fd, const struct ucred *peer)
{
	struct control *o = c->control;
	struct control_client *k = calloc(1, sizeof(*k));
	struct watch *w = calloc(1, sizeof(*w));

	if (!k || !w) {
		free(k);
		free(w);
		close(fd);
		return;
	}
	*w = (struct watch){ .kind = WATCH_CLIENT, .fd = fd, .client = k };
	k->watch = w;
	k->after = INT64_MIN;
	k->uid = peer->uid;
	k->gid = peer->gid;
	k->group = o->group_known && clients_in_group(fd, peer->gid, o->group);
	TAILQ_INSERT_TAIL(&o->clients, k, link);
	o->count++;
	expire_at(c, k, CLIENTS_IDLE_MS);
	if (wait_for(c, w, EPOLLIN | EPOLLONESHOT) < 0)
		control_drop(c, k);
}

int64_t control_now_us(void)
{
	return moment_us(CLOCK_MONOTONIC);
}

/* Work is paid for by as much time without any: jobs need the processors too. */
static void work_count(struct crond *c, int64_t began)
{
	struct control *o = c->control;
	int64_t now = control_now_us(), paid = began - o->worked_at;

	o->worked_us = (o->worked_us > paid ? o->worked_us - paid : 0) + now - began;
	o->worked_at = now;
	o->resting = o->worked_us > BURST_US;
	if (o->resting)
		wait_later(c, LATER_CONTROL_TURN, REST_MS);
}

/* No descriptor is free: who is there waits, or we would be told of him without end. */
static void accept_later(struct crond *c)
{
	wait_change(c, &c->control->listen, 0);
	wait_later(c, LATER_CONTROL_TURN, FULL_MS);
}

static void accept_some(struct crond *c)
{
	for (int i = 0; i < ACCEPTS_EACH; i++) {
		int fd = accept4(c->control->listen.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct ucred peer;
		socklen_t n = sizeof(peer);

		if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			accept_later(c);
		if (fd < 0)
			return;
		if ((rlim_t)fd + FILES_RESERVED > c->files_hard)
			turn_away(fd);
		else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
			close(fd);
		else if (has_room(c->control, peer.uid))
			client_new(c, fd, &peer);
		else
			turn_away(fd);
	}
}

/* Who only comes and goes is work, too. */
void control_accept(struct crond *c)
{
	int64_t began = control_now_us();

	accept_some(c);
	work_count(c, began);
	if (c->control->resting)
		wait_change(c, &c->control->listen, 0);
}

/* Heard once: it is listened to again behind its turn. */
void control_heard(struct crond *c, struct control_client *k, uint32_t events)
{
	if (k->run[0] && events & (EPOLLHUP | EPOLLERR))
		control_drop(c, k);
	else
		turn_give(c->control, k);
}

/* A run that somebody waits for has ended. */
void control_run_over(struct crond *c, struct live_run *run, const struct outcome *o)
{
	struct control_client *k;

	run->awaited = false;
	if (!c->control)
		return;
	TAILQ_FOREACH(k, &c->control->clients, link) {
		if (!k->run[0] || strcmp(k->run, run->id) != 0)
			continue;
		control_run_ended(k, o);
		answer_over(k);
		expire_at(c, k, CLIENTS_STALL_MS);
		turn_give(c->control, k);
	}
}

const struct timer *control_timer(struct crond *c, const struct job *job)
{
	if (!c->control->marks)
		c->control->marks = calloc(1, sizeof(*c->control->marks));
	return due_timer(&c->due, job, c->control->marks);
}

/* --- a turn */

enum control_step control_fail(struct control_client *k, enum ctlmsg_code code, const char *fmt, ...)
{
	struct diag d;
	va_list ap;
	char text[sizeof(d.text)];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_error(&d, 0, 0, "%s", text); /* without control characters */
	ctlmsg_error(&k->out, code, d.text);
	return CONTROL_DONE;
}

enum control_step control_ok(struct control_client *k)
{
	ctlmsg_end(&k->out, true);
	ctlmsg_close(&k->out);
	return CONTROL_DONE;
}

static void request_begin(struct crond *c, struct control_client *k, struct slice line)
{
	if (ctlmsg_asked(&k->asked, line, CTLMSG_OF_CONTROL, &k->out) < 0)
		return;
	k->verb = control_verb_get(k->asked.verb);
	expire_at(c, k, CLIENTS_STALL_MS);
	k->changes = c->due.changes;
	if (k->verb->all_only && !control_all(c, k)) {
		control_fail(k, CTLMSG_DENIED, "%s is for root%s", ctlmsg_verb_name(k->asked.verb),
			c->control->group_known ? " and members of control-group" : "");
		answer_over(k);
	}
}

/* true: there was a whole line. */
static bool line_take(struct crond *c, struct control_client *k)
{
	char *newline = k->in.len ? memchr(k->in.data, '\n', k->in.len) : NULL;
	size_t n;

	if (!newline && k->in.len <= CTLMSG_REQUEST_MOST)
		return false;
	if (!newline) {
		control_fail(k, CTLMSG_BAD_REQUEST, "bad request: longer than %d bytes",
			CTLMSG_REQUEST_MOST);
		buf_free(&k->in);
		k->last = true;
		return true;
	}
	n = (size_t)(newline - k->in.data);
	request_begin(c, k, (struct slice){ k->in.data, n });
	k->in.len -= n + 1;
	memmove(k->in.data, newline + 1, k->in.len);
	return true;
}

/* false: nobody reads it any more. */
static bool client_write(struct crond *c, struct control_client *k)
{
	ssize_t n = clients_write(k->watch->fd, &k->out, &k->sent);

	if (n > 0)
		expire_at(c, k, CLIENTS_STALL_MS);
	return n >= 0;
}

static void answer_step(struct crond *c, struct control_client *k)
{
	enum control_step step = k->verb->step(c, k);

	if (step == CONTROL_DONE)
		answer_over(k);
}

/* Whom nobody would hear any more is not kept. */
static void client_hear(struct crond *c, struct control_client *k, uint32_t events)
{
	if (wait_change(c, k->watch, events) < 0)
		control_drop(c, k);
}

/* What it is listened to for now; nothing to wait for: its next turn. */
static void client_rest(struct crond *c, struct control_client *k)
{
	bool whole = k->in.len && memchr(k->in.data, '\n', k->in.len);

	if (k->sent < k->out.len) {
		client_hear(c, k, EPOLLOUT | EPOLLONESHOT);
	} else if (k->verb && k->run[0]) {
		k->deadline = 0; /* it is we who let it wait */
		client_hear(c, k, EPOLLONESHOT); /* its end is seen all the same */
	} else if (k->verb || whole) {
		turn_give(c->control, k);
	} else if (k->last) {
		control_drop(c, k);
	} else {
		if (!k->in.len) { /* who waits with the next request costs little */
			buf_free(&k->in);
			buf_free(&k->out);
		}
		client_hear(c, k, EPOLLIN | EPOLLONESHOT);
	}
}

/* One piece of work: what one client can ask for at a time is never long. */
static void client_turn(struct crond *c, struct control_client *k)
{
	if (!client_write(c, k)) {
		control_drop(c, k);
		return;
	}
	if (!k->verb && k->sent == k->out.len && !line_take(c, k) && !k->last) {
		if (clients_read(k->watch->fd, &k->in, &k->last) < 0) {
			control_drop(c, k);
			return;
		}
		line_take(c, k);
	}
	if (k->verb && !k->run[0] && k->out.len - k->sent < CLIENTS_OUT_ENOUGH)
		answer_step(c, k);
	if (k->out.failed || !client_write(c, k))
		control_drop(c, k);
	else
		client_rest(c, k);
}

bool control_busy(const struct crond *c)
{
	return c->control && !c->control->resting &&
		(!TAILQ_EMPTY(&c->control->turns[0]) || !TAILQ_EMPTY(&c->control->turns[1]));
}

void control_rested(struct crond *c)
{
	if (!c->control)
		return;
	c->control->resting = false;
	wait_change(c, &c->control->listen, EPOLLIN);
}

void control_turn(struct crond *c)
{
	struct control *o = c->control;
	struct control_client *k;
	int64_t began;

	if (!control_busy(c))
		return;
	began = control_now_us();
	k = TAILQ_FIRST(&o->turns[TAILQ_EMPTY(&o->turns[0])]);
	TAILQ_REMOVE(turns_of(o, k), k, turn);
	k->queued = false;
	client_turn(c, k);
	work_count(c, began);
}

/* --- time */

void control_expire(struct crond *c, int64_t now)
{
	struct control_client *k, *next;
	int64_t first = 0;

	if (!c->control)
		return;
	TAILQ_FOREACH_SAFE(k, &c->control->clients, link, next) {
		if (k->deadline && k->deadline <= now && !k->queued)
			control_drop(c, k);
		else if (k->deadline && (!first || k->deadline < first))
			first = k->deadline;
	}
	if (first)
		wait_later(c, LATER_CONTROL, first - now + 1);
}
