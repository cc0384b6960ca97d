/* lane: a receiver, those who wait for it, and the configuration they come from.
 * Flow: deliver puts due targets into lanes and takes them out as room allows. */
#include "config.h"

#include "crond/notify/lane.h"

#include <stdlib.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/notify/sendmail.h"
#include "crond/notify/spool.h"

enum { MAIL_BUCKETS = 1024, MAIL_SWEEP = 256 };

struct mail_lanes {
	struct lane *table[MAIL_BUCKETS];
	struct lane *first, *last; /* in which somebody waits, in turn */
	size_t count, sweep_at;
	unsigned active;
};

static const char mail_prefix[] = "mail:", hook_prefix[] = "webhook:";

static const char *keep(struct arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text));
}

static int describe(struct lanes *l, struct lane *lane)
{
	struct diag d;

	if (post_url(lane->hook->url, lane->host, lane->shown, &d) == 0) {
		if (lane->hook->template < WEBHOOK_OWN || lane->hook->template_text)
			return 0;
		diag_error(&d, 0, 0, "its template is not known");
	}
	lane->broken = keep(&l->arena, d.text);
	return lane->broken ? 0 : -1;
}

/* Where in a minute it begins: the same each time, so that what comes in order goes in order. */
static int64_t spread(const struct lanes *l, const char *name, int64_t most)
{
	const char *host = l->host ? l->host : "";
	uint64_t seed = text_hash(1, host, strlen(host));

	return most > 0 ? (int64_t)(text_hash(seed, name, strlen(name)) % (uint64_t)most) : 0;
}

static int read_into(struct lanes *l, struct slice record, int64_t spread_most, struct diag *d)
{
	l->bytes = malloc(record.n + 1);
	l->hooks = calloc(LANE_HOOKS, sizeof(*l->hooks));
	l->list = calloc(LANE_HOOKS, sizeof(*l->list));
	l->mail = calloc(1, sizeof(*l->mail));
	if (!l->bytes || !l->hooks || !l->list || !l->mail)
		return diag_error(d, 0, 0, "out of memory");
	memcpy(l->bytes, record.s, record.n);
	if (notice_config_decode(l->hooks, LANE_HOOKS, &l->count, &l->mailer, &l->host, &l->arena,
		    (struct slice){ l->bytes, record.n }, d))
		return -1;
	for (size_t i = 0; i < l->count; i++) {
		const struct webhook *hook = &l->hooks[i];

		l->list[i].hook = hook;
		l->list[i].spread_ms = spread(l, hook->name, spread_most);
		l->list[i].limit = (struct rate_limit){ hook->rate_ms ? hook->rate : 0, hook->rate_ms };
		if (describe(l, &l->list[i]))
			return diag_error(d, 0, 0, "out of memory");
	}
	l->configured = true;
	return 0;
}

int lanes_read(struct lanes *fresh, struct slice record, int64_t spread_most, struct diag *d)
{
	*fresh = (struct lanes){ 0 };
	if (read_into(fresh, record, spread_most, d) == 0)
		return 0;
	lanes_free(fresh);
	return -1;
}

static void mail_free(struct lane *l)
{
	free(l->address);
	free(l);
}

/* What nobody waits for, and where nothing was sent lately, is as good as new. */
static void mail_sweep(struct mail_lanes *m, int64_t now_ms)
{
	for (size_t i = 0; i < MAIL_BUCKETS; i++)
		for (struct lane **at = &m->table[i], *one; (one = *at);) {
			if (one->first || one->active > 0 || one->rate.full_ms > now_ms) {
				at = &one->same;
				continue;
			}
			*at = one->same;
			mail_free(one);
			m->count--;
		}
	m->sweep_at = m->count * 2 + MAIL_SWEEP;
}

static struct lane *mail_find(struct mail_lanes *m, const char *address, int64_t now_ms)
{
	struct lane **at = &m->table[text_hash(2, address, strlen(address)) % MAIL_BUCKETS], *made;

	for (struct lane *one = *at; one; one = one->same)
		if (strcmp(one->address, address) == 0)
			return one;
	if (m->count >= m->sweep_at)
		mail_sweep(m, now_ms);
	made = calloc(1, sizeof(*made));
	if (made)
		made->address = strdup(address);
	if (!made || !made->address) {
		free(made);
		return NULL;
	}
	made->of = m;
	made->limit = (struct rate_limit){ LANE_MAIL_COUNT, LANE_MAIL_MS };
	made->same = *at;
	*at = made;
	m->count++;
	return made;
}

