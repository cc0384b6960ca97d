/* test_access: reading lists of allowed and denied users.
 * Flow: unit tests of crontab-tool/access; who may do what is tried as a whole in
 * tests/system. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "crontab-tool/access.h"

static enum list_answer ask(const char *bytes, size_t n, bool unfinished_counts)
{
	char path[] = "/tmp/test_access.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	close(fd);
	enum list_answer answer = access_list(path, "alice", unfinished_counts);
	unlink(path);
	return answer;
}

static void test_lines(void **state)
{
	static const struct {
		const char *list;
		enum list_answer answer;
	} cases[] = {
		{ "", LIST_LACKS },
		{ "alice\n", LIST_HAS },
		{ "bob\nalice\ncarol\n", LIST_HAS },
		{ " alice\n", LIST_LACKS },
		{ "alice \n", LIST_LACKS },
		{ "alice\r\n", LIST_LACKS },
		{ "Alice\n", LIST_LACKS },
		{ "alic\n", LIST_LACKS },
		{ "alicex\n", LIST_LACKS },
		{ "#alice\n", LIST_LACKS },
		{ "alice bob\n", LIST_LACKS },
		{ "\n\n", LIST_LACKS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *list = cases[i].list;
		assert_int_equal(ask(list, strlen(list), false), cases[i].answer);
		assert_int_equal(ask(list, strlen(list), true), cases[i].answer);
	}
}

static void test_unfinished(void **state)
{
	(void)state;
	assert_int_equal(ask("bob\nalice", 9, false), LIST_LACKS);
	assert_int_equal(ask("bob\nalice", 9, true), LIST_HAS);
	assert_int_equal(ask("alicex", 6, true), LIST_LACKS);
}

static void test_bytes(void **state)
{
	char big[70000];

	(void)state;
	assert_int_equal(ask("alice\0x\n", 8, true), LIST_LACKS);
	assert_int_equal(ask("\0\nalice\n", 8, false), LIST_HAS);
	memset(big, 'x', sizeof(big));
	memcpy(big + sizeof(big) - 7, "\nalice\n", 7);
	assert_int_equal(ask(big, sizeof(big), false), LIST_HAS);
}

static void test_no_list(void **state)
{
	(void)state;
	assert_int_equal(access_list("/nosuch/list", "alice", false), LIST_ABSENT);
	assert_int_equal(access_list("/tmp", "alice", false), LIST_UNREADABLE);
	assert_int_equal(access_list("/dev/null/list", "alice", false), LIST_UNREADABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
