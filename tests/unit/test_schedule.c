/* Tests of schedules: what fields mean in each grammar, and when they are due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/calendar.h"
#include "crond/core/schedule.h"
#include "crond/core/zone.h"

static struct arena arena;

static int drop_arena(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* --- fields, told as text: "m=0,20 h=* d=* mo=* w=1,2,3 HDW" */

static void tell_bits(struct buf *out, const char *name, uint64_t bits, uint64_t all)
{
	const char *before = "";

	buf_puts(out, name);
	if (bits == all)
		buf_putc(out, '*');
	else if (!bits)
		buf_puts(out, "none");
	for (int i = 0; bits != all && i < 64; i++) {
		if (!(bits >> i & 1))
			continue;
		buf_printf(out, "%s%d", before, i);
		before = ",";
	}
}

static const char *tell(const struct schedule *s, struct buf *out)
{
	static const char letters[] = "MHDWREs";

	if (s->second != 1)
		tell_bits(out, "s=", s->second, (UINT64_C(1) << 60) - 1);
	tell_bits(out, s->second != 1 ? " m=" : "m=", s->minute, (UINT64_C(1) << 60) - 1);
	tell_bits(out, " h=", s->hour, 0xffffff);
	tell_bits(out, " d=", s->dom, 0xfffffffe);
	tell_bits(out, " mo=", s->month, 0x1ffe);
	tell_bits(out, " w=", s->dow, 0x7f);
	buf_putc(out, ' ');
	for (int i = 0; i < 7; i++) {
		if (s->flags >> i & 1)
			buf_putc(out, letters[i]);
	}
	return buf_text(out);
}

/* What an expression comes to, or its error with its column. */
static void expect(enum grammar grammar, const char *text, const char *wanted)
{
	struct buf out = { 0 };
	struct schedule s;
	struct diag d;

	if (schedule_parse(&s, slice_of(text), grammar, 1, &arena, &d) < 0)
		buf_printf(&out, "%u: %s", d.column, d.text);
	else
		tell(&s, &out);
	if (strcmp(buf_text(&out), wanted) != 0)
		fail_msg("\"%s\": \"%s\", not \"%s\"", text, buf_text(&out), wanted);
	buf_free(&out);
}

struct expected {
	const char *text, *debian, *cronie;
};

