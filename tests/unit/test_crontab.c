/* Tests of the crontab parser: what lines come to, what is wrong with them and where,
 * and what that means for the rest of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/crontab_told.h"

static void check_rules(
	enum dialect_id id, bool system, bool install, const char *text, const char *want, int line)
{
	struct parse p = parser(id);

	p.rules.system = system;
	p.rules.install = install;
	check(p, text, want, line);
}

#define SYSTEM(id, text, want) check_rules(id, true, false, text, want, __LINE__)
#define INSTALL(id, text, want) check_rules(id, false, true, text, want, __LINE__)

/* --- lines */

static void test_lines(void **state)
{
	(void)state;
	EITHER("", "");
	EITHER("\n\n \t\n# x\n   # y\n", "");
	EITHER("* * * * * a\n\n@daily b\n", "1:a;3:b;");
	EITHER(" \t* *\t* * *  a  b \n", "1:a  b ;");
	EITHER("* * * * * a # b\n", "1:a # b;");
	EITHER("0 0 * * * 5 cmd\n", "1:5 cmd;");
	EITHER("* * * * * * a\n", "!1:bad command;");
	EITHER("@daily * a\n", "!1:bad command;");
	EITHER("@every 5s a\n", "!1:bad time specifier;");
	EITHER("* * * *\n", "!1:bad day-of-week;");
	EITHER("*\n", "!1:bad hour;");
	EITHER("a\nb\n0 0 * * * c\n", "!1:bad minute;!2:bad minute;3:c;");
	EITHER("0 24 * * * c\n", "!1:bad hour;");
	EITHER("0 0 32 * * c\n", "!1:bad day-of-month;");
	EITHER("0 0 1 13 * c\n", "!1:bad month;");
	EITHER("0 0 1 1 8 c\n", "!1:bad day-of-week;");
	EITHER("\xef\xbb\xbf* * * * * a\n", "!1:bad minute;");
	EITHER("* * * * * \xff\xfe\x80\n", "1:\xff\xfe\x80;");
}

static void test_empty_command(void **state)
{
	(void)state;
	DEBIAN("* * * * *\n@reboot\n* * * * * \n", "1:;2:;3:;");
	CRONIE("* * * * *\n@reboot\n* * * * * \n", "!1:bad command;!2:bad command;!3:bad command;");
	SYSTEM(DIALECT_DEBIAN, "* * * * * root\n* * * * * root \n", "!1:bad command;2:;");
	SYSTEM(DIALECT_CRONIE, "* * * * * root\n* * * * * root \n",
		"!1:bad command;!2:bad command;");
	SYSTEM(DIALECT_DEBIAN, "* * * * *\n", "!1:bad command;");
	SYSTEM(DIALECT_DEBIAN, "* * * * *  root   a\n* * * * * root\tb\n", "1:  a;2:b;");
	SYSTEM(DIALECT_CRONIE, "* * * * *  root   a\n* * * * * root\tb\n", "1:a;2:b;");
	SYSTEM(DIALECT_DEBIAN, "@reboot \n", "!1:bad command;");
}

static void test_carriage_returns(void **state)
{
	(void)state;
	EITHER("* * * * * a\r\n", "1:a\r;");
	EITHER("\r\n", "!1:bad minute;");
	EITHER("# x\r\n", "");
	EITHER("@daily\r\n", "!1:bad time specifier;");
	SYSTEM(DIALECT_DEBIAN, "* * * * * root\r\n", "!1:bad command;");
	SYSTEM(DIALECT_DEBIAN, "* * * * * root a\r\n", "1:a\r;");
}

static void test_user_column(void **state)
{
	static const char *const users[] = { "root", "0", "$VV", "a.b-c", "\xc3\xa9" };

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		struct parse p = parser(DIALECT_DEBIAN);
		char line[64];

		p.rules.system = true;
		snprintf(line, sizeof(line), "*/5 1 * * *\t%s \t x y\n", users[i]);
		assert_int_equal(parse_bytes(&p, slice_of(line)), 0);
		assert_int_equal(p.result.entries, 1);
		assert_true(slice_is(p.last.user, users[i]));
		assert_true(slice_is(p.last.command, "\t x y")); /* one blank is the delimiter */
		assert_true(slice_is(p.last.time_text, "*/5 1 * * *"));
		parse_free(&p);
	}
	SYSTEM(DIALECT_DEBIAN, "* * * * * root *x\n", "1:*x;");
	SYSTEM(DIALECT_DEBIAN, "* * * * * * x\n", "!1:bad command;");
}

