/* Simulated time through the due queue: daylight saving, clock steps, stalls. The rows
 * are the rule; what a daemon ran in each case is written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/core/due.h"
#include "crond/core/table.h"
#include "crond/core/zone.h"

enum { JOBS_MOST = 8, LOG_MOST = 4096 };

struct lab {
	struct due due;
	struct zone *zone;
	struct arena arena;
	struct job_common common;
	struct job jobs[JOBS_MOST];
	const char *names[JOBS_MOST];
	size_t count;
	int64_t now;
	char log[LOG_MOST]; /* "name@nominal " for a start, "-name@nominal " for a skip */
};

static void lab_open(struct lab *l, const char *tz, int64_t now)
{
	memset(l, 0, sizeof(*l));
	l->zone = zone_posix(tz, NULL);
	assert_non_null(l->zone);
	l->now = now;
	due_reset(&l->due, now, 0);
}

static struct job *lab_add(struct lab *l, const char *name, const char *text)
{
	struct job *job = &l->jobs[l->count];
	struct schedule s;

	assert_int_equal(schedule_parse(&s, slice_of(text), GRAMMAR_EXTENDED, 0, &l->arena, NULL), 0);
	l->names[l->count++] = name;
	job->common = &l->common;
	assert_int_equal(due_add(&l->due, job, &s, l->zone, STEP_CRONTAB, slice_of(text)), 0);
	return job;
}

static void lab_found(void *arg, const struct due_found *f)
{
	struct lab *l = arg;
	size_t n = strlen(l->log);

	assert_true(f->first <= f->scheduled && f->scheduled <= f->until);
	for (const struct job *job = f->timer->jobs; job; job = job->next) {
		n += (size_t)snprintf(l->log + n, sizeof(l->log) - n, "%s%s%s@%lld ", f->start ? "" : "-",
			l->names[job - l->jobs], f->more ? "+" : "", (long long)f->scheduled);
		assert_true(n < sizeof(l->log));
	}
}

/* The daemon's own way: wake at each due second until `to`. */
static void lab_run(struct lab *l, int64_t to)
{
	while (due_first(&l->due) <= to)
		due_advance(&l->due, due_first(&l->due), 0, lab_found, l);
	l->now = to;
}

static void lab_close(struct lab *l)
{
	due_free(&l->due);
	zone_free(l->zone);
	arena_free(&l->arena);
}

static int count(const char *log, const char *what)
{
	int n = 0;

	for (const char *p = log; (p = strstr(p, what)); p += strlen(what))
		n += p == log || p[-1] == ' ';
	return n;
}

#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

static void add_dst_table(struct lab *l)
{
	lab_add(l, "fixed230", "30 2 * * *");
	lab_add(l, "star30", "*/30 * * * *");
	lab_add(l, "nostar30", "0-59/30 1-3 * * *");
	lab_add(l, "star45", "45 * * * *");
	lab_add(l, "fixed130", "30 1 * * *");
}

/* 2024-03-10 07:00 UTC: 02:00 EST becomes 03:00 EDT. */
static void test_spring(void **state)
{
	const int64_t gap = 1710054000;
	struct lab l;

	(void)state;
	lab_open(&l, NEW_YORK, gap - 60);
	add_dst_table(&l);
	lab_run(&l, gap);
	assert_int_equal(count(l.log, "star30@1710054000"), 1);
	assert_int_equal(count(l.log, "fixed230@1710054000"), 1);
	/* three nominal times on one instant: one start */
	assert_int_equal(count(l.log, "nostar30@1710054000"), 1);
	assert_int_equal(count(l.log, "star45"), 0);
	assert_int_equal(count(l.log, "fixed130"), 0);
	lab_close(&l);
}

