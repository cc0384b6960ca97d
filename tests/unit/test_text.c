/* test_text: numbers, durations, sizes, names, and text made safe to print. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void numbers(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(text_number(slice_of("010"), 100, &v), 0);
	assert_int_equal(v, 10);
	assert_int_equal(text_number(slice_of("18446744073709551615"), UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(text_number(slice_of("100"), 100, &v), 0);
	v = 7;
	assert_int_equal(text_number(slice_of("18446744073709551616"), UINT64_MAX, &v), -1);
	assert_int_equal(text_number(slice_of("101"), 100, &v), -1);
	assert_int_equal(text_number(slice_of(""), 100, &v), -1);
	assert_int_equal(text_number(slice_of("-1"), 100, &v), -1);
	assert_int_equal(text_number(slice_of("+1"), 100, &v), -1);
	assert_int_equal(text_number(slice_of("1 "), 100, &v), -1);
	assert_int_equal(text_number(slice_of("0x10"), 100, &v), -1);
	assert_int_equal(text_number(slice_of("9"), 8, &v), -1);
	assert_int_equal(v, 7);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{ "90", 90000 }, { "90s", 90000 }, { "15m", 900000 }, { "1h30m", 5400000 },
		{ "7d", 604800000 }, { "500ms", 500 }, { "1s500ms", 1500 }, { "0", 0 },
		{ "1d2h3m4s5ms", 93784005 }, { "36525d", 3155760000000 }, { "010m", 600000 },
	};
	static const char *const bad[] = { "", "s", "1h30", "30m1h", "1m1m", "1x", "1 h", "-1s",
		"36526d", "36525d1ms", "99999999999999999999s", "1.5h", "1H", "1hm", "1mms" };
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(text_duration(slice_of(good[i].text), &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(text_duration(slice_of(bad[i]), &ms), -1);
}

static void sizes(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_int_equal(text_size(slice_of("512"), &bytes), 0);
	assert_int_equal(bytes, 512);
	assert_int_equal(text_size(slice_of("512K"), &bytes), 0);
	assert_int_equal(bytes, 524288);
	assert_int_equal(text_size(slice_of("1m"), &bytes), 0);
	assert_int_equal(bytes, 1048576);
	assert_int_equal(text_size(slice_of("2G"), &bytes), 0);
	assert_int_equal(bytes, 2147483648);
	assert_int_equal(text_size(slice_of("16777216T"), &bytes), -1);
	assert_int_equal(text_size(slice_of("1KB"), &bytes), -1);
	assert_int_equal(text_size(slice_of("K"), &bytes), -1);
	assert_int_equal(text_size(slice_of("1 K"), &bytes), -1);
	assert_int_equal(text_size((struct slice){ "1\0", 2 }, &bytes), -1);
}

static void booleans(void **state)
{
	bool value = false;

	(void)state;
	assert_int_equal(text_bool(slice_of("Yes"), &value), 0);
	assert_true(value);
	assert_int_equal(text_bool(slice_of("off"), &value), 0);
	assert_false(value);
	assert_int_equal(text_bool(slice_of("1"), &value), 0);
	assert_true(value);
	assert_int_equal(text_bool(slice_of("maybe"), &value), -1);
	assert_int_equal(text_bool(slice_of(""), &value), -1);
	assert_int_equal(text_bool(slice_of("y"), &value), -1);
}

static void nearest(void **state)
{
	static const char *const words[] = { "timeout", "timezone", "max", "user", "kill-after", NULL };

	(void)state;
	assert_string_equal(text_nearest(slice_of("timout"), words), "timeout");
	assert_string_equal(text_nearest(slice_of("tmieout"), words), "timeout");
	assert_string_equal(text_nearest(slice_of("TimeZone"), words), "timezone");
	assert_string_equal(text_nearest(slice_of("mx"), words), "max");
	assert_string_equal(text_nearest(slice_of("kill_after"), words), "kill-after");
	assert_null(text_nearest(slice_of("foo"), words));
	assert_null(text_nearest(slice_of(""), words));
	assert_null(text_nearest(slice_of("m"), words));
	assert_null(text_nearest(slice_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					  "aaaaaaaaaaaaaaaaaaaaaaaaaa"), words));
}

static void visible_is(struct slice s, size_t most, const char *want)
{
	struct buf b = { 0 };

	text_visible(&b, s, most);
	assert_string_equal(buf_text(&b), want);
	buf_free(&b);
}

static void visible(void **state)
{
	(void)state;
	visible_is(slice_of("echo hi"), 100, "echo hi");
	visible_is((struct slice){ "a\0\t\x1b\x7f", 5 }, 100, "a^@^I^[^?");
	visible_is(slice_of("\303\244\""), 100, "\\303\\244\"");
	visible_is(slice_of("ab\303"), 5, "ab");
	visible_is(slice_of("ab\303"), 6, "ab\\303");
	visible_is(slice_of("abc"), 0, "");
}

static void quoted_is(const char *s, size_t most, const char *want)
{
	struct buf b = { 0 };

	text_quoted(&b, slice_of(s), most);
	assert_string_equal(buf_text(&b), want);
	buf_free(&b);
}

static void quoted(void **state)
{
	(void)state;
	quoted_is("a\"b\\c", 100, "\"a\\\"b\\\\c\"");
	quoted_is("a\nb\x7f", 100, "\"a\\x0ab\\x7f\"");
	quoted_is("\303\244", 100, "\"\303\244\"");
	quoted_is("\303", 100, "\"\\xc3\"");
	quoted_is("\302\233x", 100, "\"\\xc2\\x9bx\"");
	quoted_is("abcdef", 6, "\"abcdef\"");
	quoted_is("abcdef", 5, "\"abcde...\"");
	quoted_is("ab\303\244", 3, "\"ab...\"");
}

static void utf8(void **state)
{
	(void)state;
	assert_int_equal(text_utf8(slice_of("a")), 1);
	assert_int_equal(text_utf8(slice_of("\303\244")), 2);
	assert_int_equal(text_utf8(slice_of("\342\202\254x")), 3);
	assert_int_equal(text_utf8(slice_of("\360\237\230\200")), 4);
	assert_int_equal(text_utf8(slice_of("\300\200")), 0);         /* overlong */
	assert_int_equal(text_utf8(slice_of("\340\200\200")), 0);     /* overlong */
	assert_int_equal(text_utf8(slice_of("\355\240\200")), 0);     /* surrogate */
	assert_int_equal(text_utf8(slice_of("\364\220\200\200")), 0); /* above the last */
	assert_int_equal(text_utf8(slice_of("\342\202")), 0);
	assert_int_equal(text_utf8(slice_of("\200")), 0);
	assert_int_equal(text_utf8(slice_of("")), 0);
}

/* Stored in identities: these values must never change. */
static void hash(void **state)
{
	const uint64_t seed = UINT64_C(0x0706050403020100);
	const char *bytes = "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16";

	(void)state;
	/* as SipHash's authors have published */
	assert_true(text_hash(seed, "", 0) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(text_hash(seed, bytes, 8) == UINT64_C(0x93f5f5799a932462));
	assert_true(text_hash(seed, bytes, 15) == UINT64_C(0xa129ca6149be45e5));
	assert_true(text_hash(1, "cron", 4) != text_hash(0, "cron", 4));
	assert_true(text_hash(0, "cron", 4) != text_hash(0, "crom", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(booleans),
		cmocka_unit_test(nearest),
		cmocka_unit_test(visible),
		cmocka_unit_test(quoted),
		cmocka_unit_test(utf8),
		cmocka_unit_test(hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