void lanes_free(struct lanes *l)
{
	for (size_t i = 0; l->mail && i < MAIL_BUCKETS; i++)
		while (l->mail->table[i]) {
			struct lane *one = l->mail->table[i];

			l->mail->table[i] = one->same;
			mail_free(one);
		}
	free(l->mail);
	free(l->bytes);
	free(l->hooks);
	free(l->list);
	arena_free(&l->arena);
	*l = (struct lanes){ 0 };
}

void lanes_clock(struct lanes *l, int64_t now_ms, int64_t wall_ms)
{
	l->minute_ms = now_ms - wall_ms % 60000;
}

struct lane *lanes_find(struct lanes *l, const char *target, int64_t now_ms)
{
	if (!l->configured)
		return NULL;
	if (strncmp(target, mail_prefix, sizeof(mail_prefix) - 1) == 0)
		return mail_find(l->mail, target + sizeof(mail_prefix) - 1, now_ms);
	if (strncmp(target, hook_prefix, sizeof(hook_prefix) - 1) != 0)
		return NULL;
	target += sizeof(hook_prefix) - 1;
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->hooks[i].name, target) == 0)
			return &l->list[i];
	return NULL;
}

static const struct lane *same_lane(const struct lanes *old, const struct lane *fresh)
{
	for (size_t i = 0; i < old->count; i++)
		if (strcmp(old->hooks[i].name, fresh->hook->name) == 0)
			return &old->list[i];
	return NULL;
}

void lanes_inherit(struct lanes *fresh, struct lanes *old)
{
	for (size_t i = 0; i < fresh->count; i++) {
		const struct lane *was = same_lane(old, &fresh->list[i]);

		if (!was)
			continue;
		fresh->list[i].active = was->active;
		/* the reload may be the repair: another URL begins as a healthy one */
		if (strcmp(was->host, fresh->list[i].host) == 0) {
			fresh->list[i].fails = was->fails;
			fresh->list[i].hold_ms = was->hold_ms;
			fresh->list[i].rate = was->rate;
		}
	}
	if (old->mail) {
		struct mail_lanes *mail = fresh->mail;

		fresh->mail = old->mail;
		old->mail = mail;
	}
	fresh->minute_ms = old->minute_ms;
}

/* --- those that wait */

static void turn_join(struct lane *l)
{
	struct mail_lanes *m = l->of;

	l->next = NULL;
	l->before = m->last;
	if (m->last)
		m->last->next = l;
	else
		m->first = l;
	m->last = l;
}

static void turn_leave(struct lane *l)
{
	struct mail_lanes *m = l->of;

	if (l->before)
		l->before->next = l->next;
	else
		m->first = l->next;
	if (l->next)
		l->next->before = l->before;
	else
		m->last = l->before;
	l->next = l->before = NULL;
}

static void came(struct lane *l, struct target *t)
{
	t->place = PLACE_LANE;
	if (l->waiting++ == 0 && l->of)
		turn_join(l);
}

static void went(struct lane *l, struct target *t)
{
	t->next = NULL;
	t->place = PLACE_NONE;
	if (--l->waiting == 0 && l->of)
		turn_leave(l);
}

void lane_push(struct lane *l, struct target *t)
{
	t->next = NULL;
	if (l->last)
		l->last->next = t;
	else
		l->first = t;
	l->last = t;
	came(l, t);
}

void lane_push_front(struct lane *l, struct target *t)
{
	t->next = l->first;
	l->first = t;
	if (!l->last)
		l->last = t;
	came(l, t);
}

struct target *lane_pop(struct lane *l)
{
	struct target *t = l->first;

	if (t)
		lane_remove(l, t);
	return t;
}

/* at: where t is pointed to from; before: whose next that is. */
static void cut_out(struct lane *l, struct target **at, struct target *before)
{
	struct target *t = *at;

	*at = t->next;
	if (l->last == t)
		l->last = before;
	went(l, t);
}

size_t lane_take(struct lane *l, struct target **list, size_t most)
{
	struct target **at = &l->first, *before = NULL;
	size_t n = 0;

	while (*at && n < most) {
		struct target *t = *at;

		if (t->sent || t->entry->members) {
			before = t;
			at = &t->next;
			continue;
		}
		cut_out(l, at, before);
		list[n++] = t;
	}
	return n;
}

