/* test_years: random tables through years: the due queue beside an oracle that looks at each second
 * (oracle.h), in zones of every kind, over clocks that are set, hosts that slept, stalls, jobs that
 * come and go. What has to be started and what is skipped is told in advance, from the rule for clocks
 * as crond(8) has it. A failure names its seed: CRONWARD_SEED=N tries that alone, CRONWARD_SEEDS=N so
 * many. */
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
#include "tests/unit/made.h"
#include "tests/unit/oracle.h"
#include "tests/unit/places.h"
#include "tests/unit/seeds.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, JOBS = 12, MUCH = 2000, FOUND_MOST = 4000, ACTS = 40, TABLES = 60 };

struct made_job {
	bool in;
	char text[MADE_ROOM];
	struct schedule s;
	struct place *place;
	enum step_source source;
	struct oracle_when w;
	int64_t from; /* what lies behind this second counts */
	struct job job;
};

struct found {
	int job;
	int64_t scheduled, first, until;
	bool start, more;
};

struct list {
	size_t n;
	struct found found[FOUND_MOST];
};

struct table {
	uint64_t seed;
	struct dice d;
	enum made_kind kind;
	struct due due;
	struct arena arena;
	struct job_common common;
	struct made_job jobs[JOBS];
	int64_t now;
	int64_t repeat; /* fixed ones start again behind this */
	struct list seen, wanted;
	char did[ACTS * 48];
};

static void note(struct table *t, const char *what, int64_t by)
{
	size_t n = strlen(t->did);

	snprintf(t->did + n, sizeof(t->did) - n, " %s %lld", what, (long long)by);
}

static void put(struct list *l, const struct found *f)
{
	assert_true(l->n < FOUND_MOST);
	l->found[l->n++] = *f;
}

static void seen(void *arg, const struct due_found *f)
{
	struct table *t = arg;
	int n = 0;

	for (const struct job *job = f->timer->jobs; job; job = job->next) {
		const struct made_job *j = (const void *)((const char *)job - offsetof(struct made_job, job));

		put(&t->seen, &(struct found){ (int)(j - t->jobs), f->scheduled, f->first, f->until, f->start, f->more });
		n++;
	}
	assert_true(n > 0);
}

/* --- what has to be found */

static int64_t next_of(const struct made_job *j, int64_t after, int64_t to)
{
	return oracle_next(&j->w, &j->place->oz, after > j->from ? after : j->from, to);
}

static int64_t last_of(const struct made_job *j, int64_t first, int64_t to)
{
	int64_t last = first;

	for (int64_t t = first; t != ORACLE_NEVER; t = next_of(j, t, to))
		last = t;
	return last;
}

static void want(struct table *t, int job, int64_t scheduled, int64_t first, int64_t until, bool start, bool more)
{
	put(&t->wanted, &(struct found){ job, scheduled, first, until, start, more });
}

/* Each second of it counts for itself. */
static void want_each(struct table *t, int64_t to)
{
	for (int i = 0; i < JOBS; i++) {
		struct made_job *j = &t->jobs[i];

		for (int64_t at = j->from; j->in && (at = next_of(j, at, to)) != ORACLE_NEVER;)
			want(t, i, at, at, at, true, false);
		if (j->from < to)
			j->from = to;
	}
}

/* So far behind: which jobs start once for all of it? */
static bool starts_once(const struct made_job *j, int64_t behind)
{
	return behind < 5 * MINUTE || (behind < 3 * HOUR && !j->w.wildcard);
}

static void want_stepped_one(struct table *t, int i, int64_t to, int64_t behind)
{
	struct made_job *j = &t->jobs[i];
	int64_t first = next_of(j, j->from, to), last;

	if (first == ORACLE_NEVER)
		return;
	if (first == to) {
		want(t, i, to, to, to, true, false);
	} else if (starts_once(j, behind)) {
		last = last_of(j, first, to);
		want(t, i, last, first, to, true, last > first);
	} else if (next_of(j, to - 1, to) == to) {
		want(t, i, first, first, to - 1, false, true);
		want(t, i, to, to, to, true, false);
	} else {
		want(t, i, first, first, to, false, next_of(j, first, to) != ORACLE_NEVER);
	}
}

static int64_t first_of_all(const struct table *t, int64_t to)
{
	int64_t first = ORACLE_NEVER;

	for (int i = 0; i < JOBS; i++) {
		int64_t at = t->jobs[i].in ? next_of(&t->jobs[i], t->jobs[i].from, to) : ORACLE_NEVER;

		first = at < first ? at : first;
	}
	return first;
}

