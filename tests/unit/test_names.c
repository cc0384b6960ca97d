/* Names of tasks in one table, and what a reload did, by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crond/core/changes.h"
#include "crond/core/job.h"
#include "crond/core/names.h"

enum { N = 1000 };

/* Identities that share their low bits stand in one row of slots. */
static void test_names(void **state)
{
	static struct job jobs[N], other;
	struct names n = { 0 };

	(void)state;
	assert_null(names_find(&n, 1));
	for (size_t i = 0; i < N; i++) {
		jobs[i].identity = i % 3 ? i : i << 20;
		assert_int_equal(names_put(&n, &jobs[i]), 0);
	}
	for (size_t i = 0; i < N; i += 2)
		names_drop(&n, &jobs[i]);
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(names_find(&n, jobs[i].identity), i % 2 ? &jobs[i] : NULL);
	other.identity = jobs[1].identity;
	assert_int_equal(names_put(&n, &other), 0);
	names_drop(&n, &jobs[1]); /* it is another's by now */
	assert_ptr_equal(names_find(&n, other.identity), &other);
	names_drop(&n, &other);
	assert_int_equal(n.used, N / 2 - 1);
	names_free(&n);
}

static void test_changes(void **state)
{
	struct changes c = { 0 };
	struct buf b = { 0 };
	size_t at = 0, named = 0;

	(void)state;
	for (int i = 0; i < 30; i++) {
		char name[16];

		snprintf(name, sizeof(name), "job-%02d", i);
		changes_add(&c, CHANGE_REMOVED, changes_names(&c, CHANGE_REMOVED) ? name : "");
	}
	assert_int_equal(c.of[CHANGE_REMOVED].count, 30);
	while (changes_next(&c, CHANGE_REMOVED, &at))
		named++;
	assert_int_equal(named, CHANGES_NAMED);
	changes_text(&c, CHANGE_REMOVED, 20, &b);
	assert_string_equal(buf_text(&b), "job-00, job-01, job-02 and 27 more");
	buf_clear(&b);
	changes_add(&c, CHANGE_ADDED, "one");
	changes_text(&c, CHANGE_ADDED, 20, &b);
	assert_string_equal(buf_text(&b), "one");
	buf_free(&b);
	changes_free(&c);
	assert_int_equal(c.of[CHANGE_REMOVED].count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
