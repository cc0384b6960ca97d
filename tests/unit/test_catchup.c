/* What is made up for: rows of a schedule, a stretch of time in which nobody looked, and what
 * is started then. Times are minutes of a made-up week, given as UTC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/core/catchup.h"
#include "crond/core/zone.h"

enum { HOUR = 3600, DAY = 86400 };

/* Monday, 23 March 2026, 00:00 UTC: the Sunday after it Berlin's clocks go forward at 01:00
 * UTC; those of 25 October go back at 01:00 UTC. */
static const int64_t monday = 1774224000, october = 1792886400;
static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3", utc[] = "UTC0";

struct row {
	const char *schedule, *zone;
	enum catchup catchup;
	uint64_t window_s;
	int64_t from, until;  /* the first that was missed is found from here on */
	size_t count;
	int64_t first, last;  /* of the times */
	bool more;
};

static void test_rows(void **state)
{
	const struct row rows[] = {
		/* nothing asked for */
		{ "0 * * * *", utc, CATCHUP_NONE, 0, monday, monday + 5 * HOUR, 0, 0, 0, false },
		/* the latest one; all */
		{ "0 * * * *", utc, CATCHUP_ONE, 0, monday, monday + 5 * HOUR + 59, 1, monday + 5 * HOUR,
			monday + 5 * HOUR, true },
		{ "0 * * * *", utc, CATCHUP_ALL, 0, monday, monday + 5 * HOUR + 59, 6, monday,
			monday + 5 * HOUR, false },
		/* a single one is no more than that */
		{ "30 2 * * *", utc, CATCHUP_ONE, 0, monday, monday + 3 * HOUR, 1, monday + 9000,
			monday + 9000, false },
		/* within the window, its edge counted; none in it */
		{ "0 * * * *", utc, CATCHUP_ALL, 2 * HOUR, monday, monday + 5 * HOUR, 3,
			monday + 3 * HOUR, monday + 5 * HOUR, true },
		{ "30 2 * * *", utc, CATCHUP_ALL, HOUR, monday, monday + 12 * HOUR, 0, 0, 0, true },
		{ "30 2 * * *", utc, CATCHUP_ONE, HOUR, monday, monday + 12 * HOUR, 0, 0, 0, true },
		/* no more than so many, the latest ones; a year of seconds, a year of days */
		{ "* * * * * *", utc, CATCHUP_ALL, 0, monday - 365 * (int64_t)DAY, monday, CATCHUP_MOST,
			monday - CATCHUP_MOST + 1, monday, true },
		{ "0 0 * * *", utc, CATCHUP_ALL, 0, monday - 365 * (int64_t)DAY, monday, CATCHUP_MOST,
			monday - (CATCHUP_MOST - 1) * (int64_t)DAY, monday, true },
		{ "0 0 1 * *", utc, CATCHUP_ONE, 0, monday - 365 * (int64_t)DAY, monday, 1,
			monday - 22 * DAY, monday - 22 * DAY, true },
		/* on a grid */
		{ "@every 90s", utc, CATCHUP_ALL, 0, monday, monday + 360, 5, monday, monday + 360, false },
		/* clocks go forward: 02:30 is no time of that day, and falls on 03:00; hours go on */
		{ "30 2 * * *", berlin, CATCHUP_ALL, 0, monday + 6 * DAY, monday + 6 * DAY + 6 * HOUR, 1,
			monday + 6 * DAY + HOUR, monday + 6 * DAY + HOUR, false },
		{ "0 * * * *", berlin, CATCHUP_ALL, 0, monday + 6 * DAY, monday + 6 * DAY + 3 * HOUR, 4,
			monday + 6 * DAY, monday + 6 * DAY + 3 * HOUR, false },
		/* and back: 02:30 comes twice and is one run, the hours are met twice */
		{ "30 2 * * *", berlin, CATCHUP_ALL, 0, october, october + 6 * HOUR, 1, october + 1800,
			october + 1800, false },
		{ "0 * * * *", berlin, CATCHUP_ALL, 0, october, october + 3 * HOUR, 4, october,
			october + 3 * HOUR, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct zone *z = zone_posix(r->zone, NULL);
		struct arena arena = { 0 };
		struct catchup_times got;
		struct schedule s;

		assert_int_equal(schedule_parse(&s, slice_of(r->schedule), GRAMMAR_EXTENDED, 0, &arena, NULL), 0);
		catchup_times(&(struct catchup_case){ .schedule = &s, .zone = z, .source = STEP_TASK,
			.catchup = r->catchup, .window_ms = r->window_s * 1000,
			.first = schedule_next(&s, z, STEP_TASK, r->from - 1), .until = r->until }, &got);
		if (got.count != r->count || (r->catchup != CATCHUP_NONE && got.more != r->more) ||
			(got.count && (got.times[0] != r->first || got.times[got.count - 1] != r->last)))
			fail_msg("row %zu: %zu times, %lld to %lld%s", i, got.count, (long long)got.times[0],
				(long long)got.times[got.count ? got.count - 1 : 0], got.more ? ", more" : "");
		for (size_t k = 1; k < got.count; k++)
			assert_true(got.times[k] > got.times[k - 1]);
		zone_free(z);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
