/* lookup: accounts that this host's files do not have, asked of a process that may hang.
 * Flow: user asks here; crond-lookup is started for the first name and asked for one after the
 * other. Where it does not answer it is killed, and another one is asked later, others first. */
#include "config.h"

#include "crond/lookup.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crond/crond.h"
#include "crond/helper.h"

enum { NONE_MS = 60 * 1000, USERS_SOON_MS = 20 };
enum { SOON_MS = 200, SOON_REST_MS = 800 }; /* the loop waits no longer, and then not for so long */

/* --- the process */

void lookup_close(struct crond *c)
{
	struct lookups *ls = &c->lookups;

	if (!ls->open)
		return;
	if (ls->pid > 0) /* a child that was not waited for: nobody else has its number */
		kill(ls->pid, SIGKILL);
	wait_end(c, &ls->wire);
	ls->asked = NULL;
	ls->pid = 0;
	ls->open = false;
}

void lookup_ended(struct crond *c)
{
	c->lookups.pid = 0;
}

static int child_start(struct crond *c)
{
	static const char *const argv[] = { "crond-lookup", NULL };
	struct lookups *ls = &c->lookups;
	int fds[2], room = ACCOUNT_ANSWER_MOST;

	if (ls->open)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	ls->pid = helper_run(c, argv[0], argv, &fds[1], 1, (uid_t)-1, (gid_t)-1);
	close(fds[1]);
	if (ls->pid < 0) {
		ls->pid = 0;
		close(fds[0]);
		return -1;
	}
	ls->wire = (struct watch){ .kind = WATCH_LOOKUP, .fd = fds[0] };
	ls->open = true;
	return wait_for(c, &ls->wire, EPOLLIN);
}

