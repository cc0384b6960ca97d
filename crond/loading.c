/* loading: one file's entries and tasks into jobs, while it is being parsed.
 * Flow: load starts the parser; what it finds comes here one by one, users and zones are
 * resolved, and each becomes a job on its timer. */
#include "config.h"

#include "crond/loading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/jobenv.h"
#include "crond/core/taskfile.h"

enum { DELAY_MOST = 24 * 60 };

/* --- what jobs share */

static void say_zone(struct loading *l, uint32_t line, const char *name, const char *why)
{
	struct diag d;

	if (!*why)
		why = "out of memory";
	diag_error(&d, line, 0, "bad timezone '%.64s': %s", name ? name : "", why);
	load_say(l->c, l->source, &d);
}

/* RANDOM_DELAY in force, in seconds; a bad one is none. */
static int32_t delay_for(struct loading *l, const struct crontab_env *env, uint32_t line)
{
	struct crond *c = l->c;
	const char *text = crontab_env_get(env, "RANDOM_DELAY");
	struct diag d;
	long minutes;

	if (!c->set.dialect->random_delay || l->source->kind == SOURCE_TASKS)
		return 0;
	if (!text)
		text = jobenv_value(c->inherited, "RANDOM_DELAY");
	if (!text)
		return 0;
	errno = 0;
	minutes = strtol(text, NULL, 10);
	if (errno == 0 && minutes >= 0 && minutes <= DELAY_MOST)
		return (int32_t)((uint64_t)minutes * c->delay_scale / DELAY_WHOLE) * 60;
	if (!c->set.check)
		say_error(c, "CRON", "ERROR", "bad value of RANDOM_DELAY", 0);
	diag_warning(&d, line, 0, "RANDOM_DELAY takes minutes from 0 to %d, not '%.40s'", DELAY_MOST, text);
	load_say(c, l->source, &d);
	return 0;
}

static const struct zone *zone_for(struct loading *l, const struct options *o,
	const struct crontab_env *env, uint32_t line)
{
	int32_t delay = delay_for(l, env, line);
	struct diag d = { .text = "" }, told;
	const char *name = o->timezone;
	const struct zone *z;

	if (!name && l->c->set.dialect->cron_tz)
		name = crontab_env_get(env, "CRON_TZ");
	z = host_zone(l->c, l->file, name && *name ? name : NULL, delay, &d);
	if (z)
		return z;
	if (o->timezone || !name) {
		say_zone(l, line, name, d.text);
		return NULL;
	}
	/* what the C library makes of a name that it does not know: cronie's lines run */
	diag_warning(&told, line, 0, "CRON_TZ '%.64s' is not known, UTC takes its place: %.200s", name,
		d.text);
	load_say(l->c, l->source, &told);
	return host_zone(l->c, l->file, "UTC0", delay, &d);
}

/* What is wrong with a receiver; NULL: nothing. */
static const char *receiver_lacks(const struct conf *conf, const struct job_common *m, const char *to)
{
	static const char hook[] = "webhook:";
	size_t i = 0;

	if (strncmp(to, hook, sizeof(hook) - 1) != 0)
		return NULL;
	to += sizeof(hook) - 1;
	while (i < conf->webhook_count && strcmp(conf->webhooks[i].name, to) != 0)
		i++;
	if (i == conf->webhook_count)
		return "no webhook of this name is defined in crond.conf";
	return m->trusted || conf->webhooks[i].users ? NULL
		: "crond.conf does not let users' jobs have this webhook";
}

/* A receiver that is told nothing: better known before it is needed. A check of single files
 * has no crond.conf to look in. */
static void check_alerts(struct loading *l, const struct job_common *m, uint32_t line)
{
	const struct settings *set = &l->c->set;
	const struct options *o = m->options;
	struct option_place at = option_place(o, OPTION_ALERT);
	struct diag d;

	if (!o->alert || (set->check && set->only_files && !set->config_named))
		return;
	for (const char *const *to = o->alert; *to; to++) {
		const char *why = receiver_lacks(&set->conf, m, *to);

		if (!why)
			continue;
		diag_warning(&d, at.line ? at.line : line, at.column, "'%.72s': %s", *to, why);
		load_say(l->c, l->source, &d);
	}
}

/* One of the last few stretches, if all is as it was there: users may take turns. */
static struct job_common *common_known(const struct loading *l, const struct job_user *user,
	const struct crontab_env *env, const struct options *o)
{
	for (unsigned i = 0; i < STRETCHES_KEPT; i++) {
		struct job_common *m = l->recent[(l->stretches - 1 - i) % STRETCHES_KEPT];

		if (m && m->user == user && m->env == env && m->options == o)
			return m;
	}
	return NULL;
}