/* 2024-11-03: 01:00 EDT is 05:00 UTC, 01:00 EST is 06:00 UTC. */
static void test_fall(void **state)
{
	const int64_t first = 1730610000;
	struct lab l;

	(void)state;
	lab_open(&l, NEW_YORK, first - 1);
	add_dst_table(&l);
	lab_run(&l, first + 3599);
	assert_int_equal(count(l.log, "star30"), 2);
	assert_int_equal(count(l.log, "nostar30"), 2);
	assert_int_equal(count(l.log, "fixed130"), 1);
	assert_int_equal(count(l.log, "star45"), 1);
	l.log[0] = '\0';
	lab_run(&l, first + 7199);
	assert_int_equal(count(l.log, "star30"), 2);
	assert_int_equal(count(l.log, "star45"), 1);
	assert_int_equal(count(l.log, "nostar30"), 0);
	assert_int_equal(count(l.log, "fixed130"), 0);
	l.log[0] = '\0';
	lab_run(&l, first + 7200 + 1800);
	assert_int_equal(count(l.log, "nostar30"), 2);
	lab_close(&l);
}

/* One row a class of step: what a wildcard and a fixed job do. Base 00:00 UTC. */
struct step_row {
	const char *what;
	int64_t to;   /* the clock's second when the daemon looks again */
	int64_t step; /* how much of that was a step; 0: it could not run */
	const char *expected;
};

static const struct step_row rows[] = {
	{ "on time", 600, 0, "wild@600 fixed@600 " },
	{ "59 s late: each second on its own", 659, 0, "wild@600 fixed@600 " },
	{ "stopped for 2 minutes", 720, 0, "wild@600 fixed@600 " },
	{ "set forward by 4 minutes", 640, 240, "wild@600 fixed@600 " },
	{ "set forward by 15 minutes", 1000, 900, "-wild@600 fixed@600 " },
	{ "set forward by 3 h less a bit", 600 + 10000, 10000, "-wild+@600 fixed+@7800 " },
	{ "set forward by 5 h", 18000 + 300, 18000, "-wild+@600 -fixed+@600 " },
	{ "set forward onto a due second", 600 + 7200, 7200, "-wild+@600 wild@7800 fixed+@7800 " },
};

static void test_forward(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lab l;

		lab_open(&l, "UTC0", 0);
		lab_add(&l, "wild", "10 * * * *");
		lab_add(&l, "fixed", "10 0-23/2 * * *");
		due_advance(&l.due, rows[i].to, rows[i].step, lab_found, &l);
		for (const char *p = rows[i].expected; *p;) {
			char one[64];
			size_t n = strcspn(p, " ");

			snprintf(one, sizeof(one), "%.*s", (int)n, p);
			if (count(l.log, one) != 1)
				fail_msg("%s: expected %s, got %s", rows[i].what, one, l.log);
			p += n + 1;
		}
		if (strlen(l.log) != strlen(rows[i].expected))
			fail_msg("%s: expected %s, got %s", rows[i].what, rows[i].expected, l.log);
		assert_true(due_first(&l.due) > rows[i].to);
		lab_close(&l);
	}
}

/* Back by half an hour: wildcards again as the clock passes again, fixed ones not. */
static void test_back(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, "UTC0", 0);
	lab_add(&l, "wild", "*/10 * * * *");
	lab_add(&l, "fixed", "10 0-23 * * *");
	lab_run(&l, 1800);
	assert_int_equal(count(l.log, "wild"), 3);
	assert_int_equal(count(l.log, "fixed"), 1);
	l.log[0] = '\0';
	due_reset(&l.due, 300, -1500);
	lab_run(&l, 1800);
	assert_int_equal(count(l.log, "wild"), 3);
	assert_int_equal(count(l.log, "fixed"), 0);
	lab_run(&l, 4200);
	assert_int_equal(count(l.log, "fixed@4200"), 1);
	lab_close(&l);
}

/* Beyond three hours the new time is simply the time. */
static void test_back_far(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, "UTC0", 100000);
	lab_add(&l, "fixed", "10 * * * *");
	lab_add(&l, "daily", "0 1 * * *");
	due_reset(&l.due, 0, -100000);
	lab_run(&l, 3600);
	assert_string_equal(l.log, "fixed@600 daily@3600 ");
	lab_close(&l);
}

/* Late by less than a minute: a task for each second loses none of its seconds. */
static void test_late_seconds(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, "UTC0", 0);
	lab_add(&l, "sec", "* * * * * *");
	due_advance(&l.due, 30, 0, lab_found, &l);
	assert_int_equal(count(l.log, "sec@"), 30);
	lab_close(&l);
}

