/* start_run: what exactly is to be run, as a record.
 * Flow: a job that may start -> struct run: as whom, where, with which environment, by
 * which words, who is mailed; start.c claims it. */
#include "config.h"

#include "crond/start.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/text.h"
#include "crond/core/crontab.h"
#include "crond/core/direct.h"
#include "crond/core/jobenv.h"
#include "crond/core/mailtext.h"
#include "crond/tell.h"

/* Made once for each stretch of lines, and again when its user's home has moved. */
static int env_prepare(struct crond *c, struct job_common *m)
{
	struct buf b = { 0 };
	char *block;

	if (m->env_block.s && m->env_of == m->user->generation)
		return 0;
	jobenv_build(&b, &(struct jobenv_of){ .dialect = c->set.dialect, .settings = m->env,
		.own = m->options->env, .inherited = c->inherited, .user = m->user->name,
		.home = m->user->home, .path = c->jobs_path, .shell = m->options->shell });
	block = b.failed ? NULL : arena_alloc(&m->file->arena, b.len);
	if (block) {
		memcpy(block, b.data, b.len);
		m->env_block = (struct slice){ block, b.len };
		m->env_of = m->user->generation;
	}
	buf_free(&b);
	return block ? 0 : -1;
}

/* The environment as pointers, to be judged; once for each stretch of lines. */
static bool direct_judge(struct slice env)
{
	const char *list[512];
	size_t n = 0;

	for (const char *e; (e = run_list_next(&env));) {
		if (n == sizeof(list) / sizeof(list[0]) - 1)
			return false;
		list[n++] = e;
	}
	list[n] = NULL;
	return direct_environment(list);
}

static void run_words(struct start *s, struct job_common *m)
{
	struct run *r = &s->run;
	size_t n = 0;

	if (m->options->argv) {
		for (const char *const *w = m->options->argv; *w; w++)
			buf_append(&s->words, *w, strlen(*w) + 1);
		r->argv_only = true;
	} else if (s->c->shell_adds_pwd && s->c->set.conf.direct_exec &&
		strcmp(r->shell, "/bin/sh") == 0) {
		char *out = arena_alloc(&s->c->scratch, strlen(r->command) + 1);

		if (!m->checked_direct) {
			m->direct_ok = direct_judge(m->env_block);
			m->checked_direct = true;
		}
		if (out && m->direct_ok)
			n = direct_words(slice_of(r->command), out);
		for (; n > 0; n--) {
			buf_append(&s->words, out, strlen(out) + 1);
			out += strlen(out) + 1;
		}
		r->flags |= RUN_DASH_PWD | (s->c->shell_waits ? RUN_SHELL_WAITS : 0u);
	}
	r->words = (struct slice){ s->words.data, s->words.len };
}

static int run_command(struct start *s)
{
	struct run *r = &s->run;
	const char *text = job_command(s->job);

	if (s->common->kind == JOB_LINE)
		return crontab_split(slice_of(text), s->c->set.dialect, &s->c->scratch, &r->command,
			&r->input);
	r->command = text;
	if (!text) { /* argv: shown as its words */
		struct buf shown = { 0 };

		for (const char *const *w = s->common->options->argv; *w; w++)
			buf_printf(&shown, "%s%s", shown.len ? " " : "", *w);
		r->command = arena_copy(&s->c->scratch, shown.data ? shown.data : "", shown.len);
		buf_free(&shown);
	}
	return r->command ? 0 : -1;
}

/* Where it may speak. WATCHDOG_PID is left out: below a shell the job has another pid, and
 * programs take its absence as leave for all of them. */
static void run_heart(struct start *s)
{
	const struct options *o = s->common->options;
	char us[32];

	if (!s->notify[0])
		said_socket(s->c, s->notify);
	s->run.notify = s->notify;
	jobenv_put(&s->env, "NOTIFY_SOCKET", s->notify);
	if (!o->watchdog_ms)
		return;
	s->run.watchdog_ms = o->watchdog_ms;
	s->run.watchdog_miss = o->watchdog_miss;
	snprintf(us, sizeof(us), "%" PRIu64, o->watchdog_ms * 1000);
	jobenv_put(&s->env, "WATCHDOG_USEC", us);
}

/* Several lines of the environment belong to the run alone. */
static void run_env(struct start *s)
{
	const struct job_common *m = s->common;

	buf_append(&s->env, m->env_block.s, m->env_block.n);
	if (m->has_options) {
		char at[32], attempt[16];

		snprintf(at, sizeof(at), "%" PRId64, s->scheduled);
		snprintf(attempt, sizeof(attempt), "%" PRIu32, s->run.attempt);
		jobenv_put(&s->env, "CRON_JOB", s->name);
		jobenv_put(&s->env, "CRON_RUN_ID", s->id);
		jobenv_put(&s->env, "CRON_SCHEDULED_AT", at);
		jobenv_put(&s->env, "CRON_ATTEMPT", attempt);
		jobenv_put(&s->env, "CRON_HOST", s->c->fqdn);
		run_heart(s);
	}
	s->run.env = (struct slice){ s->env.data, s->env.len };
}