static void classic_fields(void **state)
{
	static const struct expected cases[] = {
		{ "0 0 * * fri-sun", "m=0 h=0 d=* mo=* w=none D", "m=0 h=0 d=* mo=* w=0,5,6 D" },
		{ "0 0 * * 5-7", "m=0 h=0 d=* mo=* w=0,5,6 D", "m=0 h=0 d=* mo=* w=0,5,6 D" },
		{ "0 0 * * 5-0", "m=0 h=0 d=* mo=* w=none D", "m=0 h=0 d=* mo=* w=0,5,6 D" },
		{ "0 0 * * 5-0/2", "m=0 h=0 d=* mo=* w=none D", "m=0 h=0 d=* mo=* w=none D" },
		{ "0 0 * * 6-1", "m=0 h=0 d=* mo=* w=none D", "m=0 h=0 d=* mo=* w=none D" },
		{ "0 5-0 * * *", "m=0 h=none d=* mo=* w=* DW", "m=0 h=none d=* mo=* w=* DW" },
		{ "0 22-2 * * *", "m=0 h=none d=* mo=* w=* DW", "m=0 h=none d=* mo=* w=* DW" },
		{ "0 0 * * SUN", "m=0 h=0 d=* mo=* w=0 D", "m=0 h=0 d=* mo=* w=0 D" },
		{ "0 0 * * Sunday", "9: bad day-of-week", "9: bad day-of-week" },
		{ "*/0 * * * *", "1: bad minute", "1: bad minute" },
		{ "*/70 * * * *", "m=0 h=* d=* mo=* w=* MHDW", "m=0 h=* d=* mo=* w=* MHDW" },
		{ "5/20 * * * *", "1: bad minute", "1: bad minute" },
		{ "0-59/20,7 * * * *", "m=0,7,20,40 h=* d=* mo=* w=* HDW",
			"m=0,7,20,40 h=* d=* mo=* w=* HDW" },
		{ "* * 0 * *", "5: bad day-of-month", "5: bad day-of-month" },
		{ "0 0 */9 * 1", "m=0 h=0 d=1,10,19,28 mo=* w=1 D", "m=0 h=0 d=1,10,19,28 mo=* w=1 D" },
		{ "0 0 1,* * 1", "m=0 h=0 d=* mo=* w=1 ", "m=0 h=0 d=* mo=* w=1 " },
		{ "0 0 * jan,mar-MAY *", "m=0 h=0 d=* mo=1,3,4,5 w=* DW",
			"m=0 h=0 d=* mo=1,3,4,5 w=* DW" },
		{ "05 08 * * *", "m=5 h=8 d=* mo=* w=* DW", "m=5 h=8 d=* mo=* w=* DW" },
		{ "1,,2 * * * *", "3: bad minute", "3: bad minute" },
		{ "1, * * * *", "3: bad minute", "3: bad minute" },
		{ "60 * * * *", "1: bad minute", "1: bad minute" },
		{ "99999999999 * * * *", "1: bad minute", "1: bad minute" },
		{ "? * * * *", "1: bad minute", "1: bad minute" },
		{ "* * L * *", "5: bad day-of-month", "5: bad day-of-month" },
		{ "* * * *", "8: bad day-of-week", "8: bad day-of-week" },
		{ "", "1: bad minute", "1: bad minute" },
		{ "0 0 * * * 5", "11: too many fields: 5 are known", "11: too many fields: 5 are known" },
		{ "@daily", "m=0 h=0 d=* mo=* w=* ", "m=0 h=0 d=* mo=* w=* " },
		{ "@midnight", "m=0 h=0 d=* mo=* w=* ", "m=0 h=0 d=* mo=* w=* " },
		{ "@hourly", "m=0 h=* d=* mo=* w=* H", "m=0 h=* d=* mo=* w=* H" },
		{ "@weekly", "m=0 h=0 d=* mo=* w=0 D", "m=0 h=0 d=* mo=* w=0 D" },
		{ "@monthly", "m=0 h=0 d=1 mo=* w=* W", "m=0 h=0 d=1 mo=* w=* W" },
		{ "@yearly", "m=0 h=0 d=1 mo=1 w=* W", "m=0 h=0 d=1 mo=1 w=* W" },
		{ "@annually", "m=0 h=0 d=1 mo=1 w=* W", "m=0 h=0 d=1 mo=1 w=* W" },
		{ "@Daily", "1: bad time specifier", "1: bad time specifier" },
		{ "@every 90s", "1: bad time specifier", "1: bad time specifier" },
		{ "~ * * * *", "1: bad minute", "m=3 h=* d=* mo=* w=* HDW" },
		{ "5~3 * * * *", "m=5 h=* d=* mo=* w=* HDW", "1: bad minute" },
		{ "5~70 * * * *", "m=5 h=* d=* mo=* w=* HDW", "1: bad minute" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect(GRAMMAR_DEBIAN, cases[i].text, cases[i].debian);
		expect(GRAMMAR_CRONIE, cases[i].text, cases[i].cronie);
	}
}

/* Debian's daemon overlooks junk, and says nothing; here a warning stands beside it. */
static void junk_is_warned_about(void **state)
{
	static const struct {
		const char *text, *warning, *as;
	} cases[] = {
		{ "*foo * * * *", "bad minute: \"foo\" is left over, and Debian's cron ignores it", "* * * * *" },
		{ "*1 * * * *", "bad minute: \"1\" is left over, and Debian's cron ignores it", "* * * * *" },
		{ "* 0.5 * * *", "bad hour: \".5\" is left over, and Debian's cron ignores it", "* 0 * * *" },
		{ "* * 5* * *", "bad day-of-month: \"*\" is left over, and Debian's cron ignores it", "* * 5 * *" },
		{ "1-5-7 * * * *", "bad minute: \"-7\" is left over, and Debian's cron ignores it",
			"1-5 * * * *" },
		{ "6#3,9 * * * *", "bad minute: \"#3,9\" is left over, and Debian's cron ignores it",
			"6 * * * *" },
		{ "0~30 * * * *", "bad minute: \"~30\" is left over, and Debian's cron ignores it", "0 * * * *" },
		{ "* * * * 1#2", "bad day-of-week: \"#2\" is left over, and Debian's cron ignores it",
			"* * * * 1" },
		{ "1-9/2/3 * * * *", "bad minute: \"/3\" is left over, and Debian's cron ignores it",
			"1-9/2 * * * *" },
	};
	struct schedule s, as;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice text = slice_of(cases[i].text);

		assert_int_equal(schedule_parse(&s, text, GRAMMAR_DEBIAN, 0, &arena, &d), 0);
		assert_int_equal(d.level, DIAG_WARNING);
		assert_string_equal(d.text, cases[i].warning);
		assert_int_equal(schedule_parse(&as, slice_of(cases[i].as), GRAMMAR_DEBIAN, 0, &arena, &d),
			0);
		assert_string_equal(d.text, "");
		assert_true(schedule_equal(&s, &as));
		assert_int_equal(schedule_parse(&s, text, GRAMMAR_CRONIE, 0, &arena, &d),
			strchr(text.s, '~') ? 0 : -1);
	}
}

