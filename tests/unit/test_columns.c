/* test_columns: cronctl list by a clock that stands still. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crontab-tool/columns.h"

enum { NOW = 1763726400 }; /* Fri 2025-11-21 12:00:00 UTC */

static const struct columns_row never = { .job = "idle", .state = "ready", .schedule = "@reboot",
	.next = INT64_MIN, .last = INT64_MIN, .took_ms = -1 };

static const char *listed(const struct columns_row *rows, size_t n, size_t width, bool colour)
{
	static struct buf b;
	struct columns c;

	columns_begin_at(&c, NOW, width, colour, "+");
	buf_clear(&b);
	columns_fit(&c, rows, n);
	columns_head(&c, &b);
	for (size_t i = 0; i < n; i++)
		columns_put(&c, &rows[i], &b);
	return buf_text(&b);
}

static void plain(void **state)
{
	struct columns_row rows[] = {
		{ "gold", "running", "*/20 * * * * *", NULL, NOW + 20, NOW - 5, 5000, 0 },
		{ "backup", "ready", "0 30 2 * * *", "exit 3", NOW + 52200, NOW - 34200, 4200123, 12 },
		never,
	};

	(void)state;
	assert_string_equal(listed(rows, 3, 80, false),
	        "JOB    STATE   SCHEDULE           NEXT  IN     LAST RESULT  TOOK FAILS\n"
	        "gold   running */20 * * * * * 12:00:20 20s 11:59:55 -       5.0s     0\n"
	        "backup ready   0 30 2 * * *      02:30 14h    02:30 exit 3 1h10m    12\n"
	        "idle   ready   @reboot               -   -        - -          -     0\n");
	assert_string_equal(listed(NULL, 0, 80, false), "JOB STATE SCHEDULE NEXT IN LAST RESULT TOOK FAILS\n");
}

static size_t longest(const char *text)
{
	size_t most = 0;

	for (; *text; text += strcspn(text, "\n") + 1) {
		size_t n = 0;

		for (const char *p = text; *p != '\n'; p++)
			n += (*p & 0xc0) != 0x80; /* of UTF-8, characters */
		most = n > most ? n : most;
	}
	return most;
}

/* The widest of everything still fits. */
static void fits(void **state)
{
	const char name[] = "0123456789012345678901234567890123456789012345678901234567890123"
	                    "-0123456789abcdef";
	struct columns_row rows[] = {
		{ name, "elsewhere", "*/5,1,2,3,4 0-23/2 1-31 jan-dec mon-sun", "exit 127", NOW + 86399,
		        NOW - 86399, 599000, 1234567 },
		{ "a", "ready", "* * * * *", "watchdog", NOW + 40LL * 365 * 86400, 0, 999, 1 },
	};
	const char *text = listed(rows, 2, 80, false);

	(void)state;
	assert_int_equal(longest(text), 80);
	assert_non_null(strstr(text, "\n012345678"));
	assert_non_null(strstr(text, "9999+\n"));
	assert_null(strstr(text, name));
	text = listed(rows, 2, 0, false);
	assert_non_null(strstr(text, name));
	assert_non_null(strstr(text, "1-31 jan-dec mon-sun"));
	assert_int_equal(longest(listed(rows, 2, 100, false)), 100);
}

static void utf8(void **state)
{
	struct columns_row row = never;
	const char *text;

	(void)state;
	row.schedule = "daemon: \xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f 7 of 9 parts are done, the rest will follow";
	text = listed(&row, 1, 60, false);
	assert_int_equal(longest(text), 60);
	assert_non_null(strstr(text, "daemon: \xc3\xa4\xc3\xb6"));
	row.schedule = "daemon: \xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97 wide"; /* two columns each */
	text = listed(&row, 1, 0, false);
	assert_int_equal(strlen(strchr(text, '\n') + 1) - 1 - 8, strcspn(text, "\n") - 4);
}

static void colours(void **state)
{
	struct columns_row row = never;
	const char *text;

	(void)state;
	assert_null(strchr(listed(&row, 1, 80, false), '\033'));
	row.state = "failed";
	row.result = "timeout";
	row.fails = 2;
	text = listed(&row, 1, 80, true);
	assert_non_null(strstr(text, "\033[31mfailed\033[0m"));
	assert_non_null(strstr(text, "\033[31mtimeout\033[0m"));
	assert_non_null(strstr(text, "\033[31m2\033[0m\n"));
}

static const char *span(int64_t s)
{
	static char text[32];

	columns_span(s, text, sizeof(text));
	return text;
}

static const char *took(int64_t ms)
{
	static char text[32];

	columns_took(ms, text, sizeof(text));
	return text;
}

static const char *at(int64_t t)
{
	static char text[32];

	columns_time(t, NOW, text, sizeof(text));
	return text;
}

static void times(void **state)
{
	(void)state;
	assert_string_equal(span(-5), "0s");
	assert_string_equal(span(99), "99s");
	assert_string_equal(span(100), "1m");
	assert_string_equal(span(5999), "99m");
	assert_string_equal(span(6000), "1h");
	assert_string_equal(span(48 * 3600), "2d");
	assert_string_equal(span(1000LL * 86400), "2y");
	assert_string_equal(took(0), "0ms");
	assert_string_equal(took(999), "999ms");
	assert_string_equal(took(9999), "9.9s");
	assert_string_equal(took(59999), "59s");
	assert_string_equal(took(60000), "1m00s");
	assert_string_equal(took(599000), "9m59s");
	assert_string_equal(took(600000), "10m");
	assert_string_equal(took(3600000), "1h00m");
	assert_string_equal(took(35999000), "9h59m");
	assert_string_equal(took(36000000), "10h");
	assert_string_equal(at(NOW), "12:00");
	assert_string_equal(at(NOW + 86399), "11:59:59");
	assert_string_equal(at(NOW + 86400), "Nov 22");
	assert_string_equal(at(NOW - 86400), "Nov 20");
	assert_string_equal(at(NOW - 20 * 86400), "Nov  1");
	assert_string_equal(at(0), "1970-01");
	assert_string_equal(at(INT64_MAX), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain), cmocka_unit_test(fits), cmocka_unit_test(utf8),
		cmocka_unit_test(colours), cmocka_unit_test(times),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
