/* backlog: what becomes of runs, as records for crond-history.
 * Flow: start, outcome_in, adopt and missed say it -> frames in a batch -> backlog_file. */
#include "config.h"

#include "crond/backlog.h"

#include <inttypes.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/moment.h"
#include "crond/core/histrec.h"
#include "crond/crond.h"
#include "crond/rundir.h"

/* One write for so many bytes, also where a turn of the loop makes more. */
enum { BATCH_ENOUGH = 256 * 1024, BATCH_MOST = 4 << 20 };

/* --- room */

static bool has_room(const struct backlog *b)
{
	return b->size + b->batch.len < b->most && (!b->failing || b->batch.len < BATCH_MOST);
}

static void leave_out(struct crond *c)
{
	struct backlog *b = &c->backlog;

	if (b->left_out++)
		return;
	b->left_out_ns = moment_ns(CLOCK_REALTIME);
	trouble_say(c, "history", "too many records wait for crond-history; new runs are left out");
}

static bool put(struct crond *c, const struct histrec *h)
{
	return histrec_encode(h, &c->backlog.batch) == 0;
}

/* What was left out is on record as such, in front of what follows it. */
static void gap_over(struct crond *c)
{
	struct backlog *b = &c->backlog;
	struct histrec h = { .kind = HISTREC_GAP, .at_ns = b->left_out_ns, .count = b->left_out };

	if (!put(c, &h))
		return;
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (history: %" PRIu64 " runs were left out)", b->left_out);
	b->left_out = 0;
}

static bool begin(struct crond *c)
{
	struct backlog *b = &c->backlog;

	if (!has_room(b))
		return false;
	if (b->left_out && b->size + b->batch.len < b->most - b->most / 4)
		gap_over(c);
	return !b->left_out;
}

static void added(struct crond *c)
{
	if (c->backlog.batch.len >= BATCH_ENOUGH && !c->backlog.failing)
		backlog_flush(c);
}

/* --- runs */

static struct histrec of_run(struct crond *c, const struct run *r, enum start_cause cause)
{
	return (struct histrec){ .kind = HISTREC_START, .run_id = r->id, .scheduled = r->scheduled,
		.attempt = r->attempt, .job = r->job, .user = r->user, .identity = r->identity,
		.uid = r->uid, .cause = cause, .retention_ms = r->dress.retention_ms,
		.retention_count = r->dress.retention_count, .host = c->fqdn, .boot = c->backlog.boot,
		.at_ns = moment_ns(CLOCK_REALTIME) };
}

/* One that does not fit now may still come with its end. */
void backlog_start(struct crond *c, struct live_run *run, const struct run *r, enum start_cause cause)
{
	struct histrec h;

	if (!c->backlog.on || !begin(c))
		return;
	h = of_run(c, r, cause);
	run->on_record = put(c, &h);
	added(c);
}

/* As far as its record tells. */
static enum start_cause cause_of(const struct live_run *run, const struct run *r)
{
	if (run->pending)
		return run->pending->cause;
	if (r->flags & RUN_DAEMON)
		return START_DAEMON;
	if (r->attempt > 1)
		return START_RETRY;
	if (r->flags & RUN_ASKED)
		return START_HAND;
	return r->schedule && strcmp(r->schedule, "@reboot") == 0 ? START_REBOOT : START_DUE;
}

void backlog_start_late(struct crond *c, struct live_run *run)
{
	struct run_progress p;
	struct buf b = { 0 };
	struct run r;

	if (!c->backlog.on || run->on_record)
		return;
	if (rundir_read(c->runs, run->id, "run", &b) == 0 &&
		run_file_decode(&p, &r, (struct slice){ b.data, b.len }, NULL) == 0)
		backlog_start(c, run, &r, cause_of(run, &r));
	buf_free(&b);
}

/* Where a start is on record its end is, too: these are no more than runs are under way. */
void backlog_end(struct crond *c, struct live_run *run, struct slice outcome)
{
	struct histrec h = { .kind = HISTREC_END, .run_id = run->id, .scheduled = run->scheduled,
		.attempt = run->attempt, .outcome = outcome };

	if (!c->backlog.on)
		return;
	backlog_start_late(c, run);
	if (!run->on_record || !outcome.n || !put(c, &h))
		leave_out(c);
	added(c);
}

/* What nobody looks for in the history is left out; and where there is no room, the texts. Of two
 * streams in one the end is the beginning, too, where nothing was cut: then it tells of errors. */
void backlog_end_records(struct crond *c, struct live_run *run, const struct run_records *r)
{
	struct outcome o = r->outcome;
	struct buf b = { 0 };

	if (!c->backlog.on)
		return;
	if (!run->on_record)
		backlog_start(c, run, &r->run, cause_of(run, &r->run));
	if (!o.one_stream || o.stderr_head.n || !result_failed(o.result))
		o.stdout_tail.n = 0;
	if (has_room(&c->backlog))
		outcome_encode(&o, &b);
	else
		outcome_encode_short(&o, RUN_OUTCOME_MOST, &b);
	if (b.failed) /* as its keeper wrote it is more than is wanted, and at hand */
		backlog_end(c, run, r->progress.outcome_n ?
			(struct slice){ r->progress.outcome, r->progress.outcome_n } :
			(struct slice){ r->outcome_file.data, r->outcome_file.len });
	else
		backlog_end(c, run, (struct slice){ b.data, b.len });
	buf_free(&b);
}

void backlog_end_lost(struct crond *c, struct live_run *run, const char *why)
{
	struct outcome o = { .result = RESULT_LOST, .exit_code = -1, .reason = why };
	struct buf b = { 0 };

	if (!c->backlog.on || !run->on_record)
		return;
	outcome_encode(&o, &b);
	backlog_end(c, run, (struct slice){ b.data, b.failed ? 0 : b.len });
	buf_free(&b);
}

/* --- what was no run */

void backlog_none(struct crond *c, const struct job *job, const char *run_id, int64_t scheduled,
	enum start_cause cause, enum result result, const char *reason)
{
	const struct job_user *u = job->common->user;
	const struct options *o = job->common->options;
	char name[JOB_NAME_MOST];
	struct histrec h = { .kind = HISTREC_NONE, .run_id = run_id, .scheduled = scheduled, .attempt = 1,
		.job = name, .user = u->name, .identity = job->identity, .uid = (uint32_t)u->uid,
		.cause = cause, .retention_ms = o->retention_ms, .retention_count = o->retention_count,
		.host = c->fqdn, .boot = c->backlog.boot, .at_ns = moment_ns(CLOCK_REALTIME), .result = result,
		.reason = reason };

	if (!c->backlog.on)
		return;
	job_name(job, u->name, name);
	if (!begin(c) || !put(c, &h))
		leave_out(c);
	added(c);
}

uint64_t backlog_waits(const struct crond *c)
{
	const struct segment *s;
	uint64_t waits = c->backlog.batch.len;

	TAILQ_FOREACH(s, &c->backlog.segments, link)
		waits += s->size - s->done;
	return waits;
}