/* NULL: there is none. */
static const char *run_mailer(struct start *s)
{
	const struct settings *set = &s->c->set;

	if (set->mail_command && strcmp(set->mail_command, "off") != 0) {
		s->run.flags |= RUN_MAIL_COMMAND;
		return set->mail_command;
	}
	if (set->mail_command || (set->conf.mailer && strcmp(set->conf.mailer, "off") == 0))
		return NULL;
	return set->conf.mailer ? set->conf.mailer : "/usr/sbin/sendmail";
}

/* NULL or empty: nobody. A task mails what it prints only where it is told to. */
static const char *run_mail_to(struct start *s)
{
	const struct options *o = s->common->options;
	const char *to;

	if (o->mail || s->common->kind == JOB_TASK)
		return o->mail;
	to = given_expand(s->c, jobenv_value(s->common->env_block, "MAILTO"));
	return to || s->c->set.only_files ? to : s->common->user->name;
}

static void run_mail(struct start *s)
{
	struct run *r = &s->run;
	struct slice env = s->common->env_block;
	const char *to = run_mail_to(s), *from = s->common->options->mail_from;

	if (s->common->kind == JOB_TASK && !to)
		return;
	if (s->c->set.output_to_log || s->c->no_mailer) {
		r->flags |= RUN_LOG_OUTPUT;
		return;
	}
	r->mailer = run_mailer(s);
	if (!to || !*to || !r->mailer)
		return;
	r->flags |= RUN_MAIL;
	if (s->job->flags & JOB_MAIL_ON_FAILURE)
		r->flags |= RUN_MAIL_ON_FAILURE;
	r->mail_to = to;
	r->mail_from = from ? from : given_expand(s->c, jobenv_value(env, "MAILFROM"));
	r->mail_type = jobenv_value(env, "CONTENT_TYPE");
	if (!r->mail_type)
		r->mail_type = s->c->mail_type;
	r->mail_encoding = jobenv_value(env, "CONTENT_TRANSFER_ENCODING");
}

static void run_flags(struct start *s)
{
	static const unsigned mask_flags[] = { RUN_LOG_START, RUN_LOG_END, RUN_LOG_FAILED, RUN_LOG_PID };
	const struct settings *set = &s->c->set;
	const struct options *o = s->common->options;
	uint32_t *f = &s->run.flags;

	for (unsigned i = 0; i < 4; i++) {
		if (set->log_mask & 1u << i)
			*f |= mask_flags[i];
	}
	if (s->common->kind == JOB_TASK)
		*f |= RUN_TASK;
	if (o->leftovers == LEFTOVERS_KILL)
		*f |= RUN_TREE;
	/* a private instance's user may well have no home: in a container few have */
	if (s->common->kind == JOB_TASK && (o->dir || !set->only_files))
		*f |= RUN_CHDIR_MUST;
	if (s->common->kind == JOB_TASK || s->common->has_options)
		*f |= RUN_KEEP_TAIL;
	if (set->root)
		*f |= RUN_IDENTITY;
	if (set->root && s->c->pam && (set->dialect->pam_for_system_root || !s->common->system ||
		s->common->user->uid != 0))
		*f |= RUN_PAM;
	if (set->dialect->chdir_must_work)
		*f |= RUN_CHDIR_MUST;
	if (s->job->flags & JOB_QUIET)
		*f |= RUN_QUIET;
	if (s->common->trusted)
		*f |= RUN_TRUSTED;
	if (s->common->has_options)
		*f |= RUN_LEARN;
	if (s->asked)
		*f |= RUN_ASKED;
	if (o->retries && s->cause != START_DAEMON)
		*f |= RUN_RETRIES;
	if (o->grace_ms)
		*f |= RUN_GRACE;
	if (s->cause == START_CATCHUP)
		*f |= RUN_CATCHUP;
	if (o->type == JOB_TYPE_DAEMON)
		*f |= RUN_DAEMON;
}

/* Is there nobody to take it? Of a command line (-m) the keeper finds out. */
static bool mailer_lacks(const struct run *r)
{
	return !(r->flags & RUN_MAIL_COMMAND) && access(r->mailer, X_OK) < 0;
}

/* Where the log is on standard error, what jobs print is shown there, too, unless it is
 * mailed; in a private instance whether or not. */
static void run_shown(struct start *s)
{
	const struct settings *set = &s->c->set;
	struct run *r = &s->run;

	if (s->c->log.target == LOG_TO_SYSLOG && !set->only_files)
		return;
	if (r->flags & RUN_MAIL && mailer_lacks(r))
		r->flags &= ~(uint32_t)RUN_MAIL;
	if (set->only_files || !(r->flags & RUN_MAIL))
		r->flags |= RUN_ECHO;
}