static void check_flags(const char *text, bool quiet, bool mail_on_failure)
{
	struct parse p = parser(DIALECT_CRONIE);

	assert_int_equal(parse_bytes(&p, slice_of(text)), 0);
	assert_int_equal(p.result.entries, 1);
	assert_int_equal(p.last.quiet, quiet);
	assert_int_equal(p.last.mail_on_failure, mail_on_failure);
	assert_true(slice_is(p.last.command, "x"));
	parse_free(&p);
}

static void test_flags(void **state)
{
	struct parse p = parser(DIALECT_CRONIE);

	(void)state;
	check_flags("* * * * * x\n", false, false);
	check_flags("-* * * * * x\n", true, false);
	check_flags(" -@daily x\n", true, false);
	check_flags("* * * * * -n  x\n", false, true);
	check_flags("-1 * * * * -n\tx\n", true, true);
	CRONIE("* * * * * -n -n x\n", "!1:bad option;");
	CRONIE("* * * * * -nx\n", "!1:bad option;");
	CRONIE("* * * * * -n\n", "!1:bad option;");
	CRONIE("* * * * * -n \n", "!1:bad command;");
	CRONIE("* * * * * -\n", "!1:bad option;");
	CRONIE("- * * * * x\n", "!1:bad minute;");
	CRONIE("--* * * * * x\n", "!1:bad minute;");
	SYSTEM(DIALECT_CRONIE, "* * * * * root -n x\n", "1:x;");
	DEBIAN("-* * * * * x\n* * * * * -n x\n", "!1:bad minute;2:-n x;");
	p.rules.unprivileged = true;
	check(p, "-* * * * * x\n* * * * * x\n", "!1:bad option;2:x;", __LINE__);
}

/* --- settings */

static void check_setting(
	enum dialect_id id, const char *line, const char *name, const char *value, int at)
{
	struct parse p = parser(id);
	char text[256];
	const char *got;

	snprintf(text, sizeof(text), "%s\n@reboot x\n", line);
	assert_int_equal(parse_bytes(&p, slice_of(text)), 0);
	assert_int_equal(p.result.errors, value ? 0 : 1);
	got = crontab_env_get(p.last.env, name);
	if ((got && !value) || (value && (!got || strcmp(got, value) != 0)))
		fail_msg("line %d: %s is '%s', not '%s'", at, name, got, value);
	parse_free(&p);
}

#define SETTING(line, name, debian, cronie)                           \
	(check_setting(DIALECT_DEBIAN, line, name, debian, __LINE__), \
		check_setting(DIALECT_CRONIE, line, name, cronie, __LINE__))

static void test_settings(void **state)
{
	(void)state;
	SETTING("A=b", "A", "b", "b");
	SETTING("  A \t=\t b c ", "A", "b c", "b c");
	SETTING("A=\"b  \"", "A", "b", "b  ");
	SETTING("A=' b'  ", "A", " b", " b");
	SETTING("A=\"\"", "A", "", "");
	SETTING("A=\"  \"", "A", "", "  ");
	SETTING("A=", "A", NULL, "");
	SETTING("A=  ", "A", NULL, "");
	SETTING("A=b=c", "A", "b=c", "b=c");
	SETTING("A=b\"c", "A", "b\"c", "b\"c");
	SETTING("A='b\"c'", "A", "b\"c", "b\"c");
	SETTING("A=\"b\" c", "A", NULL, NULL);
	SETTING("A=\"b", "A", NULL, NULL);
	SETTING("A=\"", "A", NULL, NULL);
	SETTING("\"A=B\"=c", "A", NULL, NULL);
	SETTING("'A B'=c", "A B", "c", "c");
	SETTING("\"A\"b=c", "A", NULL, NULL);
	SETTING("A B=c", "A", NULL, NULL);
	SETTING("=b", "", "b", "b");
	SETTING("''=b", "", "b", "b");
	SETTING("A=b\r", "A", "b", "b");
	SETTING("A=\"b\"\r", "A", "b", "b");
	SETTING("A=\r", "A", NULL, "");
	SETTING("A=\xff", "A", "\xff", "\xff");
	SETTING("A=$HOME", "A", "$HOME", "$HOME");
}

