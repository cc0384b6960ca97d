/* outcome_in: an outcome is taken in.
 * Flow: the run's directory (written by its keeper) -> what the job has learnt, one
 * line in the log, an alert -> the directory may go. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/cgroup.h"
#include "crond/core/logpath.h"
#include "crond/metrics.h"
#include "crond/rundir.h"
#include "crond/tell.h"
#include "crond/tree.h"

enum { COMMAND_SHOWN = 200, REASON_SHOWN = 160, KILL_ROUNDS = 25, KILL_PAUSE_MS = 1,
	READS_MOST = 20 };

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

/* What is said of an end. */
struct ending {
	const struct run *run;
	const struct outcome *outcome;
	uint32_t failures; /* 0: not said; likewise: */
	uint64_t again_ms; /* until the next attempt */
};

static void say_end(struct crond *c, int priority, const char *what, const struct ending *e)
{
	const struct run *r = e->run;
	const struct outcome *o = e->outcome;
	struct log_about about = { .job = r->job, .run = r->id, .user = r->user,
		.result = result_name(o->result), .reason = o->reason, .command = r->command,
		.signal = o->signal ? text_signal(o->signal) : NULL, .exit_code = o->exit_code,
		.attempt = r->attempt, .failures = e->failures, .scheduled = r->scheduled };
	struct buf b = { 0 };

	buf_printf(&b, "%s job=%s run=%s result=%s", what, r->job, r->id, result_name(o->result));
	put_how(&b, o);
	buf_printf(&b, " attempt=%" PRIu32, r->attempt);
	if (e->again_ms)
		put_seconds(&b, "retry", (int64_t)e->again_ms * 1000000);
	if (e->failures)
		buf_printf(&b, " fails=%" PRIu32, e->failures);
	if (o->started_ns && priority != LOG_ERR && !(r->flags & RUN_DAEMON))
		put_seconds(&b, "late", o->started_ns - r->scheduled * 1000000000);
	buf_printf(&b, " user=%s cmd=", r->user);
	text_quoted(&b, slice_of(r->command), COMMAND_SHOWN);
	log_about(&c->log, &about, priority, c->set.dialect->daemon_tag, "%s",
		buf_text(&b) ? b.data : what);
	buf_free(&b);
}

/* A private instance shows the ends of its runs; elsewhere they are for debugging, but for
 * daemons, which are not expected to, and those that somebody ended. */
static int end_priority(const struct crond *c, const struct live_run *run, enum result result)
{
	if (result == RESULT_KILLED || run->flags & RUN_DAEMON)
		return LOG_NOTICE;
	return c->set.only_files ? LOG_INFO : LOG_DEBUG;
}

/* Another attempt that was left out is where trying again has ended: a failure. */
static bool gave_up(const struct live_run *run, const struct outcome *o)
{
	return o->result == RESULT_SKIPPED && run->attempt > 1;
}

/* Is it known already? A scheduler before us, which died before it could say so. */
static bool outcome_known(struct crond *c, const struct live_run *run, const struct outcome *o)
{
	return (run->job && run->job->taken == state_mark(run->id, o->result)) ||
		(result_failed(o->result) && rundir_has(c->runs, run->id, RUNDIR_LOGGED));
}

/* How many failures in a row there are with this one. A failure counts once, and only where no
 * other attempt follows (again: one does). */
static uint32_t outcome_count(struct live_run *run, const struct outcome *o, bool again, bool known)
{
	bool failed = !again && (result_failed(o->result) || gave_up(run, o));
	uint32_t before = run->job ? run->job->failures : 0, after = before;

	if (failed && !known)
		after = before + 1;
	else if (o->result == RESULT_OK)
		after = 0;
	run->failures = failed ? after : 0;
	return after;
}

/* How it ended goes to what its job has learnt, with what people were told of it: all of that
 * in one record, and what they are told stands on file before it. */
static void outcome_learn(struct crond *c, struct live_run *run, const struct outcome *o,
	uint32_t failures, bool known)
{
	if (!known)
		metrics_ended(c, run, o);
	if (run->job && !known) {
		run->job->taken = state_mark(run->id, o->result);
		state_ended(c, run->job, o, failures, run->flags & RUN_LEARN);
	}
	if (run->awaited)
		control_run_over(c, run, o);
}

