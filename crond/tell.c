/* tell: what people are told of a job, and when.
 * Flow: outcomes, starts that come to nothing, daemons and jobs themselves say what happened;
 * core/alerting decides about outcomes; what is to be told goes to the outbox. */
#include "config.h"

#include "crond/tell.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crond/core/alerting.h"
#include "crond/core/event.h"
#include "crond/crond.h"
#include "crond/rundir.h"

static struct alerting_rule rule_of_run(const struct run *r)
{
	return (struct alerting_rule){ .on = r->alert_on, .after = r->alert_after,
		.every_ms = r->alert_every_ms };
}

static struct alerting_rule rule_of_job(const struct options *o)
{
	return (struct alerting_rule){ .on = o->alert_on, .after = o->alert_after,
		.every_ms = o->alert_every_ms };
}

/* --- what it is made from */

static void event_of_run(struct crond *c, const struct run *r, struct event *e)
{
	*e = (struct event){
		.job = r->job, .run_id = r->id, .host = c->fqdn, .owner = r->owner, .user = r->user,
		.schedule = r->schedule, .command = r->command, .description = r->description,
		.tags = r->tags, .targets = r->alert, .scheduled = r->scheduled, .attempt = r->attempt,
		.exit_code = -1, .trusted = r->flags & RUN_TRUSTED, .uid = r->uid,
		.mail_to = event_mail_to(r->owner, r->mail_to, r->user),
	};
}

static void add_outcome(struct event *e, const struct outcome *o)
{
	e->status = result_name(o->result);
	e->reason = o->reason;
	e->started_ns = o->started_ns;
	e->finished_ns = o->finished_ns;
	e->took_ns = o->took_ns;
	e->exit_code = o->exit_code;
	e->signal = o->signal;
	e->stdout_tail = o->stdout_tail;
	e->stderr_tail = o->stderr_tail;
	e->truncated = o->truncated;
}

static struct slice list_of(const char *const *list, struct buf *out)
{
	size_t before = out->len;

	for (; list && *list; list++)
		buf_append(out, *list, strlen(*list) + 1);
	return (struct slice){ out->data + before, out->len - before };
}

/* The lists lie in *lists, which is reserved whole: it must not move. */
static void event_of_job(struct crond *c, const struct job *job, char name[JOB_NAME_MOST],
	struct buf *lists, struct event *e)
{
	const struct options *o = job->common->options;
	const char *command = job_command(job);

	job_name(job, job->common->user->name, name);
	buf_reserve(lists, EVENT_MOST);
	*e = (struct event){
		.job = name, .host = c->fqdn, .owner = o->owner, .user = job->common->user->name,
		.schedule = o->schedule, .command = command ? command : o->argv ? o->argv[0] : NULL,
		.description = o->description, .exit_code = -1, .trusted = job->common->trusted,
		.uid = job->common->user->uid,
		.mail_to = event_mail_to(o->owner, o->mail, job->common->user->name),
	};
	e->tags = list_of(o->tags, lists);
	e->targets = list_of(o->alert, lists);
}

/* On file until crond-notify has it: a scheduler that dies loses none. */
static void keep(struct crond *c, const struct event *e, const char *run_id, const char *mark)
{
	struct event named = *e;
	char id[EVENT_ID_MOST];

	event_id(id, run_id, mark);
	named.id = id;
	named.run_id = run_id;
	if (rundir_post(c->runs, &named) < 0)
		trouble_say(c, id, "its alert cannot be kept");
	else
		outbox_add(c, id);
}

/* --- receivers that watch each run */

static bool is_ping(const struct crond *c, const char *target, bool trusted)
{
	static const char hook[] = "webhook:";

	if (strncmp(target, hook, sizeof(hook) - 1) != 0)
		return false;
	for (size_t i = 0; i < c->set.conf.webhook_count; i++) {
		const struct webhook *h = &c->set.conf.webhooks[i];

		if (strcmp(h->name, target + sizeof(hook) - 1) == 0)
			return h->template == WEBHOOK_HEALTHCHECKS && (trusted || h->users);
	}
	return false;
}

/* Those of the list that are told of each run, or the others. */
static struct slice targets_of(const struct crond *c, const struct run *r, bool pings, struct buf *out)
{
	bool trusted = r->flags & RUN_TRUSTED;

	for (size_t i = 0, n; i < r->alert.n; i += n) {
		n = strnlen(r->alert.s + i, r->alert.n - i) + 1;
		if (n <= r->alert.n - i && is_ping(c, r->alert.s + i, trusted) == pings)
			buf_append(out, r->alert.s + i, n);
	}
	return (struct slice){ out->data, out->len };
}

bool tell_pings(const struct crond *c, const struct run *r)
{
	struct buf list = { 0 };
	bool any = targets_of(c, r, true, &list).n > 0;

	buf_free(&list);
	return any;
}

/* mark: "start" or "ping", an end's. e's own targets stay. */
static void ping(struct crond *c, const struct run *r, const struct event *e, const char *what,
	const char *mark)
{
	struct buf list = { 0 };
	struct event told = *e;

	told.event = what;
	told.targets = targets_of(c, r, true, &list);
	if (told.targets.n)
		keep(c, &told, r->id, mark);
	buf_free(&list);
}

