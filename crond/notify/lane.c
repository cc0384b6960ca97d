/* lane: a receiver, those who wait for it, and the configuration they come from.
 * Flow: deliver puts due targets into lanes and takes them out as room allows. */
#include "config.h"

#include "crond/notify/lane.h"

#include <stdlib.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/notify/body.h"
#include "crond/notify/sendmail.h"
#include "crond/notify/spool.h"

static const char mail_prefix[] = "mail:", hook_prefix[] = "webhook:";

static const char *keep(struct arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text));
}

static int describe(struct lanes *l, struct lane *lane)
{
	struct diag d;

	if (post_url(lane->hook->url, lane->host, lane->shown, &d) == 0) {
		if (body_known(lane->hook->template))
			return 0;
		diag_error(&d, 0, 0, "its template is not known");
	}
	lane->broken = keep(&l->arena, d.text);
	return lane->broken ? 0 : -1;
}

static int read_into(struct lanes *l, struct slice record, struct diag *d)
{
	size_t hooks;

	l->bytes = malloc(record.n + 1);
	l->hooks = calloc(LANE_HOOKS, sizeof(*l->hooks));
	l->list = calloc(LANE_HOOKS + 1, sizeof(*l->list));
	if (!l->bytes || !l->hooks || !l->list)
		return diag_error(d, 0, 0, "out of memory");
	memcpy(l->bytes, record.s, record.n);
	if (notice_config_decode(l->hooks, LANE_HOOKS, &hooks, &l->mailer, &l->host, &l->arena,
		    (struct slice){ l->bytes, record.n }, d))
		return -1;
	for (size_t i = 0; i < hooks; i++) {
		l->list[i].hook = &l->hooks[i];
		if (describe(l, &l->list[i]))
			return diag_error(d, 0, 0, "out of memory");
	}
	l->count = hooks + 1;
	return 0;
}

int lanes_read(struct lanes *fresh, struct slice record, struct diag *d)
{
	*fresh = (struct lanes){ 0 };
	if (read_into(fresh, record, d) == 0)
		return 0;
	lanes_free(fresh);
	return -1;
}

void lanes_free(struct lanes *l)
{
	free(l->bytes);
	free(l->hooks);
	free(l->list);
	arena_free(&l->arena);
	*l = (struct lanes){ 0 };
}

struct lane *lanes_find(const struct lanes *l, const char *target)
{
	if (l->count == 0)
		return NULL;
	if (strncmp(target, mail_prefix, sizeof(mail_prefix) - 1) == 0)
		return &l->list[l->count - 1];
	if (strncmp(target, hook_prefix, sizeof(hook_prefix) - 1) != 0)
		return NULL;
	target += sizeof(hook_prefix) - 1;
	for (size_t i = 0; i + 1 < l->count; i++)
		if (strcmp(l->hooks[i].name, target) == 0)
			return &l->list[i];
	return NULL;
}

static const struct lane *same_lane(const struct lanes *old, const struct lane *fresh)
{
	for (size_t i = 0; i < old->count; i++) {
		const struct lane *l = &old->list[i];

		if (!l->hook != !fresh->hook)
			continue;
		if (!l->hook || strcmp(l->hook->name, fresh->hook->name) == 0)
			return l;
	}
	return NULL;
}

void lanes_inherit(struct lanes *fresh, const struct lanes *old)
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
		}
	}
}

void lane_push(struct lane *l, struct target *t)
{
	t->next = NULL;
	if (l->last)
		l->last->next = t;
	else
		l->first = t;
	l->last = t;
}

struct target *lane_pop(struct lane *l)
{
	struct target *t = l->first;

	if (!t)
		return NULL;
	l->first = t->next;
	if (!l->first)
		l->last = NULL;
	t->next = NULL;
	return t;
}

static unsigned host_active(const struct lanes *l, const struct lane *one)
{
	unsigned n = 0;

	for (size_t i = 0; i + 1 < l->count; i++)
		if (strcmp(l->list[i].host, one->host) == 0)
			n += l->list[i].active;
	return n;
}

static unsigned sick_active(const struct lanes *l)
{
	unsigned n = 0;

	for (size_t i = 0; i + 1 < l->count; i++)
		n += l->list[i].fails > 0 ? l->list[i].active : 0;
	return n;
}

static bool may_begin(const struct lanes *l, const struct lane *one, int64_t now_ms,
	unsigned active)
{
	if (!one->first || now_ms < one->hold_ms)
		return false;
	if (!one->hook)
		return one->active < SENDMAIL_MOST;
	if (one->broken)
		return true;
	if (active >= LANE_TRANSFERS || host_active(l, one) >= LANE_HOST)
		return false;
	return one->fails == 0 || (one->active == 0 && sick_active(l) < LANE_SICK);
}

struct lane *lanes_next(struct lanes *l, int64_t now_ms, unsigned active)
{
	for (size_t i = 0; i < l->count; i++) {
		struct lane *one = &l->list[(l->turn + i) % l->count];

		if (!may_begin(l, one, now_ms, active))
			continue;
		l->turn = (l->turn + i + 1) % l->count;
		return one;
	}
	return NULL;
}

int64_t lanes_due(const struct lanes *l, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < l->count; i++)
		if (l->list[i].first && l->list[i].hold_ms > now_ms && l->list[i].hold_ms < due)
			due = l->list[i].hold_ms;
	return due;
}

bool lanes_queued(const struct lanes *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->list[i].first)
			return true;
	return false;
}
