/* test_bounds: what lies right at a bound, and right behind it: schedules, zones, catch-up, retries and
 * restarts. Each row is here since a changed token (tests/mutants) went unnoticed without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/diag.h"
#include "crond/core/admit.h"
#include "crond/core/catchup.h"
#include "crond/core/restart.h"
#include "crond/core/runstate.h"
#include "crond/core/schedule.h"
#include "crond/core/zone.h"
#include "tests/unit/tzif.h"

enum { PICK_MINUTE = 10, PICK_HOUR = 14, PICK_OTHER = 7 };

static struct schedule parsed(const char *text, struct arena *arena)
{
	struct schedule s;
	struct diag d;

	if (schedule_parse(&s, slice_of(text), GRAMMAR_EXTENDED, 7, arena, &d) < 0)
		fail_msg("%s: %s", text, d.text);
	return s;
}

/* --- schedules */

/* What stands behind the end of the text is not read. */
static void test_text_ends(void **state)
{
	static const char *const longer[] = { "0 0 * * 55", "0 0 * * 5L", "0 0 * * 5#2", "0 0 * * 5-6", "0 0 * * 5/2",
		"0 0 * * 5,6" };
	struct arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(longer) / sizeof(longer[0]); i++) {
		struct schedule s;

		assert_int_equal(schedule_parse(&s, (struct slice){ longer[i], 9 }, GRAMMAR_EXTENDED, 0, &arena, NULL), 0);
		assert_int_equal(s.dow, 1 << 5);
		assert_null(s.extra);
	}
	arena_free(&arena);
}

static void test_numbers(void **state)
{
	struct schedule s;

	(void)state;
	assert_int_equal(schedule_parse(&s, slice_of("99999999999999999999999999999 * * * *"), GRAMMAR_DEBIAN, 0, NULL,
		NULL), -1);
	assert_int_equal(schedule_parse(&s, slice_of("4294967297 * * * *"), GRAMMAR_DEBIAN, 0, NULL, NULL), 0);
	assert_int_equal(s.minute, 2); /* as strtol() and an int have it */
}

/* Texts are cut at forty bytes. */
static void test_messages(void **state)
{
	static const char ones[] = "111111111111111111111111111111111111111111111111";
	struct schedule s = { .second = 1 };
	char text[160], wanted[160];
	struct diag d;

	(void)state;
	snprintf(text, sizeof(text), "%s * * * *", ones);
	assert_int_equal(schedule_parse(&s, slice_of(text), GRAMMAR_EXTENDED, 0, NULL, &d), -1);
	snprintf(wanted, sizeof(wanted), "bad minute: \"%.40s\": ", ones);
	assert_int_equal(strncmp(d.text, wanted, strlen(wanted)), 0);
	snprintf(text, sizeof(text), "@%s", ones);
	assert_int_equal(schedule_parse(&s, slice_of(text), GRAMMAR_EXTENDED, 0, NULL, &d), -1);
	snprintf(wanted, sizeof(wanted), "bad time specifier: \"@%.39s\" is not known", ones);
	assert_string_equal(d.text, wanted);
	assert_int_equal(schedule_set_second(&s, slice_of("5 6"), GRAMMAR_EXTENDED, 0, &d), -1);
	assert_string_equal(d.text, "bad second: one field is taken");
	assert_int_equal(d.line, 0);
	assert_int_equal(d.column, 3);
}

/* What a job's ~ picks is the same from one version to the next (where bytes have this order). */
static void test_picks(void **state)
{
	struct arena arena = { 0 };
	struct schedule s = parsed("~ 1~20 * * *", &arena), other = parsed("~ 2~21 * * *", &arena);

	(void)state;
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		skip();
	assert_int_equal(__builtin_ctzll(s.minute), PICK_MINUTE);
	assert_int_equal(__builtin_ctz(s.hour), PICK_HOUR);
	assert_int_equal(__builtin_ctz(other.hour), PICK_OTHER);
	arena_free(&arena);
}

static void test_equal(void **state)
{
	struct arena arena = { 0 };
	struct schedule s = parsed("0 0 15,L * *", &arena), without = s;

	(void)state;
	without.extra = NULL;
	assert_false(schedule_equal(&s, &without));
	assert_false(schedule_equal(&without, &s));
	assert_true(schedule_equal(&without, &without));
	arena_free(&arena);
}