/* Its directory may stay for a while, and be seen by schedulers after us. */
static void say_once(struct crond *c, const struct live_run *run, int priority, const char *what,
	const struct ending *e)
{
	if (rundir_has(c->runs, run->id, RUNDIR_LOGGED))
		return;
	say_end(c, priority, what, e);
	rundir_logged(c->runs, run->id);
}

static void outcome_say(struct crond *c, struct live_run *run, const struct run_records *r,
	uint32_t before, uint64_t again_ms)
{
	const struct outcome *o = &r->outcome;
	struct ending e = { .run = &r->run, .outcome = o, .failures = run->failures,
		.again_ms = again_ms };

	if (result_failed(o->result)) {
		say_once(c, run, LOG_ERR, "FAIL", &e);
	} else if (o->result == RESULT_OK && before) {
		e.failures = before;
		say_end(c, LOG_NOTICE, "RECOVERED", &e);
	} else if (o->result == RESULT_SKIPPED) { /* by its keeper: a hook would not have it; or here */
		say_end(c, LOG_NOTICE, "SKIPPED", &e);
	} else if (end_priority(c, run, o->result) <= c->log.level) { /* nothing is spent on what is not shown */
		say_once(c, run, end_priority(c, run, o->result), "END", &e);
	}
}

/* The end of trying again is told as the failure that it is. */
static void outcome_tell(struct crond *c, struct live_run *run, const struct run *r,
	const struct outcome *o)
{
	struct outcome told = *o;

	if (gave_up(run, o))
		told.result = RESULT_EXIT;
	if (r->alert.n)
		tell_outcome(c, run->job, r, &told, run->failures);
}

static void say_bad_record(struct crond *c, const char *id, const char *file, const char *why)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (run %s: %s: %s)", id, file, why);
}

static int diag_errno(struct diag *d)
{
	int error = errno;

	diag_error(d, 0, 0, "%s", strerror(error));
	errno = error;
	return -1;
}

/* -1 with errno, EBADMSG where they are damaged. */
static int records_find(struct crond *c, const char *id, struct run_records *r, const char **file,
	struct diag *d)
{
	struct slice ended = { r->progress.outcome, 0 };

	*r = (struct run_records){ 0 };
	*file = "run";
	if (rundir_read(c->runs, id, *file, &r->run_file) < 0)
		return diag_errno(d);
	errno = EBADMSG;
	if (run_file_decode(&r->progress, &r->run,
			(struct slice){ r->run_file.data, r->run_file.len }, d) < 0)
		return -1;
	*file = "outcome";
	ended.n = r->progress.outcome_n;
	if (!ended.n) {
		if (rundir_read(c->runs, id, *file, &r->outcome_file) < 0)
			return diag_errno(d);
		ended = (struct slice){ r->outcome_file.data, r->outcome_file.len };
	}
	errno = EBADMSG;
	return outcome_decode(&r->outcome, ended, d);
}

int records_read(struct crond *c, const char *id, struct run_records *r)
{
	struct diag d = { .text = "" };
	const char *file;

	if (records_find(c, id, r, &file, &d) == 0)
		return 0;
	say_bad_record(c, id, file, d.text);
	records_free(r);
	return -1;
}

void records_free(struct run_records *r)
{
	buf_free(&r->run_file);
	buf_free(&r->outcome_file);
}

/* A success that nobody asked about: nothing to say. */
static bool uneventful(struct crond *c, const struct live_run *run, const struct outcome *o)
{
	return o->result == RESULT_OK && c->log.level < end_priority(c, run, o->result) &&
		(!run->job || (!run->job->failures && !run->job->alerting.count)) &&
		!(run->flags & (RUN_DAEMON | RUN_ALERT_SUCCESS | RUN_PINGS));
}

/* As its keeper reports it; everything else is said with what its directory holds. */
static bool reported_uneventful(struct crond *c, struct live_run *run)
{
	struct outcome o;

	if (!run->reported.n || outcome_decode(&o, run->reported, NULL) < 0 || !uneventful(c, run, &o))
		return false;
	outcome_learn(c, run, &o, 0, false);
	return true;
}

