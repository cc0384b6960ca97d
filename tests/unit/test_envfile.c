/* test_envfile: settings of an env-file, paths of logs, lists of processors. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/cpus.h"
#include "crond/core/envfile.h"
#include "crond/core/logpath.h"

/* The settings with a | behind each; an error as "line: text". */
static const char *settings(struct slice text, struct buf *out)
{
	struct envfile f = { .rest = text };
	struct diag d;
	int more;

	buf_clear(out);
	while ((more = envfile_next(&f, out, &d)) > 0)
		out->data[out->len - 1] = '|';
	if (more < 0) {
		buf_clear(out);
		buf_printf(out, "%u: %s", (unsigned)d.line, d.text);
	}
	return buf_text(out);
}

static void test_settings(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "\n  \n# A=1\n; B=2\n  # C=3\n", "" },
		{ "A=1\nB=two words  \n  C = 3\t\nD=\n", "A=1|B=two words|C=3|D=|" },
		{ "A=1", "A=1|" },
		{ "A=1\r\nB=\"x\"\r\n", "A=1|B=x|" },
		{ "A=\"one  two \" # no comment\n", "A=one  two  # no comment|" },
		{ "A='a \"b\" \\n $X'\n", "A=a \"b\" \\n $X|" },
		{ "A=\"\\\"q\\\" \\\\ \\$X \\n \\`\"\n", "A=\"q\" \\ $X \\n `|" },
		{ "A=a\\ b\\#\\\\ \\\n  c\n", "A=a b#\\   c|" },
		{ "A=\"one\ntwo\"\nB=x\n", "A=one\ntwo|B=x|" },
		{ "A=\"one\\\ntwo\"", "A=onetwo|" },
		{ "A='x'y\"z\"w ", "A=xyzw|" },
		{ "A=b=c\n_x9=1", "A=b=c|_x9=1|" },
		{ "A=\\", "A=|" },
		{ "A=1\n\n=x\n", "3: no NAME=value" },
		{ "9A=x\n", "1: no NAME=value" },
		{ "export A=x\n", "1: no '=' behind the name" },
		{ "A=1\nB=\"x\n\n\n", "2: a \" that is never closed" },
		{ "A=1\nB='\"\n", "2: a ' that is never closed" },
		{ "A=\"1\n2\"\nB\n", "3: no '=' behind the name" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(settings(slice_of(cases[i].text), &out), cases[i].want);
	assert_string_equal(settings((struct slice){ "A=1\nB=x\0y\n", 10 }, &out), "2: a NUL byte");
	buf_free(&out);
}

/* --- logs */

static const char *path(const char *format, int64_t epoch, int32_t offset)
{
	static char text[256];
	struct logpath_of of = { epoch, offset, "gold-1700000000-2" };
	struct buf out = { 0 };

	assert_int_equal(logpath_expand(slice_of(format), &of, &out), 0);
	assert_true(out.len < sizeof(text));
	memcpy(text, out.data, out.len);
	text[out.len] = '\0';
	buf_free(&out);
	return text;
}

static void test_paths(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_string_equal(path("gold/" LOGPATH_DEFAULT, 1700000000, 0),
		"gold/202311/14/221320-gold-1700000000-2.log");
	assert_string_equal(path("%F_%T", 1700000000, 3600 * 2), "2023-11-15_00:13:20");
	assert_string_equal(path("%y%j-%s%%", 1700000000, -3600), "23318-1700000000%");
	assert_string_equal(path("%Y%m%d%H%M%S", -1, 0), "19691231235959");
	assert_string_equal(path("%Y-%j", 4102444799, 0), "2099-365");
	logpath_quote(&b, "50%d");
	assert_string_equal(path(buf_text(&b), 0, 0), "50%d");
	buf_free(&b);
}

