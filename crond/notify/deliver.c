/* deliver: who is told what and when.
 * Flow: spooled events in; transfers and mails out; their results back into the spool. */
#include "config.h"

#include "crond/notify/deliver.h"

#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/mailtext.h"
#include "crond/notify/body.h"
#include "crond/notify/entry.h"
#include "crond/base/report.h"
#include "crond/notify/spool.h"

enum {
	MAIL_RETRIES = 4,
	PARKED_DAYS = 7,
	LOOK_MS = 60 * 1000,
	WAIT_MOST = 2 * 3600, /* seconds; a later next try in a state file is a wrong clock */
};

static const char default_mailer[] = "/usr/sbin/sendmail";

/* Seconds before the second, third... try. */
static const unsigned delays[] = { 5, 30, 120, 600, 1800, 3600 };

struct verdict {
	bool accepted, final;
	int64_t wait_s;
	const char *why;
};

int deliver_open(struct deliver *d, struct spool *spool, struct report *report)
{
	*d = (struct deliver){ .spool = spool, .report = report, .unit_ms = 1000 };
	d->mails.deadline_ms = SENDMAIL_DEADLINE_MS;
	return post_open(&d->post);
}

/* Targets may hold anything that a table's writer put there. */
static const char *shown(const struct target *t, struct buf *room)
{
	text_visible(room, slice_of(t->name), 100);
	return buf_text(room) ? room->data : "?";
}

static void park(struct deliver *d, struct target *t)
{
	t->next = d->parked;
	d->parked = t;
}

static void wait_for(struct deliver *d, struct target *t)
{
	if (heap_push(&d->waiting, t))
		park(d, t); /* no memory: looked at again with the parked */
}

/* Due next, with a fifth of jitter, so that what failed together does not come again
 * together. */
static int64_t delay_ms(const struct deliver *d, uint32_t tries)
{
	size_t most = sizeof(delays) / sizeof(delays[0]);
	int64_t ms = d->unit_ms * delays[tries <= most ? tries - 1 : most - 1];
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	return ms * 4 / 5 + (int64_t)(random % 1024) * (ms * 2 / 5) / 1024;
}

static uint32_t retries_of(const struct lane *l)
{
	return l && l->hook ? l->hook->retries : MAIL_RETRIES;
}

static void say_failure(struct deliver *d, const struct target *t, const struct lane *l,
	const struct verdict *v)
{
	struct buf name = { 0 };
	const char *where = l && l->shown[0] ? l->shown : "";
	const char *to = shown(t, &name);

	if (t->state == TARGET_FAILED)
		report_log(d->report, LOG_ERR,
			"alert %s to %s%s%s given up after %u tries: %s (kept in failed/)",
			t->entry->id, to, where[0] ? " " : "", where, t->tries, v->why);
	else if (t->tries == 1)
		report_log(d->report, LOG_WARNING, "alert %s to %s%s%s failed: %s (tried again)",
			t->entry->id, to, where[0] ? " " : "", where, v->why);
	buf_free(&name);
}

static void settle(struct deliver *d, struct target *t)
{
	struct entry *e = t->entry;

	if (!entry_waits(e)) {
		spool_finish(d->spool, e);
		return;
	}
	if (spool_save(d->spool, e, t->state != TARGET_WAIT))
		report_log(d->report, LOG_ERR, "alert %s: its state cannot be written: %m", e->id);
}

static void accept(struct deliver *d, struct target *t)
{
	struct buf name = { 0 };

	t->state = TARGET_DONE;
	report_log(d->report, LOG_DEBUG, "alert %s to %s delivered", t->entry->id,
		shown(t, &name));
	buf_free(&name);
	settle(d, t);
}

static void try_again(struct deliver *d, struct target *t, const struct verdict *v,
	int64_t now_ms)
{
	int64_t ms = delay_ms(d, t->tries);

	if (v->wait_s * d->unit_ms > ms)
		ms = v->wait_s * d->unit_ms;
	t->due_ms = now_ms + ms;
	t->due_s = time(NULL) + (ms + 999) / 1000;
	wait_for(d, t);
}

/* The one place where a try ends. lane: NULL when there is none (any more). */
static void conclude(struct deliver *d, struct target *t, struct lane *l, const struct verdict *v,
	int64_t now_ms)
{
	if (l) {
		l->fails = v->accepted ? 0 : l->fails + 1;
		if (v->wait_s > 0)
			l->hold_ms = now_ms + v->wait_s * d->unit_ms;
	}
	if (v->accepted) {
		accept(d, t);
		return;
	}
	t->tries++;
	if (v->final || t->tries > retries_of(l))
		t->state = TARGET_FAILED;
	say_failure(d, t, l, v);
	if (t->state == TARGET_WAIT)
		try_again(d, t, v, now_ms);
	settle(d, t);
}

static void refuse(struct deliver *d, struct target *t, const char *why, int64_t now_ms)
{
	conclude(d, t, NULL, &(struct verdict){ .final = true, .why = why }, now_ms);
}

/* A hook that nobody defined may be defined tomorrow. Only root's own events wait for
 * that: others could fill the spool with names of their own making. */
static void route_unknown(struct deliver *d, struct target *t, int64_t now_ms)
{
	struct buf name = { 0 };
	int64_t age = time(NULL) - t->entry->received;

	if (strncmp(t->name, "webhook:", 8) != 0) {
		refuse(d, t, "it is neither mail:ADDRESS nor webhook:NAME", now_ms);
	} else if (!t->entry->trusted) {
		refuse(d, t, "no webhook of that name is defined", now_ms);
	} else if (age > PARKED_DAYS * 86400) {
		refuse(d, t, "no webhook of that name was defined for a week", now_ms);
	} else {
		report_log(d->report, LOG_WARNING,
			"alert %s waits: no %s is defined; it goes out when one is", t->entry->id,
			shown(t, &name));
		park(d, t);
	}
	buf_free(&name);
}

