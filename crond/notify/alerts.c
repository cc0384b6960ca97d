/* alerts: what waits or was given up, for people: listed, tried again, dropped.
 * Flow: asked.c has judged who asks for what; this answers from the spool, piece by piece. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/moment.h"
#include "crond/notify/asked.h"
#include "crond/notify/entry.h"
#include "crond/notify/notify.h"
#include "crond/notify/spooldir.h"

enum { LISTED_AT_ONCE = 32, DONE_AT_ONCE = 4 }; /* the latter wait for the disk */

static bool may(const struct asked *a, const struct entry *e)
{
	return a->all || (e->uid != EVENT_NOBODY && e->uid == a->uid);
}

/* Behind the last one of the piece before. */
static bool is_next(const void *arg, const struct entry *e)
{
	const struct asked *a = arg;

	if (e->members || e->notice || !may(a, e))
		return false;
	return !a->after[0] || spool_order((int64_t)a->at, a->after, e) < 0;
}

static void pass(struct asked *a, const struct entry *e)
{
	a->at = (size_t)e->received;
	snprintf(a->after, sizeof(a->after), "%s", e->id);
}

/* --- list */

static bool is_waiting(const struct target *t)
{
	return t->state == TARGET_WAIT && !t->entry->kept;
}

static void list_target(struct buf *out, const struct target *t, const struct event *e)
{
	/* a member's next try is its digest's */
	const struct target *tried = t->digest ? &t->digest->targets[0] : t;

	ctlmsg_open(out);
	ctlmsg_text(out, "id", t->entry->id);
	ctlmsg_text(out, "event", e->event);
	ctlmsg_text(out, "job", e->job);
	ctlmsg_text(out, "run_id", e->run_id);
	ctlmsg_text(out, "user", e->user);
	ctlmsg_text(out, "target", t->name);
	ctlmsg_text(out, "state", is_waiting(t) ? "waiting" : "failed");
	ctlmsg_number(out, "tries", tried->tries);
	ctlmsg_number(out, "at", t->entry->received);
	if (is_waiting(t) && tried->due_s > 0)
		ctlmsg_number(out, "next", tried->due_s);
	ctlmsg_text(out, "why", tried->why);
	if (t->digest)
		ctlmsg_text(out, "digest", t->digest->id);
	ctlmsg_close(out);
}

static void list_entry(struct notify *n, struct buf *out, const struct entry *e)
{
	struct buf record = { 0 };
	struct event event;
	struct diag d;

	if (spool_read(&n->spool, e, &record, &d) ||
	        event_decode(&event, (struct slice){ record.data, record.len }, &d))
		event = (struct event){ .event = "?" };
	for (uint32_t i = 0; i < e->count; i++)
		if (e->targets[i].state != TARGET_DONE)
			list_target(out, &e->targets[i], &event);
	buf_free(&record);
}

/* --- retry and drop: how many targets it was done to */

/* What stands in for others' alerts, too, keeps its times: its tries are theirs. */
static bool may_hasten(const struct asked *a, const struct target *t)
{
	for (uint32_t i = 0; t->digest && i < t->digest->members->count; i++)
		if (!may(a, t->digest->members->list[i]->entry))
			return false;
	return true;
}

static uint64_t retry(struct notify *n, const struct asked *a, struct entry *e, int64_t now,
	struct diag *d)
{
	uint64_t count = 0;

	if (spool_again(&n->spool, e, d))
		return 0;
	deliver_entry(&n->deliver, e, now); /* those that are in no queue */
	for (uint32_t i = 0; i < e->count; i++) {
		struct target *t = &e->targets[i];

		if (t->state != TARGET_WAIT)
			continue;
		if (!may_hasten(a, t)) {
			diag_error(d, 0, 0, "%s waits in one message with others' alerts", e->id);
			continue;
		}
		deliver_hasten(&n->deliver, t->digest ? &t->digest->targets[0] : t, now);
		count++;
	}
	return count;
}

