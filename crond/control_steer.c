/* control_steer: run, kill, restart, signal, pause, resume, reload.
 * Flow: a job or run that was found, and is the client's to steer -> the rooms that do it; who
 * asked goes to the log. */
#include "config.h"

#include "crond/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/rundir.h"

static const struct control_verb verbs[CTLMSG_VERBS] = {
	[CTLMSG_LIST] = { false, control_list },
	[CTLMSG_SHOW] = { false, control_show },
	[CTLMSG_NEXT] = { false, control_next },
	[CTLMSG_RUN] = { false, control_run },
	[CTLMSG_KILL] = { false, control_kill },
	[CTLMSG_RESTART] = { false, control_restart },
	[CTLMSG_SIGNAL] = { false, control_signal },
	[CTLMSG_PAUSE] = { false, control_pause },
	[CTLMSG_RESUME] = { false, control_pause },
	[CTLMSG_RELOAD] = { true, control_reload },
	[CTLMSG_STATUS] = { false, control_status },
};

const struct control_verb *control_verb_get(enum ctlmsg_verb verb)
{
	return &verbs[verb];
}

static void say_asked(struct crond *c, const struct control_client *k, const char *what)
{
	char who[96];

	control_who(c, k, who, sizeof(who));
	log_line(&c->log, LOG_NOTICE, c->set.dialect->daemon_tag, getpid(), 0,
		"CONTROL verb=%s %s by=\"%s\"", ctlmsg_verb_name(k->asked.verb), what, who);
}

static void say_job(struct crond *c, const struct control_client *k, const struct job *job)
{
	char what[2 * JOB_NAME_MOST + 16], name[JOB_NAME_MOST];

	job_name(job, job->common->user->name, name);
	snprintf(what, sizeof(what), "job=%s user=%s", name, job->common->user->name);
	say_asked(c, k, what);
}

/* --- run */

static void put_result(struct buf *b, const struct outcome *o)
{
	ctlmsg_text(b, "result", result_name(o->result));
	if (o->exit_code >= 0)
		ctlmsg_number(b, "code", o->exit_code);
	if (o->signal)
		ctlmsg_text(b, "signal", text_signal(o->signal));
	ctlmsg_text(b, "reason", o->reason);
	ctlmsg_number(b, "took_ms", o->took_ns / 1000000);
}

void control_run_ended(struct control_client *k, const struct outcome *o)
{
	if (!o) {
		control_fail(k, CTLMSG_REFUSED, "how %s ended is not known", k->run);
		return;
	}
	ctlmsg_open(&k->out);
	ctlmsg_text(&k->out, "run", k->run);
	put_result(&k->out, o);
	ctlmsg_close(&k->out);
	control_ok(k);
}

/* --- the runs of a job */

static bool run_under_way(const struct live_run *run)
{
	return run && (run->state == RUN_STATE_WAITING || run->state == RUN_STATE_PENDING ||
		run->state == RUN_STATE_LIVE);
}

/* The ids of a job's runs: what is done to one may change what there is of the others. */
static void runs_of(struct crond *c, const struct job *job, const char *name, struct buf *ids)
{
	const struct job_state *state = state_find(c, job->identity);
	struct live_run *run = NULL;

	while ((run = control_run_next(c, run, name, state))) {
		if (run_under_way(run))
			buf_append(ids, run->id, strlen(run->id) + 1);
	}
}

static void put_run(struct buf *b, const char *id)
{
	ctlmsg_open(b);
	ctlmsg_text(b, "run", id);
	ctlmsg_close(b);
}

/* --- daemons: what is asked of all their copies */

static enum control_step steer_daemon(struct crond *c, struct control_client *k, const struct job *job)
{
	struct diag d = { .text = "" };
	struct buf ids = { 0 };
	struct slice list;
	char who[96];
	int rc;

