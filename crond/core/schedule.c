/* schedule: when, as bitmaps.
 * Flow: what schedule_parse made is compared, hashed and copied here, so that equal
 * ones are shared. */
#include "crond/core/schedule.h"

#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/text.h"
#include "crond/core/schedule_extra.h"

_Static_assert(sizeof(struct schedule) <= 40, "a million lines have one each");

bool schedule_wildcard(const struct schedule *s)
{
	return s->flags & (SCHEDULE_MINUTE_STAR | SCHEDULE_HOUR_STAR);
}

static bool extra_equal(const struct schedule_extra *a, const struct schedule_extra *b)
{
	if (!a || !b)
		return a == b;
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool schedule_equal(const struct schedule *a, const struct schedule *b)
{
	return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
		a->dom == b->dom && a->month == b->month && a->dow == b->dow &&
		a->flags == b->flags && a->every == b->every && extra_equal(a->extra, b->extra);
}

uint64_t schedule_hash(const struct schedule *s)
{
	uint64_t words[] = {
		s->second,
		s->minute,
		(uint64_t)s->hour << 32 | s->dom,
		(uint64_t)s->month << 16 | (uint64_t)s->dow << 8 | s->flags,
		s->every,
	};
	uint64_t h = s->extra ? text_hash(0, s->extra, sizeof(*s->extra)) : 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	return h;
}

int schedule_copy(struct schedule *out, const struct schedule *s, struct arena *arena)
{
	struct schedule_extra *x;

	*out = *s;
	if (!s->extra)
		return 0;
	x = arena_alloc(arena, sizeof(*x));
	if (!x)
		return -1;
	*x = *s->extra;
	out->extra = x;
	return 0;
}