static void route(struct deliver *d, struct target *t, int64_t now_ms)
{
	struct lane *l = lanes_find(&d->lanes, t->name);

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

static int begin_mail(struct deliver *d, struct target *t, const struct event *e, int64_t now_ms,
	struct diag *diag)
{
	struct buf mail = { 0 };
	const char *address = t->name + 5;
	const char *mailer = d->lanes.mailer && d->lanes.mailer[0] ? d->lanes.mailer
								   : default_mailer;
	int bad;

	body_mail(e, slice_of(address), d->lanes.host, time(NULL), &mail);
	bad = mail.failed ? diag_error(diag, 0, 0, "out of memory")
			  : sendmail_start(&d->mails, mailer, address,
				    (struct slice){ mail.data, mail.len }, t, now_ms, diag);
	buf_free(&mail);
	return bad;
}

static int begin(struct deliver *d, struct lane *l, struct target *t, int64_t now_ms,
	struct diag *diag)
{
	struct buf record = { 0 };
	struct event e;
	int bad;

	bad = spool_read(d->spool, t->entry, &record, diag);
	if (bad)
		goto out;
	bad = event_decode(&e, (struct slice){ record.data, record.len }, diag);
	if (bad)
		goto out;
	bad = l->hook ? post_start(&d->post, l->hook, &e, t, diag)
		      : begin_mail(d, t, &e, now_ms, diag);
out:
	buf_free(&record);
	return bad;
}

static void begin_all(struct deliver *d, int64_t now_ms)
{
	struct lane *l;

	while (!d->closing && (l = lanes_next(&d->lanes, now_ms, d->post.active))) {
		struct target *t = lane_pop(l);
		struct diag diag = { .text = "" };

		if (l->broken) {
			conclude(d, t, l, &(struct verdict){ .why = l->broken }, now_ms);
			continue;
		}
		l->active++;
		if (begin(d, l, t, now_ms, &diag)) {
			l->active--;
			conclude(d, t, l, &(struct verdict){ .why = diag.text }, now_ms);
		}
	}
}

static void ended(struct deliver *d, struct target *t, const struct verdict *v, int64_t now_ms)
{
	struct lane *l = lanes_find(&d->lanes, t->name);

	if (l && l->active > 0)
		l->active--;
	conclude(d, t, l, v, now_ms);
}

static void take_results(struct deliver *d, int64_t now_ms)
{
	struct sendmail_result mail;
	struct post_result post;

	while (post_next(&d->post, &post))
		ended(d, post.target,
			&(struct verdict){ .accepted = post.accepted,
				.wait_s = post.wait_s,
				.why = post.why },
			now_ms);
	while (sendmail_next(&d->mails, now_ms, &mail))
		ended(d, mail.target,
			&(struct verdict){ .accepted = mail.accepted, .why = mail.why }, now_ms);
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
		wait_for(d, t);
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
		if (t->entry->received > oldest && !lanes_find(&d->lanes, t->name)) {
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

void deliver_configure(struct deliver *d, struct slice record, int64_t now_ms)
{
	struct lanes fresh;
	struct diag diag;
	struct target *t;

	if (lanes_read(&fresh, record, &diag)) {
		report_log(d->report, LOG_ERR, "bad configuration for alerts: %s", diag.text);
		return;
	}
	lanes_inherit(&fresh, &d->lanes);
	for (size_t i = 0; i < d->lanes.count; i++)
		while ((t = lane_pop(&d->lanes.list[i]))) {
			t->due_ms = now_ms;
			wait_for(d, t);
		}
	lanes_free(&d->lanes);
	d->lanes = fresh;
	for (size_t i = 0; i < fresh.count; i++)
		if (fresh.list[i].broken)
			report_log(d->report, LOG_ERR, "webhook %s cannot be used: %s",
				fresh.list[i].hook->name, fresh.list[i].broken);
	unpark(d, now_ms);
}

void deliver_entry(struct deliver *d, struct entry *e, int64_t now_ms)
{
	int64_t now_s = time(NULL);

	if (!entry_waits(e)) {
		spool_finish(d->spool, e);
		return;
	}
	for (uint32_t i = 0; i < e->count; i++) {
		struct target *t = &e->targets[i];
		int64_t wait = t->due_s - now_s;

		if (t->state != TARGET_WAIT)
			continue;
		t->due_ms = wait > 0 && wait < WAIT_MOST ? now_ms + wait * 1000 : now_ms;
		wait_for(d, t);
	}
}

void deliver_step(struct deliver *d, int64_t now_ms)
{
	struct target *t;

	take_results(d, now_ms);
	if (d->lanes.count == 0)
		return;
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

	if (d->lanes.count == 0 || d->closing)
		return due;
	due = sooner(due, sooner(heap_due(&d->waiting), lanes_due(&d->lanes, now_ms)));
	return d->parked ? sooner(due, d->looked_ms + LOOK_MS) : due;
}

bool deliver_busy(const struct deliver *d, int64_t now_ms)
{
	if (d->post.active > 0 || d->mails.active > 0)
		return true;
	if (d->lanes.count == 0 || d->closing)
		return false;
	return heap_due(&d->waiting) <= now_ms || lanes_queued(&d->lanes);
}

void deliver_free(struct deliver *d)
{
	post_free(&d->post);
	sendmail_free(&d->mails);
	heap_free(&d->waiting);
	lanes_free(&d->lanes);
}