static void extended_fields(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "50-10/10 22-2 * nov-feb fri-mon",
			"m=0,10,50 h=0,1,2,22,23 d=* mo=1,2,11,12 w=0,1,5,6 D" },
		{ "5/20 7/6 28/1 11/1 5/1", "m=5,25,45 h=7,13,19 d=28,29,30,31 mo=11,12 w=5,6 " },
		{ "0 0 * January,MAR Sunday,tue", "m=0 h=0 d=* mo=1,3 w=0,2 D" },
		{ "0 0 ? * 0-7", "m=0 h=0 d=* mo=* w=* D" },
		{ "0 0 1 * ?", "m=0 h=0 d=1 mo=* w=* W" },
		{ "*/20 * * * * *", "s=0,20,40 m=* h=* d=* mo=* w=* MHDWs" },
		{ "0 0 * * 7/2", "m=0 h=0 d=* mo=* w=0,2,4,6 D" },
		{ "0 0 * * sat-sun", "m=0 h=0 d=* mo=* w=0,6 D" },
		{ "0 0 * * 7-2", "m=0 h=0 d=* mo=* w=0,1,2 D" },
		{ "61 * * * *", "1: bad minute: \"61\": out of range" },
		{ "1,2,x 0 * * *", "5: bad minute: \"x\": not a number or name that is known here" },
		{ "? * * * *", "1: bad minute: \"?\": a value is missing" },
		{ "0 0 1 * 5#6", "9: bad day-of-week: \"5#6\": # takes 1 to 5" },
		{ "0 0 * * L", "9: bad day-of-week: \"L\": not a number or name that is known here" },
		{ "0 0 L-31 * *", "5: bad day-of-month: \"L-31\": L- takes 0 to 30 days" },
		{ "0 0 1-5W * *", "5: bad day-of-month: \"1-5W\": something is left over" },
		{ "0 0 0W * *", "5: bad day-of-month: \"0W\": out of range" },
		{ "0 0 * *", "8: bad day-of-week: the field is missing" },
		{ "*/0 * * * *", "1: bad minute: \"*/0\": the step is 0" },
		{ "0 0 0 1 1 * 1969", "13: bad year: \"1969\": out of range" },
		{ "0 0 0 1 1 * 2030-2029", "13: bad year: \"2030-2029\": the range runs backwards" },
		{ "0 0 0 1 1 * 2030 x", "18: too many fields: 5 to 7 are known" },
		{ "30~10 * * * *", "1: bad minute: \"30~10\": a random range must lie within the field's" },
		{ "@fortnightly", "1: bad time specifier: \"@fortnightly\" is not known" },
		{ "@every", "7: bad time specifier: @every takes a duration (90s, 5m, 1h30m)" },
		{ "@every 500ms", "8: bad time specifier: @every takes whole seconds, at least 1" },
		{ "@every 0s", "8: bad time specifier: @every takes whole seconds, at least 1" },
		{ "@daily x", "8: too many fields: 5 to 7 are known" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(GRAMMAR_EXTENDED, cases[i].text, cases[i].wanted);
}

