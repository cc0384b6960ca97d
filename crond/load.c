/* load: one file's bytes into jobs in force.
 * Flow: reload says which file; trust is judged on the open descriptor, core parses,
 * users and zones are resolved, and the new jobs take the old ones' place in due. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/crontab.h"
#include "crond/core/taskfile.h"

enum { FILE_MOST = 512 << 20, ERRORS_SAID = 50 };

/* How often an identity came in this file: equal lines are jobs of their own. */
struct seen {
	uint64_t *keys;
	uint32_t *counts;
	size_t slots, used;
};

struct loading {
	struct crond *c;
	struct source *source;
	struct job_file *file;
	struct job_common *common; /* of the entry before */
	const struct options *plain;
	struct seen seen;
	const char *last_user;
	const struct job_user *user;
	size_t said;
	bool erred;   /* an error was met */
	bool refused; /* a user or zone that is not there, where the dialect drops the file */
	bool memory;  /* ran out */
};

/* --- saying what is wrong */

void load_say(struct crond *c, const struct source *s, const struct diag *d)
{
	char at[48] = "";

	if (d->line && d->column)
		snprintf(at, sizeof(at), ":%u:%u", (unsigned)d->line, (unsigned)d->column);
	else if (d->line)
		snprintf(at, sizeof(at), ":%u", (unsigned)d->line);
	if (d->level == DIAG_ERROR)
		c->errors++;
	if (c->set.check)
		fprintf(stderr, "%s%s: %s: %s\n", s->path, at,
			d->level == DIAG_ERROR ? "error" : "warning", d->text);
	else
		log_line(&c->log, d->level == DIAG_ERROR ? LOG_ERR : LOG_WARNING,
			c->set.dialect->daemon_tag, getpid(), 0, "(%s) %s (%s%s: %s)", s->owner,
			d->level == DIAG_ERROR ? "ERROR" : "WARNING", s->path, at, d->text);
}

static void say_at(struct loading *l, uint32_t line, const char *text);

/* In the classic words, and with its place. `error` is errno's where what went wrong has
 * one, else 0. */
static void complain(struct loading *l, const char *what, int error)
{
	char text[128];

	if (!say_refused(l->c, l->source, what, error))
		return;
	snprintf(text, sizeof(text), "refused: %s%s%s", what, error ? ": " : "",
		error ? strerror(error) : "");
	say_at(l, 0, text);
}

static void say_at(struct loading *l, uint32_t line, const char *text)
{
	struct diag d;

	diag_error(&d, line, 0, "%s", text);
	load_say(l->c, l->source, &d);
}

/* --- jobs */

static uint32_t *seen_slot(struct seen *s, uint64_t key)
{
	size_t i = key & (s->slots - 1);

	while (s->counts[i] && s->keys[i] != key)
		i = (i + 1) & (s->slots - 1);
	s->keys[i] = key;
	return &s->counts[i];
}

static int seen_grow(struct seen *s)
{
	struct seen more = { .slots = s->slots ? s->slots * 2 : 64, .used = s->used };

	if (s->slots && s->used < s->slots / 2)
		return 0;
	more.keys = calloc(more.slots, sizeof(*more.keys));
	more.counts = calloc(more.slots, sizeof(*more.counts));
	if (!more.keys || !more.counts) {
		free(more.keys);
		free(more.counts);
		return -1;
	}
	for (size_t i = 0; i < s->slots; i++) {
		if (s->counts[i])
			*seen_slot(&more, s->keys[i]) = s->counts[i];
	}
	free(s->keys);
	free(s->counts);
	*s = more;
	return 0;
}

/* How many equal ones came before; -1: memory. */
static int64_t seen_count(struct seen *s, uint64_t identity)
{
	uint32_t *count;

	if (seen_grow(s) < 0)
		return -1;
	count = seen_slot(s, identity);
	if (*count == 0)
		s->used++;
	return (*count)++;
}

static void say_diag(struct loading *l, const struct diag *d);

static void say_zone(struct loading *l, uint32_t line, const char *name, const char *why)
{
	struct diag d;

	diag_error(&d, line, 0, "bad timezone '%.64s': %s", name ? name : "", why);
	load_say(l->c, l->source, &d);
}

static const struct zone *zone_for(struct loading *l, const struct options *o,
	const struct crontab_env *env, uint32_t line)
{
	const char *name = o->timezone;
	struct diag d = { .text = "" };
	const struct zone *z;

	if (!name && l->c->set.dialect->cron_tz)
		name = crontab_env_get(env, "CRON_TZ");
	z = host_zone(l->c, name && *name ? name : NULL, &d);
	if (!z)
		say_zone(l, line, name, d.text);
	return z;
}