/* Equal schedules share a timer; taking a job off leaves the others. */
static void test_share(void **state)
{
	struct lab l;
	struct job *a, *b;

	(void)state;
	lab_open(&l, "UTC0", 0);
	a = lab_add(&l, "a", "5 4 * * *");
	b = lab_add(&l, "b", "5 4 * * *");
	assert_int_equal(l.due.timers, 1);
	due_remove(&l.due, a);
	lab_run(&l, 86400);
	assert_string_equal(l.log, "b@14700 ");
	due_remove(&l.due, b);
	assert_int_equal(l.due.timers, 0);
	assert_true(due_first(&l.due) == SCHEDULE_NEVER);
	lab_close(&l);
}

/* What can never fire is no burden and comes off again. */
static void test_never(void **state)
{
	struct lab l;
	struct job *job;

	(void)state;
	lab_open(&l, "UTC0", 0);
	job = lab_add(&l, "never", "0 0 30 2 *");
	assert_true(due_first(&l.due) == SCHEDULE_NEVER);
	lab_add(&l, "often", "* * * * *");
	due_remove(&l.due, job);
	lab_run(&l, 60);
	assert_string_equal(l.log, "often@60 ");
	lab_close(&l);
}

/* Many timers in and out, always in order. */
static void test_order(void **state)
{
	enum { N = 5000 };
	struct due due = { 0 };
	struct zone *utc = zone_utc();
	struct job *jobs = calloc(N, sizeof(*jobs));
	struct arena arena = { 0 };
	struct job_common common = { 0 };
	int64_t last = 0;
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < N; i++) {
		char text[64];
		struct schedule s;

		seed = seed * 1103515245u + 12345u;
		snprintf(text, sizeof(text), "%u %u %u * * *", seed >> 8 & 31, seed >> 16 & 31, seed >> 24 & 15);
		assert_int_equal(schedule_parse(&s, slice_of(text), GRAMMAR_EXTENDED, 0, &arena, NULL), 0);
		jobs[i].common = &common;
		assert_int_equal(due_add(&due, &jobs[i], &s, utc, STEP_TASK, slice_of(text)), 0);
	}
	for (int i = 0; i < N; i += 3)
		due_remove(&due, &jobs[i]);
	for (int i = 0; i < 3000; i++) {
		int64_t first = due_first(&due);

		assert_true(first > last);
		last = first;
		for (size_t k = 0; k < due.count; k++)
			assert_true(due.heap[k]->place == k);
		due_reset(&due, first, 1);
	}
	for (int i = 0; i < N; i++)
		due_remove(&due, &jobs[i]);
	assert_int_equal(due.timers, 0);
	due_free(&due);
	free(jobs);
	zone_free(utc);
	arena_free(&arena);
}

/* Nobody was there: each timer is told of once, with the stretch that it missed, and goes on
 * after that. */
static void test_skip(void **state)
{
	const int64_t day = 1710201600; /* 2024-03-12 00:00 UTC */
	struct lab l;

	(void)state;
	lab_open(&l, "UTC0", day);
	lab_add(&l, "hourly", "0 * * * *");
	lab_add(&l, "daily", "30 2 * * *");
	lab_add(&l, "later", "0 23 * * *");
	due_skip(&l.due, day + 5 * 3600, lab_found, &l);
	assert_int_equal(count(l.log, "-hourly+@1710205200 "), 1);
	assert_int_equal(count(l.log, "-daily@1710210600 "), 1);
	assert_int_equal(count(l.log, "-"), 2);
	assert_int_equal(due_first(&l.due), day + 6 * 3600);
	lab_close(&l);
}