/* The clock is at `to`, and was set forward by so much of that. */
static void want_at_once(struct table *t, int64_t to, int64_t step)
{
	int64_t first = first_of_all(t, to), behind = first <= to && to - first > step ? to - first : step;

	if (behind < MINUTE) {
		want_each(t, to);
		return;
	}
	for (int i = 0; i < JOBS; i++) {
		if (t->jobs[i].in)
			want_stepped_one(t, i, to, behind);
		if (t->jobs[i].from < to)
			t->jobs[i].from = to;
	}
}

/* --- what is done */

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return 0;
}

static void show(const struct table *t, const char *what, const struct list *l, size_t i)
{
	const struct found *f = &l->found[i];

	if (i >= l->n)
		fprintf(stderr, "%s: nothing\n", what);
	else
		fprintf(stderr, "%s: %s of job %d (%s in %s) at %lld, of %lld to %lld%s\n", what,
			f->start ? "start" : "skip", f->job, t->jobs[f->job].text, t->jobs[f->job].place->tz,
			(long long)f->scheduled, (long long)f->first, (long long)f->until, f->more ? ", several" : "");
}

/* What was found is what had to be, and nothing is left for later. */
static void settle(struct table *t)
{
	size_t n = t->seen.n > t->wanted.n ? t->seen.n : t->wanted.n;

	qsort(t->seen.found, t->seen.n, sizeof(struct found), compare_found);
	qsort(t->wanted.found, t->wanted.n, sizeof(struct found), compare_found);
	for (size_t i = 0; i < n; i++) {
		const struct found *a = &t->seen.found[i], *b = &t->wanted.found[i];

		if (i < t->seen.n && i < t->wanted.n && compare_found(a, b) == 0 && a->scheduled == b->scheduled &&
			a->until == b->until && a->start == b->start && a->more == b->more)
			continue;
		show(t, "found", &t->seen, i);
		show(t, "right", &t->wanted, i);
		fail_msg("seed %llu, after%s", (unsigned long long)t->seed, t->did);
	}
	t->seen.n = t->wanted.n = 0;
	assert_true(due_first(&t->due) > t->now);
}

/* So many seconds, fewer where too much is due in them. */
static int64_t not_too_much(const struct table *t, int64_t by)
{
	for (;; by /= 8) {
		int64_t to = t->now + by;
		int n = 0;

		for (int i = 0; i < JOBS; i++) {
			const struct made_job *j = &t->jobs[i];

			for (int64_t at = j->from; j->in && n <= MUCH && (at = next_of(j, at, to)) != ORACLE_NEVER;)
				n++;
		}
		if (n <= MUCH)
			return by;
	}
}

/* The daemon wakes at each due second. */
static void act_run(struct table *t, int64_t by)
{
	int64_t to = t->now + not_too_much(t, by);

	note(t, "run", by);
	want_each(t, to);
	while (due_first(&t->due) <= to)
		due_advance(&t->due, due_first(&t->due), 0, seen, t);
	for (size_t i = 1; i < t->seen.n; i++)
		assert_true(t->seen.found[i - 1].first <= t->seen.found[i].first);
	t->now = to;
}

/* It wakes once. */
static void act_once(struct table *t, const char *what, int64_t by, int64_t step)
{
	note(t, what, by);
	t->now += by;
	want_at_once(t, t->now, step);
	due_advance(&t->due, t->now, step, seen, t);
}

/* Up to three hours back, what follows the clock starts again and the rest not. */
static void act_back(struct table *t, int64_t by)
{
	note(t, "back", by);
	if (by > 3 * HOUR)
		t->repeat = t->now - by;
	else if (t->now > t->repeat)
		t->repeat = t->now;
	t->now -= by;
	due_reset(&t->due, t->now, -by);
	for (int i = 0; i < JOBS; i++) {
		if (by > 3 * HOUR || t->jobs[i].w.wildcard)
			t->jobs[i].from = t->now;
	}
}

/* Nobody was there. */
static void act_skip(struct table *t, int64_t by)
{
	note(t, "skip", by);
	t->now += by;
	for (int i = 0; i < JOBS; i++) {
		struct made_job *j = &t->jobs[i];
		int64_t first = j->in ? next_of(j, j->from, t->now) : ORACLE_NEVER;

		if (first != ORACLE_NEVER)
			want(t, i, first, first, t->now, false, next_of(j, first, t->now) != ORACLE_NEVER);
		if (j->from < t->now)
			j->from = t->now;
	}
	due_skip(&t->due, t->now, seen, t);
}

