/* test_oracle: thousands of random expressions in random zones, against an oracle that looks at each
 * second (oracle.h): what is refused, what the fields mean, and when they start something over years.
 * A failure names its seed: CRONWARD_SEED=N tries that alone, CRONWARD_SEEDS=N so many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crond/core/zone.h"
#include "tests/unit/made.h"
#include "tests/unit/oracle.h"
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

/* Each as a file has it and as the C library does. */
static struct place {
	const char *tz;
	struct zone *z;
	struct oracle_zone oz;
} places[] = {
	{ .tz = "America/New_York" }, { .tz = "Europe/Berlin" },
	{ .tz = "Australia/Lord_Howe" },  /* half an hour */
	{ .tz = "Atlantic/Azores" },      /* turns at midnight */
	{ .tz = "Pacific/Chatham" },      /* 12:45 */
	{ .tz = "Pacific/Apia" },         /* left a day out */
	{ .tz = "Antarctica/Troll" },     /* two hours */
	{ .tz = "Europe/Dublin" },        /* winter is what is saved */
	{ .tz = "Africa/Casablanca" },    /* back for Ramadan */
	{ .tz = "America/Sao_Paulo" }, { .tz = "Asia/Kathmandu" }, { .tz = "Africa/Monrovia" },
	{ .tz = "America/St_Johns" },     /* turns at a minute past midnight */
	{ .tz = "Antarctica/Casey" },     /* by three hours */
	{ .tz = "UTC0" }, { .tz = "EST5EDT,M3.2.0,M11.1.0" }, { .tz = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0" },
	{ .tz = "IST-1GMT0,M10.5.0,M3.5.0/1" }, { .tz = "<-01>1<+00>,M3.5.0/0,M10.5.0/1" },
	{ .tz = "AAA3BBB,J60/0,J300/3:30" }, { .tz = "AAA-3:20BBB-4:59:30,59/23:30,300/-2:15:10" },
};

enum { PLACES = sizeof(places) / sizeof(places[0]) };

static const int64_t place_from = 0, place_to = 3471292800; /* 1970 to 2080 */

static struct zone *zone_named(const char *name)
{
	struct buf b = { 0 };
	struct zone *z;
	char path[128];
	int fd;

	if (!strchr(name, '/') || strchr(name, ','))
		return zone_posix(name, NULL);
	snprintf(path, sizeof(path), "%s/%s", ZONEINFODIR, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_read(fd, 1 << 20, &b) < 0)
		fail_msg("%s cannot be read", path);
	close(fd);
	z = zone_parse(b.data, b.len, NULL);
	buf_free(&b);
	return z;
}

static struct place *place_get(uint32_t n)
{
	struct place *p = &places[n];

	if (!p->z) {
		p->z = zone_named(p->tz);
		assert_non_null(p->z);
		oracle_zone_library(&p->oz, p->tz, place_from, place_to);
		assert_true(p->oz.n < ORACLE_TURNS);
	}
	return p;
}

/* Most of them about a turn. */
static int64_t moment(struct dice *d, const struct oracle_zone *oz)
{
	int64_t latest = place_to - 2000 * DAY, at = latest;

	if (oz->n && dice_chance(d, 70))
		at = oz->turns[dice_roll(d, (uint32_t)oz->n)].at - dice_between(d, -2 * HOUR, 2 * DAY);
	return at < latest ? at : dice_between(d, place_from + 400 * DAY, latest);
}

static void schedule_made(struct dice *d, struct schedule *s, enum made_kind kind, char text[MADE_ROOM],
	struct arena *arena)
{
	enum grammar grammar = dice_chance(d, 70) ? GRAMMAR_EXTENDED : (enum grammar)dice_roll(d, GRAMMARS);

	do
		made_expression(d, grammar, kind, text);
	while (schedule_parse(s, slice_of(text), grammar, 0, arena, NULL) < 0);
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

	schedule_made(&d, &s, kind, text, &arena);
	from = moment(&d, &p->oz);
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
	schedule_made(&d, &s, dice_chance(&d, 80) ? MADE_OFTEN : MADE_ANY, text, &arena);
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

	schedule_made(&d, &s, MADE_OFTEN, text, &arena);
	oracle_bits(&w, &s);
	from = moment(&d, &p->oz);
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

static int places_close(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES; i++)
		zone_free(places[i].z);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read), cmocka_unit_test(test_places), cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_scan),
	};

	return cmocka_run_group_tests(tests, NULL, places_close);
}
