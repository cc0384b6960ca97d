/* test_when: moments on a command line, by a clock that stands still. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "crontab-tool/when.h"

enum { NOW = 1763726400, DAY = 86400 }; /* Fri 2025-11-21 13:00:00 in Berlin */

static void taken(void **state)
{
	static const struct {
		const char *text;
		int64_t at;
	} good[] = {
		{ "now", NOW },
		{ "2h", NOW - 7200 },
		{ "1h30m", NOW - 5400 },
		{ "7d", NOW - 7 * DAY },
		{ "500ms", NOW - 1 },
		{ "1763668800", 1763668800 },
		{ "@90", 90 },
		{ "0", 0 },
		{ "today", NOW - 13 * 3600 },
		{ "yesterday", NOW - 37 * 3600 },
		{ "14:00", NOW + 3600 },
		{ "9:05:07", NOW - 4 * 3600 + 307 },
		{ "2025-11-20", NOW - 37 * 3600 },
		{ "2025-11-20 14:00", NOW - 23 * 3600 },
		{ "2025-11-20T14:00:05", NOW - 23 * 3600 + 5 },
		{ "2025-11-20T14:00:05Z", NOW - 22 * 3600 + 5 },
		{ "2025-07-01 12:00", 1751364000 }, /* in summer's time */
	};
	int64_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (when_parse(good[i].text, NOW, &at) < 0 || at != good[i].at)
			fail_msg("%s: %lld, not %lld", good[i].text, (long long)at, (long long)good[i].at);
	}
	/* in a gap: which side of it is the C library's choice */
	assert_int_equal(when_parse("2025-03-30 02:30", NOW, &at), 0);
	assert_true(at == 1743298200 || at == 1743298200 - 3600);
}

static void refused(void **state)
{
	static const char *const bad[] = { "", " ", "2x", "h", "-1", "@", "@x", "99999999999999999999", "tomorrow",
		"25:00", "12:60", "12:", "12:00:", "12:00 ", "2025-13-01", "2025-02-30", "2025-06-31",
		"2025-11-20 ", "2025-11-20 x", "2025-11-20T", "2025-11-20 14:00x", "2025-11-20Z", "2025-1",
		"2025-11-20T14:00:05ZZ", "12:00:99", "12:-5", "12:+5", "12: 5", " 12:05", "12:00:-1", "12:00: 1",
		"2025-11-+5", "2025- 1- 2", "-025-11-20", "+202-11-20", "2025-11-20T 4:00", "20251-11-20",
		"2025-111-2", "12:005", "112:00" };
	int64_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (when_parse(bad[i], NOW, &at) == 0)
			fail_msg("taken: \"%s\" as %lld", bad[i], (long long)at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
