/* Tests of zones: files and TZ strings in, stretches of even local time out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "crond/base/diag.h"
#include "crond/core/calendar.h"
#include "crond/core/zone.h"
#include "tests/unit/tzif.h"

static struct zone *posix_zone(const char *tz)
{
	struct diag d;
	struct zone *z = zone_posix(tz, &d);

	if (!z)
		fail_msg("%s: %s", tz, d.text);
	return z;
}

static struct zone *made_zone(int32_t first, const struct tzif_turn *turns, size_t n,
	const char *footer)
{
	unsigned char bytes[TZIF_ROOM];
	struct diag d;
	struct zone *z = zone_parse(bytes, tzif_make(bytes, first, turns, n, footer), &d);

	if (!z)
		fail_msg("%s: %s", footer, d.text);
	return z;
}

/* --- the C library as the witness, for strings it takes */

static int32_t libc_offset(int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	localtime_r(&t, &tm);
	return (int32_t)tm.tm_gmtoff;
}

static void posix_strings_agree_with_libc(void **state)
{
	static const char *const strings[] = { "UTC0", "EST5EDT,M3.2.0,M11.1.0",
		"CET-1CEST,M3.5.0,M10.5.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
		"NZST-12NZDT,M9.5.0,M4.1.0/3", "IST-1GMT0,M10.5.0,M3.5.0/1",
		"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3",
		"AAA3BBB,J60,J300", "AAA3BBB,59/26,300/1:30:15", "IST-2IDT,M3.4.4/26,M10.5.0" };
	int64_t from = calendar_day(1971, 1, 1) * 86400;
	int64_t to = calendar_day(2500, 1, 1) * 86400;

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct zone *z = posix_zone(strings[i]);

		setenv("TZ", strings[i], 1);
		tzset();
		for (int64_t t = from; t < to; t += 86400 * 9 + 7 * 3600 + 11) {
			if (zone_span(z, t).offset != libc_offset(t))
				fail_msg("%s at %lld: %d", strings[i], (long long)t,
					zone_span(z, t).offset);
		}
		zone_free(z);
	}
}

static void transitions_are_exact(void **state)
{
	struct zone *z = posix_zone("EST5EDT,M3.2.0,M11.1.0");
	struct zone_span s = zone_span(z, 1710053999);

	(void)state;
	assert_int_equal(s.offset, -18000);
	assert_int_equal(s.to, 1710054000); /* 2024-03-10 03:00 EDT */
	s = zone_span(z, 1710054000);
	assert_int_equal(s.offset, -14400);
	assert_int_equal(s.from, 1710054000);
	assert_int_equal(s.to, 1730613600); /* 2024-11-03 01:00 EST */
	zone_free(z);
}

/* Spans follow one another without holes, far beyond the 400 years written out. */
static void spans_join(void **state)
{
	static const int64_t starts[] = { INT64_MIN, -((int64_t)1 << 40), -62135596800, 0,
		13569465600, (int64_t)1 << 45 };
	struct zone *z = posix_zone("CET-1CEST,M3.5.0,M10.5.0/3");

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct zone_span s = zone_span(z, starts[i]);

		for (int k = 0; k < 2000; k++) {
			struct zone_span after = zone_span(z, s.to);

			assert_true(s.from < s.to);
			assert_int_equal(after.from, s.to);
			assert_int_equal(zone_span(z, s.to - 1).from, s.from);
			s = after;
		}
	}
	assert_int_equal(zone_span(z, INT64_MAX).to, INT64_MAX);
	zone_free(z);
}

static void file_then_footer(void **state)
{
	static const struct tzif_turn turns[] = { { -1000, 3600 }, { 5000, 0 }, { 9000, 0 } };
	struct zone *z = made_zone(1172, turns, 3, "<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
	struct zone_span s = zone_span(z, INT64_MIN);

	(void)state;
	assert_int_equal(s.offset, 1172);
	assert_int_equal(s.to, -1000);
	assert_int_equal(zone_span(z, 4999).offset, 3600);
	s = zone_span(z, 9000); /* a turn that changes no offset is none */
	assert_int_equal(s.from, 5000);
	assert_int_equal(s.offset, 0);
	assert_int_equal(zone_span(z, 1711846799).offset, -7200); /* 2024-03-31 01:00 UTC */
	assert_int_equal(zone_span(z, 1711846800).offset, -3600);
	zone_free(z);
}

static void file_without_rules(void **state)
{
	static const struct tzif_turn turns[] = { { 0, 3600 } };
	struct zone *z = made_zone(0, turns, 1, "");
	struct zone_span s = zone_span(z, INT64_MAX);

	(void)state;
	assert_int_equal(s.from, 0);
	assert_int_equal(s.to, INT64_MAX);
	assert_int_equal(s.offset, 3600);
	zone_free(z);
}

static void permanent_daylight_time(void **state)
{
	struct zone *z = posix_zone("XXX3EDT4,0/0,J365/23");

	(void)state;
	for (int64_t t = 0; t < 86400 * 800; t += 3600)
		assert_int_equal(zone_span(z, t).offset, -14400);
	zone_free(z);
}

static void bad_strings(void **state)
{
	static const char *const bad[] = { "", "UTC", "X5", "EST5EDT", "EST5EDT,M3.2.0", "EST25",
		"EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0",
		"EST5EDT,J0,J5", "EST5EDT,366,5", "EST5EDT,M3.2.0,M11.1.0x", "EST5EDT,M3.2.0/168,J5",
		"EST5:60", "<EST5", "Europe/Paris", "EST99999999999999999999" };
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (zone_posix(bad[i], &d))
			fail_msg("\"%s\" was taken", bad[i]);
		assert_non_null(strstr(d.text, "POSIX"));
	}
}

