/* Golden tests of schedule_next: zones, expressions and all starts of a stretch, as an
 * oracle in another language found them (tests/golden/next.py). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/diag.h"
#include "crond/core/schedule.h"
#include "crond/core/zone.h"
#include "tests/unit/tzif.h"

enum { COLUMNS = 6, LINE_ROOM = 4096 };

static long long number(char **p)
{
	long long v;

	errno = 0;
	v = strtoll(*p, p, 10);
	assert_int_equal(errno, 0);
	return v;
}

/* FIRST,INSTANT:OFFSET,... */
static struct zone *zone_of(char *text)
{
	struct tzif_turn turns[TZIF_TURNS_MOST];
	unsigned char bytes[TZIF_ROOM];
	int32_t first = (int32_t)number(&text);
	struct zone *z;
	size_t n = 0;

	while (*text) {
		assert_true(*text == ',' && n < TZIF_TURNS_MOST);
		text++;
		turns[n].at = number(&text);
		assert_int_equal(*text++, ':');
		turns[n++].offset = (int32_t)number(&text);
	}
	z = zone_parse(bytes, tzif_make(bytes, first, turns, n, ""), NULL);
	assert_non_null(z);
	return z;
}

static void check(char *column[COLUMNS], int line)
{
	int64_t at = number(&column[2]), end = number(&column[3]);
	struct zone *z = zone_of(column[1]);
	struct arena arena = { 0 };
	struct schedule s;
	struct diag d;
	char *rest = column[5];

	if (schedule_parse(&s, slice_of(column[4]), GRAMMAR_EXTENDED, 0, &arena, &d) < 0)
		fail_msg("line %d: %s", line, d.text);
	while (*rest) {
		long long wanted = number(&rest);

		at = schedule_next(&s, z, STEP_CRONTAB, at);
		if (at != wanted)
			fail_msg("line %d, %s: %lld, not %lld", line, column[4], (long long)at, wanted);
	}
	if (schedule_next(&s, z, STEP_CRONTAB, at) <= end)
		fail_msg("line %d, %s: one more before %lld", line, column[4], (long long)end);
	zone_free(z);
	arena_free(&arena);
}

static void golden_lines(void **state)
{
	const char *dir = getenv("srcdir");
	char text[LINE_ROOM];
	int line = 0, checked = 0;
	FILE *f;

	(void)state;
	snprintf(text, sizeof(text), "%s/tests/golden/next.txt", dir ? dir : ".");
	f = fopen(text, "r");
	if (!f)
		fail_msg("%s cannot be opened", text);
	while (fgets(text, sizeof(text), f)) {
		char *column[COLUMNS], *rest = text;

		line++;
		assert_non_null(strchr(text, '\n'));
		text[strcspn(text, "\n")] = '\0';
		if (text[0] == '#')
			continue;
		for (int i = 0; i < COLUMNS; i++) {
			column[i] = strsep(&rest, "\t");
			assert_non_null(column[i]);
		}
		check(column, line);
		checked++;
	}
	fclose(f);
	assert_true(checked >= 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(golden_lines) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