static bool is_busy(const struct entry *e)
{
	for (uint32_t i = 0; i < e->count; i++) {
		const struct target *t = &e->targets[i];

		if (t->place == PLACE_UNDER_WAY ||
		        (t->digest && t->digest->targets[0].place == PLACE_UNDER_WAY))
			return true;
	}
	return false;
}

/* Its digest goes on without it, and ends with its last member. */
static void leave_digest(struct notify *n, struct target *t, int64_t now)
{
	struct members *m = t->digest->members;
	uint32_t at = 0;

	while (at < m->count && m->list[at] != t)
		at++;
	if (at < m->count) {
		m->count--;
		memmove(&m->list[at], &m->list[at + 1], (m->count - at) * sizeof(m->list[0]));
	}
	if (m->count == 0 && deliver_take_out(&n->deliver, &t->digest->targets[0], now))
		spool_digest_end(&n->spool, t->digest);
	t->digest = NULL;
}

static uint64_t drop(struct notify *n, struct entry *e, int64_t now, struct diag *d)
{
	uint64_t count = 0;

	if (is_busy(e)) {
		diag_error(d, 0, 0, "%s is being delivered just now", e->id);
		return 0;
	}
	for (uint32_t i = 0; i < e->count; i++) {
		struct target *t = &e->targets[i];

		count += t->state != TARGET_DONE;
		if (t->digest)
			leave_digest(n, t, now);
		deliver_take_out(&n->deliver, t, now);
	}
	spool_drop(&n->spool, e);
	return count;
}

static uint64_t act(struct notify *n, const struct asked *a, struct entry *e, struct diag *d)
{
	int64_t now = moment_ms(CLOCK_BOOTTIME);

	return a->request.action == CTLMSG_ACTION_DROP ? drop(n, e, now, d) : retry(n, a, e, now, d);
}

/* --- pieces */

static bool end(const struct asked *a, struct buf *out)
{
	ctlmsg_end(out, true);
	if (a->request.action != CTLMSG_ACTION_LIST)
		ctlmsg_number(out, "count", (int64_t)a->done);
	ctlmsg_close(out);
	return false;
}

static bool each_next(struct notify *n, struct asked *a, struct buf *out)
{
	bool list = a->request.action == CTLMSG_ACTION_LIST;
	size_t found, most = list ? LISTED_AT_ONCE : DONE_AT_ONCE;
	struct entry **all = spool_sorted(&n->spool, is_next, a, &found);
	struct diag d;

	if (!all) {
		ctlmsg_error(out, CTLMSG_REFUSED, "out of memory");
		return false;
	}
	for (size_t i = 0; i < found && i < most; i++) {
		pass(a, all[i]);
		if (list)
			list_entry(n, out, all[i]);
		else
			a->done += act(n, a, all[i], &d); /* one that cannot be is left as it is */
	}
	free(all);
	return found > most || end(a, out);
}

static bool each_named(struct notify *n, struct asked *a, struct buf *out)
{
	struct diag d = { .text = "" };

	for (size_t i = 0; i < DONE_AT_ONCE && a->at < a->request.name_count; i++) {
		const char *id = a->request.names[a->at++];
		struct entry *e = spool_find(&n->spool, id);
		uint64_t did;

		if (!e || e->members || e->notice || !may(a, e)) {
			diag_error(&d, 0, 0, "no alert %s waits or was given up", id);
			ctlmsg_error(out, CTLMSG_UNKNOWN, d.text);
			return false;
		}
		did = act(n, a, e, &d);
		if (did == 0) {
			ctlmsg_error(out, CTLMSG_REFUSED, d.text);
			return false;
		}
		a->done += did;
	}
	return a->at < a->request.name_count || end(a, out);
}

bool alerts_answer(struct notify *n, struct asked *a, struct buf *out)
{
	if (a->request.action == CTLMSG_ACTION_LIST || a->request.all)
		return each_next(n, a, out);
	return each_named(n, a, out);
}
