/* test_lives: a whole scheduler (world) through years of schedules at random, that is killed, stopped,
 * asleep or without its host at random moments, while its clock is set: each time of each job is
 * started once, or is on record as not, as an oracle has it that looks at each second (oracle.h). A
 * failure names its seed: CRONWARD_SEED=N tries that alone, CRONWARD_SEEDS=N so many. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/core/catchup.h"
#include "tests/unit/places.h"
#include "tests/unit/seeds.h"
#include "tests/unit/world.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

static const int64_t june = 2222503200; /* 5 June 2040, 10:00 UTC */

#define TASK(name, more) "task \"" name "\" { command = x " more " }\n"

/* No run has the id of another one. */
static void ids_differ(struct world *w, uint64_t seed, const char *did)
{
	for (size_t i = 0; i < w->start_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(w->starts[i].id, w->starts[k].id) != 0)
				continue;
			world_show(w);
			fail_msg("seed %llu: %s twice, after%s", (unsigned long long)seed, w->starts[i].id, did);
		}
	}
}

/* --- a clock that was set back, and who comes after */

static const char twice[] = TASK("fixed", "schedule = '8 10 * * *'") TASK("star", "schedule = '8 * * * *'");
static const char more[] = TASK("fixed", "schedule = '8 10 * * *'") TASK("star", "schedule = '8 * * * *'")
	TASK("new", "schedule = '8 10 * * *'");

enum follower { NOBODY, RELOAD, ANOTHER, FOLLOWERS };

/* At 10:10 it is 10:00 again: 10:08 comes twice, and is one time of the fixed one. */
static void test_back(void **state)
{
	(void)state;
	for (enum follower f = NOBODY; f < FOLLOWERS; f++) {
		struct world *w = world_open(june);

		world_write(w, false, twice);
		world_up(w);
		world_pass(w, 10 * MINUTE);
		world_set(w, -10 * MINUTE);
		world_pass(w, MINUTE);
		if (f == RELOAD) {
			world_write(w, false, "");
			world_pass(w, MINUTE);
			world_write(w, false, more);
		} else if (f == ANOTHER) {
			world_kill(w);
			world_pass(w, MINUTE);
			world_up(w);
		}
		world_pass(w, 10 * MINUTE);
		assert_int_equal(world_started(w, "star"), 2);
		assert_int_equal(world_started(w, "fixed"), 1);
		ids_differ(w, f, "");
		world_pass(w, DAY);
		assert_int_equal(world_started(w, "fixed"), 2);
		world_close(w);
	}
}

/* Back, and back again before it had caught up: each lap's runs have ids of their own. */
static void test_laps(void **state)
{
	static const int64_t moves[][3] = { { 600, -600, 300 }, { 5, -60, 10 }, { 300, -100, 50 } };

	(void)state;
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		struct world *w = world_open(june);

		world_write(w, false, i == 1 ? TASK("each", "schedule = '* * * * * *'") : TASK("star", "schedule = '* * * * *'"));
		world_up(w);
		for (int k = 0; k < 3; k++) {
			world_pass(w, moves[i][k == 0 ? 0 : 2]);
			world_set(w, moves[i][1]);
		}
		world_pass(w, 900);
		ids_differ(w, i, " laps");
		world_close(w);
	}
}

/* What it went through before it was set back is not missed; the first second behind that is. */
static void test_past(void **state)
{
	struct world *w = world_open(june);
	char text[80];

	(void)state;
	world_write(w, false, TASK("each", "schedule = '* * * * * *'"));
	world_up(w);
	world_pass(w, 20);
	world_set(w, -10);
	assert_int_equal(world_said(w, "the clock moved by -10 s"), 1);
	world_set(w, 5 * HOUR);
	snprintf(text, sizeof(text), "run=each-%lld-1 result=missed", (long long)june + 21);
	assert_int_equal(world_said(w, text), 1);
	world_close(w);
}

/* Of very many times that were missed the latest are on record, and the oldest of these says how many
 * there are before it. */
