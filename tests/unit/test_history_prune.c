/* test_history_prune: what retention says, for a job and for all, and a clock that is wrong. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "crond/history/history.h"
#include "tests/unit/feeder.h"

enum { DAY = 24 * 3600 };
static const struct outcome good = {
	.result = RESULT_OK, .started_ns = 5, .finished_ns = 6, .took_ns = 1
};

static void runs(
	struct feeder *f, const char *job, int count, int64_t scheduled, uint64_t ms, uint32_t keep)
{
	char id[48];

	for (int i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%s-%d-1", job, i);
		feeder_start_kept(f, id, scheduled + i, ms, keep);
		feeder_end(f, id, &good);
	}
	feeder_send(f);
	feeder_turn(f);
	f->now += 61 * 1000;
	for (int i = 0; i < 10; i++)
		feeder_turn(f);
}

static void test_count_of_a_job(void **state)
{
	struct feeder f;
	int64_t now = time(NULL);

	(void)state;
	feeder_begin(&f);
	feeder_start_kept(&f, "on-1", now - 100, 0, 3); /* goes on */
	runs(&f, "a", 20, now, 0, 3);
	feeder_row(&f, "SELECT count(*) FROM runs WHERE result IS NOT NULL", "3");
	feeder_row(&f,
		"SELECT group_concat(run_id, ' ') FROM (SELECT run_id FROM runs ORDER BY "
		"scheduled)",
		"on-1 a-17-1 a-18-1 a-19-1");
	feeder_finish(&f);
}

static void test_large_counts_are_kept_about(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	runs(&f, "a", 1900, time(NULL), 0, 1000);
	feeder_row(&f, "SELECT count(*) BETWEEN 1000 AND 1030 FROM runs", "1");
	feeder_row(&f, "SELECT count(*) FROM runs WHERE run_id = 'a-900-1'", "1");
	feeder_finish(&f);
}

static void test_general_count(void **state)
{
	struct feeder f;
	int64_t now = time(NULL);

	(void)state;
	feeder_begin(&f);
	feeder_config(&f, 0, 5);
	runs(&f, "a", 20, now, 0, 0);
	feeder_row(&f, "SELECT count(*) FROM runs", "5");
	runs(&f, "b", 20, now + 100, 30ull * DAY * 1000,
		0); /* that job has its own, without a count */
	feeder_row(&f, "SELECT count(*) FROM runs", "25");
	feeder_finish(&f);
}

static void test_ages(void **state)
{
	struct feeder f;
	int64_t now = time(NULL);

	(void)state;
	feeder_begin(&f);
	feeder_config(&f, 10ull * DAY * 1000, 0);
	runs(&f, "now", 1, now, 0, 0);
	feeder_start_kept(&f, "on-1", now - 50 * DAY, 0, 0); /* goes on, and so it stays */
	runs(&f, "old", 1200, now - 20 * DAY, 0, 0);
	runs(&f, "new", 5, now - 9 * DAY, 0, 0);
	runs(&f, "long", 5, now - 20 * DAY, 30ull * DAY * 1000, 0);
	runs(&f, "short", 700, now - 3 * DAY, 1ull * DAY * 1000, 0);
	runs(&f, "count", 5, now - 90 * DAY, 0, 100); /* by number alone */
	feeder_gap(&f, 3); /* of 1970 */
	runs(&f, "last", 1, now, 0, 0);
	feeder_row(&f,
		"SELECT group_concat(n, ' ') FROM (SELECT substr(run_id, 1, 2) || count(*) AS n "
		"FROM runs"
		" GROUP BY substr(run_id, 1, 2))",
		"co5 la1 lo5 ne5 no1 on1");
	feeder_finish(&f);
}

static void test_the_file_gets_shorter(void **state)
{
	struct feeder f;
	struct stat before, after;
	int64_t now = time(NULL);

	(void)state;
	feeder_begin(&f);
	runs(&f, "now", 1, now, 0, 0);
	runs(&f, "old", 2000, now - 20 * DAY, 0, 0);
	runs(&f, "more", 2000, now - 19 * DAY, 0, 0);
	sqlite3_wal_checkpoint_v2(f.h.db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	stat(feeder_file(&f), &before);
	feeder_config(&f, 10ull * DAY * 1000, 0);
	runs(&f, "new", 1, now, 0, 0);
	for (int i = 0; i < 20; i++)
		feeder_turn(&f);
	sqlite3_wal_checkpoint_v2(f.h.db.handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	stat(feeder_file(&f), &after);
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	if (after.st_size >= before.st_size / 2)
		fail_msg("%ld bytes before, %ld after", (long)before.st_size, (long)after.st_size);
	feeder_finish(&f);
}

/* What retention would keep for ever goes all the same, the oldest first, but for what goes on. */
static void test_the_database_stays_below_its_size(void **state)
{
	enum { RUNS = 20000, SIZE = 2 << 20 };
	struct feeder f;
	int64_t now = time(NULL);

	(void)state;
	feeder_begin(&f);
	feeder_start_kept(&f, "on-1", now - 10, 0, 0);
	runs(&f, "a", RUNS, now, 0, 0);
	feeder_row(&f, "SELECT count(*) FROM runs", "20001");
	f.h.prune.size_max = SIZE;
	for (int i = 0; i < 2 * RUNS / 500; i++) {
		f.now += 61 * 1000;
		feeder_turn(&f);
	}
	feeder_row(&f, "SELECT count(*) BETWEEN 5000 AND 15000 FROM runs", "1");
	feeder_row(&f, "SELECT count(*) FROM runs WHERE run_id IN ('on-1', 'a-19999-1')", "2");
	feeder_row(&f, "SELECT count(*) FROM runs WHERE run_id = 'a-0-1'", "0");
	feeder_finish(&f);
}

/* A clock that is set far ahead empties nothing before an hour; one that was right all the time
 * (the system was down) is believed then. */
static void test_a_clock_far_ahead_is_doubted(void **state)
{
	struct prune p = { 0 };
	const int64_t t = 1763668800;

	(void)state;
	assert_int_equal(prune_clock(&p, t, t + 100, 1000), t + 100);
	assert_int_equal(prune_clock(&p, 0, t + 200, 101000), t + 200);
	assert_int_equal(prune_clock(&p, 0, t + 2 * 365 * DAY, 102000), t + 201);
	assert_int_equal(prune_clock(&p, 0, t + 2 * 365 * DAY, 1002000), t + 1101);
	assert_int_equal(prune_clock(&p, 0, t + 1200, 1101000), t + 1200); /* and back */
	assert_int_equal(prune_clock(&p, 0, t + 3 * DAY, 1102000), t + 1201);
	assert_int_equal(
		prune_clock(&p, 0, t + 3 * DAY + 3600, 1102000 + 3600 * 1000), t + 3 * DAY + 3600);
	assert_int_equal(
		prune_clock(&p, 0, 5, 1102000 + 3601 * 1000), 5); /* behind: nothing is old */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count_of_a_job),
		cmocka_unit_test(test_large_counts_are_kept_about),
		cmocka_unit_test(test_general_count),
		cmocka_unit_test(test_ages),
		cmocka_unit_test(test_the_file_gets_shorter),
		cmocka_unit_test(test_the_database_stays_below_its_size),
		cmocka_unit_test(test_a_clock_far_ahead_is_doubted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
