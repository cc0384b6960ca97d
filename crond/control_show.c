/* control_show: list, show and next: what is asked and changes nothing.
 * Flow: a walk over jobs or one that was found -> lines of the answer. */
#include "config.h"

#include "crond/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/text.h"
#include "crond/core/logpath.h"
#include "crond/core/zone.h"
#include "crond/start.h"

enum { PIECE = 32768, COMMAND_SHOWN = 256, NEXT_EACH = 32, RUNS_SHOWN = 1000 };

/* --- one job */

/* The runs of a job stand together in the tree: ids begin with its name. */
static struct live_run *run_first(struct crond *c, const char *prefix)
{
	struct live_run *run = RB_ROOT(&c->live), *first = NULL;

	while (run) {
		if (strcmp(run->id, prefix) < 0) {
			run = RB_RIGHT(run, link);
		} else {
			first = run;
			run = RB_LEFT(run, link);
		}
	}
	return first;
}

struct live_run *control_run_next(struct crond *c, struct live_run *run, const char *name,
	const struct job_state *state)
{
	char prefix[JOB_NAME_MOST + 1];
	int n = snprintf(prefix, sizeof(prefix), "%s-", name);

	run = run ? RB_NEXT(run_tree, &c->live, run) : run_first(c, prefix);
	for (; run && strncmp(run->id, prefix, (size_t)n) == 0; run = RB_NEXT(run_tree, &c->live, run)) {
		if (state && run->job == state)
			return run;
	}
	return NULL;
}

/* What is shown of a job, put together. */
struct shown {
	const struct job *job;
	const struct options *options;
	const struct timer *timer;
	const struct job_state *state; /* never NULL */
	struct live_run *newest;       /* of its runs under way */
	bool here;
	bool is_daemon;
	struct daemon_view daemon;
	char name[JOB_NAME_MOST];
};

static const struct job_state state_none = { .last_result = RESULTS, .last_code = -1 };

static void shown_fill(struct crond *c, const struct job *job, struct shown *s)
{
	const struct job_state *state = state_find(c, job->identity);

	*s = (struct shown){ .job = job, .options = job->common->options,
		.timer = control_timer(c, job), .state = state ? state : &state_none };
	job_name(job, job->common->user->name, s->name);
	s->is_daemon = daemon_show(c, job->identity, &s->daemon);
	s->here = !s->options->hosts || hosts_match(s->options->hosts, host_self(c));
	if (!state || (!state->running && !state->waiting))
		return;
	for (struct live_run *run = control_run_next(c, NULL, s->name, state); run;
		run = control_run_next(c, run, s->name, state)) {
		if (!s->newest || run->scheduled >= s->newest->scheduled)
			s->newest = run;
	}
}

/* Of a daemon that does not run. */
static const char *daemon_word(const struct daemon_view *v)
{
	static const char *const words[RESTART_PHASES] = {
		[RESTART_FAILED] = "failed",
		[RESTART_WAITING] = "waiting",
		[RESTART_STOPPED] = "stopped",
		[RESTART_OVER] = "ended",
	};
	static const enum restart_phase worst_first[] = { RESTART_FAILED, RESTART_WAITING,
		RESTART_STOPPED, RESTART_OVER };

	for (size_t i = 0; i < sizeof(worst_first) / sizeof(worst_first[0]); i++) {
		if (v->phases[worst_first[i]])
			return words[worst_first[i]];
	}
	return "stopped";
}

static const char *state_word(const struct shown *s)
{
	if (s->state->running)
		return "running";
	if (s->state->waiting)
		return "waiting";
	if (s->state->failed)
		return "failed";
	if (s->state->paused)
		return "paused";
	if (!s->options->enabled)
		return "disabled";
	if (!s->here)
		return "elsewhere";
	return s->is_daemon ? daemon_word(&s->daemon) : "ready";
}

static const char *schedule_text(const struct shown *s)
{
	if (s->options->type == JOB_TYPE_DAEMON)
		return "daemon";
	if (s->options->schedule)
		return s->options->schedule;
	return s->timer ? s->timer->text : "@reboot";
}

