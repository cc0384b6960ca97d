/* Tests of the restarts of daemons, with a clock that is made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "crond/core/restart.h"

enum { NOW = 1000000, SECOND = 1000, MINUTE = 60 * 1000 };

static const struct restart_policy usual = {
	.when = RESTART_ALWAYS,
	.delay_ms = SECOND,
	.max_delay_ms = 5 * MINUTE,
	.count = 5,
	.window_ms = 10 * MINUTE,
};

/* It fails at once; how long until it is started again. */
static int64_t fails(struct restart_state *r, const struct restart_policy *p, int64_t now)
{
	restart_up(r);
	restart_ended(r, p, RESTART_END_FAILED, 0, now);
	return r->phase == RESTART_WAITING ? r->at - now : -1;
}

static void delays_double_up_to_the_longest(void **state)
{
	struct restart_policy p = usual;
	struct restart_state r = { 0 };

	(void)state;
	p.count = 0;
	p.max_delay_ms = 10 * SECOND;
	assert_int_equal(fails(&r, &p, NOW), 1 * SECOND);
	assert_int_equal(fails(&r, &p, NOW), 2 * SECOND);
	assert_int_equal(fails(&r, &p, NOW), 4 * SECOND);
	assert_int_equal(fails(&r, &p, NOW), 8 * SECOND);
	for (int i = 0; i < 100; i++)
		assert_int_equal(fails(&r, &p, NOW), 10 * SECOND);
}

static void odd_delays(void **state)
{
	struct restart_policy p = usual;
	struct restart_state r = { 0 };

	(void)state;
	p.count = 0;
	p.delay_ms = 0; /* the first is none; after that it does not turn in a circle */
	p.max_delay_ms = 300;
	assert_int_equal(fails(&r, &p, NOW), 0);
	assert_int_equal(fails(&r, &p, NOW), 100);
	assert_int_equal(fails(&r, &p, NOW), 200);
	assert_int_equal(fails(&r, &p, NOW), 300);
	assert_int_equal(fails(&r, &p, NOW), 300);

	r = (struct restart_state){ 0 };
	p.delay_ms = 20 * SECOND; /* longer than the longest */
	p.max_delay_ms = 5 * SECOND;
	assert_int_equal(fails(&r, &p, NOW), 20 * SECOND);
	assert_int_equal(fails(&r, &p, NOW), 20 * SECOND);

	r = (struct restart_state){ .delay_ms = 64 * SECOND }; /* of another definition */
	p.delay_ms = SECOND;
	assert_int_equal(fails(&r, &p, NOW), 5 * SECOND);

	r = (struct restart_state){ 0 };
	p.delay_ms = p.max_delay_ms = UINT64_MAX / 4;
	assert_true(fails(&r, &p, NOW) > 0);
	assert_true(fails(&r, &p, NOW) > 0);
}

static void the_first_delay_comes_back_once_it_was_up_for_a_while(void **state)
{
	static const struct {
		uint64_t longest, settled;
	} cases[] = {
		{ 5 * MINUTE, 5 * MINUTE },
		{ 11 * SECOND, 11 * SECOND },
		{ 2 * SECOND, 10 * SECOND },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct restart_policy p = usual;
		struct restart_state r = { 0 };

		p.count = 0;
		p.delay_ms = 500;
		p.max_delay_ms = cases[i].longest;
		assert_int_equal(restart_settled_ms(&p), cases[i].settled);
		fails(&r, &p, NOW);
		fails(&r, &p, NOW);
		restart_up(&r);
		restart_ended(&r, &p, RESTART_END_FAILED, cases[i].settled - 1, NOW);
		assert_int_equal(r.at - NOW, 2000);
		restart_up(&r);
		restart_ended(&r, &p, RESTART_END_FAILED, cases[i].settled, NOW);
		assert_int_equal(r.at - NOW, 500);
	}
}

static void one_restart_above_the_limit_is_given_up(void **state)
{
	struct restart_state r = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(fails(&r, &usual, NOW + i * SECOND) > 0);
	assert_int_equal(r.restarts, 5);
	assert_int_equal(fails(&r, &usual, NOW + 10 * MINUTE - 1), -1);
	assert_int_equal(r.phase, RESTART_FAILED);
	restart_begin(&r, NOW + 11 * MINUTE); /* somebody asked for it */
	assert_int_equal(r.phase, RESTART_WAITING);
	assert_int_equal(r.at, NOW + 11 * MINUTE);
	assert_int_equal(fails(&r, &usual, NOW + 11 * MINUTE), SECOND);
	assert_int_equal(r.restarts, 1);
}

