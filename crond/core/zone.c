/* zone: local time as data.
 * Flow: zone_tzif and zone_posix make one, schedule asks it, tests make one up. */
#include "crond/core/zone.h"

#include <stdlib.h>
#include <string.h>

#include "crond/core/zone_build.h"

/* Beyond this a rule is no longer followed, so that sums stay within 64 bits. */
#define EDGE ((int64_t)1 << 61)

/* --- a zone in the making */

int zone_add(struct zone *z, int64_t at, int32_t offset)
{
	struct zone_transition *t;

	if (z->n && z->t[z->n - 1].offset == offset)
		return 0;
	if (z->n == z->room) {
		t = realloc(z->t, (z->room * 2 + 8) * sizeof(*t));
		if (!t)
			return -1;
		z->t = t;
		z->room = z->room * 2 + 8;
	}
	z->t[z->n++] = (struct zone_transition){ at, offset };
	return 0;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->t);
	free(z);
}

void zone_delay(struct zone *z, int32_t seconds)
{
	for (size_t i = 0; i < z->n; i++)
		z->t[i].offset -= seconds;
}

static bool zone_same(const struct zone *a, const struct zone *b)
{
	if (a->n != b->n || a->cycle != b->cycle || a->endless != b->endless)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (a->t[i].at != b->t[i].at || a->t[i].offset != b->t[i].offset)
			return false;
	}
	return true;
}

bool zone_become(struct zone *z, struct zone *by)
{
	bool other = !zone_same(z, by);
	struct zone before = *z;

	if (other) {
		*z = *by;
		*by = before;
	}
	zone_free(by);
	return other;
}

/* --- asking */

/* The last transition at or before when, at or behind `low`. */
static size_t zone_find(const struct zone *z, size_t low, int64_t when)
{
	size_t high = z->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (z->t[middle].at <= when)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* A stretch of the 400 years, moved to where when is. */
static struct zone_span zone_cycle(const struct zone *z, int64_t when)
{
	int64_t base = z->t[z->cycle].at;
	int64_t shift = calendar_floor(when - base, ZONE_CYCLE) * ZONE_CYCLE;
	size_t i = zone_find(z, z->cycle, when - shift);
	int64_t from = z->t[i].at + shift;
	int64_t to = (i + 1 < z->n ? z->t[i + 1].at : base + ZONE_CYCLE) + shift;

	return (struct zone_span){ from < -EDGE ? -EDGE : from, to > EDGE ? EDGE : to, z->t[i].offset };
}

struct zone_span zone_span(const struct zone *z, int64_t when)
{
	bool cycles = z->cycle < z->n;
	size_t i;

	if (cycles && when >= EDGE)
		return (struct zone_span){ EDGE, INT64_MAX, z->t[z->cycle].offset };
	if (cycles && z->endless && when < -EDGE)
		return (struct zone_span){ INT64_MIN, -EDGE, z->t[z->cycle].offset };
	if (cycles && (z->endless || when >= z->t[z->cycle].at))
		return zone_cycle(z, when);
	i = zone_find(z, 0, when);
	return (struct zone_span){ z->t[i].at, i + 1 < z->n ? z->t[i + 1].at : INT64_MAX,
		z->t[i].offset };
}

static bool name_byte(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c && strchr("+-_.", c);
}

bool zone_name_ok(struct slice name)
{
	size_t start = 0;

	if (name.n == 0 || name.n > 255)
		return false;
	for (size_t i = 0; i <= name.n; i++) {
		char c = i < name.n ? name.s[i] : '/';

		if (c == '/') {
			/* also refuses empty parts, and with them absolute names */
			if (i == start || name.s[start] == '.')
				return false;
			start = i + 1;
		} else if (!name_byte(c)) {
			return false;
		}
	}
	return true;
}
