/* deliver: who is told what and when.
 * Flow: spooled events in; transfers and mails out; their results back into the spool. */
#include "config.h"

#include "crond/notify/deliver.h"

#include <string.h>
#include <syslog.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/moment.h"
#include "crond/base/report.h"
#include "crond/core/mailtext.h"
#include "crond/notify/body.h"
#include "crond/notify/digest.h"
#include "crond/notify/entry.h"
#include "crond/notify/settle.h"
#include "crond/notify/spool.h"

enum {
	PARKED_DAYS = 7,
	LOOK_MS = 60 * 1000,
	WAIT_MOST = 2 * 3600, /* seconds; a later next try in a state file is a wrong clock */
};

static const char default_mailer[] = "/usr/sbin/sendmail";

int deliver_open(struct deliver *d, struct spool *spool, struct report *report)
{
	*d = (struct deliver){ .spool = spool, .report = report, .unit_ms = 1000 };
	if (sendmail_open(&d->mails)) /* first: libcurl may start threads */
		return -1;
	return post_open(&d->post);
}

static void park(struct deliver *d, struct target *t)
{
	t->place = PLACE_PARKED;
	t->next = d->parked;
	d->parked = t;
}

void deliver_wait(struct deliver *d, struct target *t)
{
	if (heap_push(&d->waiting, t))
		park(d, t); /* no memory: looked at again with the parked */
}

static void refuse(struct deliver *d, struct target *t, const char *why, int64_t now_ms)
{
	settle_try(d, t, NULL, &(struct verdict){ .final = true, .why = why }, now_ms);
}

/* A hook that nobody defined may be defined tomorrow. Only root's own events wait for
 * that: others could fill the spool with names of their own making. */
static void route_unknown(struct deliver *d, struct target *t, int64_t now_ms)
{
	struct buf name = { 0 };
	int64_t age = time(NULL) - t->entry->received;

	if (strncmp(t->name, "mail:", 5) == 0) {
		park(d, t); /* there is no memory for its queue */
	} else if (strncmp(t->name, "webhook:", 8) != 0) {
		refuse(d, t, "it is neither mail:ADDRESS nor webhook:NAME", now_ms);
	} else if (!t->entry->trusted) {
		refuse(d, t, "no webhook of that name is defined", now_ms);
	} else if (age > PARKED_DAYS * 86400) {
		refuse(d, t, "no webhook of that name was defined for a week", now_ms);
	} else {
		report_log(d->report, LOG_WARNING,
			"alert %s waits: no %s is defined; it goes out when one is", t->entry->id,
			settle_shown(t, &name));
		target_why(t, "no webhook of that name is defined");
		park(d, t);
	}
	buf_free(&name);
}

static void route(struct deliver *d, struct target *t, int64_t now_ms)
{
	struct lane *l = lanes_find(&d->lanes, t->name, now_ms);

	if (!l)
		route_unknown(d, t, now_ms);
	else if (l->hook && !l->hook->users && !t->entry->trusted)
		refuse(d, t, "that webhook is not for users", now_ms);
	else if (!l->hook && !mailtext_safe(slice_of(t->name + 5)))
		refuse(d, t, "the address is not safe", now_ms);
	else if (!l->hook && d->lanes.mailer && strcmp(d->lanes.mailer, "off") == 0)
		refuse(d, t, "there is no mailer (mailer = off)", now_ms);
	else
		lane_push(l, t);
}

static const char *mailer_of(const struct deliver *d)
{
	return d->lanes.mailer && d->lanes.mailer[0] ? d->lanes.mailer : default_mailer;
}

static int begin_mail(struct deliver *d, struct target *t, const struct event *e, int64_t now_ms,
	struct diag *diag)
{
	struct buf mail = { 0 };
	const char *address = t->name + 5;
	int bad;

	body_mail(e, slice_of(address), d->lanes.host, time(NULL), &mail);
	bad = mail.failed ? diag_error(diag, 0, 0, "out of memory")
			  : sendmail_start(&d->mails, address,
				    (struct slice){ mail.data, mail.len }, t, now_ms, diag);
	buf_free(&mail);
	return bad;
}

static int begin_one(struct deliver *d, const struct lane *l, struct target *t,
	const struct event *e, int64_t now_ms, struct diag *diag)
{
	return l->hook ? post_start(&d->post, l->hook, e, t, diag)
		       : begin_mail(d, t, e, now_ms, diag);
}

static int begin_digest(struct deliver *d, struct lane *l, struct target *t, int64_t now_ms,
	struct diag *diag)
{
	struct digest g;
	int bad = digest_read(&g, d->spool, t->entry, d->lanes.host, diag) ||
		begin_one(d, l, t, &g.event, now_ms, diag);