static void test_counted(void **state)
{
	static const struct {
		int64_t times;
		const char *says;
	} rows[] = { { 300, "; 200 more of its times before" }, { 10100, "; 10000 more of its times before" },
		{ 10101, "; more than 10000 more of its times before" }, { 100, NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *w = world_open(june);

		world_write(w, false, TASK("each", "schedule = '* * * * * *' concurrency = allow"));
		world_up(w);
		world_pass(w, 1);
		world_forget(w);
		world_kill(w);
		world_pass(w, rows[i].times + 2);
		world_up(w);
		assert_int_equal(w->left_count, 100);
		for (size_t k = 0; k < w->left_count; k++) {
			const char *says = strchr(w->left[k].reason, ';');
			bool oldest = w->left[k].scheduled == june + 1 + rows[i].times - 99;

			assert_int_equal(w->left[k].result, RESULT_MISSED);
			if (oldest && rows[i].says)
				assert_true(says && strcmp(says, rows[i].says) == 0);
			else
				assert_null(says);
		}
		world_close(w);
	}
}

/* A clock that was moved by a second forward is nothing to tell. What comes in after a quiet time has
 * missed nothing in that. */
static void test_quiet(void **state)
{
	struct world *w = world_open(june);

	(void)state;
	world_up(w);
	world_set(w, 1);
	assert_int_equal(world_said(w, "the clock moved by"), 0);
	world_set(w, 2);
	assert_int_equal(world_said(w, "the clock moved by 2 s"), 1);
	world_set(w, -1);
	assert_int_equal(world_said(w, "the clock moved by -1 s"), 1);
	world_write(w, false, TASK("several", "schedule = '3,4 10 * * *'"));
	world_set(w, 10 * MINUTE);
	assert_int_equal(world_said(w, "SKIPPED job=several run=several-2222503380-1 result=skipped"), 1);
	assert_int_equal(world_started(w, "several"), 1);
	world_forget(w);
	world_pass(w, 3 * HOUR);
	world_write(w, false, TASK("late", "schedule = '0 12 * * *'")); /* it is one o'clock */
	world_pass(w, MINUTE);
	assert_int_equal(w->start_count + w->left_count, 0);
	world_pass(w, DAY);
	assert_int_equal(world_started(w, "late"), 1);
	world_close(w);
}

/* Who died before anything was due was there: what fell due since is not silent. */
static void test_idle(void **state)
{
	struct world *w = world_open(june);

	(void)state;
	world_write(w, false, TASK("hourly", "schedule = '0 * * * *'"));
	world_up(w);
	world_pass(w, MINUTE);
	world_kill(w);
	world_pass(w, 2 * HOUR);
	world_up(w);
	assert_int_equal(w->left_count, 2);
	world_close(w);
}

/* --- lives at random */

enum { JOBS = 5, FATES = 6000, EVENTS = 12, OFTEN_MOST = 60, SOME_DAYS = 12, LIVES = 2 };

struct life_job {
	char name[8], text[MADE_ROOM];
	struct oracle_when w;
	struct place *place;
	enum catchup catchup;
	int64_t window;
	int64_t from; /* what lies behind this second counts */
};

struct fate {
	int job;
	int64_t at;
	enum fortune { STARTED, MISSED, TAKEN_IN } is;
};

struct life {
	uint64_t seed;
	struct dice d;
	struct life_job jobs[JOBS];
	struct fate fates[FATES], found[FATES];
	size_t fate_count, found_count;
	bool on_disk; /* it is known over a boot until when there was a scheduler */
	char did[EVENTS * 64], tasks[JOBS * 500];
};

static void note(struct life *l, const char *what, int64_t by)
{
	size_t n = strlen(l->did);

	snprintf(l->did + n, sizeof(l->did) - n, " %s %lld", what, (long long)by);
}

static void fate(struct life *l, int job, int64_t at, enum fortune is)
{
	assert_true(l->fate_count < FATES);
	l->fates[l->fate_count++] = (struct fate){ job, at, is };
	l->on_disk |= l->jobs[job].catchup != CATCHUP_NONE;
}

static int64_t next_of(const struct life_job *j, int64_t after, int64_t to)
{
	return oracle_next(&j->w, &j->place->oz, after > j->from ? after : j->from, to);
}

/* Neither too often nor never. */
static bool job_fits(const struct life_job *j, int64_t now)
{
	int n = 0;

	for (int64_t t = now; (t = next_of(j, t, now + SOME_DAYS * DAY)) != ORACLE_NEVER && n <= OFTEN_MOST;)
		n++;
	return n > 0 && n <= OFTEN_MOST;
}

static void job_make(struct life *l, int i, struct place *home, int64_t now)
{
	static const int64_t windows[] = { 0, 30 * MINUTE, 2 * HOUR, 3 * DAY };
	static const char *const catchups[] = { "none", "one", "all" };
	struct life_job *j = &l->jobs[i];
	bool own = dice_chance(&l->d, 60);
	size_t n = strlen(l->tasks);
	struct arena arena = { 0 };
	struct schedule s;

	*j = (struct life_job){ .place = own ? place_get(dice_roll(&l->d, PLACES_NAMED)) : home,
		.catchup = (enum catchup)dice_roll(&l->d, 3), .window = windows[dice_roll(&l->d, 4)], .from = now };
	snprintf(j->name, sizeof(j->name), "j%d", i);
	do {
		made_expression(&l->d, GRAMMAR_EXTENDED, MADE_SELDOM, j->text);
		assert_int_equal(schedule_parse(&s, slice_of(j->text), GRAMMAR_EXTENDED, 0, &arena, NULL), 0);
		oracle_bits(&j->w, &s);
	} while (!job_fits(j, now));
	arena_free(&arena);
	snprintf(l->tasks + n, sizeof(l->tasks) - n, "task %s { command = x concurrency = allow catchup = %s"
		" catchup-window = \"%llds\" schedule = \"%s\" %s%s%s }\n", j->name, catchups[j->catchup],
		(long long)(j->window ? j->window : 3650 * (int64_t)DAY), j->text, own ? "timezone = \"" : "",
		own ? j->place->tz : "", own ? "\"" : "");
}

static void went_by(struct life *l, int64_t to)
{
	for (int i = 0; i < JOBS; i++) {
		struct life_job *j = &l->jobs[i];

		for (int64_t t = j->from; (t = next_of(j, t, to)) != ORACLE_NEVER;)
			fate(l, i, t, STARTED);
		j->from = to > j->from ? to : j->from;
	}
}

/* Nothing is due in the last seconds before it: they may be handled on either side. */
static int64_t quiet(const struct life *l, int64_t to)
{
	for (bool due = true; due; to += due) {
		due = false;
		for (int i = 0; i < JOBS; i++)
			due |= oracle_next(&l->jobs[i].w, &l->jobs[i].place->oz, to - 5, to + 1) != ORACLE_NEVER;
	}
	return to;
}

static bool in_window(const struct life_job *j, int64_t t, int64_t until)
{
	return !j->window || t >= until - j->window;
}

enum { TIMES = 2000 };

/* The latest of them, up to a bound, are started or on record one by one. */
static void by_catchup(struct life *l, int i, const int64_t *times, size_t n, int64_t until, bool known)
{
	const struct life_job *j = &l->jobs[i];
	size_t most = j->catchup == CATCHUP_NONE ? 0 : j->catchup == CATCHUP_ONE ? 1 : CATCHUP_MOST;
	size_t first = n;

	while (first > 0 && n - first < most && in_window(j, times[first - 1], until))
		fate(l, i, times[--first], STARTED);
	if (j->catchup == CATCHUP_NONE && !known)
		return;
	for (size_t k = first; k > 0 && first - k < CATCHUP_MOST; k--)
		fate(l, i, times[k - 1], MISSED);
}

static void missed(struct life *l, enum world_outage kind, int64_t behind, int64_t to)
{
	bool clock = kind == WORLD_ASLEEP || kind == WORLD_SET, known = kind != WORLD_BOOTED;
	int64_t until = clock ? to : to - 2;
	bool on_disk = l->on_disk;

	for (int i = 0; i < JOBS; i++) {
		struct life_job *j = &l->jobs[i];
		int64_t times[TIMES];
		size_t n = 0;

		for (int64_t t = j->from; n < TIMES && (t = next_of(j, t, to)) != ORACLE_NEVER;)
			times[n++] = t;
		j->from = to;
		if (n == 0 || (kind == WORLD_BOOTED && !on_disk))
			continue;
		if (clock && behind < MINUTE) {
			for (size_t k = 0; k < n; k++)
				fate(l, i, times[k], STARTED);
		} else if (!clock || !(behind < 5 * MINUTE || (behind < 3 * HOUR && !j->w.wildcard)) ||
			(n > 1 && j->catchup == CATCHUP_ALL && in_window(j, times[n - 1], until))) {
			by_catchup(l, i, times, n, until, known);
		} else {
			for (size_t k = n; k > 0 && n - k < CATCHUP_MOST; k--)
				fate(l, i, times[k - 1], k == n ? STARTED : TAKEN_IN);
		}
	}
}

static void outage(struct life *l, struct world *w)
{
	enum world_outage kind = (enum world_outage)dice_roll(&l->d, WORLD_OUTAGES);
	static const char *const names[] = { "killed", "booted", "asleep", "set" };
	int64_t from = world_now(w), to, down;

	down = dice_chance(&l->d, 30) ? dice_between(&l->d, 5, 10 * MINUTE) :
		dice_between(&l->d, MINUTE, dice_chance(&l->d, 50) ? 5 * HOUR : 9 * DAY);
	to = quiet(l, from + down);
	down = to - from;
	note(l, names[kind], down);
	missed(l, kind, down, to);
	world_outage(w, kind, down);
}

/* Up to three hours back, and on until the clock is where it was; somebody else may come meanwhile. */
static void back(struct life *l, struct world *w)
{
	int64_t now = world_now(w), by = dice_between(&l->d, 1, 3 * HOUR);

	note(l, "back", by);
	for (int i = 0; i < JOBS; i++)
		l->jobs[i].from = l->jobs[i].w.wildcard ? now - by : now;
	world_set(w, -by);
	world_pass(w, by / 2);
	if (dice_chance(&l->d, 50)) {
		world_kill(w);
		world_up(w);
	}
	world_pass(w, by + 5 * MINUTE);
	went_by(l, world_now(w));
}

/* It dies at any call while it starts something, or takes in what has ended. */
static void death(struct life *l, struct world *w)
{
	unsigned call = 1 + dice_roll(&l->d, 40);
	int64_t due = due_first(&w->c->due);

	if (due == SCHEDULE_NEVER || due > world_now(w) + 20 * DAY)
		return;
	note(l, "death", call);
	world_die_due(w, call, dice_chance(&l->d, 50));
	world_pass(w, 30);
	if (dice_chance(&l->d, 50))
		world_die(w, call);
	world_pass(w, 90);
	went_by(l, world_now(w));
}

static int compare_fates(const void *a, const void *b)
{
	const struct fate *x = a, *y = b;

	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (int)x->is - (int)y->is;
}

static int job_named(const struct life *l, const char *name)
{
	for (int i = 0; i < JOBS; i++) {
		if (strcmp(l->jobs[i].name, name) == 0)
			return i;
	}
	fail_msg("nobody wrote %s", name);
	return -1;
}

static void take_found(struct life *l, const struct world *w)
{
	l->found_count = 0;
	for (size_t i = 0; i < w->start_count; i++)
		l->found[l->found_count++] = (struct fate){ job_named(l, w->starts[i].job), w->starts[i].scheduled, STARTED };
	for (size_t i = 0; i < w->left_count && l->found_count < FATES; i++)
		l->found[l->found_count++] = (struct fate){ job_named(l, w->left[i].job), w->left[i].scheduled,
			w->left[i].result == RESULT_MISSED ? MISSED : TAKEN_IN };
	qsort(l->found, l->found_count, sizeof(struct fate), compare_fates);
	qsort(l->fates, l->fate_count, sizeof(struct fate), compare_fates);
}

static void show(const struct life *l, const char *what, const struct fate *f, size_t i, size_t n)
{
	static const char *const names[] = { "started", "missed", "taken in" };

	if (i < n)
		fprintf(stderr, "%s: %s %s of %lld\n", what, l->jobs[f[i].job].name,
			names[f[i].is], (long long)f[i].at);
}

static void compare(struct life *l, struct world *w)
{
	take_found(l, w);
	for (size_t i = 0; i < l->found_count || i < l->fate_count; i++) {
		if (i < l->found_count && i < l->fate_count && compare_fates(&l->found[i], &l->fates[i]) == 0)
			continue;
		world_show(w);
		show(l, "found", l->found, i, l->found_count);
		show(l, "right", l->fates, i, l->fate_count);
		fail_msg("seed %llu in %s, after%s\n%s", (unsigned long long)l->seed, getenv("TZ"), l->did, l->tasks);
	}
	ids_differ(w, l->seed, l->did);
}

static void life_one(uint64_t seed)
{
	static struct life l;
	struct place *home;
	struct world *w;
	int64_t now;
	bool once = false;

	memset(&l, 0, offsetof(struct life, fates));
	l.fate_count = 0;
	l.on_disk = false;
	l.did[0] = l.tasks[0] = '\0';
	l.seed = seed;
	l.d.at = seed * 7919;
	home = place_get(dice_roll(&l.d, PLACES_NAMED));
	do /* later than any file of a test was changed */
		now = place_moment(&l.d, home);
	while (now < june);
	setenv("TZ", home->tz, 1);
	w = world_open(now);
	for (int i = 0; i < JOBS; i++)
		job_make(&l, i, home, now);
	world_write(w, false, l.tasks);
	world_up(w);
	for (int i = 0; i < EVENTS; i++) {
		int64_t most = dice_chance(&l.d, 50) ? HOUR : dice_chance(&l.d, 90) ? 20 * HOUR : 6 * DAY;

		/* (a world looks at its files each minute: days take their time) */
		world_pass(w, quiet(&l, world_now(w) + dice_between(&l.d, 1, most)) - world_now(w));
		went_by(&l, world_now(w));
		if (dice_chance(&l.d, 35))
			death(&l, w);
		else if (!once && dice_chance(&l.d, 20))
			back(&l, w), once = true;
		else
			outage(&l, w);
		world_pass(w, 10);
		went_by(&l, world_now(w));
	}
	compare(&l, w);
	world_close(w);
}

static void test_lives(void **state)
{
	(void)state;
	seeds_run(life_one, LIVES);
}

static int done(void **state)
{
	(void)state;
	places_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_back), cmocka_unit_test(test_laps),
		cmocka_unit_test(test_past), cmocka_unit_test(test_counted), cmocka_unit_test(test_quiet), cmocka_unit_test(test_idle),
		cmocka_unit_test(test_lives) };

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, done);
}
