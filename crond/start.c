/* start: a due job becomes a run.
 * Flow: due -> here: may it start, what is it exactly -> the run's directory (the
 * claim) -> the launcher's queue. */
#include "config.h"

#include "crond/start.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/catchup.h"
#include "crond/missed.h"
#include "crond/room.h"
#include "crond/debug.h"
#include "crond/metrics.h"
#include "crond/rundir.h"
#include "crond/tell.h"

enum { REPORTS_EACH = 32, CHAINS_BACK = 9, CHAINS_MOST = 10000, LAP = 100, LAPS_MOST = 1000, SECOND_US = 1000000 };

/* --- may it start? */

/* Who starts a job by hand is answered. */
static void start_told(const struct start *s, enum result result, const char *why)
{
	metrics_nothing(s->c, s->job, result);
	if (s->cause != START_HAND)
		tell_start(s->c, s->job, s->id, s->scheduled, result, why);
}

static struct log_about about(const struct start *s, enum result result, const char *reason)
{
	return (struct log_about){ .job = s->name, .run = s->id, .user = s->common->user->name,
		.result = result == RESULTS ? NULL : result_name(result), .reason = reason,
		.exit_code = -1, .scheduled = s->scheduled };
}

static void say_skipped(struct start *s, const char *reason)
{
	struct log_about a = about(s, RESULT_SKIPPED, reason);

	log_about(&s->c->log, &a, LOG_NOTICE, s->c->set.dialect->daemon_tag,
		"SKIPPED job=%s run=%s result=skipped reason=\"%s\" user=%s", s->name, s->id, reason,
		s->common->user->name);
	backlog_none(s->c, s->job, s->id, s->scheduled, s->cause, RESULT_SKIPPED, reason);
	start_told(s, RESULT_SKIPPED, reason);
}

void start_case(struct crond *c, const struct job *job, const struct job_state *state,
	enum start_cause cause, struct admit_case *a)
{
	const struct options *o = job->common->options;
	char key[POOL_KEY_MOST];
	const struct pool *pool = pool_key(job->common, key) ? pool_find(c, key) : NULL;

	*a = (struct admit_case){ .cause = cause, .enabled = o->enabled, .paused = state->paused,
		.here = !o->hosts || hosts_match(o->hosts, host_self(c)), .concurrency = o->concurrency,
		.max = o->max, .running = state->running, .queue_max = o->queue_max,
		.pool_max = o->pool ? o->pool_max : 0, .pool_running = pool ? pool->running : 0,
		.pool_own = state->running > 0, .all_max = c->set.conf.max_running,
		.all_running = (uint32_t)c->running, .deadline_ms = o->start_deadline_ms,
		.catchup_max = c->set.conf.catchup_max, .catchup_running = (uint32_t)c->catchups };
	if (cause != START_CATCHUP)
		return;
	a->deadline_ms = 0; /* catchup-window is what says how late */
	a->queue_max = CATCHUP_MOST;
	if (o->concurrency != CONCURRENCY_ALLOW || o->max)
		a->concurrency = CONCURRENCY_QUEUE;
}

uint64_t start_late_ms(int64_t now_ns, int64_t due_ns)
{
	return now_ns > due_ns ? (uint64_t)(now_ns - due_ns) / 1000000 : 0;
}

/* Within a second so many at once, and no more in the long run. */
uint64_t start_rate_ms(struct crond *c)
{
	int64_t rate = c->set.conf.start_rate, now = wait_now_ms() * 1000;

	if (!rate || c->rate_next_us <= now + SECOND_US - SECOND_US / rate)
		return 0;
	return (uint64_t)(c->rate_next_us - now - SECOND_US + SECOND_US / rate) / 1000 + 1;
}

void start_rate_take(struct crond *c)
{
	int64_t rate = c->set.conf.start_rate, now = rate ? wait_now_ms() * 1000 : 0;

	if (rate)
		c->rate_next_us = (c->rate_next_us > now ? c->rate_next_us : now) + SECOND_US / rate;
}