static void a_window_that_is_over_is_forgotten(void **state)
{
	struct restart_state r = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		fails(&r, &usual, NOW);
	assert_true(fails(&r, &usual, NOW + 10 * MINUTE) > 0);
	assert_int_equal(r.restarts, 1);
	assert_int_equal(r.phase, RESTART_WAITING);
}

static void what_follows_from_each_end(void **state)
{
	static const struct {
		enum restart when;
		enum restart_phase after[RESTART_ENDS];
	} rows[] = {
		{ RESTART_ALWAYS,
			{ [RESTART_END_OK] = RESTART_WAITING,
				[RESTART_END_FAILED] = RESTART_WAITING,
				[RESTART_END_STOPPED] = RESTART_STOPPED,
				[RESTART_END_AGAIN] = RESTART_WAITING,
				[RESTART_END_SHUTDOWN] = RESTART_WAITING } },
		{ RESTART_ON_FAILURE,
			{ [RESTART_END_OK] = RESTART_OVER,
				[RESTART_END_FAILED] = RESTART_WAITING,
				[RESTART_END_STOPPED] = RESTART_STOPPED,
				[RESTART_END_AGAIN] = RESTART_WAITING,
				[RESTART_END_SHUTDOWN] = RESTART_WAITING } },
		{ RESTART_NEVER,
			{ [RESTART_END_OK] = RESTART_OVER,
				[RESTART_END_FAILED] = RESTART_OVER,
				[RESTART_END_STOPPED] = RESTART_STOPPED,
				[RESTART_END_AGAIN] = RESTART_WAITING,
				[RESTART_END_SHUTDOWN] = RESTART_WAITING } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int how = 0; how < RESTART_ENDS; how++) {
			struct restart_policy p = usual;
			struct restart_state r = { 0 };

			p.when = rows[i].when;
			restart_up(&r);
			restart_ended(&r, &p, how, 0, NOW);
			if (r.phase != rows[i].after[how])
				fail_msg("restart %d, end %d: %s", rows[i].when, how,
					restart_phase_name(r.phase));
		}
	}
}

/* Neither counts against it; what was asked for comes at once, as if nothing had been. */
static void ends_that_are_not_its_own_doing(void **state)
{
	struct restart_state r = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		fails(&r, &usual, NOW);
	restart_up(&r);
	restart_ended(&r, &usual, RESTART_END_SHUTDOWN, 0, NOW);
	assert_int_equal(r.restarts, 5);
	assert_int_equal(r.at, NOW + SECOND);
	restart_up(&r);
	restart_ended(&r, &usual, RESTART_END_AGAIN, 0, NOW);
	assert_int_equal(r.restarts, 0);
	assert_int_equal(r.at, NOW);
	assert_int_equal(r.delay_ms, 0);
}

static void states_of_another_boot_are_begun_anew(void **state)
{
	static const struct {
		struct restart_state was;
		bool anew;
	} cases[] = {
		{ { .phase = RESTART_WAITING, .at = NOW + 5 * MINUTE, .restarts = 3, .window = NOW },
			false },
		{ { .phase = RESTART_WAITING, .at = NOW - 86400 * SECOND, .restarts = 3, .window = 1 },
			false },
		{ { .phase = RESTART_FAILED, .restarts = 5, .window = NOW - 1 }, false },
		{ { .phase = RESTART_STOPPED }, false },
		{ { .phase = RESTART_WAITING, .at = NOW + 5 * MINUTE + 1 }, true },
		{ { .phase = RESTART_FAILED, .restarts = 5, .window = NOW + 1 }, true },
		{ { .phase = RESTART_PHASES }, true },
		{ { .phase = UINT32_MAX }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct restart_state r = cases[i].was;

		restart_repair(&r, &usual, NOW);
		if (cases[i].anew) {
			assert_int_equal(r.phase, RESTART_WAITING);
			assert_int_equal(r.at, NOW);
			assert_int_equal(r.restarts, 0);
		} else {
			assert_memory_equal(&r, &cases[i].was, sizeof(r));
		}
	}
}

static void phases_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < RESTART_PHASES; i++)
		assert_string_not_equal(restart_phase_name(i), "?");
	assert_string_equal(restart_phase_name(RESTART_PHASES), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_double_up_to_the_longest),
		cmocka_unit_test(odd_delays),
		cmocka_unit_test(the_first_delay_comes_back_once_it_was_up_for_a_while),
		cmocka_unit_test(one_restart_above_the_limit_is_given_up),
		cmocka_unit_test(a_window_that_is_over_is_forgotten),
		cmocka_unit_test(what_follows_from_each_end),
		cmocka_unit_test(ends_that_are_not_its_own_doing),
		cmocka_unit_test(states_of_another_boot_are_begun_anew),
		cmocka_unit_test(phases_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
