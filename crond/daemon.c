/* daemon: as many copies of each daemon as its file wants are kept running.
 * Flow: load and outcome_in say what has changed, a check soon after it starts and stops
 * what is to be; core/restart says when, daemon_file keeps it for a scheduler after us. */
#include "config.h"

#include "crond/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/crond.h"
#include "crond/start.h"

enum { GONE_MS = 2000 };

/* --- who is to look at them again */

void daemon_look_at(struct crond *c, struct daemon *d)
{
	d->next = 0;
	if (!c->set.check)
		wait_later(c, LATER_DAEMONS, 0);
}

void daemon_look(struct crond *c)
{
	struct daemon *d;

	RB_FOREACH(d, daemon_tree, &c->daemons)
		daemon_look_at(c, d);
}

void daemon_room(struct crond *c)
{
	if (c->daemons_wait)
		daemon_look(c);
	c->daemons_wait = false;
}

bool daemon_runs(struct crond *c)
{
	struct daemon *d;

	RB_FOREACH(d, daemon_tree, &c->daemons) {
		for (size_t i = 0; i < d->count; i++) {
			if (d->copies[i].state.phase == RESTART_UP)
				return true;
		}
	}
	return false;
}

static bool is_paused(struct crond *c, const struct daemon *d)
{
	const struct job_state *s = state_find(c, d->identity);

	return s && s->paused;
}

/* --- what its job is known to be, for those who ask state.c */

static void tell_state(struct crond *c, const struct daemon *d)
{
	uint32_t restarts = 0;
	bool failed = false;

	for (size_t i = 0; i < d->count; i++) {
		failed |= d->copies[i].state.phase == RESTART_FAILED;
		restarts += d->copies[i].state.restarts;
	}
	state_failed(c, d->identity, failed, restarts);
}

void daemon_copy_changed(struct crond *c, const struct daemon *d, struct daemon_copy *copy)
{
	daemon_copy_save(c, d, copy);
	tell_state(c, d);
}

/* --- starting and stopping */

static void copy_up(struct crond *c, const struct daemon *d, struct daemon_copy *copy,
	const char *run)
{
	restart_up(&copy->state);
	copy->started = wait_now_ms();
	snprintf(copy->run, sizeof(copy->run), "%s", run);
	daemon_copy_changed(c, d, copy);
}

/* A limit that it shares with others, or runs of its own that are ending, keep it waiting:
 * that is no failure. */
static bool no_room(struct crond *c, const struct daemon *d)
{
	struct job_state *s = state_get(c, d->identity);
	struct admit_case a;
	bool none;

	if (!s)
		return true;
	start_case(c, d->job, s, START_DAEMON, &a);
	none = admit(&a).verdict == ADMIT_SKIP;
	state_release(c, s);
	return none;
}

static void copy_start(struct crond *c, struct daemon *d, size_t i)
{
	char id[RUN_ID_MOST], was[RUN_ID_MOST];
	struct restart_policy p = daemon_policy(d);
	const struct live_run *run;
	struct diag why;

	memcpy(was, d->copies[i].run, sizeof(was));
	d->copies[i].definition = d->definition;
	d->copies[i].terms = d->terms;
	if (start_job_now(c, d->job, START_DAEMON, NULL, id, &why) < 0) { /* and has said so */
		restart_ended(&d->copies[i].state, &p, RESTART_END_FAILED, 0, wait_now_ms());
		if (d->copies[i].state.phase == RESTART_FAILED)
			daemon_say_given_up(c, d, &d->copies[i], RESULT_SPAWN);
		daemon_copy_changed(c, d, &d->copies[i]);
		return;
	}
	run = run_find(c, id);
	if (!run || !run->job) /* it has ended already: daemon_ended() knows of it */
		return;
	copy_up(c, d, &d->copies[i], id);
	if (*was && d->copies[i].state.restarts)
		daemon_say_restarted(c, d, &d->copies[i], was);
}

void daemon_copy_stop(struct crond *c, const struct daemon_copy *copy, enum stop_reason why,
	const char *text)
{
	struct live_run *run = run_find(c, copy->run);

	if (run && run_stop(c, run, why, text) < 0)
		trouble_say(c, copy->run, strerror(errno));
}

static void sooner(int64_t *next, int64_t at)
{
	if (at < *next)
		*next = at;
}

