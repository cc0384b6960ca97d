/* pending: starts that wait: in a queue, for what they replace, for a pool, for their jitter,
 * before another attempt.
 * Flow: start claims them with a head that no keeper takes; when their time has come, or a
 * run has ended, they are judged again: the launcher's queue, or an outcome `skipped`. */
#include "config.h"

#include "crond/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/moment.h"
#include "crond/base/text.h"
#include "crond/metrics.h"
#include "crond/rundir.h"

enum { AGAIN_MS = 1000, MS = 1000000 };

static int time_order(const struct pending *a, const struct pending *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int order_order(const struct pending *a, const struct pending *b)
{
	return a->order < b->order ? -1 : a->order > b->order;
}

RB_GENERATE(pending_times, pending, by_time, time_order)
RB_GENERATE(pending_orders, pending, by_order, order_order)

/* --- when to look */

static void look_armed(struct crond *c)
{
	const struct pending *first = RB_MIN(pending_times, &c->pending_times);
	int64_t in = first ? first->at - wait_now_ms() : 0;

	if (first)
		wait_later(c, LATER_PENDING, in > 0 ? in : 0);
}

static void look_not(struct crond *c, struct pending *p)
{
	if (p->at)
		RB_REMOVE(pending_times, &c->pending_times, p);
	p->at = 0;
}

/* After so many milliseconds. */
static void look_at(struct crond *c, struct pending *p, int64_t in_ms)
{
	look_not(c, p);
	p->at = wait_now_ms() + (in_ms > 0 ? in_ms : 0) + 1;
	RB_INSERT(pending_times, &c->pending_times, p);
	look_armed(c);
}

/* What makes up for something waits apart: there may be very many, for few places. */
static struct pending_orders *orders_of(struct crond *c, const struct pending *p)
{
	return p->cause == START_CATCHUP ? &c->pending_late : &c->pending;
}

/* --- coming and going */

struct run_progress pending_head(struct crond *c, enum start_cause cause, enum admit_why why,
	uint64_t wait_ms)
{
	int64_t now = moment_ns(CLOCK_REALTIME);

	if (now <= c->pending_order)
		now = c->pending_order + 1;
	c->pending_order = now;
	if (wait_ms > (uint64_t)INT64_MAX / 4 / MS)
		wait_ms = (uint64_t)INT64_MAX / 4 / MS;
	return (struct run_progress){ .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION,
		.phase = RUN_PENDING, .waits_since_ns = now, .not_before_ns = now + (int64_t)wait_ms * MS,
		.waits_for = (uint16_t)why, .waits_cause = (uint16_t)cause };
}

int pending_add(struct crond *c, struct live_run *run, const struct run_progress *head,
	const struct job *job)
{
	struct pending *p = calloc(1, sizeof(*p));
	int64_t whole = head->not_before_ns - head->waits_since_ns, rest, due;

	if (!p) {
		run_forget(c, run);
		return -1;
	}
	*p = (struct pending){ .run = run, .cause = (enum start_cause)head->waits_cause,
		.why = (enum admit_why)head->waits_for, .order = head->waits_since_ns,
		.job = job };
	due = run->scheduled * 1000000000 > head->not_before_ns ? run->scheduled * 1000000000
		: head->not_before_ns;
	p->due_ms = wait_awake_ms() - (moment_ns(CLOCK_REALTIME) - due) / MS;
	if (job) {
		run->job->job = job;
		run->job->job_of = c->tables_changed + 1;
	}
	while (RB_INSERT(pending_orders, orders_of(c, p), p))
		p->order++;
	if (p->order > c->pending_order)
		c->pending_order = p->order;
	LIST_INSERT_HEAD(&run->job->pending, p, of_job);
	c->pending_count++;
	run_hold(c, run);
	run->pending = p;
	rest = head->not_before_ns - moment_ns(CLOCK_REALTIME);
	if (whole > 0) { /* a clock that was set back makes it no longer than it was */
		look_at(c, p, (rest < whole ? rest : whole) / MS);
	} else {
		p->blocked = true;
		c->places_freed = true; /* what is in its way is looked at in this turn of the loop */
	}
	return 0;
}

void pending_drop(struct crond *c, struct live_run *run)
{
	struct pending *p = run->pending;

	if (!p)
		return;
	look_not(c, p);
	RB_REMOVE(pending_orders, orders_of(c, p), p);
	LIST_REMOVE(p, of_job);
	c->pending_count--;
	run->pending = NULL;
	free(p);
}

/* Its head under its lock. The descriptor; -1 with errno. */
static int head_lock(struct crond *c, const struct live_run *run, struct run_progress *head)
{
	int lock = rundir_lock(c->runs, run->id), saved;

	if (lock < 0)
		return -1;
	if (pread(lock, head, sizeof(*head), 0) == (ssize_t)sizeof(*head) &&
		run_progress_decode(head, (struct slice){ (const char *)head, sizeof(*head) }, NULL) == 0)
		return lock;
	saved = EINVAL;
	close(lock);
	errno = saved;
	return -1;
}

/* A claim on its way to the launcher is taken back: its name in a queue means nothing as
 * long as it waits. */
int pending_adopt(struct crond *c, struct live_run *run)
{
	struct run_progress head;
	int lock = head_lock(c, run, &head), rc = -1;

	if (lock < 0)
		return -1;
	if (head.phase == RUN_CLAIMED && head.not_before_ns) {
		head.phase = RUN_PENDING;
		rc = rundir_mark(lock, &head);
	} else if (head.phase == RUN_PENDING) {
		rc = 0;
	}
	close(lock);
	if (rc < 0)
		return -1;
	run->adopted = false;
	return pending_add(c, run, &head, NULL);
}

/* --- it starts */

static int head_release(struct crond *c, const struct live_run *run)
{
	struct run_progress head;
	int lock = head_lock(c, run, &head), rc, saved;

	if (lock < 0)
		return -1;
	head.phase = RUN_CLAIMED;
	head.waits_for = 0; /* what it is started for stays: who adopts it asks once more */
	rc = rundir_mark(lock, &head);
	saved = errno;
	close(lock);
	errno = saved;
	return rc;
}

/* true: it cannot yet, and waits on. */
static bool pending_go(struct crond *c, struct pending *p)
{
	struct live_run *run = p->run;

	if (head_release(c, run) < 0) {
		if (errno == ENOENT) { /* somebody removed it: there is nothing left to start */
			trouble_say(c, run->id, "a start that waited is gone");
			run_forget(c, run);
			return false;
		}
		trouble_say(c, run->id, strerror(errno));
		look_at(c, p, AGAIN_MS);
		return true;
	}
	backlog_start_late(c, run); /* while it is known what it waited as */
	pending_drop(c, run);
	run_release(c, run);
	grace_begin(c, run, NULL, 0);
	launch_send(c, run);
	return false;
}

/* --- it does not */

void pending_end(struct crond *c, struct live_run *run, enum result result, const char *why)
{
	struct outcome o = { .result = result, .exit_code = -1, .reason = why,
		.finished_ns = moment_ns(CLOCK_REALTIME) };
	struct run_progress head = { 0 };
	int lock = head_lock(c, run, &head);
	char text[160];

	if (run->attempt > 1 && result == RESULT_SKIPPED) {
		snprintf(text, sizeof(text), "%s; attempt %u failed", why, (unsigned)run->attempt - 1);
		o.reason = text;
	}
	head.waits_for = head.waits_cause = 0;
	if (rundir_finish(c->runs, run->id, lock, &head, &o) < 0)
		trouble_say(c, run->id, strerror(errno));
	if (lock >= 0)
		close(lock);
	run_event(c, run, RUN_EVENT_ENDED);
}

void pending_yield(struct crond *c, struct job_state *state, const struct options *o)
{
	struct pending *p, *next;

	for (p = LIST_FIRST(&state->pending); p; p = next) {
		next = LIST_NEXT(p, of_job);
		if (p->why == ADMIT_RETRY)
			pending_end(c, p->run, RESULT_SKIPPED, "overtaken by the next regular start");
		else if (o->concurrency == CONCURRENCY_REPLACE && p->cause != START_CATCHUP)
			pending_end(c, p->run, RESULT_SKIPPED, "a later start takes its place");
	}
}

uint32_t pending_ahead(const struct job_state *state, const struct pending *p, enum start_cause cause)
{
	const struct pending *one;
	uint32_t n = 0;

	LIST_FOREACH(one, &state->pending, of_job)
		n += one->why != ADMIT_RETRY && (!p || one->order < p->order) &&
			(cause == START_CATCHUP || one->cause != START_CATCHUP);
	return n;
}

/* --- what it is to be judged by */

const struct job *pending_job_of(struct crond *c, uint64_t identity)
{
	const struct job *named = names_find(&c->tasks, identity);
	struct source *s;

	if (named)
		return named;
	RB_FOREACH(s, source_tree, &c->sources) {
		for (size_t i = 0; s->jobs && i < s->jobs->count; i++) {
			if (s->jobs->jobs[i].identity == identity)
				return &s->jobs->jobs[i];
		}
	}
	return NULL;
}

static const struct job *pending_job(struct crond *c, struct pending *p)
{
	struct job_state *s = p->run->job;

	if (!s->job || s->job_of != c->tables_changed + 1)
		s->job = pending_job_of(c, s->identity);
	s->job_of = c->tables_changed + 1;
	return p->job = s->job;
}

/* The oldest go first; those that were asked before are counted. */
static void stop_some(struct crond *c, const struct job_state *state, uint32_t n)
{
	struct live_run *run;

	RB_FOREACH(run, run_tree, &c->live) {
		if (!n)
			return;
		if (run->job != state || run->pending)
			continue;
		n--;
		if (!run->stopping && run_stop(c, run, STOP_REPLACE, NULL) < 0)
			trouble_say(c, run->id, strerror(errno));
	}
}

static void pending_wait(struct crond *c, struct pending *p, const struct admit_case *a,
	const struct admit *v)
{
	p->why = v->why;
	p->blocked = !v->wait_ms;
	p->judged_of = c->tables_changed + 1;
	if (p->cause == START_CATCHUP)
		p->run->job->held_late |= p->blocked;
	else
		p->run->job->held |= v->verdict == ADMIT_WAIT && p->blocked;
	if (v->wait_ms)
		look_at(c, p, (int64_t)v->wait_ms);
	else if (a->deadline_ms)
		look_at(c, p, (int64_t)(a->deadline_ms - a->late_ms));
	else
		look_not(c, p);
}

/* ahead: how many of its job wait in front of it. true: it waits on. */
static bool pending_judge(struct crond *c, struct pending *p, uint32_t ahead)
{
	const struct job *job = pending_job(c, p);
	struct live_run *run = p->run;
	struct admit_case a;
	struct admit v;
	char why[128];

	if (!job) {
		pending_end(c, run, RESULT_SKIPPED, "its job is no longer in force");
		return false;
	}
	start_case(c, job, run->job, p->cause, &a);
	a.waited = p->why != ADMIT_JITTER; /* before that is over it has no place in a queue */
	a.ahead = ahead;
	a.late_ms = start_late_ms(wait_awake_ms() * MS, p->due_ms * MS);
	a.rate_ms = p->why == ADMIT_RATE ? 0 : start_rate_ms(c);
	v = admit(&a);
	switch (v.verdict) {
	case ADMIT_START:
		if (p->why != ADMIT_RATE) /* its place was taken when it began to wait */
			start_rate_take(c);
		return pending_go(c, p);
	case ADMIT_REPLACE:
		stop_some(c, run->job, v.stop);
		pending_wait(c, p, &a, &v);
		break;
	case ADMIT_WAIT:
		if (v.why == ADMIT_RATE)
			start_rate_take(c);
		pending_wait(c, p, &a, &v);
		break;
	case ADMIT_SKIP:
		admit_text(&a, v.why, why, sizeof(why));
		pending_end(c, run, RESULT_SKIPPED, why);
		return false;
	}
	return true;
}

void pending_due(struct crond *c)
{
	int64_t now = wait_now_ms();
	struct pending *p;

	while (!c->stop.stage && (p = RB_MIN(pending_times, &c->pending_times)) && p->at <= now) {
		look_not(c, p);
		pending_judge(c, p, pending_ahead(p->run->job, p, p->cause));
	}
	look_armed(c);
}

/* In their order, so that what waits in front of each is known. Behind one that waits for a
 * place nothing of its job has changed: a long queue costs little. What makes up for something
 * stands in nobody's way but that of its like. */
static void pending_look_at(struct crond *c, struct pending *p)
{
	struct job_state *s = p->run->job;
	bool late = p->cause == START_CATCHUP, waits = true;

	if (s->look != c->pending_looks) {
		s->look = c->pending_looks;
		s->ahead = 0;
		s->held = s->held_late = false;
	}
	if (p->blocked && (!(late ? s->held_late : s->held) || p->judged_of != c->tables_changed + 1))
		waits = pending_judge(c, p, s->ahead);
	if (waits) /* else p, and its job's state, may be no more */
		s->ahead += p->why != ADMIT_RETRY;
}

/* No further than places go: there may be a hundred of each job. */
static void pending_look_late(struct crond *c)
{
	uint32_t most = c->set.conf.catchup_max;
	struct pending *p, *next;

	for (p = RB_MIN(pending_orders, &c->pending_late); p; p = next) {
		if (most && c->catchups >= most && p->judged_of == c->tables_changed + 1)
			return;
		next = RB_NEXT(pending_orders, &c->pending_late, p);
		pending_look_at(c, p);
	}
}

void pending_look(struct crond *c)
{
	struct pending *p, *next;

	if (!c->places_freed || c->stop.stage)
		return;
	c->places_freed = false;
	daemon_room(c);
	c->pending_looks++;
	for (p = RB_MIN(pending_orders, &c->pending); p; p = next) {
		next = RB_NEXT(pending_orders, &c->pending, p);
		pending_look_at(c, p);
	}
	pending_look_late(c);
}

void pending_abandon(struct crond *c)
{
	struct pending *p;

	while ((p = RB_MIN(pending_orders, &c->pending)) ||
		(p = RB_MIN(pending_orders, &c->pending_late))) {
		struct live_run *run = p->run;

		pending_end(c, run, RESULT_SKIPPED, "the daemon ended");
		rundir_remove(c->runs, run->id);
		run_forget(c, run);
	}
}

/* --- once more */

/* Of those lines that have no name the job is looked for: not before it is needed. */
static const struct job *job_to_retry(struct crond *c, const struct live_run *run,
	const struct run *r, const struct outcome *o)
{
	const struct job *job;

	if (!(run->flags & RUN_RETRIES) || !result_failed(o->result) || o->result == RESULT_MISSED)
		return NULL;
	job = pending_job_of(c, r->identity);
	if (!job || !job->common->options->enabled || r->attempt > job->common->options->retries)
		return NULL;
	return run->job && run->job->paused ? NULL : job;
}

bool pending_retry(struct crond *c, const struct live_run *run, const struct run *r,
	const struct outcome *o, uint64_t *ms)
{
	const struct job *job = job_to_retry(c, run, r, o);
	const struct options *opt = job ? job->common->options : NULL;

	if (!job)
		return false;
	*ms = admit_retry_ms(opt->retry_delay_ms, opt->retry_max_delay_ms, r->attempt + 1,
		text_hash(3, run->id, strlen(run->id)));
	return start_again(c, job, r, *ms) == 0;
}