static void lines(void **state)
{
	struct schedule s;
	struct diag d;
	size_t used;

	(void)state;
	assert_int_equal(schedule_parse_line(&s, slice_of(" */5\t* * * 1-5 \tcmd * x"), GRAMMAR_DEBIAN,
		false, 0, &arena, &used, &d), 0);
	assert_int_equal(used, 16);
	assert_int_equal(schedule_parse_line(&s, slice_of("0 0 * * * 5 cmd"), GRAMMAR_CRONIE, false, 0,
		&arena, &used, &d), 0);
	assert_int_equal(used, 10);
	assert_false(s.flags & SCHEDULE_SECONDS);
	assert_int_equal(schedule_parse_line(&s, slice_of("*/9 0 0 * * 5 cmd"), GRAMMAR_CRONIE, true, 0,
		&arena, &used, &d), 0);
	assert_int_equal(used, 14);
	assert_true(s.flags & SCHEDULE_SECONDS);
	assert_int_equal(schedule_parse_line(&s, slice_of("@every 5m cmd"), GRAMMAR_DEBIAN, true, 0,
		&arena, &used, &d), 0);
	assert_int_equal(used, 10);
	assert_int_equal(s.every, 300);
	assert_int_equal(schedule_parse_line(&s, slice_of("@every 5m cmd"), GRAMMAR_DEBIAN, false, 0,
		&arena, &used, &d), -1);
	assert_int_equal(schedule_parse_line(&s, slice_of("* * *\n* * x"), GRAMMAR_DEBIAN, false, 0,
		&arena, &used, &d), -1);
	assert_string_equal(d.text, "bad month");
	assert_int_equal(d.column, 6);
}

static void seconds_added(void **state)
{
	struct schedule s;
	struct diag d;

	(void)state;
	assert_int_equal(schedule_parse(&s, slice_of("* * * * *"), GRAMMAR_DEBIAN, 0, &arena, &d), 0);
	assert_int_equal(schedule_set_second(&s, slice_of("*/20"), GRAMMAR_DEBIAN, 0, &d), 0);
	assert_true(s.second == (1 | UINT64_C(1) << 20 | UINT64_C(1) << 40));
	assert_int_equal(schedule_set_second(&s, slice_of("5"), GRAMMAR_DEBIAN, 0, &d), -1);
	assert_int_equal(schedule_parse(&s, slice_of("@reboot"), GRAMMAR_DEBIAN, 0, &arena, &d), 0);
	assert_int_equal(schedule_set_second(&s, slice_of("5"), GRAMMAR_DEBIAN, 0, &d), -1);
	assert_int_equal(schedule_parse(&s, slice_of("1 * * * *"), GRAMMAR_DEBIAN, 0, &arena, &d), 0);
	assert_int_equal(schedule_set_second(&s, slice_of("60"), GRAMMAR_DEBIAN, 0, &d), -1);
	assert_string_equal(d.text, "bad second");
	assert_int_equal(schedule_set_second(&s, slice_of("1 2"), GRAMMAR_DEBIAN, 0, &d), -1);
	assert_true(s.second == 1 && !(s.flags & SCHEDULE_SECONDS));
}

static void random_values_follow_the_seed(void **state)
{
	struct schedule a, b;
	uint64_t seen = 0;
	struct diag d;

	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct slice text = slice_of("10~20 ~ * * *");

		assert_int_equal(schedule_parse(&a, text, GRAMMAR_CRONIE, seed, &arena, &d), 0);
		assert_int_equal(schedule_parse(&b, text, GRAMMAR_CRONIE, seed, &arena, &d), 0);
		assert_true(schedule_equal(&a, &b));
		assert_int_equal(__builtin_popcountll(a.minute), 1);
		assert_int_equal(__builtin_popcount(a.hour), 1);
		seen |= a.minute;
	}
	assert_true(seen == (UINT64_C(1) << 21) - (UINT64_C(1) << 10));
}

static void equality_and_copies(void **state)
{
	static const char *const texts[] = { "* * * * *", "0-59 * * * *", "0 0 * * 0", "0 0 L * *",
		"0 0 L-1 * *", "0 0 1W * *", "0 0 LW * *", "0 0 * * 1L", "0 0 * * 1#1", "0 0 * * 1#2",
		"0 * * * * *", "0 0 0 * * * 2030", "0 0 0 * * * 2031", "@every 5s", "@every 6s", "@reboot" };
	enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
	struct schedule s[TEXTS], copy;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < TEXTS; i++) {
		if (schedule_parse(&s[i], slice_of(texts[i]), GRAMMAR_EXTENDED, 0, &arena, &d) < 0)
			fail_msg("%s: %s", texts[i], d.text);
	}
	for (size_t i = 0; i < TEXTS; i++) {
		for (size_t k = 0; k < TEXTS; k++) {
			assert_int_equal(schedule_copy(&copy, &s[k], &arena), 0);
			if (schedule_equal(&s[i], &copy) != (i == k))
				fail_msg("%s and %s", texts[i], texts[k]);
			assert_true((schedule_hash(&s[i]) == schedule_hash(&copy)) == (i == k));
		}
	}
}

/* --- when */