/* No day before the first of a month is one of its days; years at both ends count. */
static void test_days(void **state)
{
	static const struct {
		const char *text;
		int64_t after, next;
	} rows[] = {
		/* L-30 of February 2023 is none; Monday the sixth is the next */
		{ "0 0 L-30 2 1", 1674950400, 1675641600 },
		{ "0 0 0 1 1 ? 1970", -1, 0 },
		{ "0 0 0 1 1 ? 1970-1971", -100, 0 },
		{ "0 0 0 1 1 ? 2299", -2208988800, INT64_C(10382256000) }, /* from 1900 on */
		{ "0 0 0 1 7 ? 2299", -2225000000, INT64_C(10397894400) }, /* from 1899 on: 400 years */
		{ "59 59 23 31 12 ? 2299", INT64_C(10413791998), INT64_C(10413791999) },
		{ "0 0 0 1 1 ? 2299", INT64_C(10382256000), SCHEDULE_NEVER },
	};
	struct arena arena = { 0 };
	struct zone *utc = zone_utc();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct schedule s = parsed(rows[i].text, &arena);
		int64_t next = schedule_next(&s, utc, STEP_TASK, rows[i].after);

		if (next != rows[i].next)
			fail_msg("%s: %lld", rows[i].text, (long long)next);
	}
	zone_free(utc);
	arena_free(&arena);
}

static void test_lint(void **state)
{
	static const struct {
		const char *text;
		const char *says; /* NULL: nothing */
		enum grammar grammar;
	} rows[] = {
		{ "0 0 * * 6-2", "the weekday range runs backwards: this never fires", GRAMMAR_DEBIAN },
		{ "0 0 1 * 6-2", "the weekday range runs backwards: no weekday matches", GRAMMAR_DEBIAN },
		{ "0 0 9-8 * *", "the day range runs backwards: this never fires", GRAMMAR_DEBIAN },
		{ "0 0 9-8 * 1", "the day range runs backwards: no day of the month matches", GRAMMAR_DEBIAN },
		{ "0 0 L-30 2 *", "no month has such a day: this never fires", GRAMMAR_EXTENDED },
		{ "0 0 L-28 2 *", NULL, GRAMMAR_EXTENDED },
	};
	struct arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct schedule s;
		const char *says;

		assert_int_equal(schedule_parse(&s, slice_of(rows[i].text), rows[i].grammar, 0, &arena, NULL), 0);
		says = schedule_lint(&s);
		if (!says != !rows[i].says || (says && strcmp(says, rows[i].says) != 0))
			fail_msg("%s: %s", rows[i].text, says ? says : "nothing");
	}
	arena_free(&arena);
}

/* --- zones */

static void test_strings(void **state)
{
	static const char *const good[] = { "utc0", "abz0", "EST5:00", "EST5:00:00", "EST24", "AAA3BBB,M1.1.0,M6.1.0",
		"AAA3BBB,J1,J365", "AAA3BBB,0,365", "AAA3BBB,J1/167,J300/-167", "AAA3BBB,M12.5.6,M1.1.0" };
	static const char *const bad[] = { "AB0", "<A>0", "<AB>0", "EST5:1:2:3", "EST25", "EST5:60", "AAA3BBB,J0,J300",
		"AAA3BBB,J1,J366", "AAA3BBB,1,366", "AAA3BBB,J1/168,J300", "AAA3BBB,M0.1.0,M6.1.0",
		"AAA3BBB,M13.1.0,M6.1.0", "AAA3BBB,M1.0.0,M6.1.0", "AAA3BBB,M1.6.0,M6.1.0", "AAA3BBB,M1.1.7,M6.1.0" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct zone *z = zone_posix(good[i], NULL);

		if (!z)
			fail_msg("%s is refused", good[i]);
		zone_free(z);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (zone_posix(bad[i], NULL))
			fail_msg("%s is taken", bad[i]);
	}
}

static void test_long_string(void **state)
{
	char text[258];
	struct zone *z;

	(void)state;
	memset(text, 'A', sizeof(text));
	strcpy(text + 254, "1");
	z = zone_posix(text, NULL);
	assert_non_null(z);
	assert_int_equal(zone_span(z, 0).offset, -3600);
	zone_free(z);
	text[254] = 'A';
	strcpy(text + 255, "1");
	assert_null(zone_posix(text, NULL));
}