/* As a task would have it: with the field that `second` gives a line. */
static void put_schedule(struct buf *b, const struct shown *s)
{
	struct buf all = { 0 };

	if (s->options->second)
		buf_printf(&all, "%s ", s->options->second);
	buf_puts(&all, schedule_text(s));
	ctlmsg_text(b, "schedule", buf_text(&all) ? all.data : schedule_text(s));
	buf_free(&all);
}

static void put_last(struct buf *b, const struct shown *s)
{
	const struct job_state *state = s->state;

	if (s->newest)
		ctlmsg_number(b, "last", s->newest->scheduled);
	else if (state->last_start)
		ctlmsg_number(b, "last", state->last_start / 1000);
	if (state->last_end)
		ctlmsg_number(b, "ended", state->last_end / 1000);
	if (state->last_result >= RESULTS)
		return;
	ctlmsg_text(b, "result", result_name(state->last_result));
	if (state->last_code >= 0)
		ctlmsg_number(b, "code", state->last_code);
	if (state->last_signal)
		ctlmsg_text(b, "signal", text_signal(state->last_signal));
	if (state->last_start && state->last_end >= state->last_start)
		ctlmsg_number(b, "took_ms", state->last_end - state->last_start);
}

static void put_counts(struct buf *b, const struct shown *s, bool brief)
{
	ctlmsg_number(b, "fails", s->state->failures);
	ctlmsg_number(b, "running", s->state->running);
	if (brief)
		return;
	ctlmsg_number(b, "waiting", s->state->waiting);
	ctlmsg_bool(b, "paused", s->state->paused);
	ctlmsg_bool(b, "enabled", s->options->enabled);
	ctlmsg_bool(b, "here", s->here);
}

static void put_daemon(struct buf *b, const struct shown *s)
{
	const struct daemon_view *v = &s->daemon;

	if (!s->is_daemon)
		return;
	ctlmsg_number(b, "copies", (int64_t)v->wanted);
	ctlmsg_number(b, "failed", (int64_t)v->phases[RESTART_FAILED]);
	ctlmsg_number(b, "restarts", v->restarts);
	ctlmsg_bool(b, "changed", v->changed);
}

static void put_status(struct crond *c, struct buf *b, const struct shown *s)
{
	const struct said *said = s->newest && s->newest->speaks ? run_said(c, s->newest) : NULL;

	if (!said)
		return;
	if (said->status[0])
		ctlmsg_text(b, "status", said->status);
	if (said->flags)
		ctlmsg_text(b, "says", said->flags & SAID_STOPPING ? "stopping" : "ready");
	if (said->batch[0])
		ctlmsg_text(b, "batch", said->batch);
	if (said->batches)
		ctlmsg_number(b, "batches", said->batches);
}

static void put_command(struct buf *b, const struct shown *s, size_t most)
{
	const char *command = job_command(s->job);
	struct buf words = { 0 };

	for (size_t i = 0; !command && s->options->argv && s->options->argv[i]; i++)
		buf_printf(&words, "%s%s", i ? " " : "", s->options->argv[i]);
	if (!command)
		command = buf_text(&words);
	if (command)
		ctlmsg_slice(b, "command", (struct slice){ command, strnlen(command, most) });
	buf_free(&words);
}

static void put_elsewhere(struct crond *c, struct buf *b, const struct shown *s)
{
	struct buf why = { 0 };

	hosts_why(s->options->hosts, host_self(c), &why);
	ctlmsg_list(b, "hosts", s->options->hosts);
	ctlmsg_text(b, "elsewhere", buf_text(&why));
	buf_free(&why);
}

static void put_origin(struct buf *b, const struct job *job)
{
	char place[PATH_MAX + 16];

	snprintf(place, sizeof(place), "%s:%u", job->common->file->path, (unsigned)job->line);
	ctlmsg_text(b, "user", job->common->user->name);
	ctlmsg_text(b, "place", place);
}

