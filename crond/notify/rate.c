/* rate: how often a receiver may be told something.
 * Flow: a lane asks before each delivery, and hears when it may go on. Knows no clock. */
#include "config.h"

#include "crond/notify/rate.h"

static int64_t at_once(const struct rate_limit *l)
{
	return l->count > 1 ? l->count / 2 : 1;
}

/* From one to the next: those that went at once and one each interval are `count` at most. */
static int64_t interval(const struct rate_limit *l)
{
	return (int64_t)(l->ms / (l->count - at_once(l) + 1)) + 1;
}

uint32_t rate_free(const struct rate *r, const struct rate_limit *l, int64_t now_ms)
{
	int64_t step, taken;

	if (l->count == 0)
		return UINT32_MAX;
	if (r->full_ms <= now_ms)
		return (uint32_t)at_once(l);
	step = interval(l);
	taken = (r->full_ms - now_ms + step - 1) / step;
	return taken < at_once(l) ? (uint32_t)(at_once(l) - taken) : 0;
}

void rate_take(struct rate *r, const struct rate_limit *l, int64_t now_ms)
{
	if (l->count == 0)
		return;
	if (r->full_ms < now_ms)
		r->full_ms = now_ms;
	r->full_ms += interval(l);
}

int64_t rate_due(const struct rate *r, const struct rate_limit *l, int64_t now_ms)
{
	if (l->count == 0)
		return now_ms;
	return r->full_ms - (at_once(l) - 1) * interval(l);
}