static void test_path_errors(void **state)
{
	static const char *const bad[] = { "", "/", "a/", "a//b", "../x", "a/../b", "a/..", ".", "./a", "%",
		"a%", "%n", "%E", "%10Y", "%-d", "a\nb", "/..", "//a" };
	static const char *const good[] = { "a", "/a", "a/b.log", ".a", "..a", "%Y/%i", "a%%", "/var/x/%s", "a..b" };
	struct diag d;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (logpath_check(slice_of(bad[i]), &d) == 0)
			print_message("taken: %s\n", bad[i]);
		assert_int_equal(logpath_check(slice_of(bad[i]), &d), -1);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(logpath_check(slice_of(good[i]), &d), 0);
	logpath_check(slice_of("%Q"), &d);
	assert_non_null(strstr(d.text, "'%Q' is none of %Y "));
}

static void test_names(void **state)
{
	static const struct {
		const char *format, *name;
		bool match;
	} cases[] = {
		{ "%H%M%S-%i.log", "221320-gold-1700000000-2.log", true },
		{ "%H%M%S-%i.log", "221320-gold-1700000000-2.log.gz", false },
		{ "%H%M%S-%i.log", "221320-golden-1700000000-2.log", false },
		{ "%H%M%S-%i.log", "221320-gold--2.log", false },
		{ "%H%M%S-%i.log", "22132-gold-1-2.log", false },
		{ "%Y%m", "202311", true },
		{ "%Y%m", "2023-1", false },
		{ "%Y%m", "20231", false },
		{ "%F", "2023-11-14", true },
		{ "%F", "2023x11-14", false },
		{ "x%s", "x17", true },
		{ "x%s", "x", false },
		{ "a%%", "a%", true },
		{ "out.log", "out.log", true },
		{ "out.log", "out.logs", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(logpath_match(slice_of(cases[i].format), cases[i].name, "gold"),
			cases[i].match);
	/* where later is not behind, nobody may go by names */
	assert_true(logpath_ordered(slice_of("gold/" LOGPATH_DEFAULT)));
	assert_true(logpath_ordered(slice_of("%Y/%Y%m/%F.log")));
	assert_true(logpath_ordered(slice_of("%y-%j")));
	assert_true(logpath_ordered(slice_of("%s")));
	assert_false(logpath_ordered(slice_of("%d.%m.%Y")));
	assert_false(logpath_ordered(slice_of("%H")));
	assert_false(logpath_ordered(slice_of("gold.log")));
}

static void test_where(void **state)
{
	static const struct {
		const char *format, *newest, *glob;
	} cases[] = {
		{ "/l/gold/" LOGPATH_DEFAULT, "/l/gold/latest", "/l/gold/**/*/***-gold-7-1.log" },
		{ "/l/%Y.log", "/l/latest", "/l/*.log" },
		{ "/l/a-%i", "/l/latest", "/l/a-gold-7-1" },
		{ "/l/out*", "/l/out*", "/l/out\\*" },
		{ "/l/50%%/x", "/l/latest", "/l/50%/x" },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		logpath_newest(cases[i].format, &b);
		assert_string_equal(buf_text(&b), cases[i].newest);
		buf_clear(&b);
		logpath_glob(slice_of(cases[i].format), "gold-7-1", &b);
		assert_string_equal(buf_text(&b), cases[i].glob);
	}
	buf_free(&b);
	assert_int_equal(logpath_fixed("gold/" LOGPATH_DEFAULT), 1);
	assert_int_equal(logpath_fixed("/a/b/c-%Y/d"), 2);
	assert_int_equal(logpath_fixed("a/b"), 0);
	assert_int_equal(logpath_fixed("%Y/a"), 0);
}

static void test_cpus(void **state)
{
	static const char *const bad[] = { "", ",", "1,", "-1", "1-", "3-1", "a", "0-8192", "1 2", "1,,2" };
	unsigned char bits[CPUS_MOST / 8];

	(void)state;
	assert_int_equal(cpus_parse(slice_of("0-2,9,8191"), bits, NULL), 0);
	assert_int_equal(bits[0], 7);
	assert_int_equal(bits[1], 2);
	assert_int_equal(bits[2], 0);
	assert_int_equal(bits[CPUS_MOST / 8 - 1], 0x80);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cpus_parse(slice_of(bad[i]), bits, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_path_errors),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