bool lane_remove(struct lane *l, struct target *t)
{
	struct target **at = &l->first, *before = NULL;

	while (*at && *at != t) {
		before = *at;
		at = &before->next;
	}
	if (!*at)
		return false;
	cut_out(l, at, before);
	return true;
}

struct target *lanes_drain(struct lanes *l)
{
	struct target *t;

	for (size_t i = 0; i < l->count; i++)
		if ((t = lane_pop(&l->list[i])))
			return t;
	return l->mail && l->mail->first ? lane_pop(l->mail->first) : NULL;
}

size_t lane_surplus(const struct lane *l, int64_t now_ms)
{
	size_t room = rate_free(&l->rate, &l->limit, now_ms);

	if (l->hook && l->hook->template == WEBHOOK_HEALTHCHECKS)
		return 0; /* each ping says something of its own */
	if (room > LANE_CROWD)
		room = LANE_CROWD;
	return room > 0 && l->waiting > room ? l->waiting - room + 1 : 0;
}

void lane_begun(struct lane *l, int64_t now_ms)
{
	l->active++;
	if (l->of)
		l->of->active++;
	rate_take(&l->rate, &l->limit, now_ms);
}

void lane_ended(struct lane *l)
{
	if (l->active == 0)
		return;
	l->active--;
	if (l->of)
		l->of->active--;
}

/* --- whose turn it is */

static unsigned host_active(const struct lanes *l, const struct lane *one)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->list[i].host, one->host) == 0)
			n += l->list[i].active;
	return n;
}

static unsigned sick_active(const struct lanes *l)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += l->list[i].fails > 0 ? l->list[i].active : 0;
	return n;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When a lane may begin its next delivery, were there room for it. */
static int64_t lane_due(const struct lanes *l, const struct lane *one, int64_t now_ms)
{
	int64_t due = later(one->hold_ms, rate_due(&one->rate, &one->limit, now_ms));

	return one->hook ? later(due, l->minute_ms + one->spread_ms) : due;
}

static bool may_begin(const struct lanes *l, const struct lane *one, int64_t now_ms,
	unsigned active)
{
	if (!one->first)
		return false;
	if (one->broken)
		return true;
	if (lane_due(l, one, now_ms) > now_ms)
		return false;
	if (one->hook->template == WEBHOOK_HEALTHCHECKS && one->active > 0)
		return false; /* a start that comes behind its end would stand for good */
	if (active >= LANE_TRANSFERS || host_active(l, one) >= LANE_HOST)
		return false;
	return one->fails == 0 || (one->active == 0 && sick_active(l) < LANE_SICK);
}

static struct lane *mail_next(const struct lanes *l, int64_t now_ms)
{
	if (l->mail->active >= SENDMAIL_MOST)
		return NULL;
	for (struct lane *one = l->mail->first; one; one = one->next)
		if (lane_due(l, one, now_ms) <= now_ms) {
			turn_leave(one);
			turn_join(one);
			return one;
		}
	return NULL;
}

struct lane *lanes_next(struct lanes *l, int64_t now_ms, unsigned active)
{
	struct lane *mail = l->configured ? mail_next(l, now_ms) : NULL;

	if (mail)
		return mail;
	for (size_t i = 0; i < l->count; i++) {
		struct lane *one = &l->list[(l->turn + i) % l->count];

		if (!may_begin(l, one, now_ms, active))
			continue;
		l->turn = (l->turn + i + 1) % l->count;
		return one;
	}
	return NULL;
}

static void consider(const struct lanes *l, const struct lane *one, int64_t now_ms, int64_t *due)
{
	int64_t its = one->first ? lane_due(l, one, now_ms) : 0;

	if (its > now_ms && its < *due)
		*due = its;
}

int64_t lanes_due(const struct lanes *l, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < l->count; i++)
		consider(l, &l->list[i], now_ms, &due);
	for (const struct lane *one = l->mail ? l->mail->first : NULL; one; one = one->next)
		consider(l, one, now_ms, &due);
	return due;
}

bool lanes_queued(const struct lanes *l, int64_t until_ms)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->list[i].first && lane_due(l, &l->list[i], until_ms) <= until_ms)
			return true;
	for (const struct lane *one = l->mail ? l->mail->first : NULL; one; one = one->next)
		if (lane_due(l, one, until_ms) <= until_ms)
			return true;
	return false;
}