/* Up for a while: what went before is not held against it any more. */
static void daemon_settle(struct crond *c, struct daemon *d, size_t up, int64_t now, int64_t *next)
{
	struct job_state *s = state_find(c, d->identity);
	bool wanted = s && (s->failures || s->alerting.count);
	struct restart_policy p = daemon_policy(d);
	size_t settled = 0;

	for (size_t i = 0; i < up; i++) {
		struct daemon_copy *copy = &d->copies[i];
		int64_t at = copy->started + (int64_t)restart_settled_ms(&p);

		if (copy->state.phase != RESTART_UP)
			continue;
		settled += now >= at;
		if (now < at && (wanted || copy->state.delay_ms)) {
			sooner(next, at);
		} else if (now >= at && copy->state.delay_ms) {
			restart_settle(&copy->state, &p, (uint64_t)(now - copy->started));
			daemon_copy_changed(c, d, copy);
		}
	}
	if (up && settled == up && wanted)
		daemon_say_recovered(c, d, s);
}

/* --- the check */

static void copy_check(struct crond *c, struct daemon *d, size_t i, int64_t now, int64_t *next)
{
	struct daemon_copy *copy = &d->copies[i];

	if (copy->state.phase == RESTART_FAILED &&
		(copy->definition != d->definition || copy->terms != d->terms)) {
		restart_begin(&copy->state, now);
		daemon_copy_changed(c, d, copy);
	}
	if (copy->state.phase != RESTART_WAITING || is_paused(c, d))
		return;
	if (copy->state.at <= now && no_room(c, d)) {
		c->daemons_wait = true;
		return;
	}
	if (copy->state.at <= now)
		copy_start(c, d, i);
	copy = &d->copies[i];
	if (copy->state.phase == RESTART_WAITING)
		sooner(next, copy->state.at);
}

/* Copies above the count that is wanted: the last go first. */
static void surplus_check(struct crond *c, struct daemon *d, size_t keep, size_t up,
	const char *why)
{
	for (size_t i = up; i < d->count; i++) {
		if (d->copies[i].state.phase == RESTART_UP)
			daemon_copy_stop(c, &d->copies[i], STOP_REMOVED, why);
	}
	while (d->count > keep && d->copies[d->count - 1].state.phase != RESTART_UP)
		daemon_copy_drop(c, &d->copies[--d->count]);
}

static const char *surplus_reason(const struct daemon *d, size_t keep, size_t up)
{
	if (!d->job)
		return "it is in no file any more";
	if (!keep)
		return "its file has enabled=no";
	return up ? "its max is lower now" : "it does not belong on this host any more";
}

/* false: it is forgotten. */
static bool daemon_check_one(struct crond *c, struct daemon *d, int64_t now, int64_t *next)
{
	size_t keep = daemon_max(d), up = daemon_wanted(c, d);

	if (!d->job && now - d->gone_since < GONE_MS) {
		sooner(next, d->gone_since + GONE_MS);
		return true;
	}
	if (!d->job && daemon_in_doubt(c, d)) {
		c->daemons_doubt = true;
		sooner(next, now + POLL_MS);
		return true;
	}
	if (daemon_copies(d, keep) < 0) {
		trouble_say(c, "a daemon is not looked after", "out of memory");
		keep = up = d->count;
	}
	surplus_check(c, d, keep, up, surplus_reason(d, keep, up));
	for (size_t i = 0; i < up && i < d->count; i++)
		copy_check(c, d, i, now, next);
	if (d->job)
		daemon_settle(c, d, up < d->count ? up : d->count, now, next);
	return d->job || d->count;
}

static void daemon_forget(struct crond *c, struct daemon *d)
{
	state_failed(c, d->identity, false, 0);
	RB_REMOVE(daemon_tree, &c->daemons, d);
	free(d->copies);
	free(d);
}

void daemon_check(struct crond *c)
{
	int64_t now = wait_now_ms(), next = INT64_MAX;
	struct daemon *d, *after;

	if (!c->working || c->stop.stage || c->stopping)
		return;
	user_refresh(c);
	RB_FOREACH_SAFE(d, daemon_tree, &c->daemons, after) {
		bool known = true;

		if (d->next <= now) {
			d->next = INT64_MAX;
			known = daemon_check_one(c, d, now, &d->next);
		}
		sooner(&next, d->next);
		if (!known)
			daemon_forget(c, d);
	}
	launch_flush(c);
	if (next != INT64_MAX)
		wait_later(c, LATER_DAEMONS, next > now ? next - now : 0);
}

/* --- ends */