static const struct zone *new_york(void)
{
	static struct zone *z;

	if (!z)
		z = zone_posix("EST5EDT,M3.2.0,M11.1.0", NULL);
	return z;
}

static int64_t next_of(const char *text, const struct zone *z, int64_t after)
{
	struct schedule s;
	struct diag d;

	if (schedule_parse(&s, slice_of(text), GRAMMAR_EXTENDED, 0, &arena, &d) < 0)
		fail_msg("%s: %s", text, d.text);
	return schedule_next(&s, z, STEP_CRONTAB, after);
}

/* All starts in (from, to], as text. */
static void expect_starts(const char *text, const struct zone *z, int64_t from, int64_t to,
	const char *wanted)
{
	struct buf out = { 0 };
	int64_t at = next_of(text, z, from);

	for (; at <= to; at = next_of(text, z, at))
		buf_printf(&out, "%s%lld", out.len ? " " : "", (long long)at - from);
	if (strcmp(buf_text(&out), wanted) != 0)
		fail_msg("%s: %s, not %s", text, buf_text(&out), wanted);
	buf_free(&out);
}

/* What Debian's cron 3.0pl1-162 and cronie 1.7.2 were seen to do in New York, but for
 * the three starts at one instant. Seconds from 00:59 EST on. */
static void spring_in_new_york(void **state)
{
	int64_t one = 1710050400; /* 2024-03-10 01:00 EST */

	(void)state;
	expect_starts("30 2 * * *", new_york(), one - 60, one + 7200, "3660");
	expect_starts("*/30 * * * *", new_york(), one - 60, one + 7199, "60 1860 3660 5460");
	expect_starts("0-59/30 1-3 * * *", new_york(), one - 60, one + 7200, "60 1860 3660 5460");
	expect_starts("45 * * * *", new_york(), one - 60, one + 7199, "2760 6360");
	expect_starts("30 1 * * *", new_york(), one - 60, one + 7200, "1860");
	expect_starts("15 30 2 * * *", new_york(), one - 60, one + 7200, "3660");
	expect_starts("15 */30 2 * * *", new_york(), one - 60, one + 7200, "");
}

static void fall_in_new_york(void **state)
{
	int64_t one = 1730610000; /* 2024-11-03 01:00 EDT, again an hour later */

	(void)state;
	expect_starts("*/30 * * * *", new_york(), one - 60, one + 7199, "60 1860 3660 5460");
	expect_starts("45 * * * *", new_york(), one - 60, one + 7199, "2760 6360");
	expect_starts("30 1 * * *", new_york(), one - 60, one + 7199, "1860");
	expect_starts("0-59/30 1-3 * * *", new_york(), one - 60, one + 7200, "60 1860 7260");
	expect_starts("30 1 * * *", new_york(), one + 1800, one + 86400 + 7200, "90000");
}

static void days(void **state)
{
	static const struct {
		const char *text;
		int year, month, day; /* of the first start after 2023-12-31 */
	} cases[] = {
		{ "0 0 L * *", 2024, 1, 31 },
		{ "0 0 L 2 *", 2024, 2, 29 },
		{ "0 0 L-3 2 *", 2024, 2, 26 },
		{ "0 0 LW 3 *", 2024, 3, 29 },
		{ "0 0 LW 6 *", 2024, 6, 28 },
		{ "0 0 1W 6 *", 2024, 6, 3 },
		{ "0 0 15W 6 *", 2024, 6, 14 },
		{ "0 0 16W 6 *", 2024, 6, 17 },
		{ "0 0 30W 6 *", 2024, 6, 28 },
		{ "0 0 31W 4,5 *", 2024, 5, 31 },
		{ "0 0 * * 5L", 2024, 1, 26 },
		{ "0 0 * * friL", 2024, 1, 26 },
		{ "0 0 * * sundayL", 2024, 1, 28 },
		{ "0 0 * * 5#3", 2024, 1, 19 },
		{ "0 0 * * 7#1", 2024, 1, 7 },
		{ "0 0 * 2 4#5", 2024, 2, 29 },
		{ "0 0 * 2 5#5", 2036, 2, 29 },
		{ "0 0 29 2 *", 2024, 2, 29 },
		{ "0 0 */2 * 1", 2024, 1, 1 },
		{ "0 0 13 * 5", 2024, 1, 5 },
		{ "0 0 13 * ?", 2024, 1, 13 },
		{ "0 0 */13 2 5", 2025, 2, 14 },
		{ "0 0 0 29 2 ? 2025-2299", 2028, 2, 29 },
		{ "0 0 0 1 1 ? 2299", 2299, 1, 1 },
	};
	int64_t after = calendar_day(2023, 12, 31) * 86400 + 86399;
	struct zone *utc = zone_utc();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t wanted = calendar_day(cases[i].year, cases[i].month, cases[i].day) * 86400;

		if (next_of(cases[i].text, utc, after) != wanted)
			fail_msg("%s: %lld", cases[i].text, (long long)next_of(cases[i].text, utc, after));
	}
	zone_free(utc);
}

