/* Tests of the rule for skipped and repeated time: class of step x kind x source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "crond/core/step.h"

static void bounds_of_classes(void **state)
{
	static const struct {
		int64_t seconds;
		enum step_class class;
	} cases[] = {
		{ 0, STEP_NONE },
		{ 1, STEP_SMALL },
		{ 240, STEP_SMALL },
		{ 299, STEP_SMALL },
		{ 300, STEP_MEDIUM },
		{ 3600, STEP_MEDIUM },
		{ 10799, STEP_MEDIUM },
		{ 10800, STEP_JUMP },
		{ 86400, STEP_JUMP },
		{ INT64_MAX, STEP_JUMP },
		{ -1, STEP_BACK },
		{ -3600, STEP_BACK },
		{ -10800, STEP_BACK },
		{ -10801, STEP_JUMP },
		{ INT64_MIN, STEP_JUMP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (step_classify(cases[i].seconds) != cases[i].class)
			fail_msg("%lld: class %d", (long long)cases[i].seconds,
				step_classify(cases[i].seconds));
	}
}

static void whole_table(void **state)
{
	static const struct {
		enum step_class class;
		bool wildcard;
		enum step_action action;
	} rows[] = {
		{ STEP_NONE, false, STEP_RUN_ONCE },
		{ STEP_NONE, true, STEP_RUN_ONCE },
		{ STEP_SMALL, false, STEP_RUN_ONCE },
		{ STEP_SMALL, true, STEP_RUN_ONCE },
		{ STEP_MEDIUM, false, STEP_RUN_ONCE },
		{ STEP_MEDIUM, true, STEP_SKIP },
		{ STEP_BACK, false, STEP_SUPPRESS },
		{ STEP_BACK, true, STEP_REPEAT },
		{ STEP_JUMP, false, STEP_SKIP },
		{ STEP_JUMP, true, STEP_SKIP },
	};

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), STEP_CLASSES * 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int source = 0; source < STEP_SOURCES; source++)
			assert_int_equal(step_action(rows[i].class, rows[i].wildcard, source),
				rows[i].action);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_of_classes),
		cmocka_unit_test(whole_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
