/* outcome_in: an outcome is taken in.
 * Flow: the run's directory (written by its keeper) -> what the job has learnt, one
 * line in the log, an alert -> the directory may go. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/rundir.h"

enum { COMMAND_SHOWN = 200, REASON_SHOWN = 160 };

static void put_seconds(struct buf *b, const char *name, int64_t ns)
{
	int64_t ms = ns / 1000000;

	if (ms < 1000)
		buf_printf(b, " %s=%" PRId64 "ms", name, ms);
	else
		buf_printf(b, " %s=%" PRId64 ".%" PRId64 "s", name, ms / 1000, ms % 1000 / 100);
}

static void put_how(struct buf *b, const struct outcome *o)
{
	if (o->exit_code >= 0 && (o->result == RESULT_OK || o->result == RESULT_EXIT))
		buf_printf(b, " code=%d", o->exit_code);
	if (o->signal)
		buf_printf(b, " signal=%s", text_signal(o->signal));
	if (o->reason) {
		buf_puts(b, " reason=");
		text_quoted(b, slice_of(o->reason), REASON_SHOWN);
	}
	if (o->took_ns)
		put_seconds(b, "after", o->took_ns);
}

static void say_end(struct crond *c, int priority, const char *what, const struct run *r,
	const struct outcome *o, uint32_t failures)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s job=%s run=%s result=%s", what, r->job, r->id, result_name(o->result));
	put_how(&b, o);
	buf_printf(&b, " attempt=%" PRIu32, r->attempt);
	if (failures)
		buf_printf(&b, " fails=%" PRIu32, failures);
	if (o->started_ns && priority != LOG_ERR)
		put_seconds(&b, "late", o->started_ns - r->scheduled * 1000000000);
	buf_printf(&b, " user=%s cmd=", r->user);
	text_quoted(&b, slice_of(r->command), COMMAND_SHOWN);
	log_line(&c->log, priority, c->set.dialect->daemon_tag, getpid(), 0, "%s",
		buf_text(&b) ? b.data : what);
	buf_free(&b);
}

/* A private instance shows the ends of its runs; elsewhere they are for debugging, but for
 * those that somebody ended. */
static int end_priority(const struct crond *c, enum result result)
{
	if (result == RESULT_KILLED)
		return LOG_NOTICE;
	return c->set.only_files ? LOG_INFO : LOG_DEBUG;
}

static void outcome_say(struct crond *c, struct live_run *run, const struct run *r,
	const struct outcome *o)
{
	bool failed = result_failed(o->result);
	uint32_t before = run->job ? run->job->failures : 0;

	run->failures = failed ? before + 1 : 0;
	if (failed && rundir_was_logged(c->runs, run->id))
		return;
	if (run->job && (failed || o->result == RESULT_OK))
		state_failures(c, run->job, failed ? before + 1 : 0);
	if (failed) {
		say_end(c, LOG_ERR, "FAIL", r, o, before + 1);
		rundir_logged(c->runs, run->id);
	} else if (o->result == RESULT_OK && before) {
		say_end(c, LOG_NOTICE, "RECOVERED", r, o, before);
	} else {
		say_end(c, end_priority(c, o->result), "END", r, o, 0);
	}
}

static void say_bad_record(struct crond *c, const char *id, const char *file, const char *why)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (run %s: %s: %s)", id, file, why);
}

/* Both records of a run; the buffers keep what they point to. */
static int read_run(struct crond *c, const char *id, struct buf *b, struct run *r)
{
	struct run_progress p;
	struct diag d = { .text = "cannot be read" };

	if (rundir_read(c->runs, id, "run", b) < 0) {
		say_bad_record(c, id, "run", strerror(errno));
		return -1;
	}
	if (run_progress_decode(&p, (struct slice){ b->data, b->len }, &d) < 0 ||
		run_decode(r, (struct slice){ b->data + sizeof(p), b->len - sizeof(p) }, &d) < 0) {
		say_bad_record(c, id, "run", d.text);
		return -1;
	}
	return 0;
}

static int read_outcome(struct crond *c, const char *id, struct buf *b, struct outcome *o)
{
	struct diag d = { .text = "cannot be read" };

	if (rundir_read(c->runs, id, "outcome", b) < 0) {
		say_bad_record(c, id, "outcome", strerror(errno));
		return -1;
	}
	if (outcome_decode(o, (struct slice){ b->data, b->len }, &d) < 0) {
		say_bad_record(c, id, "outcome", d.text);
		return -1;
	}
	return 0;
}

/* A success that nobody asked about: nothing to say, nothing to learn. */
static bool uneventful(struct crond *c, const struct live_run *run, const struct outcome *o)
{
	return o->result == RESULT_OK && c->log.level < end_priority(c, o->result) &&
		(!run->job || !run->job->failures);
}

enum run_state outcome_take(struct crond *c, struct live_run *run)
{
	enum run_state next = RUN_STATE_DONE;
	struct buf rb = { 0 }, ob = { 0 };
	struct run r;
	struct outcome o;

	if (read_outcome(c, run->id, &ob, &o) == 0 && !uneventful(c, run, &o) &&
		read_run(c, run->id, &rb, &r) == 0) {
		outcome_say(c, run, &r, &o);
		if (r.alert.n && result_alerts(o.result)) {
			next = RUN_STATE_TELLING;
			alert_wanted(c, run);
		}
	}
	buf_free(&rb);
	buf_free(&ob);
	return next;
}

enum run_state outcome_lost(struct crond *c, struct live_run *run, int lock, const char *reason)
{
	struct buf b = { 0 };
	struct run_progress p = { 0 };
	struct outcome o = { .result = RESULT_LOST, .exit_code = -1 };
	char text[128];

	if (rundir_read(c->runs, run->id, "run", &b) == 0)
		run_progress_decode(&p, (struct slice){ b.data, b.len }, NULL);
	o.started_ns = p.started_ns;
	o.job_pid = p.job_pid;
	o.reason = p.phase == RUN_CLAIMED ? "claimed, and never started" : reason;
	if (p.phase == RUN_RUNNING) { /* parent-death=leave: the job goes on, unwatched */
		snprintf(text, sizeof(text), "%s; its job, process %d, was left alone", reason,
			(int)p.job_pid);
		o.reason = text;
	}
	if (rundir_finish(c->runs, run->id, &o) < 0)
		say_bad_record(c, run->id, "outcome", strerror(errno));
	if (lock >= 0 && p.magic) {
		p.phase = RUN_ENDED;
		rundir_mark(lock, &p);
	}
	buf_free(&b);
	return outcome_take(c, run);
}