/* The same for the same run, whoever computes it. */
static uint64_t jitter_ms(const struct start *s, int64_t now_ns)
{
	uint64_t most = s->common->options->jitter_ms;
	int64_t until;

	if (!most || (s->cause != START_DUE && s->cause != START_REBOOT))
		return 0;
	until = s->scheduled * 1000 + (int64_t)(text_hash(4, s->id, strlen(s->id)) % (most + 1));
	return until * 1000000 > now_ns ? (uint64_t)(until - now_ns / 1000000) : 0;
}

static struct admit start_judge(struct start *s, const struct job_state *state,
	struct admit_case *a)
{
	const struct timespec *real = &s->c->clock.real;
	int64_t now_ns = (int64_t)real->tv_sec * 1000000000 + real->tv_nsec;

	start_case(s->c, s->job, state, s->cause, a);
	a->ahead = state->waiting ? pending_ahead(state, NULL, s->cause) : 0;
	a->catchup_ahead = (uint32_t)s->c->catchups_waiting;
	if (s->cause == START_DUE)
		a->late_ms = start_late_ms(now_ns, s->scheduled * 1000000000);
	a->jitter_ms = jitter_ms(s, now_ns);
	a->rate_ms = s->c->set.conf.start_rate ? start_rate_ms(s->c) : 0;
	return admit(a);
}

/* --- the claim */

static bool has_room(const struct start *s, size_t record)
{
	return s->common->trusted || room_has(s->c, s->common->user, record);
}

static int claim_as(struct start *s)
{
	struct crond *c = s->c;

	buf_clear(&c->record);
	run_encode(&s->run, &c->record);
	if (c->record.failed || s->env.failed) {
		errno = ENOMEM;
		return -1;
	}
	if (!has_room(s, c->record.len)) {
		errno = EDQUOT;
		return -1;
	}
	return s->head ? rundir_claim_as(c->runs, s->id, s->head, &c->record) :
		rundir_claim(c->runs, s->id, &c->record);
}

/* The numbers that an id may have, from first to last by step: each chain of attempts has
 * those of its own, so that no id comes twice, whatever directories are gone by now. A due
 * second is claimed once; a clock that was set back meets its seconds again: those are runs
 * of their own where the step rule repeats them, and each lap has chains of its own. What is
 * started by hand, or kept running, takes the next chain that is free. */
struct numbers {
	uint32_t first, step, last;
};

static struct numbers claim_numbers(const struct start *s)
{
	const struct clock *k = &s->c->clock;
	bool again = s->scheduled >= k->lapped.from && s->scheduled <= k->lapped.to;
	uint32_t chain = s->common->options->retries + 1;
	uint32_t lap = again ? (uint32_t)(k->laps % LAPS_MOST) * LAP : 0; /* chains of those before */

	switch (s->cause) {
	case START_HAND:
		return (struct numbers){ 1 + (lap + 1) * chain, chain, (lap + CHAINS_MOST) * chain };
	case START_DAEMON:
		return (struct numbers){ 1 + lap, 1, lap + CHAINS_MOST };
	case START_RETRY:
		return (struct numbers){ s->number, 1, s->number + chain };
	default:
		if (!again && (s->scheduled > k->high || k->handled >= k->high))
			return (struct numbers){ 1, 1, 1 };
		return (struct numbers){ 1 + lap * chain, chain, (lap + CHAINS_BACK) * chain };
	}
}

/* Is that id this very attempt's already? A scheduler before us claimed it. */
static bool claimed_before(const struct start *s)
{
	struct run_progress p;
	struct buf b = { 0 };
	struct run r;
	bool same = s->cause == START_RETRY && rundir_read(s->c->runs, s->id, "run", &b) == 0 &&
		run_file_decode(&p, &r, (struct slice){ b.data, b.len }, NULL) == 0 &&
		r.attempt == s->attempt;

	buf_free(&b);
	return same;
}

