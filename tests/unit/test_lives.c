/* test_lives: a whole scheduler (world) through years of schedules at random, that is killed, stopped,
 * asleep or without its host at random moments, while its clock is set: each time of each job is
 * started once, or is on record as not, as an oracle has it that looks at each second (oracle.h). A
 * failure names its seed: CRONWARD_SEED=N tries that alone, CRONWARD_SEEDS=N so many. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/world.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

static const int64_t june = 2222503200; /* 5 June 2040, 10:00 UTC */

#define TASK(name, more) "task \"" name "\" { command = x " more " }\n"

/* No run has the id of another one. */
static void ids_differ(struct world *w, uint64_t seed)
{
	for (size_t i = 0; i < w->start_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(w->starts[i].id, w->starts[k].id) != 0)
				continue;
			world_show(w);
			fail_msg("seed %llu: %s twice", (unsigned long long)seed, w->starts[i].id);
		}
	}
}

/* --- a clock that was set back, and who comes after */

static const char twice[] = TASK("fixed", "schedule = '8 10 * * *'") TASK("star", "schedule = '8 * * * *'");
static const char more[] = TASK("fixed", "schedule = '8 10 * * *'") TASK("star", "schedule = '8 * * * *'")
	TASK("new", "schedule = '8 10 * * *'");

enum follower { NOBODY, RELOAD, ANOTHER, FOLLOWERS };

/* At 10:10 it is 10:00 again: 10:08 comes twice, and is one time of the fixed one. */
static void test_back(void **state)
{
	(void)state;
	for (enum follower f = NOBODY; f < FOLLOWERS; f++) {
		struct world *w = world_open(june);

		world_write(w, false, twice);
		world_up(w);
		world_pass(w, 10 * MINUTE);
		world_set(w, -10 * MINUTE);
		world_pass(w, MINUTE);
		if (f == RELOAD) {
			world_write(w, false, "");
			world_pass(w, MINUTE);
			world_write(w, false, more);
		} else if (f == ANOTHER) {
			world_kill(w);
			world_pass(w, MINUTE);
			world_up(w);
		}
		world_pass(w, 10 * MINUTE);
		assert_int_equal(world_started(w, "star"), 2);
		assert_int_equal(world_started(w, "fixed"), 1);
		ids_differ(w, f);
		world_pass(w, DAY);
		assert_int_equal(world_started(w, "fixed"), 2);
		world_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_back) };

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