	control_who(c, k, who, sizeof(who));
	if (k->asked.verb == CTLMSG_KILL) {
		runs_of(c, job, k->found.names[0], &ids);
		rc = daemon_kill(c, job, who, &d);
	} else if (k->asked.verb == CTLMSG_RESTART)
		rc = daemon_restart(c, job, who, &d);
	else
		rc = daemon_run(c, job, &d);
	list = (struct slice){ ids.data, rc < 0 ? 0 : ids.len };
	for (const char *id; (id = run_list_next(&list));)
		put_run(&k->out, id);
	buf_free(&ids);
	if (rc < 0)
		return control_fail(k, CTLMSG_REFUSED, "%s: %s", k->found.names[0], d.text);
	say_job(c, k, job);
	return control_ok(k);
}

static bool is_daemon(const struct job *job)
{
	return job->common->options->type == JOB_TYPE_DAEMON;
}

enum control_step control_run(struct crond *c, struct control_client *k)
{
	char who[96], id[RUN_ID_MOST];
	const struct job *job;
	struct live_run *run;
	struct diag d;
	enum control_step step = control_find_own(c, k, &job);

	if (!job)
		return step;
	if (is_daemon(job) && k->asked.wait)
		return control_fail(k, CTLMSG_REFUSED, "%s is a daemon: there is no end to wait for",
			k->found.names[0]);
	if (is_daemon(job))
		return steer_daemon(c, k, job);
	control_who(c, k, who, sizeof(who));
	if (start_job_now(c, job, START_HAND, who, id, &d) < 0)
		return control_fail(k, CTLMSG_REFUSED, "%s was not started: %s", k->found.names[0], d.text);
	ctlmsg_open(&k->out);
	ctlmsg_text(&k->out, "run", id);
	if (d.text[0])
		ctlmsg_text(&k->out, "waits", d.text);
	ctlmsg_close(&k->out);
	run = k->asked.wait ? run_find(c, id) : NULL;
	if (!run)
		return control_ok(k);
	run->awaited = true;
	snprintf(k->run, sizeof(k->run), "%s", id);
	return CONTROL_WAIT;
}

/* --- kill, signal */

/* May the client steer it, by what stands in its directory? Its job may be gone. */
static bool run_steered(struct crond *c, const struct control_client *k, const struct live_run *run)
{
	struct buf b = { 0 };
	struct run_progress p;
	struct run r;
	bool own;

	if (control_all(c, k))
		return true;
	own = rundir_read(c->runs, run->id, "run", &b) == 0 &&
		run_file_decode(&p, &r, (struct slice){ b.data, b.len }, NULL) == 0 && r.uid == k->uid &&
		!(r.flags & RUN_TRUSTED);
	buf_free(&b);
	return own;
}

/* 0; -1 with errno. */
static int run_steer(struct crond *c, struct control_client *k, struct live_run *run)
{
	char who[96];

	if (k->asked.verb == CTLMSG_SIGNAL)
		return run_signal(c, run, k->asked.signal);
	control_who(c, k, who, sizeof(who));
	return run_stop(c, run, STOP_PERSON, who);
}

static void say_run(struct crond *c, const struct control_client *k, const char *id)
{
	char what[RUN_ID_MOST + 32];

	if (k->asked.verb == CTLMSG_SIGNAL)
		snprintf(what, sizeof(what), "run=%s signal=%s", id, text_signal(k->asked.signal));
	else
		snprintf(what, sizeof(what), "run=%s", id);
	say_asked(c, k, what);
}

/* 0; -1 with errno. */
static int steer_one(struct crond *c, struct control_client *k, const char *id)
{
	struct live_run *run = run_find(c, id);

	errno = ESRCH;
	if (!run_under_way(run) || run_steer(c, k, run) < 0)
		return -1;
	say_run(c, k, id);
	put_run(&k->out, id);
	return 0;
}

/* All runs of a job. */
static enum control_step steer_job(struct crond *c, struct control_client *k)
{
	const struct job *job;
	enum control_step step = control_find_own(c, k, &job);
	char name[JOB_NAME_MOST];
	struct buf ids = { 0 };
	struct slice list;
	size_t n = 0;
	int error = 0;

