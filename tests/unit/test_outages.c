/* test_outages: random jobs, and outages at random, against an oracle that goes from minute to
 * minute: each time of each job is started once or on record, as its options say, and nothing else
 * is. A failure names its seed; CRONWARD_SEEDS has more of them tried. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/metrics.h"
#include "tests/unit/world.h"

enum { MINUTE = 60, HOUR = 3600, JOBS = 8, SEEDS = 10, OUTAGES = 12, FATES = 4096, MANY = 1500 };

static const int64_t begin = 2222467200; /* 5 June 2040, 00:00 UTC */

static uint32_t rolled(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* Due at `minute` and each `step` minutes after that, of each hour, or of every third one. */
struct job_made {
	int minute, step;
	bool star, third;
	enum catchup catchup;
	int64_t window;
	char name[16];
};

static bool is_due(const struct job_made *j, int64_t minute)
{
	int64_t in_hour = minute % 60, hour = minute / 60 % 24;

	if (j->third && hour % 3)
		return false;
	return in_hour >= j->minute && (in_hour - j->minute) % j->step == 0;
}

static void job_make(struct job_made *j, int n, uint32_t *seed, char *text, size_t room)
{
	static const char *const catchups[] = { "none", "one", "all" };
	static const int steps[] = { 15, 20, 30, 60 };
	static const int64_t windows[] = { 0, 30 * MINUTE, 2 * HOUR };
	size_t at = strlen(text);

	*j = (struct job_made){ .step = steps[rolled(seed, 4)], .star = rolled(seed, 2), .third = rolled(seed, 3) == 0,
		.catchup = (enum catchup)rolled(seed, 3), .window = windows[rolled(seed, 3)] };
	j->minute = j->star ? 0 : (int)rolled(seed, 10);
	snprintf(j->name, sizeof(j->name), "j%d", n);
	at += (size_t)snprintf(text + at, room - at, "task %s { command = x concurrency = allow catchup = %s ",
		j->name, catchups[j->catchup]);
	if (j->window)
		at += (size_t)snprintf(text + at, room - at, "catchup-window = %d ", (int)j->window);
	/* a star in front makes it one that follows the clock on the wall */
	if (j->star)
		snprintf(text + at, room - at, "schedule = '*/%d %s * * *' }\n", j->step, j->third ? "0-23/3" : "0-23");
	else
		snprintf(text + at, room - at, "schedule = '%d-59/%d %s * * *' }\n", j->minute, j->step,
			j->third ? "0-23/3" : "0-23");
}

/* --- the oracle */

struct fate {
	int job;
	int64_t at;
	bool started;
};

struct oracle {
	struct job_made jobs[JOBS];
	struct fate fates[FATES];
	size_t count;
};

static void fate(struct oracle *o, int job, int64_t at, bool started)
{
	assert_true(o->count < FATES);
	o->fates[o->count++] = (struct fate){ job, at, started };
}

static void went_by(struct oracle *o, int64_t from, int64_t to)
{
	for (int64_t t = from + 1; t <= to; t++) {
		for (int i = 0; t % MINUTE == 0 && i < JOBS; i++) {
			if (is_due(&o->jobs[i], t / MINUTE))
				fate(o, i, t, true);
		}
	}
}

static bool in_window(const struct job_made *j, int64_t t, int64_t until)
{
	return !j->window || t >= until - j->window;
}

/* Nobody was there, or the rule for clocks leaves it to catchup. */
static void by_catchup(struct oracle *o, int i, const int64_t *times, size_t n, int64_t until, bool known)
{
	const struct job_made *j = &o->jobs[i];

	for (size_t k = 0; k < n; k++) {
		bool last = k == n - 1, due = in_window(j, times[k], until);

		if (j->catchup == CATCHUP_ALL && due)
			fate(o, i, times[k], true);
		else if (j->catchup == CATCHUP_ONE && due && last)
			fate(o, i, times[k], true);
		else if (j->catchup != CATCHUP_NONE || known)
			fate(o, i, times[k], false);
	}
}

/* One start for all. */
static void at_once(struct oracle *o, int i, const int64_t *times, size_t n)
{
	for (size_t k = 0; k < n; k++)
		fate(o, i, times[k], k == n - 1);
}

static void outage(struct oracle *o, enum world_outage kind, int64_t from, int64_t to)
{
	for (int i = 0; i < JOBS; i++) {
		const struct job_made *j = &o->jobs[i];
		int64_t times[1024], until = kind == WORLD_ASLEEP ? to : to - 2;
		size_t n = 0;
		bool made_up = kind == WORLD_ASLEEP &&
			(to - from < 5 * MINUTE || (to - from < 180 * MINUTE && !j->star));

		for (int64_t t = from / MINUTE + 1; t * MINUTE <= to; t++) {
			if (is_due(j, t))
				times[n++] = t * MINUTE;
		}
		if (!made_up)
			by_catchup(o, i, times, n, until, kind != WORLD_BOOTED);
		else if (n > 1 && j->catchup == CATCHUP_ALL && in_window(j, times[n - 1], until))
			by_catchup(o, i, times, n, until, true);
		else
			at_once(o, i, times, n);
	}
}

/* --- the comparison */

static void compare(struct world *w, const struct oracle *o, uint32_t seed, const char *text)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct fate *f = &o->fates[i];
		const char *job = o->jobs[f->job].name;

		if (world_started_at(w, job, f->at) == f->started && world_left_at(w, job, f->at) == !f->started)
			continue;
		world_show(w);
		fail_msg("seed %u: %s of %lld: %s once is right\n%s", seed, job, (long long)f->at,
			 f->started ? "started" : "left out", text);
	}
	if (w->start_count + w->left_count != o->count)
		fail_msg("seed %u: %zu times too many", seed, w->start_count + w->left_count - o->count);
}

