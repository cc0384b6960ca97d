/* catchup: which of a job's times that nobody could start are made up for?
 * Flow: start asks for each job that missed some. */
#include "crond/core/catchup.h"

#include <string.h>

enum { SPAN_FIRST = 3600, SPAN_GROWS = 4 };

static int64_t window_begin(const struct catchup_case *c)
{
	int64_t window = (int64_t)(c->window_ms / 1000);

	if (!c->window_ms || c->until - window < c->first)
		return c->first;
	return c->until - window;
}

/* The latest `most` from `from` on. */
static void collect(const struct catchup_case *c, int64_t from, size_t most, struct catchup_times *out)
{
	out->count = 0;
	for (int64_t t = from - 1;;) {
		t = schedule_next(c->schedule, c->zone, c->source, t);
		if (t == SCHEDULE_NEVER || t > c->until)
			return;
		if (out->count == most) {
			memmove(out->times, out->times + 1, (most - 1) * sizeof(out->times[0]));
			out->count--;
			out->more = true;
		}
		out->times[out->count++] = t;
	}
}

/* Looked for from the end on, in spans that grow: a job of each second that was away for a
 * year costs no walk through a year. */
void catchup_times(const struct catchup_case *c, struct catchup_times *out)
{
	size_t most = c->catchup == CATCHUP_ALL ? CATCHUP_MOST : 1;
	int64_t begin = window_begin(c), from;

	*out = (struct catchup_times){ .more = begin > c->first };
	if (c->catchup == CATCHUP_NONE || c->first > c->until)
		return;
	for (int64_t span = SPAN_FIRST;; span *= SPAN_GROWS) {
		from = span < c->until - begin ? c->until - span : begin;
		collect(c, from, most, out);
		if (out->count == most || from == begin)
			break;
	}
	out->more |= out->count == 0 || out->times[0] > c->first;
}

uint64_t catchup_count(const struct catchup_case *c)
{
	uint64_t n = 0;

	for (int64_t t = c->first - 1; n <= CATCHUP_COUNTED; n++) {
		t = schedule_next(c->schedule, c->zone, c->source, t);
		if (t == SCHEDULE_NEVER || t > c->until)
			break;
	}
	return n;
}