static void far_years(void **state)
{
	(void)state;
	for (int64_t year = 1900; year < 2400; year++) {
		int64_t wanted = calendar_day(year, 7, 1) * 86400 + 4 * 3600; /* EDT */

		assert_int_equal(next_of("0 0 1 7 *", new_york(), wanted - 86400 * 200), wanted);
	}
	assert_int_equal(next_of("* * * * *", new_york(), INT64_MAX), SCHEDULE_NEVER);
	assert_true(next_of("* * * * *", new_york(), INT64_MIN) < -((int64_t)1 << 45));
}

static void never_is_quick(void **state)
{
	static const char *const texts[] = { "0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 31W 2,4,6,9,11 *",
		"0 0 L-30 2,4 *", "0 0 0 1 1 * 1999", "0 0 0 29 2 * 2025-2027", "0 0 30 2 ?" };
	clock_t start = clock();

	(void)state;
	for (int i = 0; i < 10; i++) {
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			assert_int_equal(next_of(texts[k], new_york(), 1700000000), SCHEDULE_NEVER);
	}
	/* less than 1 ms each is promised; sanitizers and busy machines get 20 */
	assert_true(clock() - start < CLOCKS_PER_SEC * 70 / 50);
}

static void intervals(void **state)
{
	(void)state;
	assert_int_equal(next_of("@every 90s", NULL, 0), 90);
	assert_int_equal(next_of("@every 90s", NULL, 89), 90);
	assert_int_equal(next_of("@every 90s", NULL, -1), 0);
	assert_int_equal(next_of("@every 90s", NULL, -91), -90);
	assert_int_equal(next_of("@every 1h30m", NULL, 1710050400), 1710055800);
	assert_int_equal(next_of("@reboot", NULL, 0), SCHEDULE_NEVER);
}

static void lint(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "0 22-2 * * *", "hour" },
		{ "50-10 * * * *", "minute" },
		{ "0 0 * * fri-sun", "weekday" },
		{ "0 0 1 * fri-sun", "no weekday matches" },
		{ "0 0 20-10 * *", "day range" },
		{ "0 0 * 11-2 *", "month" },
		{ "0 0 30 2 *", "no month" },
		{ "0 0 29 2 *", NULL },
		{ "0 0 30 2 1", NULL },
		{ "*/5 * * * *", NULL },
		{ "@reboot", NULL },
	};
	struct schedule s;
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *said;

		assert_int_equal(schedule_parse(&s, slice_of(cases[i].text), GRAMMAR_DEBIAN, 0, &arena, &d), 0);
		said = schedule_lint(&s);
		if (!said != !cases[i].says || (said && !strstr(said, cases[i].says)))
			fail_msg("%s: %s", cases[i].text, said ? said : "nothing");
	}
}

static int free_zone(void **state)
{
	(void)state;
	zone_free((struct zone *)(uintptr_t)new_york());
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(classic_fields, drop_arena),
		cmocka_unit_test_teardown(junk_is_warned_about, drop_arena),
		cmocka_unit_test_teardown(extended_fields, drop_arena),
		cmocka_unit_test_teardown(lines, drop_arena),
		cmocka_unit_test_teardown(seconds_added, drop_arena),
		cmocka_unit_test_teardown(random_values_follow_the_seed, drop_arena),
		cmocka_unit_test_teardown(equality_and_copies, drop_arena),
		cmocka_unit_test_teardown(spring_in_new_york, drop_arena),
		cmocka_unit_test_teardown(fall_in_new_york, drop_arena),
		cmocka_unit_test_teardown(days, drop_arena),
		cmocka_unit_test_teardown(far_years, drop_arena),
		cmocka_unit_test_teardown(never_is_quick, drop_arena),
		cmocka_unit_test_teardown(intervals, drop_arena),
		cmocka_unit_test_teardown(lint, drop_arena),
	};

	return cmocka_run_group_tests(tests, NULL, free_zone);
}