	digest_free(&g);
	return bad ? -1 : 0;
}

/* That it is sent is noted first: after a death it comes under its own id again. */
static int begin_event(struct deliver *d, struct lane *l, struct target *t, int64_t now_ms,
	struct diag *diag)
{
	struct buf record = { 0 };
	struct event e;
	int bad;

	bad = spool_read(d->spool, t->entry, &record, diag) ||
		event_decode(&e, (struct slice){ record.data, record.len }, diag);
	if (!bad && !t->sent) {
		t->sent = true;
		if (spool_save(d->spool, t->entry, false))
			report_log(d->report, LOG_ERR, "alert %s: its state cannot be written: %m",
				t->entry->id);
	}
	bad = bad || begin_one(d, l, t, &e, now_ms, diag);
	buf_free(&record);
	return bad ? -1 : 0;
}

/* --- digests */

static void digest_say(struct deliver *d, const struct entry *e)
{
	struct buf name = { 0 };

	report_log(d->report, LOG_INFO, "digest %s to %s names %u alerts", e->id,
		settle_shown(&e->targets[0], &name), e->members->count);
	buf_free(&name);
}

/* What waits behind a rate, or in a crowd, goes as one; that is on disk before it does. */
static void gather(struct deliver *d, struct lane *l, int64_t now_ms)
{
	struct digest_room room = digest_room(l->hook);
	struct target *list[DIGEST_MOST];
	size_t n = lane_surplus(l, now_ms), fit = 0;
	struct entry *made = NULL;
	char id[EVENT_ID_MOST];
	struct diag diag;

	if (n < 2 || l->broken)
		return;
	n = lane_take(l, list, n < room.members ? n : room.members);
	if (n > 1)
		fit = digest_fit(d->spool, &room, list, n);
	if (fit > 1) {
		digest_id(id, list, fit);
		made = spool_digest(d->spool, id, list, fit, &diag);
		if (!made)
			report_log(d->report, LOG_ERR, "no digest can be made: %s", diag.text);
	}
	while (n > (made ? fit : 0))
		lane_push_front(l, list[--n]);
	if (!made)
		return;
	digest_say(d, made);
	lane_push_front(l, &made->targets[0]);
}

static void begin_all(struct deliver *d, int64_t now_ms)
{
	struct lane *l;

	while (!d->closing && (l = lanes_next(&d->lanes, now_ms, d->post.active))) {
		struct diag diag = { .text = "" };
		struct target *t;
		int bad;

		gather(d, l, now_ms);
		t = lane_pop(l);
		if (l->broken) {
			settle_try(d, t, l, &(struct verdict){ .why = l->broken }, now_ms);
			continue;
		}
		lane_begun(l, now_ms);
		t->place = PLACE_UNDER_WAY;
		bad = t->entry->members ? begin_digest(d, l, t, now_ms, &diag)
					: begin_event(d, l, t, now_ms, &diag);
		if (bad) {
			lane_ended(l);
			settle_try(d, t, l, &(struct verdict){ .why = diag.text }, now_ms);
		}
	}
}

static void ended(struct deliver *d, struct target *t, const struct verdict *v, int64_t now_ms)
{
	struct lane *l = lanes_find(&d->lanes, t->name, now_ms);

	if (l)
		lane_ended(l);
	settle_try(d, t, l, v, now_ms);
}

static void take_results(struct deliver *d, int64_t now_ms)
{
	struct sendmail_result mail;
	struct post_result post;

	while (post_next(&d->post, &post)) {
		if (!post.target)
			heartbeat_ended(&d->beat, d->report, &post);
		else
			ended(d, post.target,
				&(struct verdict){ .accepted = post.accepted,
					.unsure = post.unsure,
					.final = post.final,
					.once = post.ping == POST_PING_START,
					.slight = post.ping == POST_PING_OK,
					.wait_s = post.wait_s,
					.why = post.why },
				now_ms);
	}
	while (sendmail_next(&d->mails, now_ms, &mail))
		ended(d, mail.target,
			&(struct verdict){ .accepted = mail.accepted, .unsure = mail.unsure,
				.why = mail.why },
			now_ms);
}

static void unpark(struct deliver *d, int64_t now_ms)
{
	struct target *list = d->parked, *t;

	d->parked = NULL;
	d->looked_ms = now_ms;
	while ((t = list)) {
		list = t->next;
		t->next = NULL;
		t->due_ms = now_ms;
		deliver_wait(d, t);
	}
}