static void one_world(uint32_t seed)
{
	static struct oracle o;
	static char text[JOBS * 200];
	struct world *w = world_open(begin + 30);
	uint32_t dice = seed;

	o.count = 0;
	text[0] = '\0';
	for (int i = 0; i < JOBS; i++)
		job_make(&o.jobs[i], i, &dice, text, sizeof(text));
	world_write(w, false, text);
	world_up(w);
	for (int i = 0; i < OUTAGES; i++) {
		enum world_outage kind = (enum world_outage)rolled(&dice, WORLD_SET);
		int64_t up = (1 + rolled(&dice, 100)) * MINUTE, now;
		int64_t down = (2 + (int64_t)rolled(&dice, rolled(&dice, 2) ? 7 : 300)) * MINUTE;

		now = world_now(w);
		world_pass(w, up);
		went_by(&o, now, now + up);
		outage(&o, kind, now + up, now + up + down);
		world_outage(w, kind, down);
	}
	world_pass(w, 10);
	compare(w, &o, seed, text);
	world_close(w);
}

static void test_outages(void **state)
{
	const char *more = getenv("CRONWARD_SEEDS");
	uint32_t seeds = more ? (uint32_t)atoi(more) : SEEDS;

	(void)state;
	for (uint32_t seed = 1; seed <= seeds; seed++)
		one_world(seed);
}

/* A table of very many lines, each of which missed very many times: no more is counted than is
 * said or put on record, or the scheduler would stand still meanwhile. */
static void test_many(void **state)
{
	struct world *w = world_open(begin);
	char *text = calloc(MANY, 32);

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < MANY; i++)
		sprintf(text + strlen(text), "* * * * * root x %d\n", i);
	world_write(w, true, text);
	world_up(w);
	world_set(w, 48 * HOUR);
	assert_int_equal(world_said(w, "; 2879 of its times were missed"), 200);
	assert_int_equal(world_said(w, "(1300 more jobs were missed and are not named)"), 1);
	assert_int_equal(world_said(w, "(1300 more jobs were missed and are not in the history)"), 1);
	world_close(w);
	free(text);
}

/* Starts by the schedule are counted by how late they were: those above all that were very late. */
static void test_late(void **state)
{
	struct world *w = world_open(begin);
	const struct metric_times *late;

	(void)state;
	world_write(w, false, "task plain { schedule = '* * * * *' command = x }\n"
		"task kept { schedule = '* * * * *' command = x catchup = one }\n");
	world_up(w);
	metrics_open(w->c);
	assert_non_null(w->c->metrics);
	late = &w->c->metrics->late;
	world_pass(w, MINUTE + 1);
	assert_int_equal(late->count, 2);
	world_set(w, 90);
	world_pass(w, 1);
	assert_int_equal(w->start_count, 4);
	assert_int_equal(late->count, 4);
	assert_int_equal(metric_times_below(late, 99), 60000);
	free(w->c->metrics);
	w->c->metrics = NULL;
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outages), cmocka_unit_test(test_many), cmocka_unit_test(test_late),
	};

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
