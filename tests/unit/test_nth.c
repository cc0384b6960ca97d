/* test_nth: the Nth call of each kind that a scheduler makes fails, for N from 1 until all goes
 * well, while it loads, starts what is due, takes outcomes in, reloads, and adopts what one before
 * it has left. Behind each of them every due minute was started once or is on record once, a run
 * has one outcome, and who comes after it loses nothing. CRONWARD_NTH=all tries each error, and
 * failures that last. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/calls.h"
#include "tests/unit/world.h"

enum { MINUTE = 60, MOST = 4000 };

static const int64_t begin = 2222467200; /* 5 June 2040, 00:00 UTC */

static const char tasks[] =
        "task quick { command = x schedule = '* * * * *' concurrency = allow }\n"
        "task long { command = x schedule = '* * * * *' concurrency = allow }\n"
        "task fails { command = x schedule = '* * * * *' concurrency = allow }\n";
static const char more[] = "task quick { command = x schedule = '* * * * *' concurrency = allow }\n"
                           "task long { command = y schedule = '* * * * *' concurrency = allow }\n"
                           "task fails { command = x schedule = '* * * * *' concurrency = allow }\n"
                           "task new { command = x schedule = '0 0 1 1 *' }\n";
static const char tab[] = "#@ name=line\n* * * * * root x\n";

static struct world_job jobs[] = {
	{ "quick", 0, "o", 0 },
	{ "long", 90000, "o", 0 },
	{ "fails", 1000, "x", 0 },
	{ "line", 0, "o", 0 },
};

enum { JOBS = sizeof(jobs) / sizeof(jobs[0]) };

/* --- what must hold */

struct trial {
	const char *name;
	enum call_kind kind;
	int error;
	unsigned n, times;
	struct world *w;
	int64_t from;    /* nothing fails any more */
	bool no_records; /* there was no place for them: said */
	unsigned wrong;
};

static void blame(struct trial *t, const char *what, const char *job, int64_t at)
{
	if (t->wrong++ == 0 && getenv("CRONWARD_SHOW"))
		world_show(t->w);
	fprintf(stderr, "%s: %s %u (%s%s): %s of %lld: %s\n", t->name, calls_kind(t->kind), t->n,
	        strerror(t->error), t->times ? "" : ", lasting", job, (long long)at, what);
}

static void judge(struct trial *t, const char *job, int64_t at)
{
	const struct world *w = t->w;
	size_t left = world_left_at(w, job, at);
	unsigned started = 0;

	for (size_t i = 0; i < w->start_count; i++) {
		if (strcmp(w->starts[i].job, job) != 0 || w->starts[i].scheduled != at)
			continue;
		started++;
		if (w->starts[i].ends == 0 && !t->no_records)
			blame(t, "no outcome", job, at);
	}
	if (started + left == 0)
		blame(t, "on no record", job, at);
	if (started > 1)
		blame(t, "started more than once", job, at);
	if (started && left)
		blame(t, "started and left out", job, at);
}

/* From the second minute on, of all that has had the time to end; where files could not be read,
 * and that was said, from when they have been tried again. */
static void hold(struct trial *t)
{
	int64_t until = world_now(t->w) - 2 * MINUTE, from = begin + 2 * MINUTE;

	t->no_records = world_said(t->w, "(CRON) ERROR (backlog") > 0;
	if (world_said(t->w, "(*system*) ERROR") > 0)
		from = t->from + 3 * MINUTE - t->from % MINUTE;
	for (int64_t at = from; at <= until; at += MINUTE) {
		for (int i = 0; i < JOBS; i++)
			judge(t, jobs[i].name, at);
	}
}

/* --- what is done meanwhile */

static void up(struct world *w)
{
	world_write(w, false, tasks);
	world_write(w, true, tab);
	world_up(w);
	world_pass(w, MINUTE + 1);
}

static void load(struct trial *t)
{
	world_write(t->w, false, tasks);
	world_write(t->w, true, tab);
	calls_arm(t->kind, t->n, t->times, t->error);
	world_try(t->w);
}

static void start(struct trial *t)
{
	up(t->w);
	calls_arm(t->kind, t->n, t->times, t->error);
	world_pass(t->w, MINUTE);
}

static void reload(struct trial *t)
{
	up(t->w);
	calls_arm(t->kind, t->n, t->times, t->error);
	world_write(t->w, false, more);
}

static void adopt(struct trial *t)
{
	up(t->w);
	world_pass(t->w, MINUTE + 30);
	world_kill(t->w);
	world_pass(t->w, 20);
	calls_arm(t->kind, t->n, t->times, t->error);
	world_try(t->w);
}

/* How many calls have failed. */
static unsigned attempt(struct trial *t, void (*what)(struct trial *t))
{
	unsigned failed;

	for (int i = 0; i < JOBS; i++)
		jobs[i].next = 0;
	t->w = world_open(begin);
	t->w->jobs = jobs;
	t->w->job_count = JOBS;
	what(t);
	failed = calls_disarm();
	t->from = world_now(t->w);
	if (!t->w->c)
		world_up(t->w); /* it said so and ended */
	world_pass(t->w, 4 * MINUTE);
	world_kill(t->w);
	world_up(t->w);
	world_pass(t->w, 4 * MINUTE);
	hold(t);
	world_close(t->w);
	return failed;
}

static unsigned sweep(const char *name, void (*what)(struct trial *t), enum call_kind kind,
        int error, unsigned times)
{
	struct trial t = { .name = name, .kind = kind, .error = error, .n = 1, .times = times };
	unsigned wrong = 0;

	while (attempt(&t, what) > 0) {
		assert_true(t.n < MOST);
		wrong += t.wrong > 0;
		t.wrong = 0;
		t.n++;
	}
	if (t.n > 1)
		printf("%s: %s: %u failed with %s%s, %u wrong\n", name, calls_kind(kind), t.n - 1,
		        strerror(error), times ? "" : ", lasting", wrong);
	return wrong;
}

static void all(const char *name, void (*what)(struct trial *t))
{
	const char *most = getenv("CRONWARD_NTH");
	bool every = most && strcmp(most, "all") == 0;
	unsigned wrong = 0;

	for (enum call_kind kind = 0; kind < CALL_KINDS; kind++) {
		for (const int *error = calls_errors(kind); *error; error++) {
			wrong += sweep(name, what, kind, *error, 1);
			if (!every)
				break;
			wrong += sweep(name, what, kind, *error, 0);
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_load(void **state)
{
	(void)state;
	all("load", load);
}

static void test_start(void **state)
{
	(void)state;
	all("start", start);
}

static void test_reload(void **state)
{
	(void)state;
	all("reload", reload);
}

static void test_adopt(void **state)
{
	(void)state;
	all("adopt", adopt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_adopt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