static void test_become(void **state)
{
	static const char *const others[] = { "AAA3", "AAA4BBB,M3.1.0,M9.1.0", "AAA3BBB,M4.1.0,M9.1.0",
		"AAA3BBB4,M3.1.0,M9.1.0" };
	struct zone *z = zone_posix("AAA3BBB,M3.1.0,M9.1.0", NULL);

	(void)state;
	assert_false(zone_become(z, zone_posix("CCC3DDD,M3.1.0,M9.1.0", NULL)));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct zone *other = zone_posix(others[i], NULL);

		assert_non_null(other);
		assert_true(zone_become(z, other));
		assert_true(zone_become(z, zone_posix("AAA3BBB,M3.1.0,M9.1.0", NULL)));
	}
	zone_free(z);
}

/* Version 1: times of four bytes and no footer. */
static size_t version_1(unsigned char *out, char version, int type)
{
	static const int32_t at[2] = { -1000000, 1000000 };
	unsigned char *p = tzif_put_header(out, 2, 2);

	out[4] = (unsigned char)version;
	for (int i = 0; i < 2; i++)
		p = tzif_put(p, (uint32_t)at[i], 4);
	*p++ = 1;
	*p++ = (unsigned char)type;
	p = tzif_put_type(p, 3600);
	p = tzif_put_type(p, 7200);
	memcpy(p, "LMT", 4);
	return (size_t)(p + 4 - out);
}

static void test_version_1(void **state)
{
	unsigned char bytes[TZIF_ROOM];
	struct zone *z = zone_parse(bytes, version_1(bytes, '\0', 0), NULL);

	(void)state;
	assert_non_null(z);
	assert_int_equal(zone_span(z, -1000001).offset, 3600);
	assert_int_equal(zone_span(z, -1000000).offset, 7200);
	assert_int_equal(zone_span(z, 999999).offset, 7200);
	assert_int_equal(zone_span(z, 1000000).offset, 3600);
	assert_int_equal(zone_span(z, INT64_C(1) << 40).offset, 3600);
	zone_free(z);
	assert_null(zone_parse(bytes, version_1(bytes, '\0', 2), NULL)); /* there are types 0 and 1 */
}

static void test_files(void **state)
{
	static unsigned char large[(1 << 20) + 1];
	unsigned char bytes[TZIF_ROOM];
	const struct tzif_turn turn = { 0, 7200 };
	size_t n = tzif_make(bytes, 3600, &turn, 1, "AAA-2");
	struct zone *z;
	struct diag d = { .line = 5 };

	(void)state;
	for (size_t k = 0; k < n; k++) {
		if (zone_parse(bytes, k, &d))
			fail_msg("%zu of %zu bytes are taken", k, n);
		assert_int_equal(d.line, 0);
	}
	bytes[4] = bytes[44 + 6 + 4 + 4] = '9';
	z = zone_parse(bytes, n, NULL);
	assert_non_null(z);
	zone_free(z);
	bytes[4] = bytes[44 + 6 + 4 + 4] = ':';
	assert_null(zone_parse(bytes, n, NULL));
	n = tzif_make(large, 3600, &turn, 1, "AAA-2");
	z = zone_parse(large, sizeof(large) - 1, NULL); /* what follows the footer is not looked at */
	assert_non_null(z);
	zone_free(z);
	assert_null(zone_parse(large, sizeof(large), NULL));
	n = tzif_make(bytes, 3600, NULL, 0, "AAA-2");
	z = zone_parse(bytes, n, NULL);
	assert_int_equal(zone_span(z, 0).offset, 7200); /* the footer's word is the last */
	zone_free(z);
	d.line = 5;
	assert_null(zone_parse(bytes, tzif_make(bytes, 3600, NULL, 0, "no rule"), &d));
	assert_string_equal(d.text, "the time zone file has a bad TZ string in its footer");
	assert_int_equal(d.line, 0);
	assert_int_equal(d.column, 0);
}

/* --- catch-up, retries, restarts */

static void test_counted(void **state)
{
	struct arena arena = { 0 };
	struct zone *utc = zone_utc();
	struct schedule s = parsed("* * * * * *", &arena);
	struct catchup_case c = { .schedule = &s, .zone = utc, .source = STEP_TASK, .first = 100 };

	(void)state;
	c.until = 100 + CATCHUP_COUNTED - 1;
	assert_int_equal(catchup_count(&c), CATCHUP_COUNTED);
	c.until++;
	assert_int_equal(catchup_count(&c), CATCHUP_COUNTED + 1);
	c.until++;
	assert_int_equal(catchup_count(&c), CATCHUP_COUNTED + 1);
	zone_free(utc);
	arena_free(&arena);
}