static struct job_common *common_new(struct loading *l, const struct job_user *user,
	const struct crontab_env *env, const struct options *o, uint32_t line)
{
	const struct zone *z = zone_for(l, o, env, line);
	struct job_common *m;

	if (!z)
		return NULL;
	m = arena_alloc(&l->file->arena, sizeof(*m));
	if (!m) {
		l->memory = true;
		return NULL;
	}
	*m = (struct job_common){ .file = l->file, .user = user, .env = env, .options = o, .zone = z,
		.kind = JOB_LINE, .has_options = o != l->defaults[JOB_LINE],
		.system = l->source->kind == SOURCE_SYSTEM,
		.trusted = l->source->kind != SOURCE_USER || user->uid == 0 };
	check_alerts(l, m, line);
	if (o->group)
		user_group_soon(l->c, o->group);
	l->recent[l->stretches++ % STRETCHES_KEPT] = m;
	return m;
}

static int job_put(struct loading *l, const struct job_common *m, struct job *job,
	const struct schedule *s, struct slice time_text)
{
	job->common = m;
	if (m->options->type == JOB_TYPE_DAEMON) { /* kept running, by no timer */
		l->file->daemons++;
		return 0;
	}
	if (s->flags & SCHEDULE_REBOOT) {
		l->file->reboot_jobs++;
		return 0;
	}
	return due_add(&l->c->due, job, s, m->zone, m->kind == JOB_TASK ? STEP_TASK : STEP_CRONTAB,
		time_text);
}

/* Its name is its identity: one of that name only, in all files. A file that is gone, or about
 * to be read again, has no say in it. */
static bool name_taken(struct loading *l, const char *what, const char *name, uint32_t line,
	uint64_t identity)
{
	const struct job *job = names_find(&l->c->tasks, identity);
	const struct source *s = job ? source_find(l->c, job->common->file->path) : NULL;
	char text[PATH_MAX + 160];

	if (!s || s == l->source || s->gone_since || s->dirty)
		return false;
	snprintf(text, sizeof(text), "%s \"%s\" is defined at %s:%u already", what, name,
		s->path, (unsigned)job->line);
	loading_say(l, line, text);
	l->source->clashed = true;
	return true;
}

/* --- lines */

/* What a service that does not answer knows is left out, and nothing else: no answer is no error. */
static bool is_awaited(struct loading *l, int error)
{
	l->awaits = error == EINPROGRESS;
	l->source->awaits |= l->awaits;
	l->c->reload.awaits |= l->awaits;
	return l->awaits;
}

/* The user of a system table's line, or the table's owner. NULL: said. */
static const struct job_user *line_user(struct loading *l, const struct crontab_entry *e)
{
	char name[256];
	int error;

	l->awaits = false;
	if (l->user && (e->user.n == 0 || (l->last_user && slice_is(e->user, l->last_user))))
		return l->user;
	snprintf(name, sizeof(name), "%.*s", (int)e->user.n, e->user.s);
	l->user = e->user.n < sizeof(name) ? user_get(l->c, name) : NULL;
	error = l->user ? 0 : errno;
	l->last_user = l->user ? l->user->name : NULL;
	if (!l->c->set.root && l->user && l->user->uid != geteuid()) {
		loading_say(l, e->line, "only root can run jobs as somebody else");
		l->user = NULL;
		return NULL;
	}
	if (!l->user && !is_awaited(l, error)) {
		struct diag d;

		l->source->lacks_user = true;
		l->source->unread |= load_passes(error);
		diag_error(&d, e->line, 0, "bad username");
		say_no_user(l->c, l->source, name, &d, !l->erred);
		l->erred = true;
		loading_diag(l, &d);
	}
	return l->user;
}

static uint64_t line_identity(struct loading *l, const struct job_user *user,
	const struct crontab_entry *e, bool trusted)
{
	if (l->place_of != user) {
		l->place = job_identity_place(l->source->path, user->name, trusted);
		l->place_of = user;
	}
	return job_identity_line(l->place, e->time_text, e->command, e->options);
}

/* The whole name of a line that has one: a user's are apart from everybody else's, and from
 * root's, by what no task's name may have in it. 0, or -1: said, or memory is out. */
