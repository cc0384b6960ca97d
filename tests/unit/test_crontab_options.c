/* Tests of the crontab parser: when entries are due, and options in comments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/crontab_told.h"

/* --- time */

static void test_lint(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);

	(void)state;
	assert_int_equal(
		parse_bytes(&p, slice_of("0 22-2 * * * a\n0 22-2 * * * b\n0 2 * * * c\n")), 0);
	assert_int_equal(p.result.entries, 3);
	assert_int_equal(p.result.errors, 0);
	assert_memory_equal(buf_text(&p.told), "?1:", 3);
	assert_non_null(strstr(p.told.data, ";1:a;?2:"));
	assert_non_null(strstr(p.told.data, ";2:b;3:c;"));
	parse_free(&p);
}

/* Neighbours with equal, longer and shorter time texts are told apart. */
static void test_neighbours(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);

	(void)state;
	EITHER("1 1 1 1 1 a\n1 1 1 1 1 b\n1 1 1 1 1  c\n1 1 1 1 10 d\n",
		"1:a;2:b;3:c;!4:bad day-of-week;");
	DEBIAN("@daily\n@daily\n@daily a\n@daily  b\n@dailyx\n",
		"1:;2:;3:a;4:b;!5:bad time specifier;");
	DEBIAN("* * * * *\n* * * * */2 a\n* * * * * b\n", "1:;2:a;3:b;");
	assert_int_equal(parse_bytes(&p, slice_of("1 * * * * a\n11 * * * * b\n")), 0);
	assert_int_equal(p.last.schedule.minute, UINT64_C(1) << 11);
	assert_true(slice_is(p.last.time_text, "11 * * * *"));
	parse_free(&p);
}

static uint64_t minutes_of(struct parse *p, const char *text)
{
	assert_int_equal(parse_bytes(p, slice_of(text)), 0);
	assert_int_equal(p->result.errors, 0);
	return p->last.schedule.minute;
}

/* Random minutes stay with their line, wherever it stands, and differ between lines. */
static void test_random(void **state)
{
	struct parse p = parser(DIALECT_CRONIE);
	uint64_t b = minutes_of(&p, "~ * * * * b\n"), seen = 0;

	(void)state;
	assert_int_equal(b & (b - 1), 0);
	assert_true(b == minutes_of(&p, "\n~ * * * * a\n~ * * * * b\n"));
	for (int i = 0; i < 200; i++) {
		char line[32];

		snprintf(line, sizeof(line), "~ * * * * %d\n", i);
		seen |= minutes_of(&p, line);
	}
	assert_in_range(__builtin_popcountll(seen), 45, 60);
	p.rules.seed = 2;
	for (int i = 0; i < 200; i++) {
		char line[32];

		snprintf(line, sizeof(line), "~ * * * * %d\n", i);
		p.rules.seed = 1;
		b = minutes_of(&p, line);
		p.rules.seed = 2;
		if (b != minutes_of(&p, line))
			break;
		assert_true(i < 199);
	}
	parse_free(&p);
}

/* --- option comments */

static void test_options(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);
	const struct options *o;

	(void)state;
	assert_int_equal(parse_bytes(&p, slice_of("@daily a\n")), 0);
	assert_null(p.last.options);
	assert_int_equal(
		parse_bytes(&p, slice_of("#@ timeout=10m\n# x\n\nA=b\n#@ max=2\n@daily a\n")), 0);
	assert_int_equal(p.result.errors, 0);
	o = p.last.options;
	assert_non_null(o);
	assert_int_equal(o->timeout_ms, 600000);
	assert_int_equal(o->max, 2);
	assert_true(option_given(o, OPTION_MAX));
	assert_int_equal(parse_bytes(&p, slice_of("#@ max=2\n@daily a\n@daily b\n")), 0);
	assert_null(p.last.options);
	/* A bad line has used its options up. */
	assert_int_equal(parse_bytes(&p, slice_of("#@ max=2\nx\n@daily b\n")), 0);
	assert_null(p.last.options);
	/* Nor does a plain comment or a near miss lose or begin any. */
	assert_int_equal(parse_bytes(&p, slice_of("#@reboot x\n#@ what\n@daily b\n")), 0);
	assert_null(p.last.options);
	assert_int_equal(parse_bytes(&p, slice_of("#@ max=2\n#@ what\n@daily b\n")), 0);
	assert_int_equal(p.last.options->max, 2);
	parse_free(&p);
}

