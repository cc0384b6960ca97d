/* missed: what fell due while nobody could start it.
 * Flow: due finds it, by way of start and clock -> said by name, told, put on record, or made up
 * for where the job's catchup asks for that: then it goes to start like anything due. */
#include "config.h"

#include "crond/missed.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/text.h"
#include "crond/core/catchup.h"
#include "crond/metrics.h"
#include "crond/start.h"
#include "crond/tell.h"

/* Of one advance of the clock: jobs that are named, times that are put on record. A table of
 * thousands floods neither; of the rest the jobs are counted. */
enum { NAMES_MOST = 200, RECORDS_MOST = 20000, REASON_MOST = 200 };

/* A job's times that nobody could start: they lie in [first, until], first is one of them. */
struct missed {
	struct crond *c;
	const struct job *job;
	const struct timer *timer;
	int64_t first, until;
	const char *why;
	char name[JOB_NAME_MOST];
};

static struct catchup_case case_of(const struct missed *m, int64_t until)
{
	const struct options *o = m->job->common->options;
	const struct timer *t = m->timer;

	return (struct catchup_case){ .schedule = &t->schedule, .zone = t->zone,
		.source = (enum step_source)t->source, .catchup = o->catchup,
		.window_ms = o->catchup_window_ms, .first = m->first, .until = until };
}

static struct log_about about(const struct missed *m, const char *id, enum result result)
{
	return (struct log_about){ .job = m->name, .run = id, .user = m->job->common->user->name,
		.result = result_name(result), .reason = m->why, .exit_code = -1, .scheduled = m->first };
}

static bool named(struct crond *c)
{
	bool room = c->missed_said < NAMES_MOST;

	if (room)
		c->missed_said++;
	else
		c->missed_unsaid++;
	return room;
}

/* --- on record, each of them */

static void record_one(struct missed *m, int64_t scheduled, enum result result, const char *why)
{
	struct crond *c = m->c;
	char id[RUN_ID_MOST];

	metrics_nothing(c, m->job, result);
	c->missed_records++;
	if (run_id(id, m->name, scheduled, 1) == 0)
		backlog_none(c, m->job, id, scheduled, START_DUE, result, why);
}

/* Its times are not even counted: for very many jobs that takes as many seconds. */
static bool recorded_enough(struct missed *m, enum result result)
{
	if (m->c->missed_records < RECORDS_MOST)
		return false;
	m->c->missed_unrecorded++;
	metrics_nothing(m->c, m->job, result);
	return true;
}

/* A scheduler before us claimed it and died before it had that on record. */
static bool claimed(const struct missed *m, int64_t scheduled)
{
	char id[RUN_ID_MOST];

	return !RB_EMPTY(&m->c->live) && run_id(id, m->name, scheduled, 1) == 0 &&
		run_find(m->c, id);
}

/* The latest, up to a bound, one by one; the oldest of these says how many there are before it.
 * How many in all, 0: not known; not: one that has a record of its own, or 0. */
static uint64_t record_all(struct missed *m, int64_t until, int64_t not, enum result result)
{
	struct catchup_case a = case_of(m, until);
	struct catchup_times t;
	char why[REASON_MOST];
	uint64_t rest, count;

	if (recorded_enough(m, result))
		return 0;
	a.catchup = CATCHUP_ALL;
	a.window_ms = 0;
	catchup_times(&a, &t);
	if (!t.count)
		return 0;
	a.until = t.times[0] - 1;
	rest = t.more ? catchup_count(&a) : 0;
	snprintf(why, sizeof(why), rest ? "%s; %s%" PRIu64 " more of its times before" : "%s", m->why,
		rest > CATCHUP_COUNTED ? "more than " : "", rest > CATCHUP_COUNTED ? CATCHUP_COUNTED : rest);
	count = rest + t.count;
	for (size_t i = 0; i < t.count; i++) {
		if (claimed(m, t.times[i]))
			count--;
		else if (t.times[i] != not)
			record_one(m, t.times[i], result, i == 0 ? why : m->why);
	}
	return count;
}

/* --- said and told */

static void say_missed(struct missed *m, const char *id, uint64_t count)
{
	struct log_about a = about(m, id, RESULT_MISSED);
	struct buf cmd = { 0 };
	char more[64] = "";

	if (count > CATCHUP_COUNTED)
		snprintf(more, sizeof(more), "; more than %d of its times were missed", CATCHUP_COUNTED);
	else if (count > 1)
		snprintf(more, sizeof(more), "; %" PRIu64 " of its times were missed", count);
	text_quoted(&cmd, slice_of(start_command(m->job)), 200);
	log_about(&m->c->log, &a, LOG_ERR, m->c->set.dialect->daemon_tag,
		"FAIL job=%s run=%s result=missed reason=\"%s%s\" user=%s cmd=%s", m->name, id, m->why, more,
		m->job->common->user->name, buf_text(&cmd) ? cmd.data : "");
	buf_free(&cmd);
}