static int line_name(struct loading *l, struct job_common *m, const struct crontab_entry *e)
{
	const char *name = m->options->name;
	char full[2 * JOB_NAME_MOST];
	int n;

	if (!name)
		return 0;
	if (m->trusted)
		n = snprintf(full, sizeof(full), "%s", name);
	else
		n = snprintf(full, sizeof(full), "%s:%s", m->user->name, name);
	for (char *c = full; *c; c++)
		if (!run_id_char(*c))
			*c = '_';
	if (n >= JOB_NAME_MOST) {
		loading_say(l, e->line, "its name is too long with its user's");
		return -1;
	}
	if (name_taken(l, "job", full, e->line, job_identity_name(full, m->trusted)))
		return -1;
	m->name = arena_copy(&l->file->arena, full, (size_t)n);
	l->memory |= !m->name;
	l->named++;
	return m->name ? 0 : -1;
}

int loading_entry(void *arg, const struct crontab_entry *e)
{
	struct loading *l = arg;
	const struct job_user *user = line_user(l, e);
	const struct options *o = e->options ? e->options : l->defaults[JOB_LINE];
	struct job_common *m = NULL;
	struct job *job;

	if (user)
		m = common_known(l, user, e->env, o);
	if (user && !m)
		m = common_new(l, user, e->env, o, e->line);
	if (!m && l->awaits)
		return 0;
	if (!m) {
		l->refused = l->c->set.dialect->bad_line_drops_file;
		return l->memory ? -1 : 0;
	}
	if (line_name(l, m, e))
		return l->memory ? -1 : 0;
	job = job_file_add(l->file);
	if (!job || job_file_command(l->file, job, e->command) < 0) {
		l->memory = true;
		return -1;
	}
	job->identity = m->name ? job_identity_name(m->name, m->trusted) : line_identity(l, user, e, m->trusted);
	job->line = e->line & (LINES_MOST - 1);
	job->flags = ((e->quiet ? JOB_QUIET : 0u) | (e->mail_on_failure ? JOB_MAIL_ON_FAILURE : 0u)) & 3;
	job->common = m;
	if (l->c->set.check)
		loading_lint(l, job, &e->schedule, e->command);
	return job_put(l, m, job, &e->schedule, e->time_text);
}

/* --- tasks */

static void say_task_user(struct loading *l, const struct taskfile_task *t, const char *what)
{
	struct option_place at = option_place(&t->options, OPTION_USER);
	struct diag d;

	diag_error(&d, at.line ? at.line : t->line, at.column, "task \"%s\": %s", t->name, what);
	load_say(l->c, l->source, &d);
}

static const struct job_user *task_user(struct loading *l, const struct taskfile_task *t)
{
	const char *name = t->options.user;
	const struct job_user *u = name ? user_get(l->c, name) : user_self(l->c);
	int error = u ? 0 : errno;
	char text[160];

	if (u && !l->c->set.root && u->uid != geteuid()) {
		say_task_user(l, t, "only root can run tasks as somebody else");
		return NULL;
	}
	if (!u && !is_awaited(l, error)) {
		l->source->lacks_user = true;
		l->source->unread |= load_passes(error);
		snprintf(text, sizeof(text), "user '%.100s' does not exist here", name ? name : "?");
		say_task_user(l, t, text);
	}
	return u;
}

/* Without root nothing can be had that only root may ask for. */
static bool task_trusted(struct loading *l, const struct taskfile_task *t)
{
	struct options_caps caps;
	struct diag d, told;

	if (l->c->set.root || options_trust(&t->options, load_caps(l->c, JOB_TASK, &caps), &d) == 0)
		return true;
	diag_error(&told, d.line ? d.line : t->line, d.column, "task \"%s\": %s", t->name, d.text);
	load_say(l->c, l->source, &told);
	return false;
}

int loading_task(void *arg, const struct taskfile_task *t)
{
	struct loading *l = arg;
	const struct job_user *user = task_user(l, t);
	uint64_t identity = job_identity_name(t->name, true);
	struct job_common *m;
	struct options *o;
	struct job *job;

	if (!user || !task_trusted(l, t) || name_taken(l, "task", t->name, t->line, identity))
		return 0;
	o = arena_alloc(&l->file->arena, sizeof(*o));
	if (!o)
		return -1;
	*o = t->options;
	o->file = l->file->path;
	m = common_new(l, user, NULL, o, t->line);
	if (!m)
		return l->memory ? -1 : 0;
	m->kind = JOB_TASK;
	m->name = t->name;
	l->named++;
	job = job_file_add(l->file);
	if (!job || (o->command && job_file_command(l->file, job, slice_of(o->command)) < 0))
		return -1;
	job->identity = identity;
	job->line = t->line & (LINES_MOST - 1);
	job->common = m;
	if (l->c->set.check)
		loading_lint(l, job, &t->schedule, slice_of(o->command ? o->command : ""));
	return job_put(l, m, job, &t->schedule, slice_of(o->schedule ? o->schedule : ""));
}