/* 0: claimed, in s->id, which has the first number by now. -1 with errno. */
static int claim(struct start *s, const struct numbers *numbers)
{
	if (claim_as(s) == 0)
		return 0;
	for (uint32_t n = numbers->first + numbers->step; errno == EEXIST && n <= numbers->last;
			n += numbers->step) {
		if (claimed_before(s) || run_id(s->id, s->name, s->scheduled, n) < 0) {
			errno = EEXIST;
			return -1;
		}
		start_run_renamed(s);
		if (claim_as(s) == 0)
			return 0;
	}
	return -1;
}

const char *start_command(const struct job *job)
{
	const char *command = job_command(job);

	return command ? command : "";
}

static void say_failed(struct start *s, const char *what)
{
	struct log_about a = about(s, RESULT_SPAWN, what);
	struct buf cmd = { 0 };

	text_quoted(&cmd, slice_of(start_command(s->job)), 200);
	log_about(&s->c->log, &a, LOG_ERR, s->c->set.dialect->daemon_tag,
		"FAIL job=%s run=%s result=spawn reason=\"%s\" user=%s cmd=%s", s->name, s->id, what,
		s->common->user->name, buf_text(&cmd) ? cmd.data : "");
	buf_free(&cmd);
	backlog_none(s->c, s->job, s->id, s->scheduled, s->cause, RESULT_SPAWN, what);
	start_told(s, RESULT_SPAWN, what);
}

static const char *claim_refused(int error)
{
	if (error == EDQUOT)
		return "its user's runs have their share of the run-time directory";
	return error == EEXIST ? "claimed before" : strerror(error);
}

/* The run, claimed. NULL: said; it stays on disk, taken in at the next start. */
static struct live_run *start_claim(struct start *s, struct diag *d)
{
	struct numbers numbers = claim_numbers(s);
	const bool waits = s->head && s->head->phase == RUN_PENDING;
	struct live_run *run;

	if (claim(s, &numbers) < 0) {
		int error = errno;

		if (error != EEXIST) /* else somebody starts or started it */
			say_failed(s, claim_refused(error));
		diag_error(d, 0, 0, "%s", claim_refused(error));
		return NULL;
	}
	run = run_new(s->c, s->id, &s->run);
	if (run)
		run->by_schedule = s->cause == START_DUE && !waits;
	metrics_changed(s->c);
	if (run && !s->common->trusted)
		room_take(run, s->common->user, s->c->record.len);
	if (!run || (waits && pending_add(s->c, run, s->head, s->job) < 0)) {
		say_failed(s, "out of memory");
		diag_error(d, 0, 0, "out of memory");
		return NULL;
	}
	return run;
}

static int start_failed(struct start *s, struct diag *d, const char *why)
{
	say_failed(s, why);
	return diag_error(d, 0, 0, "%s", why);
}

/* Claimed so late, with such a job, or behind many of its user's, is not lost where we die before its name is sent: who
 * adopts it asks once more whether it may start. */
static bool start_lasts(const struct start *s)
{
	return s->cause == START_CATCHUP || (s->cause == START_DUE &&
		(s->scheduled < s->c->clock.real.tv_sec - LATE_START ||
			s->common->options->catchup != CATCHUP_NONE ||
			(!s->common->trusted && launch_crowded(s->c, s->common->user))));
}

/* By the clock on the wall, at the moment of the decision. */
static uint64_t late_now(const struct start *s)
{
	const struct timespec *real = &s->c->clock.real;

	if (s->cause != START_DUE && s->cause != START_CATCHUP)
		return 0;
	return start_late_ms((int64_t)real->tv_sec * 1000000000 + real->tv_nsec,
		s->scheduled * 1000000000);
}

