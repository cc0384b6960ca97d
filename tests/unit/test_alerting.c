/* Who is told when: rows of outcomes against alert-on, alert-after and alert-every. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crond/core/alerting.h"

#define BIT(result) (1u << (result))

static const uint32_t marked = BIT(RESULT_EXIT) | BIT(RESULT_SIGNAL) | BIT(RESULT_OOM) |
	BIT(RESULT_SPAWN) | BIT(RESULT_TIMEOUT) | BIT(RESULT_WATCHDOG) | BIT(RESULT_MISSED) |
	BIT(RESULT_LOST);

enum { T = ALERTING_TELL, R = ALERTING_RECOVERED, END = -1 };

/* Outcomes a minute apart, and what each is to bring. */
struct row {
	uint32_t on, after;
	uint64_t every_ms;
	struct {
		int result;
		unsigned what;
	} seen[12];
};

static const struct row rows[] = {
	/* one alert for a row of failures, and one word that it is over */
	{ marked, 1, 3600000, { { RESULT_EXIT, T }, { RESULT_EXIT, 0 }, { RESULT_TIMEOUT, 0 },
		{ RESULT_OK, R }, { RESULT_OK, 0 }, { RESULT_EXIT, T }, { END, 0 } } },
	/* each one; or only the first */
	{ marked, 1, 1000, { { RESULT_EXIT, T }, { RESULT_EXIT, T }, { RESULT_OK, R }, { END, 0 } } },
	{ marked, 1, 0, { { RESULT_EXIT, T }, { RESULT_EXIT, 0 }, { RESULT_OK, R }, { END, 0 } } },
	/* reminders: each two minutes */
	{ marked, 1, 120000, { { RESULT_EXIT, T }, { RESULT_EXIT, 0 }, { RESULT_EXIT, T },
		{ RESULT_EXIT, 0 }, { RESULT_EXIT, T }, { RESULT_OK, R }, { END, 0 } } },
	/* from the third on; a success before that is no recovery, and starts the count anew */
	{ marked, 3, 3600000, { { RESULT_EXIT, 0 }, { RESULT_EXIT, 0 }, { RESULT_OK, 0 },
		{ RESULT_EXIT, 0 }, { RESULT_LOST, 0 }, { RESULT_EXIT, T }, { RESULT_OK, R },
		{ END, 0 } } },
	/* what is not named neither counts nor ends anything */
	{ marked, 2, 1000, { { RESULT_EXIT, 0 }, { RESULT_SKIPPED, 0 }, { RESULT_KILLED, 0 },
		{ RESULT_EXIT, T }, { RESULT_SKIPPED, 0 }, { RESULT_OK, R }, { END, 0 } } },
	/* named: skipped and killed count as the others do, but there is nothing to recover from */
	{ BIT(RESULT_SKIPPED) | BIT(RESULT_KILLED), 2, 1000, { { RESULT_EXIT, 0 }, { RESULT_SKIPPED, 0 },
		{ RESULT_KILLED, T }, { RESULT_OK, 0 }, { END, 0 } } },
	/* success is told each time, and recovery beside it */
	{ marked | BIT(RESULT_OK), 1, 3600000, { { RESULT_OK, T }, { RESULT_OK, T }, { RESULT_EXIT, T },
		{ RESULT_OK, T | R }, { END, 0 } } },
	/* nothing asked for */
	{ 0, 1, 0, { { RESULT_EXIT, 0 }, { RESULT_OK, 0 }, { END, 0 } } },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		const struct alerting_rule rule = { row->on, row->after, row->every_ms };
		struct alerting a = { 0 };
		int64_t now = 1800000000;

		for (size_t k = 0; row->seen[k].result != END; k++, now += 60) {
			unsigned what = alerting_take(&a, &rule, (enum result)row->seen[k].result, now);

			if (what != row->seen[k].what)
				fail_msg("row %zu, outcome %zu: %u", i, k, what);
		}
	}
}

/* A clock that was set back by a year does not keep reminders away for a year. */
static void test_a_clock_set_back(void **state)
{
	const struct alerting_rule rule = { marked, 1, 3600000 };
	struct alerting a = { 0 };

	(void)state;
	assert_int_equal(alerting_take(&a, &rule, RESULT_EXIT, 1800000000), T);
	assert_int_equal(alerting_take(&a, &rule, RESULT_EXIT, 1768464000), T);
	assert_int_equal(alerting_take(&a, &rule, RESULT_EXIT, 1768464060), 0);
}

/* A job that runs once in that time is told of each time, however long it takes to fail. */
static void test_as_often_as_it_runs(void **state)
{
	static const int64_t ends[] = { 90, 20, 31, 150, 1 }; /* seconds behind the hour */
	const struct alerting_rule rule = { marked, 1, 3600000 };
	struct alerting a = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		assert_int_equal(alerting_take(&a, &rule, RESULT_EXIT,
			1800000000 + (int64_t)i * 3600 + ends[i]), T);
	assert_int_equal(alerting_take(&a, &rule, RESULT_EXIT, a.told + 3400), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_a_clock_set_back),
		cmocka_unit_test(test_as_often_as_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