	if (!job)
		return step;
	if (is_daemon(job) && k->asked.verb == CTLMSG_KILL)
		return steer_daemon(c, k, job);
	job_name(job, job->common->user->name, name);
	runs_of(c, job, name, &ids);
	list = (struct slice){ ids.data, ids.len };
	for (const char *id; (id = run_list_next(&list));) {
		if (steer_one(c, k, id) == 0)
			n++;
		else
			error = errno;
	}
	buf_free(&ids);
	if (!n && error)
		return control_fail(k, CTLMSG_REFUSED, "%s: %s", name, strerror(error));
	if (!n)
		return control_fail(k, CTLMSG_REFUSED, "%s is not running", name);
	return control_ok(k);
}

static enum control_step steer(struct crond *c, struct control_client *k)
{
	struct live_run *run = k->walk.path ? NULL : run_find(c, k->asked.job);

	if (!run_under_way(run) || !run_steered(c, k, run))
		return steer_job(c, k);
	if (steer_one(c, k, k->asked.job) < 0)
		return control_fail(k, CTLMSG_REFUSED, "%s: %s", k->asked.job, strerror(errno));
	return control_ok(k);
}

enum control_step control_kill(struct crond *c, struct control_client *k)
{
	return steer(c, k);
}

enum control_step control_signal(struct crond *c, struct control_client *k)
{
	return steer(c, k);
}

/* --- restart, pause, resume */

enum control_step control_restart(struct crond *c, struct control_client *k)
{
	const struct job *job;
	enum control_step step = control_find_own(c, k, &job);

	if (!job)
		return step;
	if (is_daemon(job))
		return steer_daemon(c, k, job);
	return control_fail(k, CTLMSG_REFUSED, "%s is no daemon: kill and run do the same",
		k->found.names[0]);
}

enum control_step control_pause(struct crond *c, struct control_client *k)
{
	const bool pause = k->asked.verb == CTLMSG_PAUSE;
	const struct job_state *state;
	const struct job *job;
	enum control_step step = control_find_own(c, k, &job);

	if (!job)
		return step;
	state = state_find(c, job->identity);
	if ((state && state->paused) == pause)
		return control_ok(k);
	if (state_pause(c, job->identity, k->found.names[0], pause) < 0)
		return control_fail(k, CTLMSG_REFUSED, "%s: %s", k->found.names[0], strerror(errno));
	say_job(c, k, job);
	return control_ok(k);
}

/* --- reload */

static void put_change(struct buf *b, const struct changes *changes, enum change what)
{
	const char *names[CHANGES_NAMED + 1];
	size_t at = 0, n = 0;

	if (!changes->of[what].count)
		return;
	while (n < CHANGES_NAMED && (names[n] = changes_next(changes, what, &at)))
		n++;
	names[n] = NULL;
	ctlmsg_open(b);
	ctlmsg_text(b, "change", change_name(what));
	ctlmsg_number(b, "count", (int64_t)changes->of[what].count);
	ctlmsg_list(b, "names", names);
	ctlmsg_close(b);
}

enum control_step control_reload(struct crond *c, struct control_client *k)
{
	struct changes changes = { 0 };
	char who[96], why[128];

	control_who(c, k, who, sizeof(who));
	snprintf(why, sizeof(why), "cronctl reload by %s", who);
	reload_asked(c, why, &changes);
	for (enum change what = 0; what < CHANGES; what++)
		put_change(&k->out, &changes, what);
	ctlmsg_end(&k->out, true);
	ctlmsg_number(&k->out, "unchanged", (int64_t)changes.kept);
	ctlmsg_number(&k->out, "files", (int64_t)changes.files);
	ctlmsg_number(&k->out, "refused", (int64_t)changes.of[CHANGE_REFUSED].count);
	ctlmsg_close(&k->out);
	changes_free(&changes);
	return CONTROL_DONE;
}