/* A file cut short anywhere is refused. */
static void cut_files(void **state)
{
	static const struct tzif_turn turns[] = { { 0, 3600 }, { 100, 0 } };
	unsigned char bytes[TZIF_ROOM];
	size_t n = tzif_make(bytes, 0, turns, 2, "UTC0");

	(void)state;
	for (size_t i = 0; i < n; i++) {
		unsigned char *copy = malloc(i + 1);

		memcpy(copy, bytes, i);
		assert_null(zone_parse(copy, i, NULL));
		free(copy);
	}
}

static void bad_files(void **state)
{
	static const struct tzif_turn backwards[] = { { 100, 3600 }, { 0, 0 } };
	static const struct tzif_turn far[] = { { 100, 27 * 3600 } };
	unsigned char bytes[TZIF_ROOM];
	struct diag d;
	size_t n = tzif_make(bytes, 0, backwards, 2, "UTC0");

	(void)state;
	assert_null(zone_parse(bytes, n, &d));
	assert_string_equal(d.text, "the time zone file has transitions out of order");
	n = tzif_make(bytes, 0, far, 1, "UTC0");
	assert_null(zone_parse(bytes, n, &d));
	assert_string_equal(d.text, "the time zone file has a bad local time type");
	n = tzif_make(bytes, 0, far, 0, "nonsense");
	assert_null(zone_parse(bytes, n, &d));
	assert_string_equal(d.text, "the time zone file has a bad TZ string in its footer");
	assert_null(zone_parse("# tzdb", 6, &d));
	assert_string_equal(d.text, "not a time zone file (TZif)");
}

static void names(void **state)
{
	static const char *const good[] = { "UTC", "Europe/Amsterdam", "America/Argentina/Buenos_Aires",
		"Etc/GMT+5", "posix/EST5EDT", "A.b" };
	static const char *const bad[] = { "", "/etc/passwd", "..", "../x", "a/../b", "a//b", "a/",
		"./a", ".hidden", "a b", "a\n", "a/.b", "EST5EDT,M3.2.0,M11.1.0" };
	char lengthy[257];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(zone_name_ok(slice_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(zone_name_ok(slice_of(bad[i])));
	assert_false(zone_name_ok((struct slice){ "a\0b", 3 }));
	memset(lengthy, 'a', 256);
	lengthy[256] = '\0';
	assert_false(zone_name_ok(slice_of(lengthy)));
	assert_true(zone_name_ok((struct slice){ lengthy, 255 }));
}

static void calendar_agrees_with_libc(void **state)
{
	(void)state;
	for (int64_t day = -800000; day < 800000; day += 13) {
		time_t t = (time_t)day * 86400;
		struct calendar_date date = calendar_date(day);
		struct tm tm;

		gmtime_r(&t, &tm);
		assert_int_equal(date.year, tm.tm_year + 1900);
		assert_int_equal(date.month, tm.tm_mon + 1);
		assert_int_equal(date.day, tm.tm_mday);
		assert_int_equal(calendar_weekday(day), tm.tm_wday);
		assert_int_equal(calendar_day(date.year, date.month, date.day), day);
	}
}

/* Late by ten minutes: the same instants of change, and what is 3:00 there is 3:10 here. */
static void delayed(void **state)
{
	struct diag d;
	struct zone *z = zone_posix("CET-1CEST,M3.5.0,M10.5.0/3", &d);
	struct zone *late = zone_posix("CET-1CEST,M3.5.0,M10.5.0/3", &d);
	int64_t when = calendar_day(2026, 1, 1) * 86400;

	(void)state;
	zone_delay(late, 600);
	for (int i = 0; i < 4; i++) {
		struct zone_span a = zone_span(z, when), b = zone_span(late, when);

		assert_int_equal(a.from, b.from);
		assert_int_equal(a.to, b.to);
		assert_int_equal(a.offset - 600, b.offset);
		when = a.to;
	}
	assert_true(zone_become(z, late)); /* other rules */
	zone_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posix_strings_agree_with_libc),
		cmocka_unit_test(transitions_are_exact),
		cmocka_unit_test(spans_join),
		cmocka_unit_test(file_then_footer),
		cmocka_unit_test(file_without_rules),
		cmocka_unit_test(permanent_daylight_time),
		cmocka_unit_test(bad_strings),
		cmocka_unit_test(cut_files),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(names),
		cmocka_unit_test(delayed),
		cmocka_unit_test(calendar_agrees_with_libc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
