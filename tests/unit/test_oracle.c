/* test_oracle: thousands of random expressions in random zones, against an oracle that looks at each
 * second (oracle.h): what is refused, what the fields mean, and when they start something over years.
 * A failure names its seed: CRONWARD_SEED=N tries that alone, CRONWARD_SEEDS=N so many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/core/zone.h"
#include "tests/unit/made.h"
#include "tests/unit/oracle.h"
#include "tests/unit/places.h"
#include "tests/unit/seeds.h"
#include "tests/unit/tzif.h"

enum { HOUR = 3600, DAY = 86400 };

/* --- what is refused, and what is meant */

static void read_one(uint64_t seed)
{
	struct dice d = { seed };
	enum grammar grammar = (enum grammar)dice_roll(&d, GRAMMARS);
	static struct oracle_when meant, parsed;
	struct arena arena = { 0 };
	char text[MADE_ROOM];
	enum oracle_verdict verdict;
	struct schedule s;
	int taken;

	made_expression(&d, grammar, MADE_ANY, text);
	if (dice_chance(&d, 40))
		made_spoiled(&d, text);
	verdict = oracle_read(&meant, text, strlen(text), grammar);
	taken = schedule_parse(&s, slice_of(text), grammar, 0, &arena, NULL);
	if (verdict != ORACLE_UNSURE && (taken == 0) != (verdict == ORACLE_TAKEN))
		fail_msg("seed %llu: \"%s\" is %s in grammar %d", (unsigned long long)seed, text,
			taken ? "refused" : "taken", grammar);
	if (verdict == ORACLE_TAKEN) {
		oracle_bits(&parsed, &s);
		if (!oracle_same(&meant, &parsed))
			fail_msg("seed %llu: \"%s\" is taken for something else in grammar %d",
				(unsigned long long)seed, text, grammar);
	}
	arena_free(&arena);
}

static void test_read(void **state)
{
	(void)state;
	seeds_run(read_one, 10000);
}

/* --- when it starts */

static void differ(uint64_t seed, const char *text, const char *tz, int64_t after, int64_t next, int64_t wanted)
{
	fail_msg("seed %llu: \"%s\" in %s starts after %lld at %lld, not %lld", (unsigned long long)seed, text, tz,
		(long long)after, (long long)next, (long long)wanted);
}

/* All starts of a stretch, so many at most. */
static void compare(uint64_t seed, const char *text, const char *tz, const struct schedule *s,
	const struct zone *z, const struct oracle_zone *oz, int64_t from, int64_t to, int most)
{
	static struct oracle_when w;
	enum step_source source = seed & 1 ? STEP_TASK : STEP_CRONTAB;
	int64_t t = from, wanted;

	oracle_bits(&w, s);
	for (int n = 0; n < most && t < to; n++, t = wanted) {
		int64_t next = schedule_next(s, z, source, t);

		wanted = oracle_next(&w, oz, t, to);
		if (next != wanted && (wanted != ORACLE_NEVER || next <= to))
			differ(seed, text, tz, t, next, wanted);
	}
}

static void place_one(uint64_t seed)
{
	struct dice d = { seed };
	struct place *p = place_get(dice_roll(&d, PLACES));
	enum made_kind kind = (enum made_kind)dice_roll(&d, 3);
	struct arena arena = { 0 };
	char text[MADE_ROOM];
	struct schedule s;
	int64_t from;

	place_schedule(&d, &s, kind, text, &arena);
	from = place_moment(&d, p);
	compare(seed, text, p->tz, &s, p->z, &p->oz, from, from + (kind == MADE_OFTEN ? 4 : 1800) * DAY, 60);
	arena_free(&arena);
}

static void test_places(void **state)
{
	(void)state;
	seeds_run(place_one, 2000);
}

/* Turns at random, as no country has them. */
static void made_up_one(uint64_t seed)
{
	struct dice d = { seed };
	struct tzif_turn turns[6];
	struct oracle_turn same[6];
	unsigned char bytes[TZIF_ROOM];
	int64_t base = dice_between(&d, -3 * (INT64_C(1) << 31), 3 * (INT64_C(1) << 31)), at = base;
	int32_t first = (int32_t)dice_between(&d, -50400, 50400);
	size_t n = dice_roll(&d, 7);
	static struct oracle_zone oz;
	struct arena arena = { 0 };
	char text[MADE_ROOM];
	struct schedule s;
	struct zone *z;

	for (size_t i = 0; i < n; i++) {
		static const int32_t by[] = { 60, 240, 299, 300, 301, 1800, 3600, 7200, 10799, 10800, 10801, 86400 };
		int32_t step = by[dice_roll(&d, sizeof(by) / sizeof(by[0]))];
		int32_t before = i ? turns[i - 1].offset : first;

		at += dice_between(&d, 1, dice_chance(&d, 30) ? HOUR : 30 * HOUR);
		turns[i].at = same[i].at = at;
		turns[i].offset = before + (before > 0 ? -step : step) * (dice_chance(&d, 20) ? -1 : 1);
		if (turns[i].offset > 90000 || turns[i].offset < -90000)
			turns[i].offset = 0;
		same[i].offset = turns[i].offset;
	}
	z = zone_parse(bytes, tzif_make(bytes, first, turns, n, ""), NULL);
	assert_non_null(z);
	oracle_zone_turns(&oz, first, same, n);
	place_schedule(&d, &s, dice_chance(&d, 80) ? MADE_OFTEN : MADE_ANY, text, &arena);
	compare(seed, text, "a zone made up", &s, z, &oz, base - HOUR, base + 5 * DAY, 100);
	zone_free(z);
	arena_free(&arena);
}

static void test_made_up(void **state)
{
	(void)state;
	seeds_run(made_up_one, 3000);
}

/* The oracle itself: what it passes over has nothing in it. */
static void scan_one(uint64_t seed)
{
	struct dice d = { seed };
	struct place *p = place_get(dice_roll(&d, PLACES));
	static struct oracle_when w;
	struct arena arena = { 0 };
	char text[MADE_ROOM];
	struct schedule s;
	int64_t from, next;

	place_schedule(&d, &s, MADE_OFTEN, text, &arena);
	oracle_bits(&w, &s);
	from = place_moment(&d, p);
	next = oracle_next(&w, &p->oz, from, from + DAY);
	for (int64_t t = from + 1; t <= from + DAY && t <= next; t++) {
		if (oracle_starts(&w, &p->oz, t) != (t == next))
			fail_msg("seed %llu: \"%s\" at %lld", (unsigned long long)seed, text, (long long)t);
	}
	arena_free(&arena);
}

static void test_scan(void **state)
{
	(void)state;
	seeds_run(scan_one, 30);
}

static int done(void **state)
{
	(void)state;
	places_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read), cmocka_unit_test(test_places), cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_scan),
	};

	return cmocka_run_group_tests(tests, NULL, done);
}