/* All but the closing brace. command_most: 0 leaves out what a table has no room for. */
static void put_job(struct crond *c, struct buf *b, const struct shown *s, size_t command_most)
{
	bool starts = s->options->enabled && s->here && !s->state->paused, brief = !command_most;

	ctlmsg_open(b);
	ctlmsg_text(b, "job", s->name);
	ctlmsg_text(b, "state", state_word(s));
	ctlmsg_text(b, "type", s->options->type == JOB_TYPE_DAEMON ? "daemon" : "cron");
	if (!brief)
		put_origin(b, s->job);
	put_schedule(b, s);
	if (starts && s->timer && s->timer->next != SCHEDULE_NEVER)
		ctlmsg_number(b, "next", s->timer->next);
	else if (starts && s->is_daemon && s->daemon.next_ms >= 0)
		ctlmsg_number(b, "next", c->clock.real.tv_sec + s->daemon.next_ms / 1000);
	put_last(b, s);
	put_counts(b, s, brief);
	put_daemon(b, s);
	put_status(c, b, s);
	if (brief)
		return;
	if (!s->here)
		put_elsewhere(c, b, s);
	put_command(b, s, command_most);
}

/* --- list */

static bool list_wants(const struct control_client *k, const char *name)
{
	for (size_t i = 0; i < k->asked.name_count; i++) {
		if (ctlmsg_match(k->asked.names[i], name))
			return true;
	}
	return k->asked.name_count == 0;
}

static bool list_visit(struct crond *c, struct control_client *k, const struct job *job)
{
	char name[JOB_NAME_MOST];
	struct shown s;

	if (k->out.len - k->sent >= PIECE)
		return false;
	job_name(job, job->common->user->name, name);
	if (!list_wants(k, name))
		return true;
	shown_fill(c, job, &s);
	put_job(c, &k->out, &s, k->asked.brief ? 0 : COMMAND_SHOWN);
	ctlmsg_close(&k->out);
	return true;
}

/* "changed": jobs came or went meanwhile, so that one may be there twice, or not. */
enum control_step control_list(struct crond *c, struct control_client *k)
{
	control_walk(c, k, list_visit);
	if (!k->walk.over)
		return CONTROL_MORE;
	ctlmsg_end(&k->out, true);
	ctlmsg_bool(&k->out, "changed", c->due.changes != k->changes);
	ctlmsg_close(&k->out);
	return CONTROL_DONE;
}

/* --- show */

/* What a crontab line says outside its comments, and what root decides for a user. */
static bool print_plain(const struct shown *s, enum option_id id, struct buf *value)
{
	bool line = s->job->common->kind == JOB_LINE;

	if (id == OPTION_USER && !option_given(s->options, id))
		buf_puts(value, s->job->common->user->name);
	else if (id == OPTION_SCHEDULE && line)
		buf_puts(value, schedule_text(s));
	else if (id == OPTION_COMMAND && line)
		buf_puts(value, job_command(s->job));
	else
		return false;
	return true;
}

/* What a setting of its table says in an option's place. */
static bool print_setting(const struct shown *s, enum option_id id, struct buf *value, char *origin,
	size_t n)
{
	static const struct {
		enum option_id id;
		const char *name;
	} settings[] = {
		{ OPTION_SHELL, "SHELL" },
		{ OPTION_MAIL, "MAILTO" },
		{ OPTION_MAIL_FROM, "MAILFROM" },
	};
	const struct job_common *m = s->job->common;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *text = settings[i].id == id && !option_given(s->options, id) ?
			crontab_env_get(m->env, settings[i].name) : NULL;

		if (!text)
			continue;
		buf_puts(value, *text ? text : "\"\"");
		snprintf(origin, n, "%s, %s=", m->file->path, settings[i].name);
		return true;
	}
	return false;
}