static void test_bad_options(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);

	(void)state;
	assert_true(told_has(&p, "#@ max=x\n\n@daily a\n@daily b\n", "!1:bad option for line 3: "));
	assert_int_equal(p.result.errors, 1);
	assert_int_equal(p.result.entries, 1);
	assert_true(p.result.rejected);
	assert_int_equal(p.last.line, 4);
	p.rules.dialect = dialect_get(DIALECT_CRONIE);
	assert_true(told_has(&p, "#@ max=x\n@daily a\n@daily b\n", ";3:b;"));
	assert_false(p.result.rejected);
	/* The line's own fault is told as well, behind it. */
	assert_true(told_has(&p, "#@ max=x\ny\n", ";!2:bad minute;"));
	assert_int_equal(p.result.errors, 2);
	/* Given twice, on one line or on two. */
	assert_true(told_has(&p, "#@ max=1\n#@ max=2\n@daily a\n", "!2:bad option for line 3: "));
	assert_int_equal(p.result.entries, 0);
	/* Good ones below a bad one do not mend it. */
	assert_true(
		told_has(&p, "#@ max=x\n#@ timeout=1m\n@daily a\n", "!1:bad option for line 3: "));
	assert_int_equal(p.result.entries, 0);
	/* Without an entry there is nothing to be bad. */
	assert_true(
		told_has(&p, "@daily a\n#@ max=1\n", "?2:options without an entry below them;"));
	assert_int_equal(p.result.errors, 0);
	assert_true(told_has(&p, "#@ max=x\n", "?1:options without an entry below them: "));
	assert_int_equal(p.result.errors, 0);
	parse_free(&p);
}

static void test_names(void **state)
{
	struct parse p = parser(DIALECT_CRONIE);

	(void)state;
	assert_int_equal(parse_bytes(&p, slice_of("#@ name=gold\n@daily a\n#@ name=iron\n@daily a\n")), 0);
	assert_int_equal(p.result.errors, 0);
	assert_string_equal(p.last.options->name, "iron");
	assert_true(told_has(&p, "#@ name=a\n@daily a\n@daily c\n#@ name=a\n@daily b\n",
		"!4:bad option for line 5: a second job 'a', the first is in line 2;"));
	assert_int_equal(p.result.entries, 2);
	assert_true(told_has(&p, "#@ name=../x\n@daily a\n", "!1:bad option for line 2: bad name '../x'"));
	assert_true(told_has(&p, "#@ name=a:b\n@daily a\n", "!1:bad option for line 2: bad name 'a:b'"));
	parse_free(&p);
}

/* Of a table that is not root's, and of root's. */
static void test_trust(void **state)
{
	struct parse p = parser(DIALECT_CRONIE);

	(void)state;
	assert_int_equal(parse_bytes(&p, slice_of("#@ nice=-5\n@daily a\n")), 0);
	assert_int_equal(p.result.errors, 0);
	assert_int_equal(p.last.options->nice, -5);
	p.rules.unprivileged = true;
	assert_true(told_has(&p, "#@ nice=-5\n@daily a\n@daily b\n",
		"!1:bad option for line 2: only root's files may have 'nice' below 0;3:b;"));
	assert_int_equal(p.result.entries, 1);
	parse_free(&p);
}

/* What crond.conf says comes first, and is replaced. */
static void test_defaults(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);
	struct options defaults;
	char at[64];

	(void)state;
	options_default(&defaults, JOB_LINE);
	defaults.timeout_ms = 1000;
	defaults.set[0] = UINT64_C(1) << OPTION_TIMEOUT;
	p.rules.defaults = &defaults;
	p.rules.file = "/tab";
	assert_int_equal(parse_bytes(&p, slice_of("\n#@ max=2\n@daily a\n")), 0);
	assert_int_equal(p.last.options->timeout_ms, 1000);
	option_origin(p.last.options, OPTION_MAX, at, sizeof(at));
	assert_string_equal(at, "/tab:2");
	assert_int_equal(parse_bytes(&p, slice_of("# x\n#@ timeout=5s\n@daily a\n")), 0);
	assert_int_equal(p.result.errors, 0);
	assert_int_equal(p.last.options->timeout_ms, 5000);
	parse_free(&p);
}