static void test_table(void **state)
{
	struct job_file *a = job_file_new("a", 3000, 0), *b = job_file_new("b", 3000, 0);
	struct table_change change;

	(void)state;
	for (uint64_t i = 0; i < 3000; i++)
		job_file_add(a)->identity = i * 7919 % 3001;
	for (uint64_t i = 0; i < 3000; i++)
		job_file_add(b)->identity = i * 7919 % 3001 + 1000;
	assert_null(job_file_add(b));
	assert_int_equal(a->jobs[2999].identity, 2999u * 7919 % 3001);
	table_compare(a, b, &change, NULL);
	assert_int_equal(change.kept + change.added, 3000);
	assert_int_equal(change.kept + change.removed, 3000);
	assert_true(change.kept >= 1998 && change.kept <= 2001);
	assert_int_equal(change.changed, 0);
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(job_file_command(a, &a->jobs[i], slice_of("x")), 0);
	job_file_fit(a);
	assert_string_equal(a->text + a->jobs[2999].command, "x");
	table_compare(a, b, &change, NULL);
	assert_int_equal(change.kept, 0);
	assert_int_equal(change.changed + change.added, 3000);
	table_compare(a, a, &change, NULL);
	assert_int_equal(change.kept, 3000);
	table_compare(NULL, b, &change, NULL);
	assert_int_equal(change.added, 3000);
	table_compare(a, NULL, &change, NULL);
	assert_int_equal(change.removed, 3000);
	job_file_free(a);
	job_file_free(b);
}

/* Equal lines are several jobs, the same ones at each reading. */
/* A user who finds a name or command of the same hash still has none of root's jobs. */
static void test_owned(void **state)
{
	const uint64_t of_root = job_identity_place("f", "u", true), of_user = job_identity_place("f", "u", false);
	const struct slice time = slice_of("* * * * *");

	(void)state;
	for (int i = 0; i < 100; i++) {
		char name[16];
		uint64_t root, user;

		snprintf(name, sizeof(name), "job%d", i);
		root = job_identity_name(name, true) ^ job_identity_name(name, false);
		assert_true(root == UINT64_C(1) << 63);
		root = job_identity_line(of_root, time, slice_of(name), NULL);
		user = job_identity_line(of_user, time, slice_of(name), NULL);
		assert_true(!(root >> 63) && user >> 63);
		assert_true(!(job_identity_again(root, 1) >> 63) && job_identity_again(user, 1) >> 63);
	}
}

static void test_number(void **state)
{
	struct job_file *f = job_file_new("f", 200, 0);

	(void)state;
	for (size_t i = 0; i < 200; i++)
		job_file_add(f)->identity = i % 100 + 1;
	assert_int_equal(job_file_number(f), 0);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(f->jobs[i].identity, i + 1);
		assert_true(f->jobs[i + 100].identity == job_identity_again(i + 1, 1));
	}
	job_file_free(f);
}

/* Thousands hang on one timer: each finds it, with the marks of those asked before and
 * without, also after some have gone. */
static void test_timer_of(void **state)
{
	enum { MANY = 5000 };
	static const char *const texts[] = { "* * * * *", "*/5 * * * *", "0 1 * * *" };
	struct due_marks *marks = calloc(1, sizeof(*marks));
	struct job *jobs = calloc(MANY, sizeof(*jobs));
	struct lab l;

	(void)state;
	lab_open(&l, "UTC0", 0);
	for (size_t i = 0; i < MANY; i++) {
		const char *text = texts[i % 3];
		struct schedule s;

		assert_int_equal(schedule_parse(&s, slice_of(text), GRAMMAR_EXTENDED, 0, &l.arena, NULL), 0);
		assert_int_equal(due_add(&l.due, &jobs[i], &s, l.zone, STEP_CRONTAB, slice_of(text)), 0);
	}
	for (size_t turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < MANY; i++) {
			const struct timer *t = due_timer(&l.due, &jobs[i], turn ? marks : NULL);

			if (jobs[i].back)
				assert_string_equal(t->text, texts[i % 3]);
			else
				assert_null(t);
		}
		for (size_t i = turn; turn && i < MANY; i += 7) /* what is marked is gone, too */
			due_remove(&l.due, &jobs[i]);
	}
	for (size_t i = 0; i < MANY; i++)
		due_remove(&l.due, &jobs[i]);
	assert_int_equal(l.due.timers, 0);
	lab_close(&l);
	free(jobs);
	free(marks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spring), cmocka_unit_test(test_fall),
		cmocka_unit_test(test_forward), cmocka_unit_test(test_back),
		cmocka_unit_test(test_back_far), cmocka_unit_test(test_late_seconds),
		cmocka_unit_test(test_share), cmocka_unit_test(test_never),
		cmocka_unit_test(test_order), cmocka_unit_test(test_skip), cmocka_unit_test(test_table), cmocka_unit_test(test_number),
		cmocka_unit_test(test_timer_of),
		cmocka_unit_test(test_owned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
