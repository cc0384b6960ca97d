/* settle: what becomes of a try.
 * Flow: deliver hands in how one ended; the spool is told, and what failed waits for its next
 * try, or its owner is written to. */
#include "config.h"

#include "crond/notify/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/report.h"
#include "crond/base/text.h"
#include "crond/notify/deliver.h"
#include "crond/notify/entry.h"
#include "crond/notify/spool.h"

enum { MAIL_RETRIES = 4, TARGET_ROOM = 1100 };

/* Seconds before the second, third... try. */
static const unsigned delays[] = { 5, 30, 120, 600, 1800, 3600 };

const char *settle_shown(const struct target *t, struct buf *room)
{
	text_visible(room, slice_of(t->name), 100);
	return buf_text(room) ? room->data : "?";
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

/* One try, more tries. */
static const char *ies(const struct target *t)
{
	return t->tries == 1 ? "y" : "ies";
}

static void say_failure(
        struct deliver *d, const struct target *t, const struct lane *l, const struct verdict *v)
{
	struct buf name = { 0 };
	const char *where = l && l->shown[0] ? l->shown : "";
	const char *to = settle_shown(t, &name), *between = where[0] ? " " : "";

	if (t->state == TARGET_FAILED && t->entry->notice)
		report_log(d->report, LOG_ERR, "notice %s to %s given up after %u tr%s: %s",
		        t->entry->id, to, t->tries, ies(t), v->why);
	else if (t->state == TARGET_FAILED && (v->once || v->slight))
		report_log(d->report, LOG_WARNING, "ping %s to %s%s%s given up after %u tr%s: %s",
		        t->entry->id, to, between, where, t->tries, ies(t), v->why);
	else if (t->state == TARGET_FAILED)
		report_log(d->report, LOG_ERR,
		        "alert %s to %s%s%s given up after %u tr%s: %s (kept in failed/)",
		        t->entry->id, to, between, where, t->tries, ies(t), v->why);
	else if (t->tries == 1)
		report_log(d->report, LOG_WARNING, "alert %s to %s%s%s failed: %s (tried again)",
		        t->entry->id, to, between, where, v->why);
	buf_free(&name);
}

/* --- who hears of what reaches nobody */

/* The id of what is told of an event that could not be told to a target. */
static void notice_id(char out[EVENT_ID_MOST], const struct target *t)
{
	snprintf(out, EVENT_ID_MOST, "%.160s.undelivered-%08" PRIx32, t->entry->id,
	        (uint32_t)text_hash(3, t->name, strlen(t->name)));
}

static void notice_fill(struct event *e, const struct target *t, char to[TARGET_ROOM],
        char id[EVENT_ID_MOST], struct buf *note)
{
	struct buf name = { 0 };
	const char *shown = settle_shown(t, &name);

	buf_printf(note,
	        "it could not be told to %s: %s (%u tr%s); it is kept, see cronctl alerts", shown,
	        t->why ? t->why : "no reason is known", t->tries, ies(t));
	notice_id(id, t);
	e->id = id;
	e->note = buf_text(note);
	e->targets = slice_of(to);
	e->targets.n++; /* a list's words end with a NUL */
	buf_free(&name);
}

/* Whoever is to hear of it: "mail:..."; false: nobody, or the very one that was not reached. */
static bool notice_target(const struct event *e, const struct target *t, char to[TARGET_ROOM])
{
	const char *address = e->mail_to ? e->mail_to
	        : e->uid == EVENT_NOBODY ? event_mail_to(e->owner, NULL, e->user)
	                                 : NULL;

	if (!address || snprintf(to, TARGET_ROOM, "mail:%s", address) >= TARGET_ROOM)
		return false;
	return strcmp(to, t->name) != 0;
}

static bool mails(const struct deliver *d)
{
	return !d->lanes.mailer || strcmp(d->lanes.mailer, "off") != 0;
}

/* Spooled as any event, before what it is about goes to failed/: who dies in between finds
 * one of them. */
static void tell_owner(struct deliver *d, const struct target *t, int64_t now_ms)
{
	struct buf bytes = { 0 }, record = { 0 }, note = { 0 };
	char to[TARGET_ROOM], id[EVENT_ID_MOST];
	struct entry *made = NULL;
	const char *its;
	struct event e;
	struct diag diag;

	if (t->entry->notice || !mails(d))
		return;
	if (spool_read(d->spool, t->entry, &bytes, &diag) ||
	        event_decode(&e, (struct slice){ bytes.data, bytes.len }, &diag))
		report_log(d->report, LOG_ERR, "alert %s: nobody is told: %s", t->entry->id,
		        diag.text);
	else if (notice_target(&e, t, to)) {
		notice_fill(&e, t, to, id, &note);
		event_encode(&e, &record);
		if (record.failed || note.failed ||
		        spool_add(d->spool, (struct slice){ record.data, record.len }, &made, &its,
		                &diag) == SPOOL_REFUSED)
			report_log(d->report, LOG_ERR, "alert %s: nobody is told: %s", t->entry->id,
			        record.failed || note.failed ? "out of memory" : diag.text);
		if (made)
			deliver_entry(d, made, now_ms);
	}
	buf_free(&bytes);
	buf_free(&record);
	buf_free(&note);
}

/* --- the spool */

static void settle_event(struct deliver *d, struct target *t)
{
	struct entry *e = t->entry;

	if (!entry_waits(e)) {
		spool_finish(d->spool, e);
		return;
	}
	if (spool_save(d->spool, e, t->state != TARGET_WAIT))
		report_log(d->report, LOG_ERR, "alert %s: its state cannot be written: %m", e->id);
}

/* What became of a digest became of each of its members. */
static void settle_members(struct deliver *d, struct entry *e, int64_t now_ms)
{
	const struct target *t = &e->targets[0];

	for (uint32_t i = 0; i < e->members->count; i++) {
		struct target *m = e->members->list[i];

		m->digest = NULL;
		m->state = t->state;
		m->tries = t->tries;
		target_why(m, t->why);
		if (m->state == TARGET_FAILED)
			tell_owner(d, m, now_ms);
		settle_event(d, m);
	}
}

void settle_entry(struct deliver *d, struct entry *e, int64_t now_ms)
{
	if (!e->members) {
		spool_finish(d->spool, e);
		return;
	}
	spool_digest_settled(d->spool, e);
	d->spool->known.lazy = true;
	settle_members(d, e, now_ms);
	if (known_sync(&d->spool->known))
		report_log(d->report, LOG_ERR, "%s: what it names cannot be noted: %m", e->id);
	spool_digest_end(d->spool, e);
}

static void settle(struct deliver *d, struct target *t, int64_t now_ms)
{
	if (t->entry->members && t->state != TARGET_WAIT)
		settle_entry(d, t->entry, now_ms);
	else
		settle_event(d, t);
}

static void accept(struct deliver *d, struct target *t, int64_t now_ms)
{
	struct buf name = { 0 };

	t->state = TARGET_DONE;
	report_log(d->report, LOG_DEBUG, "alert %s to %s delivered", t->entry->id,
	        settle_shown(t, &name));
	buf_free(&name);
	settle(d, t, now_ms);
}

static void try_again(struct deliver *d, struct target *t, const struct verdict *v, int64_t now_ms)
{
	int64_t ms = delay_ms(d, t->tries);

	if (v->wait_s * d->unit_ms > ms)
		ms = v->wait_s * d->unit_ms;
	t->due_ms = now_ms + ms;
	t->due_s = time(NULL) + (ms + 999) / 1000;
	deliver_wait(d, t);
}

void settle_try(struct deliver *d, struct target *t, struct lane *l, const struct verdict *v,
        int64_t now_ms)
{
	t->place = PLACE_NONE;
	if (l) {
		l->fails = v->accepted ? 0 : l->fails + 1;
		if (v->wait_s > 0)
			l->hold_ms = now_ms + v->wait_s * d->unit_ms;
	}
	if (v->accepted) {
		accept(d, t, now_ms);
		return;
	}
	t->tries++;
	t->sent = t->sent && v->unsure;
	target_why(t, v->why);
	if (v->final || v->once || t->tries > retries_of(l))
		t->state = TARGET_FAILED;
	say_failure(d, t, l, v);
	if (t->state == TARGET_FAILED && (v->once || v->slight))
		t->state = TARGET_DONE; /* not to be kept */
	if (t->state == TARGET_WAIT)
		try_again(d, t, v, now_ms);
	else if (t->state == TARGET_FAILED && !t->entry->members)
		tell_owner(d, t, now_ms);
	settle(d, t, now_ms);
}