static int child_ask(struct crond *c, const struct lookup *l)
{
	char text[ACCOUNT_NAME_MOST + 2];
	int n = snprintf(text, sizeof(text), "%c%s", l->what, l->name);

	if (child_start(c) < 0)
		return -1;
	return send(c->lookups.wire.fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* --- who is next */

static struct lookup *lookup_first(struct crond *c)
{
	struct lookup *l, *first = NULL;

	SLIST_FOREACH(l, &c->lookups.all, link) {
		if (l->state == LOOKUP_WAITS && (!first || l->due_ms < first->due_ms))
			first = l;
	}
	return first;
}

/* No answer: it is asked again, later and later, behind the others. */
static void lookup_failed(struct crond *c, struct lookup *l)
{
	bool said = l->said;

	c->lookups.failing = true;
	l->due_ms = wait_now_ms() + helper_backoff_ms(l->fails++);
	l->said = true;
	if (l->what == ACCOUNT_USER)
		user_unanswered(c, l->name, !said);
}

static void ask_next(struct crond *c)
{
	struct lookups *ls = &c->lookups;
	struct lookup *l;
	int64_t now;

	while (!ls->asked && !c->stop.stage && (l = lookup_first(c))) {
		now = wait_now_ms();
		wait_not(c, LATER_LOOKUP);
		if (l->due_ms > now) {
			wait_later(c, LATER_LOOKUP, l->due_ms - now);
			return;
		}
		if (child_ask(c, l) == 0) {
			ls->asked = l;
			ls->asked_ms = now;
			wait_later(c, LATER_LOOKUP, LOOKUP_MS);
			return;
		}
		lookup_close(c);
		lookup_failed(c, l);
	}
}

void lookup_turn(struct crond *c)
{
	struct lookups *ls = &c->lookups;
	struct lookup *l = ls->asked;

	if (l && wait_now_ms() - ls->asked_ms >= LOOKUP_MS) {
		lookup_close(c);
		lookup_failed(c, l);
	}
	ask_next(c);
}

/* --- its answers */

/* It answers: whoever was put off need not wait any longer. */
static void others_now(struct crond *c)
{
	struct lookup *l;

	SLIST_FOREACH(l, &c->lookups.all, link) {
		if (l->fails && l->state == LOOKUP_WAITS)
			l->due_ms = 0;
	}
}

static void lookup_free(struct crond *c, struct lookup *l)
{
	SLIST_REMOVE(&c->lookups.all, l, lookup, link);
	free(l->name);
	free(l);
}

static void lookup_told(struct crond *c, struct lookup *l, enum lookup_state state)
{
	l->state = state;
	l->fails = 0;
	l->said = false;
	l->told_ms = wait_now_ms();
	l->epoch = c->users_epoch;
}

static void user_told(struct crond *c, struct lookup *l, int error, struct account *a)
{
	bool said = l->said;

	lookup_told(c, l, LOOKUP_NONE);
	user_answered(c, l->name, error ? NULL : a, l->early, said);
	if (!error)
		lookup_free(c, l);
}

static void group_told(struct crond *c, struct lookup *l, int error, const struct account *a)
{
	lookup_told(c, l, error ? LOOKUP_NONE : LOOKUP_GROUP);
	l->known = !error;
	l->gid = a->gid;
	if (c->set.conf.control_group && strcmp(c->set.conf.control_group, l->name) == 0)
		control_config(c);
}

static void lookup_take(struct crond *c, struct lookup *l, struct slice bytes)
{
	struct account a;
	int error = account_unpack(bytes, &a) < 0 ? errno : 0;

	c->lookups.asked = NULL;
	if (error && error != ENOENT) {
		lookup_failed(c, l);
		return;
	}
	c->lookups.failing = false;
	others_now(c);
	if (l->what == ACCOUNT_GROUP)
		group_told(c, l, error, &a);
	else
		user_told(c, l, error, &a);
	account_free(&a);
	if (c->reload.awaits)
		wait_later(c, LATER_USERS, USERS_SOON_MS);
}

/* false: nothing was said, and the process lives. */
static bool lookup_hear(struct crond *c)
{
	struct lookups *ls = &c->lookups;
	struct lookup *l = ls->asked;
	struct buf b = { 0 };
	ssize_t n = recv(ls->wire.fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0 && n <= ACCOUNT_ANSWER_MOST && l && buf_reserve(&b, (size_t)n))
		n = recv(ls->wire.fd, b.data, (size_t)n, MSG_DONTWAIT);
	else
		n = 0;
	if (n > 0) {
		lookup_take(c, l, (struct slice){ b.data, (size_t)n });
	} else { /* it died */
		lookup_close(c);
		if (l)
			lookup_failed(c, l);
	}
	buf_free(&b);
	return true;
}

void lookup_ready(struct crond *c)
{
	if (c->lookups.open)
		lookup_hear(c);
	ask_next(c);
}

/* --- asking */

static struct lookup *lookup_find(struct crond *c, char what, const char *name)
{
	struct lookup *l;

	SLIST_FOREACH(l, &c->lookups.all, link) {
		if (l->what == what && strcmp(l->name, name) == 0)
			break;
	}
	return l;
}

static struct lookup *lookup_add(struct crond *c, char what, const char *name)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->what = what;
	l->name = strdup(name);
	l->early = !c->working;
	if (!l->name) {
		free(l);
		return NULL;
	}
	SLIST_INSERT_HEAD(&c->lookups.all, l, link);
	return l;
}

static bool is_fresh(const struct crond *c, const struct lookup *l)
{
	return l->state != LOOKUP_WAITS && l->epoch == c->users_epoch &&
		wait_now_ms() - l->told_ms < NONE_MS;
}

/* How long may be waited from now on? While nobody is served yet, a while in all. Then as long as a
 * healthy service takes, which is not to be asked behind the back of who starts now; one that was
 * heard to fail is not waited for. */
static int64_t patience_ms(struct crond *c)
{
	struct lookups *ls = &c->lookups;
	int64_t now = wait_now_ms(), left;

	if (!ls->patience_ms || (c->working && now >= ls->patience_ms + SOON_REST_MS))
		ls->patience_ms = now + (c->working ? SOON_MS : LOOKUP_MS);
	left = ls->patience_ms - now;
	if (ls->failing || (c->working && now - ls->asked_ms >= SOON_MS))
		return 0;
	return c->working && left > SOON_MS ? SOON_MS : left;
}

static void lookups_wait(struct crond *c, char what, const char *name)
{
	const struct lookup *l = lookup_find(c, what, name);
	int64_t left;

	while (l && l->state == LOOKUP_WAITS && c->lookups.asked && (left = patience_ms(c)) > 0) {
		struct pollfd p = { .fd = c->lookups.wire.fd, .events = POLLIN };

		if (poll(&p, 1, (int)left) > 0 && lookup_hear(c))
			ask_next(c);
		l = lookup_find(c, what, name);
	}
}

/* It may be gone once this is over. -1: memory, or no account can have that name. */
static int lookup_ask(struct crond *c, char what, const char *name)
{
	struct lookup *l = lookup_find(c, what, name);

	if (l && is_fresh(c, l))
		return 0;
	errno = ENOENT;
	if (!l && (!*name || strlen(name) > ACCOUNT_NAME_MOST || !(l = lookup_add(c, what, name))))
		return -1;
	if (l->state != LOOKUP_WAITS)
		l->due_ms = 0;
	l->state = LOOKUP_WAITS;
	ask_next(c);
	lookups_wait(c, what, name);
	return 0;
}

int lookup_user(struct crond *c, const char *name)
{
	const struct lookup *l;

	if (lookup_ask(c, ACCOUNT_USER, name) < 0)
		return -1;
	l = lookup_find(c, ACCOUNT_USER, name);
	if (!l)
		return 0;
	errno = l->state == LOOKUP_NONE ? ENOENT : EINPROGRESS;
	return -1;
}

bool lookup_awaits(struct crond *c, const char *name)
{
	const struct lookup *l = lookup_find(c, ACCOUNT_USER, name);

	return l && l->state == LOOKUP_WAITS;
}

int lookup_group(struct crond *c, const char *name, gid_t *gid)
{
	const struct lookup *l;

	if (account_group_local(name, gid) == 0)
		return 0;
	if (lookup_ask(c, ACCOUNT_GROUP, name) < 0)
		return -1;
	l = lookup_find(c, ACCOUNT_GROUP, name);
	if (l && l->known)
		*gid = l->gid;
	errno = l && l->state == LOOKUP_WAITS ? EINPROGRESS : ENOENT;
	return l && l->known ? 0 : -1;
}