static struct slice list_join(struct arena *a, const char *const *list)
{
	size_t n = 0, at = 0;
	char *out;

	for (const char *const *w = list; w && *w; w++)
		n += strlen(*w) + 1;
	out = n ? arena_text(a, n) : NULL;
	for (const char *const *w = list; out && *w; w++) {
		memcpy(out + at, *w, strlen(*w) + 1);
		at += strlen(*w) + 1;
	}
	return (struct slice){ out, out ? n : 0 };
}

static void run_as(struct start *s)
{
	struct run *r = &s->run;
	const struct job_user *u = s->common->user;
	const char *home = jobenv_value(s->common->env_block, "HOME");

	r->user = u->name;
	r->uid = (uint32_t)u->uid;
	r->gid = (uint32_t)u->gid;
	r->groups = u->groups;
	r->group_count = u->group_count;
	r->dir = s->common->options->dir ? s->common->options->dir : home;
	/* Debian's daemon stands above its spool, and a job without a home stays there */
	r->fallback_dir = s->common->kind == JOB_LINE && !s->c->set.only_files ? "/var/spool/cron" : "/";
	r->umask = s->c->umask;
	r->shell = jobenv_value(s->common->env_block, "SHELL");
}

/* How it is stopped, and what holds it. Defaults are left out of the record. */
static void run_stopping(struct start *s)
{
	const struct options *o = s->common->options;
	struct run *r = &s->run;

	r->timeout_ms = o->timeout_ms;
	if (option_given(o, OPTION_KILL_AFTER))
		r->kill_after_ms = o->kill_after_ms ? o->kill_after_ms : 1;
	if (option_given(o, OPTION_STOP_SIGNAL))
		r->stop_signal = (uint32_t)o->stop_signal;
	if (r->timeout_ms && o->on_timeout == ON_TIMEOUT_ALERT)
		r->flags |= RUN_TIMEOUT_ALERT;
	if (r->timeout_ms && s->c->set.conf.timeout_counts_suspend)
		r->flags |= RUN_COUNT_SUSPEND;
	if (o->parent_death == PARENT_DEATH_STOP)
		r->flags |= RUN_PARENT_DEATH;
	r->memory_max = o->memory_max;
	r->cpu_quota = o->cpu_quota;
	r->tasks_max = o->tasks_max;
	/* to move a process into one stops all forks of the system for a moment: only where asked */
	if (r->flags & RUN_PARENT_DEATH || r->memory_max || r->cpu_quota || r->tasks_max)
		r->cgroup = s->c->cgroup[0] ? s->c->cgroup : NULL;
}

void start_run_renamed(struct start *s)
{
	if (!s->common->has_options)
		return;
	buf_clear(&s->env);
	run_env(s);
}

static void run_alerts(struct start *s)
{
	const struct options *o = s->common->options;
	struct run *r = &s->run;

	if (!o->alert)
		return;
	r->alert = list_join(&s->c->scratch, o->alert);
	r->alert_on = o->alert_on;
	r->alert_after = o->alert_after;
	r->alert_every_ms = o->alert_every_ms;
	if (o->alert_on >> RESULT_OK & 1)
		r->flags |= RUN_ALERT_SUCCESS;
	if (tell_pings(s->c, r))
		r->flags |= RUN_PINGS;
}

int start_run_fill(struct start *s)
{
	struct job_common *m = (struct job_common *)s->common; /* its caches are ours */
	struct run *r = &s->run;
	const struct options *o = m->options;
	const struct settings *set = &s->c->set;

	if (env_prepare(s->c, m) < 0)
		return -1;
	r->id = s->id;
	r->identity = s->job->identity;
	r->job = s->name;
	snprintf(s->place, sizeof(s->place), "%s:%u", m->file->path, (unsigned)s->job->line);
	r->place = s->place;
	r->scheduled = s->scheduled;
	r->attempt = s->attempt ? s->attempt : 1;
	r->dialect = set->dialect->id;
	run_as(s);
	run_flags(s);
	run_mail(s);
	run_shown(s);
	if (run_command(s) < 0)
		return -1;
	run_words(s, m);
	run_env(s);
	run_stopping(s);
	r->output_most = set->conf.output_max;
	r->host = set->fqdn ? s->c->fqdn : s->c->host;
	r->pam_service = set->dialect->pam_service;
	run_alerts(s);
	r->tags = list_join(&s->c->scratch, o->tags);
	r->owner = o->owner;
	r->description = o->description;
	if (pool_key(m, s->pool))
		r->pool = s->pool;
	/* jobs that fire alike share a timer, whose text is the first one's */
	if (o->type == JOB_TYPE_CRON)
		r->schedule = s->timer ? s->timer->text : "@reboot";
	if (o->schedule)
		r->schedule = o->schedule;
	return s->env.failed || s->words.failed ? -1 : start_dress(s);
}
