/* The table of run states: every pair of state and event has an action that keeps the
 * promises (one outcome, nothing started twice, nothing forgotten). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crond/core/runstate.h"

/* What ended is not started, taken in or judged again, whatever comes late. */
static void test_ended_stays_ended(void **state)
{
	(void)state;
	for (int e = 0; e < RUN_EVENTS; e++)
		assert_int_equal(run_action(RUN_STATE_DONE, e), RUN_ACTION_NONE);
}

/* A run that a keeper has is never sent to another. */
static void test_resend_only_waiting(void **state)
{
	(void)state;
	for (int s = 0; s < RUN_STATES; s++) {
		for (int e = 0; e < RUN_EVENTS; e++) {
			if (run_action(s, e) == RUN_ACTION_RESEND) {
				assert_int_equal(s, RUN_STATE_WAITING);
				assert_int_equal(e, RUN_EVENT_LAUNCHER_GONE);
			}
		}
	}
	assert_int_equal(run_action(RUN_STATE_WAITING, RUN_EVENT_LAUNCHER_GONE), RUN_ACTION_RESEND);
}

/* From every state that is not an end, an end is reached by outcome and by death. */
static void test_every_run_ends(void **state)
{
	static const int open_states[] = { RUN_STATE_WAITING, RUN_STATE_LIVE };

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(run_action(open_states[i], RUN_EVENT_ENDED), RUN_ACTION_TAKE);
		assert_int_equal(run_action(open_states[i], RUN_EVENT_KEEPER_GONE), RUN_ACTION_JUDGE);
	}
	for (int e = 0; e < RUN_EVENTS; e++) /* what waits ends where it is left out, by nothing else */
		assert_int_equal(run_action(RUN_STATE_PENDING, e),
			e == RUN_EVENT_ENDED ? RUN_ACTION_TAKE : RUN_ACTION_NONE);
	assert_int_equal(run_action(RUN_STATE_WAITING, RUN_EVENT_TAKEN), RUN_ACTION_WATCH);
	assert_int_equal(run_action(RUN_STATE_LIVE, RUN_EVENT_TAKEN), RUN_ACTION_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ended_stays_ended),
		cmocka_unit_test(test_resend_only_waiting),
		cmocka_unit_test(test_every_run_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