/* Settings count for the lines below them, and a later one hides an earlier. */
static void test_setting_order(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);
	const struct crontab_env *env;

	(void)state;
	assert_int_equal(parse_bytes(&p, slice_of("@reboot a\n")), 0);
	assert_null(p.last.env);
	assert_int_equal(parse_bytes(&p, slice_of("A=1\nB=2\n@reboot a\nA=3\nAB=4\n")), 0);
	env = p.last.env;
	assert_string_equal(crontab_env_get(env, "A"), "1");
	assert_string_equal(crontab_env_get(env, "B"), "2");
	assert_null(crontab_env_get(env, "AB"));
	assert_null(crontab_env_get(NULL, "A"));
	assert_int_equal(parse_bytes(&p, slice_of("A=1\nB=2\nA=3\n@reboot a\n")), 0);
	assert_string_equal(crontab_env_get(p.last.env, "A"), "3");
	assert_string_equal(p.last.env->assignment, "A=3");
	assert_string_equal(p.last.env->before->assignment, "B=2");
	parse_free(&p);
}

static void test_too_many_settings(void **state)
{
	struct parse p = parser(DIALECT_CRONIE);
	struct buf text = { 0 };

	(void)state;
	for (size_t i = 0; i < p.rules.dialect->envs_most; i++)
		buf_puts(&text, "A=b\n");
	assert_int_equal(parse_bytes(&p, (struct slice){ text.data, text.len }), 0);
	assert_false(p.result.rejected);
	buf_puts(&text, "A=c\nA=d\n@daily x\n");
	assert_int_equal(parse_bytes(&p, (struct slice){ text.data, text.len }), 0);
	assert_true(p.result.rejected);
	assert_int_equal(p.result.errors, 1);
	assert_int_equal(p.result.first.line, p.rules.dialect->envs_most + 1);
	assert_string_equal(p.result.first.text, "too many environment settings");
	buf_free(&text);
	parse_free(&p);
}

static void test_too_many_entries(void **state)
{
	struct parse p = parser(DIALECT_CRONIE);
	struct dialect small = *p.rules.dialect;

	(void)state;
	small.entries_most = 2;
	p.rules.dialect = &small;
	assert_int_equal(parse_bytes(&p, slice_of("@daily a\n@daily b\n")), 0);
	assert_false(p.result.rejected);
	assert_int_equal(parse_bytes(&p, slice_of("@daily a\n@daily b\n@daily c\n@daily d\n")), 0);
	assert_true(p.result.rejected);
	check_told(&p, "1:a;2:b;!3:too many entries;", __LINE__);
	parse_free(&p);
}

/* --- hostile input */

static void put_many(struct buf *out, char c, size_t n)
{
	while (n--)
		buf_putc(out, c);
}

static void check_length(size_t n, const char *before, const char *error)
{
	for (int id = 0; id < DIALECTS; id++) {
		struct parse p = parser((enum dialect_id)id);
		struct buf text = { 0 };

		buf_printf(&text, "@daily a\n%s", before);
		put_many(&text, 'x', n);
		buf_puts(&text, "\n@daily b\n");
		assert_int_equal(parse_bytes(&p, (struct slice){ text.data, text.len }), 0);
		assert_int_equal(p.result.errors, error ? 1 : 0);
		assert_int_equal(p.last.line, 3);
		if (error) {
			assert_int_equal(p.result.first.line, 2);
			assert_memory_equal(p.result.first.text, error, strlen(error));
		}
		buf_free(&text);
		parse_free(&p);
	}
}

static void test_long_lines(void **state)
{
	(void)state;
	check_length(998, "@daily ", NULL);
	check_length(5000, "@daily ", NULL);
	check_length(CRONTAB_TEXT_MOST, "@daily ", NULL);
	check_length(CRONTAB_TEXT_MOST + 1, "@daily ", "command too long");
	check_length(5 << 20, "@daily ", "command too long");
	check_length(5 << 20, "", "command too long");
	check_length(CRONTAB_TEXT_MOST - 2, "A=", NULL);
	check_length(CRONTAB_TEXT_MOST - 1, "A=", "environment setting too long");
	check_length(5 << 20, "A=", "environment setting too long");
	check_length(5 << 20, "# ", NULL);
}

static void check_nul(
	enum dialect_id id, const char *text, size_t n, const char *want, bool rejected)
{
	struct parse p = parser(id);