static int start_allowed(struct start *s, const struct admit *v, struct diag *d)
{
	struct run_progress head;
	struct live_run *run;

	if (v->verdict != ADMIT_START || start_lasts(s)) {
		head = pending_head(s->c, s->cause, v->why, v->wait_ms);
		if (v->verdict == ADMIT_START)
			head.phase = RUN_CLAIMED;
		s->head = &head;
	}
	if (v->verdict == ADMIT_START || v->why == ADMIT_RATE)
		start_rate_take(s->c);
	run = start_claim(s, d);
	s->head = NULL; /* it ends with us */
	if (!run)
		return -1;
	if (run->flags & RUN_GRACE)
		grace_begin(s->c, run, s->job, late_now(s));
	if (v->verdict == ADMIT_START) {
		run->job->last_start = (int64_t)s->c->clock.real.tv_sec * 1000;
		launch_send(s->c, run);
		backlog_start(s->c, run, &s->run, s->cause);
	}
	return 0;
}

static int start_skipped(struct start *s, struct job_state *state, const char *why, bool said,
	struct diag *d)
{
	struct outcome o = { .result = RESULT_SKIPPED, .exit_code = -1 };

	diag_error(d, 0, 0, "%s", why);
	if (!said || s->cause == START_HAND || s->cause == START_DAEMON)
		return -1;
	say_skipped(s, why);
	o.started_ns = state->last_start * 1000000;
	o.finished_ns = (int64_t)s->c->clock.real.tv_sec * 1000000000;
	state_ended(s->c, state, &o, state->failures, s->common->has_options);
	return -1;
}

static int start_judged(struct start *s, struct job_state *state, struct diag *d)
{
	struct admit_case a;
	struct admit v = start_judge(s, state, &a);
	char why[128] = "";

	if (v.verdict != ADMIT_START)
		admit_text(&a, v.why, why, sizeof(why));
	debug_judged(s, &v, why);
	if (v.verdict == ADMIT_SKIP)
		return start_skipped(s, state, why, admit_said(v.why), d);
	user_current(s->c, s->common->user);
	if (s->common->user->gone)
		return start_failed(s, d, "its user has no passwd entry");
	if (!has_room(s, s->common->env_block.n)) /* before the work of filling it in */
		return start_failed(s, d, claim_refused(EDQUOT));
	if (start_run_fill(s) < 0)
		return start_failed(s, d, s->refused ? s->refused : "out of memory");
	if (start_allowed(s, &v, d) < 0)
		return -1;
	if (v.verdict == ADMIT_START)
		d->text[0] = '\0';
	else
		diag_error(d, 0, 0, "%s", why);
	return 0;
}

static void start_done(struct start *s)
{
	buf_free(&s->env);
	buf_free(&s->words);
	arena_free(&s->c->scratch);
	if (++s->c->starts_since_reports >= REPORTS_EACH) {
		s->c->starts_since_reports = 0;
		reports_take(s->c);
	}
}

/* A regular start takes the place of what waits for the one before it. */
static void start_overtakes(struct start *s)
{
	struct job_state *state = state_find(s->c, s->job->identity);
	const struct options *o = s->common->options;

	if (state && state->waiting && o->enabled && !state->paused)
		pending_yield(s->c, state, o);
}

/* What *s says. 0 with s->id, or -1 with *d. */
static int start_job(struct start *s, struct diag *d)
{
	struct crond *c = s->c;
	struct job_state *state;
	int rc = -1;

	s->common = s->job->common;
	if (s->cause == START_DUE && !RB_EMPTY(&c->pending))
		start_overtakes(s);
	job_name(s->job, s->common->user->name, s->name);
	if (run_id(s->id, s->name, s->scheduled, claim_numbers(s).first) < 0) {
		diag_error(d, 0, 0, "its name is too long for a run");
	} else {
		state = state_get(c, s->job->identity);
		rc = state ? start_judged(s, state, d) : start_failed(s, d, "out of memory");
	}
	start_done(s);
	state = state_find(c, s->job->identity); /* an end that was taken in may have dropped it */
	if (state)
		state_release(c, state);
	return rc;
}