/* A receiver that nobody has defined is told nothing: better known before it is needed.
 * A check of single files has no crond.conf to look in. */
static void check_alerts(struct loading *l, const struct options *o, uint32_t line)
{
	const struct settings *set = &l->c->set;
	struct diag d;

	if (!o->alert || (set->check && set->only_files && !set->config_named))
		return;
	for (const char *const *to = o->alert; *to; to++) {
		const char *name = strncmp(*to, "webhook:", 8) == 0 ? *to + 8 : NULL;
		size_t i = 0;

		while (name && i < set->conf.webhook_count && strcmp(set->conf.webhooks[i].name, name) != 0)
			i++;
		if (name && i == set->conf.webhook_count) {
			diag_warning(&d, line, 0, "no webhook '%.64s' is defined in crond.conf", name);
			load_say(l->c, l->source, &d);
		}
	}
}

/* A new stretch, or the one before if nothing of it has changed. */
static struct job_common *common_for(struct loading *l, const struct job_user *user,
	const struct crontab_env *env, const struct options *o, bool has_options, uint32_t line)
{
	struct job_common *m = l->common;
	const struct zone *z;

	if (m && m->user == user && m->env == env && m->options == o)
		return m;
	z = zone_for(l, o, env, line);
	if (!z)
		return NULL;
	m = arena_alloc(&l->file->arena, sizeof(*m));
	if (!m) {
		l->memory = true;
		return NULL;
	}
	*m = (struct job_common){ .file = l->file, .user = user, .env = env, .options = o, .zone = z,
		.kind = JOB_LINE, .has_options = has_options,
		.system = l->source->kind == SOURCE_SYSTEM, .trusted = l->source->kind != SOURCE_USER || user->uid == 0 };
	check_alerts(l, o, line);
	l->common = m;
	return m;
}

static int job_put(struct loading *l, struct job_common *m, uint64_t identity, uint32_t line,
	const char *command, const struct schedule *s, struct slice time_text)
{
	struct job *job = job_file_add(l->file);

	if (!job || (m->kind == JOB_LINE && !command)) {
		l->memory = true;
		return -1;
	}
	job->identity = identity;
	job->command = command;
	job->common = m;
	job->line = line;
	if (s->flags & SCHEDULE_REBOOT) {
		l->file->reboot_jobs++;
		return 0;
	}
	if (due_add(&l->c->due, job, s, m->zone, m->kind == JOB_TASK ? STEP_TASK : STEP_CRONTAB,
		time_text) < 0) {
		l->memory = true;
		return -1;
	}
	return 0;
}

/* The user of a system table's line, or the table's owner. NULL: said. */
static const struct job_user *line_user(struct loading *l, const struct crontab_entry *e)
{
	char name[256];

	if (l->user && (e->user.n == 0 || (l->last_user && slice_is(e->user, l->last_user))))
		return l->user;
	if (e->user.n >= sizeof(name))
		return NULL;
	memcpy(name, e->user.s, e->user.n);
	name[e->user.n] = '\0';
	l->user = user_get(l->c, name);
	l->last_user = l->user ? l->user->name : NULL;
	if (!l->c->set.root && l->user && l->user->uid != geteuid()) {
		say_at(l, e->line, "only root can run jobs as somebody else");
		l->user = NULL;
		return NULL;
	}
	if (!l->user) {
		struct diag d;

		l->source->lacks_user = true;
		diag_error(&d, e->line, 0, "bad username");
		say_no_user(l->c, l->source, name, &d, !l->erred);
		l->erred = true;
		say_diag(l, &d);
	}
	return l->user;
}

static int take_entry(void *arg, const struct crontab_entry *e)
{
	struct loading *l = arg;
	const struct job_user *user = line_user(l, e);
	struct job_common *m = NULL;
	uint64_t identity;
	struct job *job;
	int64_t same;

	if (user)
		m = common_for(l, user, e->env, e->options ? e->options : l->plain, e->options, e->line);
	if (!m) {
		l->refused = l->c->set.dialect->bad_line_drops_file;
		return l->memory ? -1 : 0;
	}
	identity = job_identity(l->source->path, NULL, slice_of(user->name), e->time_text, e->command,
		e->options, 0);
	same = seen_count(&l->seen, identity);
	if (same > 0)
		identity = job_identity(l->source->path, NULL, slice_of(user->name), e->time_text,
			e->command, e->options, (uint32_t)same);
	if (same < 0 || job_put(l, m, identity, e->line,
		arena_copy(&l->file->arena, e->command.s, e->command.n), &e->schedule, e->time_text) < 0)
		return -1;
	job = job_file_get(l->file, l->file->count - 1);
	job->flags = (e->quiet ? JOB_QUIET : 0u) | (e->mail_on_failure ? JOB_MAIL_ON_FAILURE : 0u);
	return 0;
}