/* Why it was stopped says more than how it took that. */
static enum restart_end end_of(const struct crond *c, const struct outcome *o, bool taken)
{
	if (o && o->stopped == STOP_PERSON)
		return RESTART_END_STOPPED;
	if (c->stop.stage || (o && o->stopped == STOP_SHUTDOWN))
		return RESTART_END_SHUTDOWN;
	if (!o)
		return RESTART_END_FAILED;
	if (o->result == RESULT_SKIPPED && !taken) /* it waited for a limit, and may not start now */
		return RESTART_END_SHUTDOWN;
	switch (o->stopped) {
	case STOP_RESTART:
	case STOP_REMOVED: /* and it is wanted again meanwhile */
	case STOP_REPLACE:
		return RESTART_END_AGAIN;
	default:
		return o->result == RESULT_OK ? RESTART_END_OK : RESTART_END_FAILED;
	}
}

/* Whose run it was. One that a scheduler before us claimed and could not note any more
 * belongs to any copy that is not known to run. */
static struct daemon_copy *copy_of(struct daemon *d, const char *run)
{
	for (size_t i = 0; i < d->count; i++) {
		if (strcmp(d->copies[i].run, run) == 0)
			return &d->copies[i];
	}
	for (size_t i = 0; i < d->count; i++) {
		if (d->copies[i].state.phase == RESTART_WAITING)
			return &d->copies[i];
	}
	return NULL;
}

static void copy_ended(struct crond *c, struct daemon *d, struct daemon_copy *copy,
	const struct live_run *run, const struct outcome *o, bool taken)
{
	int64_t now = wait_now_ms();
	uint64_t up_ms = o && o->took_ns > 0 ? (uint64_t)o->took_ns / 1000000 : 0;
	struct restart_policy p = { .when = RESTART_ALWAYS };

	if (d->job)
		p = daemon_policy(d);
	snprintf(copy->run, sizeof(copy->run), "%s", run->id);
	restart_ended(&copy->state, &p, end_of(c, o, taken), up_ms, now);
	if (copy->state.phase == RESTART_FAILED && d->job)
		daemon_say_given_up(c, d, copy, o ? o->result : RESULT_LOST);
	daemon_copy_changed(c, d, copy);
}

void daemon_ended(struct crond *c, const struct live_run *run, uint64_t identity,
	const struct outcome *o, bool taken)
{
	struct daemon *d = daemon_find(c, identity);
	struct daemon_copy *copy = d ? copy_of(d, run->id) : NULL;

	if (!copy)
		return;
	/* taken in before, by a scheduler that died before its directory was gone? */
	if (copy->state.phase == RESTART_UP || strcmp(copy->run, run->id) != 0)
		copy_ended(c, d, copy, run, o, taken);
	daemon_look_at(c, d);
}

/* --- a scheduler before us */

static struct daemon_copy *copy_to_take(struct daemon *d, const char *run)
{
	struct daemon_copy *copy = copy_of(d, run);

	if (copy && (strcmp(copy->run, run) == 0 || copy->state.phase == RESTART_WAITING))
		return copy;
	return daemon_copies(d, d->count + 1) < 0 ? NULL : &d->copies[d->count - 1];
}

static void run_adopt(struct crond *c, struct live_run *run)
{
	struct daemon *d = daemon_get(c, run->job->identity);
	struct daemon_copy *copy = d ? copy_to_take(d, run->id) : NULL;

	if (!copy) {
		trouble_say(c, run->id, "a daemon's run is not looked after: out of memory");
	} else if (copy->state.phase != RESTART_UP) { /* claimed just before the end */
		copy->definition = d->definition;
		copy->terms = d->terms;
		copy_up(c, d, copy, run->id);
	}
}

/* On file as running, and there is no such run: how it ended is not known. */
static void copy_judge(struct crond *c, struct daemon *d, struct daemon_copy *copy)
{
	const struct live_run *run = run_find(c, copy->run);
	struct restart_policy p = { .when = RESTART_ALWAYS };

	if (d->job) {
		p = daemon_policy(d);
		restart_repair(&copy->state, &p, wait_now_ms());
	}
	if (copy->state.phase != RESTART_UP || (run && run->job))
		return;
	restart_ended(&copy->state, &p, RESTART_END_FAILED, 0, wait_now_ms());
	daemon_copy_changed(c, d, copy);
}

void daemon_adopt(struct crond *c)
{
	struct live_run *run;
	struct daemon *d;

	RB_FOREACH(run, run_tree, &c->live) {
		if (run->flags & RUN_DAEMON && run->job)
			run_adopt(c, run);
	}
	RB_FOREACH(d, daemon_tree, &c->daemons) {
		for (size_t i = 0; i < d->count; i++)
			copy_judge(c, d, &d->copies[i]);
	}
	daemon_look(c);
}