static void job_in(struct table *t, int i, int like)
{
	struct made_job *j = &t->jobs[i];

	*j = (struct made_job){ .in = true, .from = t->now, .source = dice_roll(&t->d, 2) ? STEP_TASK : STEP_CRONTAB };
	j->place = place_get(dice_roll(&t->d, PLACES));
	if (like >= 0 && t->jobs[like].in) {
		memcpy(j->text, t->jobs[like].text, sizeof(j->text));
		j->s = t->jobs[like].s;
		j->source = t->jobs[like].source;
		if (dice_chance(&t->d, 70))
			j->place = t->jobs[like].place;
	} else {
		place_schedule(&t->d, &j->s, dice_chance(&t->d, 10) ? MADE_SELDOM : t->kind, j->text, &t->arena);
	}
	oracle_bits(&j->w, &j->s);
	if (!j->w.wildcard && t->repeat > t->now)
		j->from = t->repeat;
	j->job.common = &t->common;
	/* what is computed behind the second that the queue has come to */
	t->due.now = t->now;
	assert_int_equal(due_add(&t->due, &j->job, &j->s, j->place->z, j->source, slice_of(j->text)), 0);
	note(t, "in", i);
}

static void job_out(struct table *t, int i)
{
	due_remove(&t->due, &t->jobs[i].job);
	assert_null(due_timer(&t->due, &t->jobs[i].job, NULL));
	t->jobs[i].in = false;
	note(t, "out", i);
}

static void act_change(struct table *t)
{
	int i = (int)dice_roll(&t->d, JOBS);

	if (t->jobs[i].in)
		job_out(t, i);
	else
		job_in(t, i, dice_chance(&t->d, 40) ? (int)dice_roll(&t->d, JOBS) : -1);
}

/* Each job is found to hang on a timer of its own text. */
static void check_timers(const struct table *t)
{
	size_t in = 0;

	for (int i = 0; i < JOBS; i++) {
		const struct timer *timer = t->jobs[i].in ? due_timer(&t->due, &t->jobs[i].job, NULL) : NULL;

		if (!t->jobs[i].in)
			continue;
		in++;
		assert_true(schedule_equal(&timer->schedule, &t->jobs[i].s) && timer->zone == t->jobs[i].place->z);
		assert_int_equal(timer->source, t->jobs[i].source);
	}
	assert_int_equal(t->due.jobs, in);
}

/* The bounds of the rule, and a second on either side, are tried more often than others. */
static int64_t step_rolled(struct dice *d, int64_t most)
{
	static const int64_t bounds[] = { 1, MINUTE, 5 * MINUTE, 3 * HOUR };

	if (dice_chance(d, 50))
		return bounds[dice_roll(d, 4)] + dice_between(d, -1, 1);
	return dice_between(d, 1, dice_chance(d, 50) ? 6 * HOUR : most);
}

static void act(struct table *t)
{
	int64_t most = t->kind == MADE_OFTEN ? HOUR : 20 * DAY;
	int64_t by;

	switch (dice_roll(&t->d, 8)) {
	case 0:
	case 1:
	case 2:
		act_run(t, dice_between(&t->d, 0, dice_chance(&t->d, 20) ? 5 * most : most));
		break;
	case 3: /* it could not run */
		act_once(t, "late", step_rolled(&t->d, most), 0);
		break;
	case 4: /* set forward, or asleep */
		by = step_rolled(&t->d, most);
		act_once(t, "forward", by, by);
		break;
	case 5:
		act_back(t, step_rolled(&t->d, most));
		break;
	case 6:
		act_skip(t, step_rolled(&t->d, most));
		break;
	default:
		act_change(t);
		break;
	}
	settle(t);
}

static void table_one(uint64_t seed)
{
	static struct table t;

	memset(&t, 0, offsetof(struct table, seen));
	t.did[0] = '\0';
	t.seen.n = t.wanted.n = 0;
	t.seed = seed;
	t.d.at = seed * 1000003;
	t.kind = dice_chance(&t.d, 60) ? MADE_SELDOM : MADE_OFTEN;
	t.now = place_moment(&t.d, place_get(dice_roll(&t.d, PLACES)));
	due_reset(&t.due, t.now, 0);
	for (int i = 0; i < JOBS; i++)
		job_in(&t, i, i % 3 == 2 ? i - 1 : -1);
	for (int i = 0; i < ACTS; i++) {
		act(&t);
		if (t.now > PLACE_TO - 2000 * DAY)
			break;
	}
	check_timers(&t);
	for (int i = 0; i < JOBS; i++) {
		if (t.jobs[i].in)
			job_out(&t, i);
	}
	assert_true(t.due.timers == 0 && t.due.count == 0 && due_first(&t.due) == SCHEDULE_NEVER);
	due_free(&t.due);
	arena_free(&t.arena);
}

static void test_tables(void **state)
{
	(void)state;
	seeds_run(table_one, TABLES);
}

static int done(void **state)
{
	(void)state;
	places_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_tables) };

	return cmocka_run_group_tests(tests, NULL, done);
}