/* Once a minute for those that were given a week, and those there was no memory for. */
static void look_at_parked(struct deliver *d, int64_t now_ms)
{
	struct target **at = &d->parked, *t;
	int64_t oldest = time(NULL) - PARKED_DAYS * 86400;

	if (now_ms - d->looked_ms < LOOK_MS)
		return;
	d->looked_ms = now_ms;
	while ((t = *at)) {
		if (t->entry->received > oldest && !lanes_find(&d->lanes, t->name, now_ms)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		t->next = NULL;
		t->due_ms = now_ms;
		if (heap_push(&d->waiting, t)) {
			park(d, t);
			return;
		}
	}
}

static void unpark_one(struct deliver *d, struct target *t)
{
	struct target **at = &d->parked;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	t->next = NULL;
	t->place = PLACE_NONE;
}

bool deliver_take_out(struct deliver *d, struct target *t, int64_t now_ms)
{
	struct lane *l;

	switch (t->place) {
	case PLACE_UNDER_WAY:
		return false;
	case PLACE_HEAP:
		heap_remove(&d->waiting, t);
		break;
	case PLACE_PARKED:
		unpark_one(d, t);
		break;
	case PLACE_LANE:
		l = lanes_find(&d->lanes, t->name, now_ms);
		if (l)
			lane_remove(l, t);
		break;
	case PLACE_NONE:
		break;
	}
	return true;
}

void deliver_hasten(struct deliver *d, struct target *t, int64_t now_ms)
{
	if (t->place != PLACE_HEAP || t->due_ms <= now_ms)
		return;
	heap_remove(&d->waiting, t);
	t->due_ms = now_ms;
	t->due_s = 0;
	deliver_wait(d, t);
}

static int64_t spread_ms(const struct deliver *d)
{
	return LANE_SPREAD * (d->unit_ms < 1000 ? d->unit_ms : 1000);
}

void deliver_configure(struct deliver *d, struct slice record, int64_t now_ms)
{
	struct lanes fresh;
	struct diag diag;
	struct target *t;

	if (lanes_read(&fresh, record, spread_ms(d), &diag)) {
		report_log(d->report, LOG_ERR, "bad configuration for alerts: %s", diag.text);
		return;
	}
	while ((t = lanes_drain(&d->lanes))) {
		t->due_ms = now_ms;
		deliver_wait(d, t);
	}
	lanes_inherit(&fresh, &d->lanes);
	lanes_free(&d->lanes);
	d->lanes = fresh;
	for (size_t i = 0; i < fresh.count; i++)
		if (fresh.list[i].broken)
			report_log(d->report, LOG_ERR, "webhook %s cannot be used: %s",
				fresh.list[i].hook->name, fresh.list[i].broken);
	if (sendmail_mailer(&d->mails, mailer_of(d)))
		d->closing = true;
	unpark(d, now_ms);
}

void deliver_entry(struct deliver *d, struct entry *e, int64_t now_ms)
{
	int64_t now_s = time(NULL);

	if (!entry_waits(e)) {
		settle_entry(d, e, now_ms);
		return;
	}
	for (uint32_t i = 0; i < e->count; i++) {
		struct target *t = &e->targets[i];
		int64_t wait = t->due_s - now_s;

		if (t->state != TARGET_WAIT || t->digest || t->place != PLACE_NONE)
			continue;
		t->due_ms = wait > 0 && wait < WAIT_MOST ? now_ms + wait * 1000 : now_ms;
		deliver_wait(d, t);
	}
}

void deliver_step(struct deliver *d, int64_t now_ms)
{
	struct target *t;

	take_results(d, now_ms);
	d->closing |= d->mails.over;
	if (!d->lanes.configured)
		return;
	lanes_clock(&d->lanes, now_ms, moment_ms(CLOCK_REALTIME));
	look_at_parked(d, now_ms);
	while ((t = heap_pop(&d->waiting, now_ms)))
		route(d, t, now_ms);
	begin_all(d, now_ms);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t deliver_due(const struct deliver *d, int64_t now_ms)
{
	int64_t due = sendmail_due(&d->mails);

	if (!d->lanes.configured || d->closing)
		return due;
	due = sooner(due, sooner(heap_due(&d->waiting), lanes_due(&d->lanes, now_ms)));
	return d->parked ? sooner(due, d->looked_ms + LOOK_MS) : due;
}

bool deliver_busy(const struct deliver *d, int64_t now_ms)
{
	if (d->post.active > 0 || d->mails.active > 0)
		return true;
	if (!d->lanes.configured || d->closing)
		return false;
	return heap_due(&d->waiting) <= now_ms || lanes_queued(&d->lanes, now_ms);
}

void deliver_free(struct deliver *d)
{
	post_free(&d->post);
	sendmail_free(&d->mails);
	heap_free(&d->waiting);
	lanes_free(&d->lanes);
}