	assert_int_equal(parse_bytes(&p, (struct slice){ text, n }), 0);
	buf_text(&p.told);
	check_told(&p, want, __LINE__);
	assert_int_equal(p.result.rejected, rejected);
	parse_free(&p);
}

static void test_nul(void **state)
{
	static const char command[] = "@daily a\n@daily b\0c\n@daily d\n";
	static const char setting[] = "A=b\0c\n@daily d\n";
	static const char first[] = "\0\n@daily d\n";
	static const char comment[] = "# \0\n@daily d\n";
	static const char option[] = "#@ max=1\0\n@daily d\n@daily e\n";
	static const char between[] = "#@ bogus\n#@ max=1\n# \0\n@daily d\n";

	(void)state;
	check_nul(DIALECT_CRONIE, command, sizeof(command) - 1, "1:a;!2:NUL byte in line;3:d;",
		false);
	check_nul(
		DIALECT_DEBIAN, command, sizeof(command) - 1, "1:a;!2:NUL byte in line;3:d;", true);
	check_nul(DIALECT_CRONIE, setting, sizeof(setting) - 1, "!1:NUL byte in line;2:d;", false);
	check_nul(DIALECT_CRONIE, first, sizeof(first) - 1, "!1:NUL byte in line;2:d;", false);
	check_nul(DIALECT_CRONIE, comment, sizeof(comment) - 1, "!1:NUL byte in line;2:d;", false);
	check_nul(DIALECT_CRONIE, option, sizeof(option) - 1,
		"!1:NUL byte in line;!1:bad option for line 2: NUL byte in line;3:e;", false);
	check_nul(DIALECT_CRONIE, between, sizeof(between) - 1,
		"?1:only a comment: no option 'bogus';!3:NUL byte in line;4:d;", false);
}

/* A million entries, distinct ones and equal ones, without memory for each. */
static void test_million(void **state)
{
	enum { LINES = 1000000 };
	struct buf text = { 0 };

	(void)state;
	for (int i = 0; i < LINES; i++)
		buf_printf(&text, "%d %d * * %d /bin/true\n", i % 60, i / 3 % 24, i % 7);
	assert_false(text.failed);
	for (int id = 0; id < DIALECTS; id++) {
		struct parse p = parser((enum dialect_id)id);
		const struct crontab_sink sink = { NULL, NULL, NULL };
		clock_t begun = clock();

		assert_int_equal(crontab_parse((struct slice){ text.data, text.len }, &p.rules,
					 &p.arena, &sink, &p.result),
			0);
		/* Far above what is needed (0.15 s), so that only a wrong order of growth fails. */
		assert_true(clock() - begun < 20 * CLOCKS_PER_SEC);
		assert_int_equal(p.result.entries, LINES);
		assert_int_equal(p.result.lines, LINES);
		assert_int_equal(p.arena.used, 0);
		parse_free(&p);
	}
	buf_free(&text);
}

static void test_stop(void **state)
{
	struct parse p = parser(DIALECT_DEBIAN);

	(void)state;
	p.stop_after = 2;
	assert_int_equal(parse_bytes(&p, slice_of("@daily a\n@daily b\n@daily c\n")), -1);
	buf_text(&p.told);
	check_told(&p, "1:a;2:b;", __LINE__);
	parse_free(&p);
}

/* --- policy */

static void check_policy(enum dialect_id id, bool install, const char *text, bool rejected,
	bool unfinished, const char *want)
{
	struct parse p = parser(id);

	p.rules.install = install;
	assert_int_equal(parse_bytes(&p, slice_of(text)), 0);
	assert_int_equal(p.result.rejected, rejected);
	assert_int_equal(p.result.unfinished, unfinished);
	buf_text(&p.told);
	check_told(&p, want, __LINE__);
	parse_free(&p);
}