static void test_near_misses(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);

	(void)state;
	assert_true(told_has(&p, "  #@max=1\n@daily a\n", "?1:only a comment"));
	assert_true(told_has(&p, "\n#@ maxx=1\n@daily a\n", "?2:only a comment"));
	assert_int_equal(p.result.errors, 0);
	assert_null(p.last.options);
	parse_free(&p);
}

static void test_second(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);

	(void)state;
	assert_int_equal(parse_bytes(&p, slice_of("#@ second=*/20\n* * * * * a\n")), 0);
	assert_int_equal(p.result.errors, 0);
	assert_true(p.last.schedule.second == (1 | UINT64_C(1) << 20 | UINT64_C(1) << 40));
	assert_true(p.last.schedule.flags & SCHEDULE_SECONDS);
	assert_int_equal(parse_bytes(&p, slice_of("#@ second=30\n@daily a\n* * * * * b\n")), 0);
	assert_int_equal(p.result.entries, 2);
	assert_int_equal(p.last.schedule.second, 1);
	/* The time text that the next line shares does not inherit it. */
	assert_int_equal(parse_bytes(&p, slice_of("#@ second=30\n1 * * * * a\n1 * * * * b\n")), 0);
	assert_int_equal(p.last.schedule.second, 1);
	assert_true(told_has(&p, "#@ second=1\n@reboot a\n",
		"!1:bad option for line 2: second cannot be given for @reboot;"));
	assert_true(told_has(&p, "#@ seconds\n#@ second=1\n@every 5s a\n",
		"!2:bad option for line 3: second cannot be given for @every;"));
	assert_true(told_has(&p, "#@ seconds\n#@ second=1\n0 * * * * * a\n",
		"!2:bad option for line 3: second is given, and a field for seconds too;"));
	assert_true(told_has(
		&p, "#@ second=60\n* * * * * a\n", "!1:bad option for line 2: bad second"));
	assert_true(told_has(
		&p, "#@ second=0.5\n* * * * * a\n", "!1:bad option for line 2: bad second"));
	assert_int_equal(p.result.entries, 0);
	parse_free(&p);
}

static void test_seconds(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);

	(void)state;
	EITHER("* * * * * a b\n#@ seconds\n1 * * * * * c\n@every 90s d\n@daily e\n",
		"1:a b;3:c;4:d;5:e;");
	EITHER("#@ seconds\n* * * * * * * c\n", "!2:bad command;");
	EITHER("#@ seconds\n60 * * * * * c\n", "!2:bad second;");
	EITHER("#@ seconds\n* * * * * c\n", "!2:bad day-of-week;");
	assert_int_equal(parse_bytes(&p, slice_of("#@ seconds\n*/30 5 * * * * a\n")), 0);
	assert_true(p.last.schedule.second == (1 | UINT64_C(1) << 30));
	assert_int_equal(p.last.schedule.minute, 1 << 5);
	assert_int_equal(parse_bytes(&p, slice_of("#@ seconds\n@every 90s a\n")), 0);
	assert_int_equal(p.last.schedule.every, 90);
	/* It does not use up what waits, and the same time text is read anew. */
	assert_int_equal(parse_bytes(&p, slice_of("#@ max=3\n#@ seconds\n@daily a\n")), 0);
	assert_int_equal(p.last.options->max, 3);
	assert_int_equal(parse_bytes(&p, slice_of("1 2 3 4 5 6\n#@ seconds\n1 2 3 4 5 6 x\n")), 0);
	assert_int_equal(p.last.schedule.minute, 1 << 2);
	assert_true(slice_is(p.last.command, "x"));
	parse_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lint),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_near_misses),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_second),
		cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