void tell_ping_start(struct crond *c, const char *run_id)
{
	struct run_progress progress;
	struct buf b = { 0 };
	struct run r;
	struct event e;

	if (rundir_read(c->runs, run_id, "run", &b) == 0 &&
		run_file_decode(&progress, &r, (struct slice){ b.data, b.len }, NULL) == 0) {
		event_of_run(c, &r, &e);
		ping(c, &r, &e, "run.start", "start");
	}
	buf_free(&b);
}

/* --- what happened */

void tell_outcome(struct crond *c, struct job_state *state, const struct run *r,
	const struct outcome *o, uint32_t failures)
{
	struct alerting_rule rule = rule_of_run(r);
	struct buf others = { 0 };
	struct event e;
	unsigned what;

	if (!r->alert.n || !state)
		return;
	what = alerting_take(&state->alerting, &rule, o->result, time(NULL));
	event_of_run(c, r, &e);
	add_outcome(&e, o);
	e.failures = failures;
	if (r->flags & RUN_PINGS) {
		ping(c, r, &e, result_event(o->result), "ping");
		e.targets = targets_of(c, r, false, &others);
	}
	if (what & ALERTING_TELL && e.targets.n) {
		e.event = result_event(o->result);
		keep(c, &e, r->id, "end");
	}
	if (what & ALERTING_RECOVERED && e.targets.n) {
		e.event = "job.recovered";
		keep(c, &e, r->id, "recovered");
	}
	buf_free(&others);
}

void tell_start(struct crond *c, const struct job *job, const char *run_id, int64_t scheduled,
	enum result result, const char *reason)
{
	const struct options *o = job->common->options;
	struct alerting_rule rule = rule_of_job(o);
	struct job_state *state;
	char name[JOB_NAME_MOST];
	struct buf lists = { 0 };
	struct event e;

	if (!o->alert || !(rule.on >> result & 1) || !(state = state_get(c, job->identity)) ||
		state->taken == state_mark(run_id, result))
		return;
	if (alerting_take(&state->alerting, &rule, result, time(NULL)) & ALERTING_TELL) {
		event_of_job(c, job, name, &lists, &e);
		e.event = result_event(result);
		e.status = result_name(result);
		e.reason = reason;
		e.scheduled = scheduled;
		e.failures = state->alerting.count;
		keep(c, &e, run_id, e.status);
		buf_free(&lists);
	}
	state->taken = state_mark(run_id, result);
	state_record(c, state); /* behind the event: who dies in between tells it once more */
	/* what it has learnt by this is on file: it is not released */
}

void tell_run(struct crond *c, const char *run_id, const struct tell *what)
{
	struct run_progress progress;
	struct buf b = { 0 };
	struct run r;
	struct event e;

	if (rundir_read(c->runs, run_id, "run", &b) == 0 &&
		run_file_decode(&progress, &r, (struct slice){ b.data, b.len }, NULL) == 0 && r.alert.n) {
		event_of_run(c, &r, &e);
		e.event = what->event;
		e.status = what->status;
		e.reason = what->reason;
		e.started_ns = progress.started_ns;
		keep(c, &e, run_id, what->mark);
	}
	buf_free(&b);
}

void tell_job(struct crond *c, const struct job *job, const char *run_id, const struct tell *what)
{
	char name[JOB_NAME_MOST];
	struct buf lists = { 0 };
	struct event e;

	if (!job->common->options->alert)
		return;
	event_of_job(c, job, name, &lists, &e);
	e.event = what->event;
	e.status = what->status;
	e.reason = what->reason;
	e.scheduled = time(NULL);
	keep(c, &e, run_id, what->mark);
	buf_free(&lists);
}

void tell_crond(struct crond *c, const char *id, const char *event, const char *reason)
{
	struct buf lists = { 0 };
	struct event e = { .event = event, .host = c->fqdn, .reason = reason, .exit_code = -1,
		.scheduled = time(NULL), .trusted = true, .mail_to = "root" };

	if (!c->set.conf.alert)
		return;
	buf_reserve(&lists, EVENT_MOST);
	e.targets = list_of(c->set.conf.alert, &lists);
	keep(c, &e, id, strchr(event, '.') + 1);
	buf_free(&lists);
}

void tell_describe(struct crond *c, const struct job *job, struct buf *out)
{
	char name[JOB_NAME_MOST];
	struct buf lists = { 0 };
	struct event e;

	if (!job->common->options->alert)
		return;
	event_of_job(c, job, name, &lists, &e);
	e.event = "job.removed";
	e.id = "removed";
	event_encode(&e, out);
	buf_free(&lists);
}

void tell_removed(struct crond *c, struct slice described)
{
	char id[RUN_ID_MOST];
	struct event e;

	if (event_decode(&e, described, NULL) < 0 || !e.job || run_id(id, e.job, time(NULL), 0) < 0)
		return;
	e.scheduled = time(NULL);
	e.reason = "it is in no file any more";
	keep(c, &e, id, "removed");
}