static void test_policy(void **state)
{
	static const char good[] = "@daily a\n", bad[] = "@daily a\nx\n",
			  cut[] = "@daily a\n@daily b";
	static const char missing[] = "1:a;!2:missing newline before EOF;";

	(void)state;
	for (int install = 0; install < 2; install++) {
		check_policy(DIALECT_DEBIAN, install, good, false, false, "1:a;");
		check_policy(DIALECT_CRONIE, install, good, false, false, "1:a;");
		check_policy(DIALECT_DEBIAN, install, bad, true, false, "1:a;!2:bad minute;");
		check_policy(DIALECT_CRONIE, install, bad, install, false, "1:a;!2:bad minute;");
		check_policy(DIALECT_DEBIAN, install, cut, true, true, missing);
		check_policy(DIALECT_DEBIAN, install, "# a\n  ", false, false, "");
		check_policy(DIALECT_DEBIAN, install, " # a", false, false, "");
		check_policy(DIALECT_CRONIE, install, " # a", false, false, "");
		check_policy(DIALECT_DEBIAN, install, "A=b", true, true,
			"!1:missing newline before EOF;");
	}
	check_policy(DIALECT_CRONIE, false, cut, false, true, missing);
	check_policy(DIALECT_CRONIE, true, cut, true, true, "1:a;!2:premature EOF;");
}

/* The two policies are two: a dialect may drop a file for its missing newline alone. */
static void test_policies_apart(void **state)
{
	struct parse p = parser(DIALECT_CRONIE);
	struct dialect strict = *p.rules.dialect;

	(void)state;
	strict.no_newline_drops_file = true;
	p.rules.dialect = &strict;
	assert_int_equal(parse_bytes(&p, slice_of("@daily a\nx\n")), 0);
	assert_false(p.result.rejected);
	assert_int_equal(parse_bytes(&p, slice_of("@daily a\n@daily b")), 0);
	assert_true(p.result.rejected);
	parse_free(&p);
}

/* Junk behind a value: refused when new, taken from an old table, never with seconds. */
static void test_junk(void **state)
{
	static const struct {
		const char *time, *error;
	} junk[] = {
		{ "0.5 * * * *", "bad minute" },
		{ "5* * * * *", "bad minute" },
		{ "1-5-7 * * * *", "bad minute" },
		{ "*1 * * * *", "bad minute" },
		{ "*foo * * * *", "bad minute" },
		{ "0 6#3 * * *", "bad hour" },
		{ "0 0 1+ * *", "bad day-of-month" },
		{ "0 0 1 1;2 *", "bad month" },
		{ "0 0 * *  1#2", "bad day-of-week" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		char text[64], refused[64], taken[160];

		snprintf(text, sizeof(text), "%s x\n", junk[i].time);
		snprintf(refused, sizeof(refused), "!1:%s;", junk[i].error);
		snprintf(taken, sizeof(taken),
			"?1:%s: what follows the value is ignored, as Debian's cron does;1:x;",
			junk[i].error);
		DEBIAN(text, taken);
		INSTALL(DIALECT_DEBIAN, text, refused);
		CRONIE(text, refused);
		INSTALL(DIALECT_CRONIE, text, refused);
	}
	INSTALL(DIALECT_DEBIAN, "*/5,1-5/2,JAN * * * *\n", "!1:bad minute;");
	INSTALL(DIALECT_DEBIAN, "*/5,1-5/2,7 */2 1-31 JAN-mar,7 Sun,mon-FRI x\n", "1:x;");
	DEBIAN("#@ seconds\n0 0.5 * * * * x\n", "!2:bad minute;");
	DEBIAN("#@ seconds\n*1 0 * * * * x\n", "!2:bad second;");
}

static void test_columns(void **state)
{
	struct parse p = parser(DIALECT_CRONIE);

	(void)state;
	assert_int_equal(parse_bytes(&p, slice_of("  0 25 * * * x\n")), 0);
	assert_int_equal(p.result.first.column, 5);
	assert_int_equal(parse_bytes(&p, slice_of("\t-0 0 * * 9 x\n")), 0);
	assert_int_equal(p.result.first.column, 11);
	assert_int_equal(parse_bytes(&p, slice_of("@daily  -q x\n")), 0);
	assert_int_equal(p.result.first.column, 9);
	p.rules.dialect = dialect_get(DIALECT_DEBIAN);
	p.rules.install = true;
	assert_int_equal(parse_bytes(&p, slice_of(" 0 0 1+ * * x\n")), 0);
	assert_int_equal(p.result.first.column, 6);
	parse_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_empty_command),
		cmocka_unit_test(test_carriage_returns),
		cmocka_unit_test(test_user_column),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_setting_order),
		cmocka_unit_test(test_too_many_settings),
		cmocka_unit_test(test_too_many_entries),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_million),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policies_apart),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
