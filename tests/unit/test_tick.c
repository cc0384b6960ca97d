/* Tests of the wait for the clock of the tick: it ends when that clock has come, or when
 * the wait has been long enough, and where there is nothing to wait for it does not begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "crond/tick.h"

enum { SECONDS = 3, MS = 1000 * 1000 };

static struct timespec now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t;
}

static void the_clock_has_come_or_the_wait_was_long_enough(void **state)
{
	struct timespec second = now(CLOCK_REALTIME), real, coarse;

	(void)state;
	second.tv_nsec = 0;
	for (int i = 0; i < SECONDS; i++) {
		second.tv_sec++;
		clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &second, NULL);
		tick_settle(second.tv_sec);
		coarse = now(CLOCK_REALTIME_COARSE);
		real = now(CLOCK_REALTIME);
		assert_true(coarse.tv_sec >= second.tv_sec || real.tv_sec > second.tv_sec ||
			    real.tv_nsec >= TICK_SETTLE_NS);
	}
}

static int64_t settle_others_ms(void)
{
	struct timespec before = now(CLOCK_MONOTONIC), after;
	int64_t second = now(CLOCK_REALTIME).tv_sec;

	for (int i = 0; i < 1000; i++) {
		tick_settle(second - 1);
		tick_settle(second + 2);
	}
	after = now(CLOCK_MONOTONIC);
	return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / MS;
}

static void no_wait_for_another_second(void **state)
{
	int64_t ms = settle_others_ms();

	(void)state;
	for (int i = 0; i < 5 && ms > 500; i++) /* the machine may have stood still, but not each time */
		ms = settle_others_ms();
	assert_in_range(ms, 0, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_has_come_or_the_wait_was_long_enough),
		cmocka_unit_test(no_wait_for_another_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
