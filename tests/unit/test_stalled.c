/* test_stalled: a scheduler that comes late to what is due, and dies over it at any call: each time is
 * started or on record as missed, and not both. A whole scheduler with made-up clocks (world). */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/world.h"

static const int64_t june = 2222503200; /* a day of 2040: later than any file of a test was changed */

#define TASK(name, schedule) \
	"task " name " { command = x alert = { mail:a@b.c } schedule = '" schedule "' max = 50 }\n"

static const char tasks[] =
	TASK("one", "* * * * * *") TASK("two", "* * * * * *") TASK("odd", "1-59/2 * * * * *");

static void missed_or_started(struct world *w, int64_t from, int64_t to)
{
	static const char *const names[] = { "one", "two", "odd" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (int64_t t = from; t <= to; t++) {
			size_t starts = world_started_at(w, names[i], t);
			bool left = world_left_at(w, names[i], t) > 0;

			if ((strcmp(names[i], "odd") == 0 && t % 2 == 0) || starts + left == 1)
				continue;
			world_show(w);
			fail_msg("%s of %+lld: %zu starts, %s on record as missed", names[i],
				(long long)(t - from), starts, left ? "and" : "not");
		}
	}
	for (size_t i = 0; i < w->told_count; i++) {
		for (size_t k = 0; k < w->start_count; k++)
			assert_string_not_equal(w->told[i].id, w->starts[k].id);
	}
}

/* What the one before had claimed and not put on record was started, and not missed, too. */
static void test_stalled(void **state)
{
	bool died = true;
	struct world *w;

	(void)state;
	for (unsigned call = 1; died; call++) {
		w = world_open(june);
		world_write(w, false, tasks);
		world_up(w);
		world_pass(w, 5);
		w->stalled = 10;
		died = world_die_due(w, call, true);
		world_pass(w, 5);
		world_see(w);
		missed_or_started(w, june + 2, june + 18);
		world_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stalled) };

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