static void put_option(struct buf *b, const struct shown *s, enum option_id id)
{
	char origin[PATH_MAX + 32];
	struct buf value = { 0 };

	if (print_plain(s, id, &value)) {
		snprintf(origin, sizeof(origin), "%s:%u", s->job->common->file->path,
			(unsigned)s->job->line);
	} else if (!print_setting(s, id, &value, origin, sizeof(origin))) {
		option_print(s->options, id, &value);
		option_origin(s->options, id, origin, sizeof(origin));
	}
	if (value.len) {
		ctlmsg_open(b);
		ctlmsg_text(b, "option", option_get(id)->name);
		ctlmsg_slice(b, "value", (struct slice){ value.data, value.len });
		ctlmsg_text(b, "origin", origin);
		ctlmsg_close(b);
	}
	buf_free(&value);
}

static void put_runs(struct crond *c, struct buf *b, const struct shown *s)
{
	const char *ids[RUNS_SHOWN + 1];
	size_t n = 0;

	for (struct live_run *run = control_run_next(c, NULL, s->name, s->state); run && n < RUNS_SHOWN;
		run = control_run_next(c, run, s->name, s->state))
		ids[n++] = run->id;
	ids[n] = NULL;
	ctlmsg_list(b, "runs", ids);
}

/* Of the newest of its runs. */
static void put_usage(struct crond *c, struct buf *b, const struct shown *s)
{
	struct tree_usage u;

	if (!s->newest || run_usage(c, s->newest, &u) < 0)
		return;
	ctlmsg_number(b, "memory_kb", (int64_t)u.memory_kb);
	ctlmsg_number(b, "cpu_ms", (int64_t)(u.cpu_us / 1000));
	ctlmsg_number(b, "processes", u.processes);
}

/* Where the logs of its runs are: the client opens them, with its own rights. */
static void put_log(struct crond *c, struct buf *b, const struct shown *s)
{
	struct buf format = { 0 }, path = { 0 };

	if (!s->options->log)
		return;
	start_log_format(c, s->job->common, s->name, &format);
	if (buf_text(&format) && *format.data != '/') {
		logpath_quote(&path, c->set.log_dir);
		buf_putc(&path, '/');
	}
	buf_append(&path, format.data, format.len);
	if (buf_text(&path))
		ctlmsg_text(b, "log", path.data);
	buf_free(&format);
	buf_free(&path);
}

enum control_step control_show(struct crond *c, struct control_client *k)
{
	const struct job *job;
	enum control_step step = control_find(c, k, &job);
	struct shown s;

	if (!job)
		return step;
	shown_fill(c, job, &s);
	put_job(c, &k->out, &s, SIZE_MAX / 2);
	put_runs(c, &k->out, &s);
	put_usage(c, &k->out, &s);
	put_log(c, &k->out, &s);
	control_where(c, &k->out, job);
	ctlmsg_close(&k->out);
	for (enum option_id id = 0; id < OPTIONS; id++)
		put_option(&k->out, &s, id);
	return control_ok(k);
}

/* --- next */

/* A job that is found again at each step: its table may be another by then. */
enum control_step control_next(struct crond *c, struct control_client *k)
{
	const struct job *job;
	enum control_step step = control_find(c, k, &job);
	const struct timer *t;

	if (!job)
		return step;
	t = control_timer(c, job);
	if (!t)
		return control_fail(k, CTLMSG_REFUSED, "%s has no times: it is %s", k->found.names[0],
			job->common->options->type == JOB_TYPE_DAEMON ? "kept running" :
									"started at boot");
	if (k->after == INT64_MIN) {
		k->after = k->asked.after == INT64_MIN ? c->clock.real.tv_sec : k->asked.after;
		k->left = k->asked.count;
	}
	for (int i = 0; i < NEXT_EACH && k->left; i++, k->left--) {
		k->after = schedule_next(&t->schedule, t->zone, t->source, k->after);
		if (k->after == SCHEDULE_NEVER)
			return control_ok(k);
		ctlmsg_open(&k->out);
		ctlmsg_number(&k->out, "at", k->after);
		ctlmsg_number(&k->out, "offset", t->zone ? zone_span(t->zone, k->after).offset : 0);
		ctlmsg_close(&k->out);
	}
	return k->left ? CONTROL_MORE : control_ok(k);
}