/* Whoever started it may have to start it again; by now it counts no more. */
static void outcome_follow(struct crond *c, struct live_run *run, const struct run_records *r)
{
	run_over(c, run);
	if (run->flags & RUN_DAEMON)
		daemon_ended(c, run, r->run.identity, &r->outcome, r->progress.keeper_pid);
}

static void outcome_judge(struct crond *c, struct live_run *run, struct run_records *r)
{
	uint32_t before = run->job ? run->job->failures : 0;
	uint64_t again_ms = 0;
	bool again = pending_retry(c, run, &r->run, &r->outcome, &again_ms);
	bool known = outcome_known(c, run, &r->outcome);
	uint32_t failures = outcome_count(run, &r->outcome, again, known);

	if (!again && (!known || run->first)) /* the first version told after it had logged that */
		outcome_tell(c, run, &r->run, &r->outcome);
	outcome_learn(c, run, &r->outcome, failures, known);
	outcome_say(c, run, r, before, again ? again_ms : 0);
}

/* Not even what was to be run is known: what can be said is said, and counted. */
static void unknown_take(struct crond *c, struct live_run *run, const struct outcome *o)
{
	size_t job = strlen(run->id);

	for (int dashes = 0; job > 0 && dashes < 2;)
		dashes += run->id[--job] == '-';
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"FAIL job=%.*s run=%s result=lost reason=\"%s\"", (int)job, run->id, run->id, o->reason);
	backlog_end_lost(c, run, o->reason);
	outcome_learn(c, run, o, outcome_count(run, o, false, false), false);
	if (run->flags & RUN_DAEMON && run->job)
		daemon_ended(c, run, run->job->identity, NULL, true);
}

/* Its records. 0; 1: they cannot be had, and it is lost; -1: not now. */
static int ended_read(struct crond *c, struct live_run *run, struct run_records *r)
{
	struct diag d = { .text = "" };
	const char *file;
	bool again;

	if (records_find(c, run->id, r, &file, &d) == 0)
		return 0;
	again = errno != EBADMSG && errno != ENOENT && run->state != RUN_STATE_PENDING &&
		run->reads < READS_MOST;
	if (run->reads++ == 0 || !again)
		say_bad_record(c, run->id, file, d.text);
	if (again) {
		records_free(r);
		return -1;
	}
	r->outcome = (struct outcome){ .result = RESULT_LOST, .exit_code = -1,
		.reason = "how it ended cannot be read" };
	return 1;
}

int outcome_take(struct crond *c, struct live_run *run)
{
	struct run_records r;
	int rc;

	run_overran(c, run);
	if (reported_uneventful(c, run)) {
		backlog_end(c, run, run->reported);
		return 0;
	}
	rc = ended_read(c, run, &r);
	if (rc < 0)
		return -1;
	if (rc > 0 && !r.run.id) {
		unknown_take(c, run, &r.outcome);
		records_free(&r);
		return 0;
	}
	backlog_end_records(c, run, &r);
	if (uneventful(c, run, &r.outcome))
		outcome_learn(c, run, &r.outcome, 0, false);
	else
		outcome_judge(c, run, &r);
	outcome_follow(c, run, &r);
	records_free(&r);
	return 0;
}

/* Only the process that opened a session could close it. */
static bool has_session(const struct run_progress *p, const struct buf *b)
{
	struct run r;

	return p->phase != RUN_CLAIMED &&
		run_decode(&r, run_record(p, (struct slice){ b->data, b->len }), NULL) == 0 &&
		r.flags & RUN_PAM;
}

