/* What a job may say of itself: each variable, bad values, texts made fit to be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crond/core/sdnotify.h"

static struct sdnotify parsed(const char *text)
{
	struct sdnotify m;

	assert_int_equal(sdnotify_parse(&m, slice_of(text)), 0);
	return m;
}

static void assert_slice(struct slice s, const char *text)
{
	assert_non_null(s.s);
	assert_int_equal(s.n, strlen(text));
	assert_memory_equal(s.s, text, s.n);
}

static void test_every_variable(void **state)
{
	struct sdnotify m = parsed("READY=1\nSTATUS=a=b\nWATCHDOG=1\nWATCHDOG_USEC=20000000\n"
		"STOPPING=1\nEXTEND_TIMEOUT_USEC=5\nX_CRON_ALERT=disk full\nX_CRON_BATCH_START=b1\n"
		"X_CRON_BATCH_END=b0\nMAINPID=1\nBARRIER=1\nERRNO=2\nwhatever\n\n");

	(void)state;
	assert_true(m.ready && m.watchdog && m.stopping && !m.trigger);
	assert_true(m.has_interval && m.interval_us == 20000000);
	assert_true(m.has_extend && m.extend_us == 5);
	assert_slice(m.status, "a=b");
	assert_slice(m.alert, "disk full");
	assert_slice(m.batch_start, "b1");
	assert_slice(m.batch_end, "b0");
	assert_int_equal(m.bad, 0);
}

static void test_bad_values_are_left_out(void **state)
{
	struct sdnotify m = parsed("READY=yes\nWATCHDOG=\nWATCHDOG_USEC=-1\nEXTEND_TIMEOUT_USEC=1s\n"
		"STOPPING=0\nX_CRON_ALERT=\nX_CRON_BATCH_END=\nWATCHDOG_USEC=18446744073709551616");

	(void)state;
	assert_false(m.ready || m.watchdog || m.stopping || m.has_interval || m.has_extend);
	assert_null(m.alert.s);
	assert_null(m.batch_end.s);
	assert_int_equal(m.bad, 7);
	/* names are whole and as they are written */
	m = parsed("ready=1\nREADY =1\nXREADY=1\nREADY=1 \n");
	assert_false(m.ready);
}

static void test_the_first_counts(void **state)
{
	struct sdnotify m = parsed("STATUS=one\nSTATUS=two\nWATCHDOG_USEC=1\nWATCHDOG_USEC=2");

	(void)state;
	assert_slice(m.status, "one");
	assert_int_equal(m.interval_us, 1);
	m = parsed("STATUS=\nSTATUS=two"); /* an empty one takes the old status away */
	assert_slice(m.status, "");
	assert_true(parsed("WATCHDOG=trigger").trigger);
}

static void test_no_message(void **state)
{
	static char large[SDNOTIFY_MOST + 2];
	struct sdnotify m;

	(void)state;
	assert_int_equal(sdnotify_parse(&m, (struct slice){ NULL, 0 }), -1);
	assert_int_equal(sdnotify_parse(&m, (struct slice){ "\0", 1 }), -1);
	assert_int_equal(sdnotify_parse(&m, (struct slice){ "READY=1\0x", 9 }), -1);
	assert_int_equal(sdnotify_parse(&m, (struct slice){ "READY=1\0", 8 }), 0);
	assert_true(m.ready);
	memset(large, 'x', sizeof(large));
	assert_int_equal(sdnotify_parse(&m, (struct slice){ large, SDNOTIFY_MOST + 1 }), -1);
	assert_int_equal(sdnotify_parse(&m, (struct slice){ large, SDNOTIFY_MOST }), 0);
}

static void assert_shown(const char *text, size_t room, const char *wanted)
{
	char out[64];

	memset(out, 'Z', sizeof(out));
	sdnotify_text(slice_of(text), out, room);
	assert_string_equal(out, wanted);
	assert_int_equal(out[room], 'Z');
}

static void test_texts_are_fit_to_be_shown(void **state)
{
	(void)state;
	assert_shown("", 8, "");
	assert_shown("caf\xc3\xa9 \xe2\x82\xac", 32, "caf\xc3\xa9 \xe2\x82\xac");
	assert_shown("\x1b[2J\t\x7f", 32, "\\x1b[2J\\x09\\x7f");
	assert_shown("\xc2\x9b" "2J\xc2\xa0", 32, "\\x9b2J\xc2\xa0");
	assert_shown("\xff\xc3", 32, "\\xff\\xc3");
	/* seven characters fit; of more the end is marked, and no character is halved */
	assert_shown("1234567", 8, "1234567");
	assert_shown("12345678", 8, "1234...");
	assert_shown("123\xe2\x82\xac" "678", 8, "123...");
	assert_shown("12\x1b\x1b", 8, "12...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_variable),
		cmocka_unit_test(test_bad_values_are_left_out),
		cmocka_unit_test(test_the_first_counts),
		cmocka_unit_test(test_no_message),
		cmocka_unit_test(test_texts_are_fit_to_be_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