static void say_asked(const struct start *s)
{
	struct log_about a = about(s, RESULTS, NULL);

	log_about(&s->c->log, &a, LOG_NOTICE, s->c->set.dialect->daemon_tag,
		"RUN job=%s run=%s by=\"%s\" user=%s", s->name, s->id, s->by, s->common->user->name);
}

int start_job_now(struct crond *c, const struct job *job, enum start_cause cause, const char *by,
	char id[RUN_ID_MOST], struct diag *d)
{
	struct start s = { .c = c, .job = job, .cause = cause, .by = by,
		.asked = cause == START_HAND };
	struct timespec now;

	if (c->stop.stage || c->stopping)
		return diag_error(d, 0, 0, "crond is shutting down");
	if (cause == START_HAND) /* what is due by now has the first id of its second */
		clock_advance(c);
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

int start_again(struct crond *c, const struct job *job, const struct run *r, uint64_t wait_ms)
{
	struct run_progress head = pending_head(c, START_RETRY, ADMIT_RETRY, wait_ms);
	struct start s = { .c = c, .job = job, .common = job->common, .timer = due_timer(&c->due, job, NULL),
		.cause = START_RETRY, .scheduled = r->scheduled, .attempt = r->attempt + 1, .head = &head };
	struct diag d = { .text = "" };
	int rc = -1;

	job_name(job, s.common->user->name, s.name);
	s.number = run_id_number(r->id) + 1;
	s.asked = r->flags & RUN_ASKED;
	if (run_id(s.id, s.name, s.scheduled, s.number) == 0 && start_run_fill(&s) == 0)
		rc = start_claim(&s, &d) || claimed_before(&s) ? 0 : -1;
	buf_free(&s.env);
	buf_free(&s.words);
	arena_free(&c->scratch);
	return rc;
}

void start_at(struct crond *c, const struct job *job, const struct timer *timer,
	enum start_cause cause, int64_t scheduled)
{
	struct start s = { .c = c, .job = job, .timer = timer, .cause = cause, .scheduled = scheduled };
	struct diag d;

	start_job(&s, &d);
}

static const char stepped[] = "the clock was set forward, or the scheduler could not run";

void start_due_job(struct crond *c, const struct job *job, const struct due_found *found)
{
	c->clock.catchup |= missed_keeps_time(job);
	if (!found->more || job->common->options->catchup != CATCHUP_ALL ||
		!missed_catchup(c, job, found, stepped))
		missed_merged(c, job, found);
}

void start_due(struct crond *c, const struct due_found *found)
{
	if (!found->start) {
		start_missed(c, found, stepped);
		return;
	}
	for (const struct job *job = found->timer->jobs; job; job = job->next) {
		if (job->common->trusted || !crowd_put_off(c, job, found))
			start_due_job(c, job, found);
	}
}

/* @reboot has no timer. */
static void reboot_jobs(struct crond *c, bool late)
{
	struct source *s;
	int64_t now = c->clock.real.tv_sec;

	RB_FOREACH(s, source_tree, &c->sources) {
		if (!s->jobs || !s->jobs->reboot_jobs)
			continue;
		for (size_t i = 0; i < s->jobs->count; i++) {
			const struct job *job = &s->jobs->jobs[i];

			if (!job->back && job->common->options->type == JOB_TYPE_CRON &&
				job->common->user->late == late)
				start_at(c, job, NULL, START_REBOOT, now);
		}
	}
}

void start_reboot_jobs(struct crond *c)
{
	c->rebooted = true;
	reboot_jobs(c, false);
}

void start_reboot_late(struct crond *c)
{
	struct job_user *u;

	if (c->rebooted)
		reboot_jobs(c, true);
	SLIST_FOREACH(u, &c->users, link)
		u->late = false;
}
