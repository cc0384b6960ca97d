/* Tests of crontab_split: what of a command is the shell's and what its input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/core/crontab.h"

static void check_split(
	const char *text, enum dialect_id id, const char *command, const char *input, int line)
{
	struct arena arena = { 0 };
	const char *got;
	struct slice in;

	assert_int_equal(crontab_split(slice_of(text), dialect_get(id), &arena, &got, &in), 0);
	if (strcmp(got, command) != 0)
		fail_msg("line %d: '%s' is the command, not '%s'", line, got, command);
	if (!input != !in.s || (input && !slice_is(in, input)))
		fail_msg("line %d: '%.*s' is the input, not '%s'", line, (int)in.n,
			in.s ? in.s : "", input);
	arena_free(&arena);
}

#define SPLIT(text, debian, cronie, input)                           \
	(check_split(text, DIALECT_DEBIAN, debian, input, __LINE__), \
		check_split(text, DIALECT_CRONIE, cronie, input, __LINE__))

static void test_split(void **state)
{
	(void)state;
	SPLIT("", "", "", NULL);
	SPLIT("a b", "a b", "a b", NULL);
	SPLIT("a%", "a", "a", "");
	SPLIT("%", "", "", "");
	SPLIT("a%b", "a", "a", "b\n");
	SPLIT("a%b%c", "a", "a", "b\nc\n");
	SPLIT("a%b%", "a", "a", "b\n");
	SPLIT("a%%", "a", "a", "\n");
	SPLIT("a\\%b", "a%b", "a%b", NULL);
	SPLIT("a\\b", "a\\b", "a\\b", NULL);
	SPLIT("a\\\\b", "a\\b", "a\\\\b", NULL);
	SPLIT("a\\\\%b", "a\\", "a\\\\", "b\n");
	SPLIT("a\\\\\\%b", "a\\%b", "a\\\\%b", NULL);
	SPLIT("a\\", "a\\", "a\\", NULL);
	SPLIT("a%b\\%c", "a", "a", "b%c\n");
	SPLIT("a%b\\c", "a", "a", "b\\c\n");
	SPLIT("a%b\\\\c", "a", "a", "b\\\\c\n");
	SPLIT("a%one\\%two%three\\\\%four\\\\\\%five\\x\\", "a", "a",
		"one%two\nthree\\%four\\\\%five\\x\\\n");
	SPLIT("a%\\", "a", "a", "\\");
	SPLIT("a%b%\\", "a", "a", "b\n\\");
	SPLIT("a%b\\%", "a", "a", "b%\n");
	SPLIT("date +\\%Y\\%m%\xff\r", "date +%Y%m", "date +%Y%m", "\xff\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
