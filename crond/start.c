/* start: a due job becomes a run.
 * Flow: due -> here: may it start, what is it exactly -> the run's directory (the
 * claim) -> the launcher's queue. */
#include "config.h"

#include "crond/start.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/rundir.h"
#include "crond/tell.h"

enum { REPORTS_EACH = 32, NAMES_MOST = 200, NUMBERS_BACK = 9, NUMBERS_MOST = 10000 };

/* --- may it start? */

/* Who starts a job by hand is answered. */
static void start_told(const struct start *s, enum result result, const char *why)
{
	if (s->cause != START_HAND)
		tell_start(s->c, s->job, s->id, s->scheduled, result, why);
}

static void say_skipped(struct start *s, const char *reason)
{
	log_line(&s->c->log, LOG_NOTICE, s->c->set.dialect->daemon_tag, getpid(), 0,
		"SKIPPED job=%s run=%s result=skipped reason=\"%s\" user=%s", s->name, s->id, reason,
		s->common->user->name);
	start_told(s, RESULT_SKIPPED, reason);
}

/* By hand a job runs that is off by its file or paused: somebody wants it now. */
static bool start_wanted(struct start *s, const struct job_state *state, struct diag *d)
{
	const struct options *o = s->common->options;
	bool by_hand = s->cause == START_HAND;

	if (!by_hand && (!o->enabled || state->paused)) {
		if (o->enabled)
			say_skipped(s, "paused");
		return diag_error(d, 0, 0, o->enabled ? "it is paused" : "it is not enabled") == 0;
	}
	if (o->hosts && !hosts_match(o->hosts, host_self(s->c)))
		return diag_error(d, 0, 0, "it does not belong on this host") == 0;
	if (o->max && state->running >= o->max) {
		diag_error(d, 0, 0, "%" PRIu32 " running already, max is %" PRIu32, state->running, o->max);
		say_skipped(s, d->text);
		return false;
	}
	if (s->c->set.conf.max_running && s->c->running >= s->c->set.conf.max_running) {
		say_skipped(s, "max-running of crond.conf is reached");
		return diag_error(d, 0, 0, "max-running of crond.conf is reached") == 0;
	}
	return true;
}

/* --- the claim */

static int claim_as(struct start *s)
{
	struct crond *c = s->c;

	buf_clear(&c->record);
	run_encode(&s->run, &c->record);
	if (c->record.failed || s->env.failed) {
		errno = ENOMEM;
		return -1;
	}
	return rundir_claim(c->runs, s->id, &c->record);
}

/* How often may the number in the id be counted up? A due second is claimed once; a clock
 * that was set back meets its seconds again: those are runs of their own where the step
 * rule repeats them. What nobody's clock asks for takes the next number that is free. */
static uint32_t claim_numbers(const struct start *s)
{
	const struct clock *k = &s->c->clock;

	if (s->cause == START_HAND || s->cause == START_DAEMON)
		return NUMBERS_MOST;
	return s->scheduled > k->high || k->handled >= k->high ? 1 : NUMBERS_BACK;
}

/* 0: claimed, in s->id. -1 with errno. */
static int claim(struct start *s)
{
	if (claim_as(s) == 0)
		return 0;
	for (uint32_t n = 2, most = claim_numbers(s); errno == EEXIST && n <= most; n++) {
		if (run_id(s->id, s->name, s->scheduled, n) < 0)
			return -1;
		start_run_renamed(s);
		if (claim_as(s) == 0)
			return 0;
	}
	return -1;
}

static const char *shown_command(const struct job *job)
{
	const char *command = job_command(job);

	return command ? command : "";
}

static void say_failed(struct start *s, const char *what)
{
	struct buf cmd = { 0 };

	text_quoted(&cmd, slice_of(shown_command(s->job)), 200);
	log_line(&s->c->log, LOG_ERR, s->c->set.dialect->daemon_tag, getpid(), 0,
		"FAIL job=%s run=%s result=spawn reason=\"%s\" user=%s cmd=%s", s->name, s->id, what,
		s->common->user->name, buf_text(&cmd) ? cmd.data : "");
	buf_free(&cmd);
	start_told(s, RESULT_SPAWN, what);
}

static int start_claimed(struct start *s, struct diag *d)
{
	struct live_run *run = run_new(s->c, s->id, &s->run);

	if (!run) { /* stays on disk: taken in as claimed at the next start */
		say_failed(s, "out of memory");
		return diag_error(d, 0, 0, "out of memory");
	}
	launch_send(s->c, run);
	return 0;
}

static int start_failed(struct start *s, struct diag *d, const char *why)
{
	say_failed(s, why);
	return diag_error(d, 0, 0, "%s", why);
}

static int start_allowed(struct start *s, struct diag *d)
{
	user_current(s->c, s->common->user);
	if (s->common->user->gone)
		return start_failed(s, d, "its user has no passwd entry");
	if (start_run_fill(s) < 0)
		return start_failed(s, d, s->refused ? s->refused : "out of memory");
	if (claim(s) == 0)
		return start_claimed(s, d);
	if (errno != EEXIST)
		return start_failed(s, d, strerror(errno));
	return diag_error(d, 0, 0, "claimed before"); /* somebody starts or started it */
}