/* What lies within the window to the second. */
static void test_window(void **state)
{
	struct arena arena = { 0 };
	struct zone *utc = zone_utc();
	struct schedule s = parsed("* * * * * *", &arena);
	struct catchup_case c = { .schedule = &s, .zone = utc, .source = STEP_TASK, .catchup = CATCHUP_ALL,
		.window_ms = 20000, .first = 1000, .until = 2000 };
	struct catchup_times t;

	(void)state;
	catchup_times(&c, &t);
	assert_int_equal(t.count, 21);
	assert_int_equal(t.times[0], 1980);
	assert_true(t.more);
	s = parsed("@every 3601s", &arena);
	c = (struct catchup_case){ .schedule = &s, .source = STEP_TASK, .catchup = CATCHUP_ALL,
		.window_ms = 3600000, .first = 3601, .until = 2 * 3601 };
	catchup_times(&c, &t);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.times[0], 2 * 3601);
	zone_free(utc);
	arena_free(&arena);
}

static void test_retries(void **state)
{
	const struct admit_case late = { .late_ms = 12999, .deadline_ms = 2999 };
	const struct admit_case tenths = { .late_ms = 3100, .deadline_ms = 2100 };
	char text[128];

	(void)state;
	/* a tenth to a quarter more or less */
	for (uint32_t attempt = 2; attempt < 10; attempt++) {
		uint64_t ms = admit_retry_ms(1000, 0, attempt, 0), whole = UINT64_C(1000) << (attempt - 2);

		assert_true(ms <= whole - whole / 10 && ms >= whole - whole / 4);
	}
	admit_text(&late, ADMIT_DEADLINE, text, sizeof(text));
	assert_string_equal(text, "12.9 s late, start-deadline is 2.9 s");
	admit_text(&tenths, ADMIT_DEADLINE, text, sizeof(text));
	assert_string_equal(text, "3.1 s late, start-deadline is 2.1 s");
}

static void test_delays(void **state)
{
	struct restart_policy p = { .when = RESTART_ALWAYS, .delay_ms = 1000, .max_delay_ms = 10000 };
	struct restart_state r = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++) {
		restart_up(&r);
		assert_int_equal(r.phase, RESTART_UP);
		restart_ended(&r, &p, RESTART_END_FAILED, 0, 1000000);
		assert_true(r.delay_ms <= p.max_delay_ms);
	}
}

/* Every pair has its answer. */
static void test_states(void **state)
{
	static const enum run_action right[RUN_STATES][RUN_EVENTS] = {
		/* taken, ended, keeper gone, launcher gone */
		{ RUN_ACTION_WATCH, RUN_ACTION_TAKE, RUN_ACTION_JUDGE, RUN_ACTION_RESEND }, /* waiting */
		{ RUN_ACTION_NONE, RUN_ACTION_TAKE, RUN_ACTION_NONE, RUN_ACTION_NONE },     /* pending */
		{ RUN_ACTION_NONE, RUN_ACTION_TAKE, RUN_ACTION_JUDGE, RUN_ACTION_NONE },    /* live */
		{ RUN_ACTION_NONE, RUN_ACTION_NONE, RUN_ACTION_NONE, RUN_ACTION_NONE },     /* done */
	};

	(void)state;
	for (int s = 0; s < RUN_STATES; s++) {
		for (int e = 0; e < RUN_EVENTS; e++)
			assert_int_equal(run_action((enum run_state)s, (enum run_event)e), right[s][e]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_ends), cmocka_unit_test(test_numbers), cmocka_unit_test(test_messages),
		cmocka_unit_test(test_picks), cmocka_unit_test(test_equal), cmocka_unit_test(test_days),
		cmocka_unit_test(test_lint), cmocka_unit_test(test_strings), cmocka_unit_test(test_long_string),
		cmocka_unit_test(test_become), cmocka_unit_test(test_version_1), cmocka_unit_test(test_files),
		cmocka_unit_test(test_counted), cmocka_unit_test(test_window), cmocka_unit_test(test_retries), cmocka_unit_test(test_delays),
		cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
