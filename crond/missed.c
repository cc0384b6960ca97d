/* missed: what fell due while nobody could start it.
 * Flow: due finds it, by way of start and clock -> said by name, told, or made up for where
 * the job's catchup asks for that: then it goes to start like anything due. */
#include "config.h"

#include "crond/missed.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/text.h"
#include "crond/core/catchup.h"
#include "crond/start.h"
#include "crond/tell.h"

enum { NAMES_MOST = 200 };

/* One start for several of a job's times: those it takes in are not silent. */
static void say_merged(struct crond *c, const struct job *job, const struct due_found *found)
{
	char name[JOB_NAME_MOST], id[RUN_ID_MOST];

	job_name(job, job->common->user->name, name);
	if (run_id(id, name, found->timer->next, 1) < 0 || !job->common->options->enabled)
		return;
	if (c->missed_said++ >= NAMES_MOST) {
		c->missed_unsaid++;
		return;
	}
	log_line(&c->log, LOG_NOTICE, c->set.dialect->daemon_tag, getpid(), 0,
		"SKIPPED job=%s run=%s result=skipped reason=\"the clock was set forward, or the "
		"scheduler could not run; one start for all times since\" user=%s", name, id,
		job->common->user->name);
}

void missed_merged(struct crond *c, const struct job *job, const struct due_found *found)
{
	if (found->more)
		say_merged(c, job, found);
	start_at(c, job, found->timer, START_DUE, found->scheduled);
}

bool missed_keeps_time(const struct job *job)
{
	return job->common->options->catchup != CATCHUP_NONE || job->common->options->grace_ms;
}

static void say_missed(struct crond *c, const struct job *job, const struct due_found *found,
	const char *why)
{
	char name[JOB_NAME_MOST], id[RUN_ID_MOST];
	struct log_about about = { .job = name, .run = id, .user = job->common->user->name,
		.result = result_name(RESULT_MISSED), .reason = why, .exit_code = -1,
		.scheduled = found->scheduled };
	struct buf cmd = { 0 };

	job_name(job, job->common->user->name, name);
	if (run_id(id, name, found->scheduled, 1) < 0)
		return;
	text_quoted(&cmd, slice_of(start_command(job)), 200);
	log_about(&c->log, &about, LOG_ERR, c->set.dialect->daemon_tag,
		"FAIL job=%s run=%s result=missed reason=\"%s%s\" user=%s cmd=%s", name, id, why,
		found->more ? "; more of its times were missed" : "", job->common->user->name,
		buf_text(&cmd) ? cmd.data : "");
	buf_free(&cmd);
}

static void tell_missed(struct crond *c, const struct job *job, const struct due_found *found,
	const char *why)
{
	char name[JOB_NAME_MOST], id[RUN_ID_MOST];

	job_name(job, job->common->user->name, name);
	if (job->common->options->alert && run_id(id, name, found->scheduled, 1) == 0)
		tell_start(c, job, id, found->scheduled, RESULT_MISSED, why);
}

/* By name, but a table of thousands does not flood the log: the rest is counted. */
static void missed(struct crond *c, const struct job *job, const struct due_found *found,
	const char *why)
{
	tell_missed(c, job, found, why);
	if (c->missed_said < NAMES_MOST) {
		c->missed_said++;
		say_missed(c, job, found, why);
	} else {
		c->missed_unsaid++;
	}
}

static void say_catchup(struct crond *c, const struct job *job, const struct catchup_times *times,
	const char *why)
{
	char name[JOB_NAME_MOST];

	job_name(job, job->common->user->name, name);
	log_line(&c->log, LOG_NOTICE, c->set.dialect->daemon_tag, getpid(), 0,
		"CATCHUP job=%s starts=%zu from=%" PRId64 " to=%" PRId64 "%s reason=\"%s\" user=%s", name,
		times->count, times->times[0], times->times[times->count - 1],
		times->more ? " older=left-out" : "", why, job->common->user->name);
}

/* What `one` takes in was asked for so; what `all` leaves out was missed. */
bool missed_catchup(struct crond *c, const struct job *job, const struct due_found *found,
	const char *why)
{
	const struct options *o = job->common->options;
	const struct timer *t = found->timer;
	int64_t changed = job->common->file->changed;
	struct catchup_case a = { .schedule = &t->schedule, .zone = t->zone,
		.source = (enum step_source)t->source, .catchup = o->catchup,
		.window_ms = o->catchup_window_ms, .until = found->until,
		.first = found->first > changed ? found->first : changed + 1 };
	struct catchup_times times;

	if (o->catchup == CATCHUP_NONE)
		return false;
	catchup_times(&a, &times);
	if (!times.count)
		return false;
	if (times.more && o->catchup == CATCHUP_ALL)
		missed(c, job, found, why);
	say_catchup(c, job, &times, why);
	if (o->grace_ms && start_late_ms(c->clock.real.tv_sec * INT64_C(1000000000),
		times.times[0] * INT64_C(1000000000)) > o->grace_ms)
		tell_missed(c, job, found, "it starts later than its grace");
	for (size_t i = 0; i < times.count; i++)
		start_at(c, job, t, START_CATCHUP, times.times[i]);
	return true;
}

void start_missed(struct crond *c, const struct due_found *found, const char *why)
{
	const struct job *next;

	for (const struct job *job = found->timer->jobs; job; job = next) {
		const struct options *o = job->common->options;
		const struct job_state *state = state_find(c, job->identity);

		next = job->next;
		if (!o->enabled || (state && state->paused) || job->common->file->changed > found->until)
			continue;
		if (c->clock.over_boot && !missed_keeps_time(job))
			continue;
		if (o->hosts && !hosts_match(o->hosts, host_self(c)))
			continue;
		if (!missed_catchup(c, job, found, why) && job->common->file->changed <= found->scheduled)
			missed(c, job, found, why);
	}
}