static const struct job_user *task_user(struct loading *l, const struct taskfile_task *t)
{
	const char *name = t->options.user;
	const struct job_user *u = name ? user_get(l->c, name) : user_self(l->c);
	char text[160];

	if (u && !l->c->set.root && u->uid != geteuid()) {
		say_at(l, t->line, "only root can run tasks as somebody else");
		return NULL;
	}
	if (!u) {
		l->source->lacks_user = true;
		snprintf(text, sizeof(text), "task \"%s\": user '%s' does not exist here", t->name,
			name ? name : "?");
		say_at(l, t->line, text);
	}
	return u;
}

/* Its name is its identity: one of that name only, in all files. */
static bool task_name_taken(struct loading *l, const struct taskfile_task *t, uint64_t identity)
{
	struct source *s;
	char text[PATH_MAX + 160];

	RB_FOREACH(s, source_tree, &l->c->sources) {
		if (s == l->source || s->kind != SOURCE_TASKS || !s->jobs || s->gone_since)
			continue;
		for (size_t i = 0; i < s->jobs->count; i++) {
			const struct job *job = job_file_get(s->jobs, i);

			if (job->identity != identity)
				continue;
			snprintf(text, sizeof(text), "task \"%s\" is defined at %s:%u already", t->name,
				s->path, (unsigned)job->line);
			say_at(l, t->line, text);
			l->source->clashed = true;
			return true;
		}
	}
	return false;
}

static int take_task(void *arg, const struct taskfile_task *t)
{
	struct loading *l = arg;
	const struct job_user *user = task_user(l, t);
	uint64_t identity = job_identity("", t->name, (struct slice){ "", 0 }, (struct slice){ "", 0 },
		(struct slice){ "", 0 }, NULL, 0);
	struct job_common *m;
	struct options *o;

	if (!user || task_name_taken(l, t, identity))
		return 0;
	o = arena_alloc(&l->file->arena, sizeof(*o));
	if (!o)
		return -1;
	*o = t->options;
	l->common = NULL; /* each task is a stretch of its own */
	m = common_for(l, user, NULL, o, true, t->line);
	if (!m)
		return l->memory ? -1 : 0;
	m->kind = JOB_TASK;
	m->name = t->name;
	return job_put(l, m, identity, t->line, o->command, &t->schedule, slice_of(o->schedule));
}

static void take_diag(void *arg, const struct diag *d)
{
	struct loading *l = arg;

	if (d->level == DIAG_ERROR) {
		say_fault(l->c, l->source, d, !l->erred);
		l->erred = true;
	}
	say_diag(l, d);
}

static void say_diag(struct loading *l, const struct diag *d)
{
	if (l->said++ < ERRORS_SAID || l->c->set.check)
		load_say(l->c, l->source, d);
	else if (d->level == DIAG_ERROR)
		l->c->errors++;
}

/* --- parsing */

/* 0: l->file holds the jobs; -1: not to be used, said. */
static int parse_crontab(struct loading *l, struct slice bytes)
{
	const struct settings *set = &l->c->set;
	struct crontab_rules rules = { .dialect = set->dialect, .seed = l->c->seed,
		.system = set->only_files ? set->system_format : l->source->kind == SOURCE_SYSTEM };
	struct crontab_sink sink = { take_entry, take_diag, l };
	struct crontab_result result = { 0 };
	struct options *plain = arena_alloc(&l->file->arena, sizeof(*plain));

	if (!plain)
		return -1;
	options_default(plain, JOB_LINE);
	l->plain = plain;
	if (!rules.system)
		l->user = set->only_files ? user_self(l->c) : user_get(l->c, l->source->owner);
	rules.unprivileged = !rules.system && l->user && l->user->uid != 0;
	if (crontab_parse(bytes, &rules, &l->file->arena, &sink, &result) < 0 || l->memory) {
		say_at(l, 0, "out of memory");
		return -1;
	}
	if (!result.rejected && !l->refused)
		return 0;
	say_ignored(l->c, l->source, result.unfinished && result.errors <= 1 && !l->refused);
	return -1;
}