static int64_t next_time(const struct missed *m, int64_t after)
{
	const struct timer *t = m->timer;

	return schedule_next(&t->schedule, t->zone, (enum step_source)t->source, after);
}

/* All up to there: one line and one alert, a record for each. */
static void missed(struct missed *m, int64_t until)
{
	uint64_t count = record_all(m, until, 0, RESULT_MISSED);
	char id[RUN_ID_MOST];

	while (m->first <= until && claimed(m, m->first))
		m->first = next_time(m, m->first);
	if (m->first > until)
		return;
	if (run_id(id, m->name, m->first, 1) < 0)
		return;
	tell_start(m->c, m->job, id, m->first, RESULT_MISSED, m->why);
	if (named(m->c))
		say_missed(m, id, count);
}

/* --- one start for several of a job's times: those it takes in are not silent */

static void say_merged(struct missed *m)
{
	char id[RUN_ID_MOST];
	struct log_about a = about(m, id, RESULT_SKIPPED);

	if (run_id(id, m->name, m->first, 1) < 0 || !named(m->c))
		return;
	log_about(&m->c->log, &a, LOG_NOTICE, m->c->set.dialect->daemon_tag,
		"SKIPPED job=%s run=%s result=skipped reason=\"%s\" user=%s", m->name, id, m->why,
		m->job->common->user->name);
}

void missed_merged(struct crond *c, const struct job *job, const struct due_found *found)
{
	struct missed m = { .c = c, .job = job, .timer = found->timer, .first = found->first,
		.until = found->until, .why = "the clock was set forward, or the scheduler could not run; "
		"one start for all times since" };

	if (found->more && job->common->options->enabled) {
		job_name(job, job->common->user->name, m.name);
		say_merged(&m);
		record_all(&m, m.until, found->scheduled, RESULT_SKIPPED);
	}
	start_at(c, job, found->timer, START_DUE, found->scheduled);
}

/* --- made up for */

bool missed_keeps_time(const struct job *job)
{
	return job->common->options->catchup != CATCHUP_NONE || job->common->options->grace_ms;
}

static void say_catchup(struct missed *m, const struct catchup_times *times)
{
	log_line(&m->c->log, LOG_NOTICE, m->c->set.dialect->daemon_tag, getpid(), 0,
		"CATCHUP job=%s starts=%zu from=%" PRId64 " to=%" PRId64 "%s reason=\"%s\" user=%s", m->name,
		times->count, times->times[0], times->times[times->count - 1],
		times->more ? " older=left-out" : "", m->why, m->job->common->user->name);
}

/* What `one` takes in was asked for so, and nobody is told; what `all` leaves out was missed. */
static void left_out(struct missed *m, int64_t until)
{
	if (m->job->common->options->catchup == CATCHUP_ALL)
		missed(m, until);
	else
		record_all(m, until, 0, RESULT_MISSED);
}

/* Starts what is to be made up for; false: there is nothing, all was missed. */
static bool made_up(struct missed *m)
{
	struct catchup_case a = case_of(m, m->until);
	struct catchup_times times;

	catchup_times(&a, &times);
	if (!times.count)
		return false;
	say_catchup(m, &times);
	if (times.more)
		left_out(m, times.times[0] - 1);
	for (size_t i = 0; i < times.count; i++)
		start_at(m->c, m->job, m->timer, START_CATCHUP, times.times[i]);
	return true;
}

/* Its first time of these that counts: not one that the clock has gone through before, and none
 * before its file was changed. False: there is none. */
static bool begin(struct missed *m, const struct due_found *found)
{
	int64_t changed = m->job->common->file->changed;

	m->first = clock_new(&m->c->clock, found->first, found->until);
	if (m->first <= changed)
		m->first = changed + 1;
	m->first = next_time(m, m->first - 1);
	if (m->first == SCHEDULE_NEVER || m->first > m->until)
		return false;
	job_name(m->job, m->job->common->user->name, m->name);
	return true;
}

bool missed_catchup(struct crond *c, const struct job *job, const struct due_found *found,
	const char *why)
{
	struct missed m = { .c = c, .job = job, .timer = found->timer, .until = found->until, .why = why };

	return job->common->options->catchup != CATCHUP_NONE && begin(&m, found) && made_up(&m);
}

static bool wanted(struct crond *c, const struct job *job)
{
	const struct options *o = job->common->options;
	const struct job_state *state = state_find(c, job->identity);

	if (!o->enabled || (state && state->paused) || (c->clock.over_boot && !missed_keeps_time(job)))
		return false;
	return !o->hosts || hosts_match(o->hosts, host_self(c));
}

void start_missed(struct crond *c, const struct due_found *found, const char *why)
{
	const struct job *next;

	for (const struct job *job = found->timer->jobs; job; job = next) {
		struct missed m = { .c = c, .job = job, .timer = found->timer, .until = found->until,
			.why = why };

		next = job->next;
		c->clock.catchup |= missed_keeps_time(job);
		if (wanted(c, job) && begin(&m, found) &&
			(job->common->options->catchup == CATCHUP_NONE || !made_up(&m)))
			missed(&m, m.until);
	}
}