static void lost_fill(struct outcome *o, const struct run_progress *p, const struct buf *b,
	const char *reason, bool killed, char *text, size_t room)
{
	const char *session = has_session(p, b) ? "; its PAM session was not closed" : "";

	*o = (struct outcome){ .result = RESULT_LOST, .exit_code = -1, .started_ns = p->started_ns,
		.job_pid = p->job_pid, .reason = text };
	if (p->phase == RUN_CLAIMED)
		o->reason = "claimed, and never started";
	else if (run_session_reason(p, text, room))
		*o = (struct outcome){ .result = RESULT_SPAWN, .exit_code = -1, .reason = text };
	else if (p->phase == RUN_RUNNING) /* parent-death=leave: the job goes on, unwatched */
		snprintf(text, room, "%s; its job, process %d, was %s%s", reason, (int)p->job_pid,
			killed ? "killed" : "left alone", session);
	else
		snprintf(text, room, "%s%s", reason, session);
}

/* Nobody listens there any more, and who is to be told so finds nothing. */
static void socket_remove(const struct run_progress *p, const struct buf *b)
{
	struct run r;

	if (run_decode(&r, run_record(p, (struct slice){ b->data, b->len }), NULL) == 0 && r.notify && *r.notify == '/')
		unlink(r.notify);
}

/* Of a job that is not to go on without its keeper: a daemon's, whose place another one takes,
 * and what parent-death=stop says so of. */
static bool left_kill(const struct run_progress *p, const struct buf *b)
{
	struct tree tree = { p->job_pid, -1 };
	struct run r;

	if (run_decode(&r, run_record(p, (struct slice){ b->data, b->len }), NULL) < 0 ||
		!(r.flags & (RUN_DAEMON | RUN_PARENT_DEATH)))
		return false;
	tree.cgroup = cgroup_find(&r);
	for (int i = 0; i < KILL_ROUNDS && tree_kill_left(&tree, p->born_after_ns, p->born_before_ns); i++)
		poll(NULL, 0, KILL_PAUSE_MS); /* seldom, and short: its cgroup cannot go before them */
	if (tree.cgroup >= 0)
		close(tree.cgroup);
	cgroup_remove(&r);
	return true; /* if there was nobody its process had that of the kernel */
}

/* What is left of it to be read, though nobody has looked. */
static void lost_kept(struct outcome *o, const struct run_progress *p, const struct buf *b,
	struct buf kept[2])
{
	time_t at = (time_t)(p->started_ns / 1000000000);
	struct tm tm = { 0 };
	struct run r;

	if ((p->phase != RUN_STARTED && p->phase != RUN_RUNNING) ||
		run_decode(&r, run_record(p, (struct slice){ b->data, b->len }), NULL) < 0 || !r.dress.given)
		return;
	localtime_r(&at, &tm);
	logpath_of_lost(&r, p->started_ns, (int32_t)tm.tm_gmtoff, &kept[0], &kept[1]);
	o->log = kept[0].len ? buf_text(&kept[0]) : NULL;
	o->artifacts = kept[1].len ? buf_text(&kept[1]) : NULL;
}

int outcome_lost(struct crond *c, struct live_run *run, int lock, const char *reason)
{
	struct buf b = { 0 }, tails[2] = { { 0 }, { 0 } }, kept[2] = { { 0 }, { 0 } };
	struct run_progress p = { 0 };
	struct outcome o;
	char text[128];
	bool killed;

	if (rundir_read(c->runs, run->id, "run", &b) < 0 ||
		run_progress_decode(&p, (struct slice){ b.data, b.len }, NULL) < 0)
		p = (struct run_progress){ 0 };
	killed = p.phase == RUN_RUNNING && left_kill(&p, &b);
	lost_fill(&o, &p, &b, reason, killed, text, sizeof(text));
	lost_kept(&o, &p, &b, kept);
	drain_begin(c, run, tails, &o.output_bytes);
	o.stdout_tail = (struct slice){ tails[0].data, tails[0].len };
	o.stderr_tail = (struct slice){ tails[1].data, tails[1].len };
	o.truncated = p.phase == RUN_RUNNING; /* what its keeper had read is gone with it */
	if (run->speaks)
		socket_remove(&p, &b);
	buf_free(&b);
	if (rundir_finish(c->runs, run->id, lock, &p, &o) < 0)
		say_bad_record(c, run->id, "outcome", strerror(errno));
	for (int i = 0; i < 2; i++) {
		buf_free(&tails[i]);
		buf_free(&kept[i]);
	}
	return outcome_take(c, run);
}