static int parse_tasks(struct loading *l, struct slice bytes)
{
	struct taskfile_sink sink = { take_task, take_diag, l };
	struct taskfile_result result = { 0 };

	if (taskfile_parse(bytes, l->c->seed, &l->file->arena, &sink, &result) < 0 || l->memory) {
		say_at(l, 0, "out of memory");
		return -1;
	}
	if (!result.broken)
		return 0;
	say_at(l, 0, "this task file is not used");
	return -1;
}

/* --- the change-over */

void load_drop(struct crond *c, struct source *s, struct load_stats *stats)
{
	if (!s->jobs)
		return;
	stats->removed += s->jobs->count;
	table_take_out(&c->due, s->jobs);
	job_file_free(s->jobs);
	s->jobs = NULL;
	reload_names_freed(c, s);
}

static void load_swap(struct crond *c, struct source *s, struct job_file *file,
	struct load_stats *stats)
{
	struct table_change change;

	table_compare(s->jobs, file, &change);
	stats->added += change.added;
	stats->removed += change.removed;
	stats->kept += change.kept;
	stats->changed += change.changed;
	if (s->jobs) {
		table_take_out(&c->due, s->jobs);
		job_file_free(s->jobs);
	}
	s->jobs = file;
	s->good = true;
	if (change.removed)
		reload_names_freed(c, s);
}

static void parse_source(struct loading *l, struct slice bytes, struct load_stats *stats)
{
	struct crond *c = l->c;
	struct source *s = l->source;
	int result;

	l->file = job_file_new(s->path);
	if (!l->file) {
		say_at(l, 0, "out of memory");
		return;
	}
	l->file->changed = s->seen_as.st_ctim.tv_sec;
	s->complaint = 0; /* it changed: what is wrong with it is said anew */
	s->lacks_user = s->clashed = false;
	clock_touch(c);
	if (c->working && s->read_before)
		say_reload(c, s);
	s->read_before = true;
	result = s->kind == SOURCE_TASKS ? parse_tasks(l, bytes) : parse_crontab(l, bytes);
	if (result == 0) {
		load_swap(c, s, l->file, stats);
		s->complaint = 0;
	} else {
		table_take_out(&c->due, l->file);
		job_file_free(l->file);
		stats->refused++;
		s->good = false;
		if (s->jobs)
			log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
				"(%s) INFO (%s: its last good version stays in force)", s->owner, s->path);
	}
	free(l->seen.keys);
	free(l->seen.counts);
}

static bool stat_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
		a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_nlink == b->st_nlink &&
		a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
		a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static const char *cannot_open(const struct crond *c, const struct source *s, int error)
{
	bool debian = c->set.dialect->id == DIALECT_DEBIAN;

	if (error == ENXIO || error == EISDIR)
		return debian ? "NOT A REGULAR FILE" : "NOT REGULAR";
	return s->is_link && debian ? "CAN'T OPEN SYMLINK" : "CAN'T OPEN";
}

void load_source(struct crond *c, struct source *s, struct load_stats *stats)
{
	struct loading l = { .c = c, .source = s };
	int follow = s->kind != SOURCE_USER || c->set.dialect->table_symlinks;
	const char *why = trust_link(c, s);
	struct buf bytes = { 0 };
	struct stat st = { 0 };
	int error = 0;
	int fd;

	stats->files++;
	watch_link(c, s);
	fd = why ? -1 : file_open(AT_FDCWD, s->path, follow, &st);
	if (fd < 0 && !why && errno == ENOENT && !c->set.only_files && !s->is_link)
		return; /* between listing and open */
	if (fd < 0 && !why) {
		error = errno;
		why = cannot_open(c, s, error);
		if (error == ENXIO || error == EISDIR)
			error = 0; /* the words say it */
	}
	if (fd >= 0)
		why = trust_file(c, s, &st);
	s->absent_user = why && strcmp(why, "ORPHAN") == 0;
	if (s->absent_user) {
		say_orphan(c, s);
		load_drop(c, s, stats);
		s->tried = false;
	} else if (why) {
		complain(&l, why, error);
		stats->refused++;
		if (fd >= 0) /* there, and not to be trusted: its jobs do not go on */
			load_drop(c, s, stats);
		s->tried = false;
	} else if (!s->tried || !stat_same(&st, &s->seen_as)) {
		s->seen_as = st;
		s->tried = true;
		if (file_read(fd, FILE_MOST, &bytes) == 0) {
			parse_source(&l, (struct slice){ bytes.data, bytes.len }, stats);
		} else {
			say_at(&l, 0, strerror(errno));
			s->tried = false; /* a disk may read again what it did not this time */
		}
	} else if (s->jobs) {
		stats->kept += s->jobs->count;
	}
	if (fd >= 0)
		close(fd);
	buf_free(&bytes);
}