/* What *s says. 0 with s->id, or -1 with *d. */
static int start_job(struct start *s, struct diag *d)
{
	struct crond *c = s->c;
	struct job_state *state = state_get(c, s->job->identity);
	int rc = -1;

	s->common = s->job->common;
	if (!state)
		return diag_error(d, 0, 0, "out of memory");
	job_name(s->job, s->common->user->name, s->name);
	if (run_id(s->id, s->name, s->scheduled, 1) < 0)
		diag_error(d, 0, 0, "its name is too long for a run");
	else if (start_wanted(s, state, d))
		rc = start_allowed(s, d);
	buf_free(&s->env);
	buf_free(&s->words);
	arena_free(&c->scratch);
	state_release(c, state);
	if (++c->starts_since_reports >= REPORTS_EACH) {
		c->starts_since_reports = 0;
		reports_take(c);
	}
	return rc;
}

static void say_asked(const struct start *s)
{
	log_line(&s->c->log, LOG_NOTICE, s->c->set.dialect->daemon_tag, getpid(), 0,
		"RUN job=%s run=%s by=\"%s\" user=%s", s->name, s->id, s->by, s->common->user->name);
}

int start_job_now(struct crond *c, const struct job *job, enum start_cause cause, const char *by,
	char id[RUN_ID_MOST], struct diag *d)
{
	struct start s = { .c = c, .job = job, .cause = cause, .by = by };
	struct timespec now;

	if (c->stop.stage || c->stopping)
		return diag_error(d, 0, 0, "crond is shutting down");
	clock_gettime(CLOCK_REALTIME, &now);
	s.scheduled = now.tv_sec;
	s.timer = due_timer(&c->due, job, NULL);
	reports_take(c); /* what has ended counts no more */
	if (start_job(&s, d) < 0)
		return -1;
	if (by)
		say_asked(&s);
	memcpy(id, s.id, sizeof(s.id));
	return 0;
}

static void start_at(struct crond *c, const struct job *job, const struct timer *timer,
	enum start_cause cause, int64_t scheduled)
{
	struct start s = { .c = c, .job = job, .timer = timer, .cause = cause, .scheduled = scheduled };
	struct diag d;

	start_job(&s, &d);
}

/* One start for several of a job's times: those it takes in are not silent. */
static void say_merged(struct crond *c, const struct due_found *found)
{
	for (const struct job *job = found->timer->jobs; job; job = job->next) {
		char name[JOB_NAME_MOST], id[RUN_ID_MOST];

		job_name(job, job->common->user->name, name);
		if (run_id(id, name, found->timer->next, 1) < 0 || !job->common->options->enabled)
			continue;
		if (c->missed_said++ >= NAMES_MOST) {
			c->missed_unsaid++;
			continue;
		}
		log_line(&c->log, LOG_NOTICE, c->set.dialect->daemon_tag, getpid(), 0,
			"SKIPPED job=%s run=%s result=skipped reason=\"the clock was set forward, or the "
			"scheduler could not run; one start for all times since\" user=%s", name, id,
			job->common->user->name);
	}
}

void start_due(struct crond *c, const struct due_found *found)
{
	if (!found->start) {
		start_missed(c, found, "the clock was set forward, or the scheduler could not run");
		return;
	}
	if (found->more)
		say_merged(c, found);
	for (const struct job *job = found->timer->jobs; job; job = job->next)
		start_at(c, job, found->timer, START_DUE, found->scheduled);
}

static void say_missed(struct crond *c, const struct job *job, const struct due_found *found,
	const char *why)
{
	char name[JOB_NAME_MOST], id[RUN_ID_MOST];
	struct buf cmd = { 0 };

	job_name(job, job->common->user->name, name);
	if (run_id(id, name, found->scheduled, 1) < 0)
		return;
	text_quoted(&cmd, slice_of(shown_command(job)), 200);
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
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
void start_missed(struct crond *c, const struct due_found *found, const char *why)
{
	size_t left_out = 0;

	for (const struct job *job = found->timer->jobs; job; job = job->next) {
		if (!job->common->options->enabled || job->common->file->changed > found->scheduled)
			continue;
		if (job->common->options->hosts && !hosts_match(job->common->options->hosts, host_self(c)))
			continue;
		tell_missed(c, job, found, why);
		if (c->missed_said < NAMES_MOST) {
			c->missed_said++;
			say_missed(c, job, found, why);
		} else {
			left_out++;
		}
	}
	c->missed_unsaid += left_out;
}

/* @reboot has no timer. */
void start_reboot_jobs(struct crond *c)
{
	struct source *s;
	int64_t now = c->clock.real.tv_sec;

	RB_FOREACH(s, source_tree, &c->sources) {
		if (!s->jobs || !s->jobs->reboot_jobs)
			continue;
		for (size_t i = 0; i < s->jobs->count; i++) {
			const struct job *job = &s->jobs->jobs[i];

			if (!job->back && job->common->options->type == JOB_TYPE_CRON)
				start_at(c, job, NULL, START_REBOOT, now);
		}
	}
}
