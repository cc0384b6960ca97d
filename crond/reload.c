/* reload: what is there now, compared with what is in force.
 * Flow: signals, inotify's events and a look each minute where there is no inotify end
 * here; load takes each file that changed. Running jobs are never touched. */
#include "config.h"

#include "crond/crond.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"

enum { GONE_MS = 2000, NAME_FILE_MOST = 4096 };

static int source_order(const struct source *a, const struct source *b)
{
	return strcmp(a->path, b->path);
}

RB_GENERATE(source_tree, source, link, source_order)

/* --- sources */

static struct source *source_find(struct crond *c, const char *path)
{
	struct source key = { .path = (char *)path };

	return RB_FIND(source_tree, &c->sources, &key);
}

static void source_free(struct source *s)
{
	free(s->path);
	free(s->owner);
	free(s);
}

/* As Debian's cron calls them: *system* for the one table, *system*NAME in the directory. */
static char *source_owner(const struct directory *d, const char *name)
{
	char *owner;

	if (d->kind == SOURCE_USER)
		return strdup(name);
	if (d->only)
		return strdup("*system*");
	return asprintf(&owner, "*system*%s", name) < 0 ? NULL : owner;
}

static struct source *source_get(struct crond *c, struct directory *d, const char *name)
{
	char path[PATH_MAX];
	struct source *s;

	if (snprintf(path, sizeof(path), "%s/%s", d->path, name) >= (int)sizeof(path))
		return NULL;
	s = source_find(c, path);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->kind = d->kind;
	s->directory = d;
	s->path = strdup(path);
	s->owner = source_owner(d, name);
	if (!s->path || !s->owner) {
		source_free(s);
		return NULL;
	}
	RB_INSERT(source_tree, &c->sources, s);
	return s;
}

static void source_drop(struct crond *c, struct source *s, struct load_stats *stats)
{
	load_drop(c, s, stats);
	RB_REMOVE(source_tree, &c->sources, s);
	source_free(s);
}

/* A checkout replaces files by unlinking and creating them: what a task file said is
 * in force a little longer than the file. */
static void source_gone(struct crond *c, struct source *s, struct load_stats *stats)
{
	int64_t now = wait_now_ms();

	if (s->kind == SOURCE_TASKS && s->jobs) {
		if (!s->gone_since)
			s->gone_since = now;
		if (now - s->gone_since < GONE_MS) {
			wait_later(c, LATER_GONE, GONE_MS - (now - s->gone_since) + 1);
			return;
		}
	}
	source_drop(c, s, stats);
}

void reload_names_freed(struct crond *c, const struct source *by)
{
	struct source *s;

	if (by->kind != SOURCE_TASKS)
		return;
	RB_FOREACH(s, source_tree, &c->sources) {
		if (s == by || !s->clashed)
			continue;
		s->tried = false;
		wait_later(c, LATER_RELOAD, 0);
	}
}

/* --- directories */

static bool name_wanted(struct crond *c, const struct directory *d, const char *name)
{
	size_t n = strlen(name);

	if (d->only)
		return strcmp(d->only, name) == 0;
	if (d->kind == SOURCE_TASKS)
		return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".conf") == 0;
	if (d->kind == SOURCE_USER)
		return dialect_spool_name_ok(c->set.dialect, name);
	return dialect_system_name_ok(c->set.dialect, name, c->set.lsb_names);
}

/* The default directory that nobody has made is not missed. */
static bool directory_missed(const struct crond *c, const struct directory *d, int error)
{
	return error != ENOENT || d->seen || d->kind != SOURCE_TASKS || c->set.only_files ||
		conf_task_dirs_named(&c->set.conf);
}

static void directory_complain(struct crond *c, struct directory *d, int error)
{
	const char *why = strerror(error);

	if (d->complained || (d->only && !c->set.only_files) || !directory_missed(c, d, error))
		return;
	d->complained = true;
	if (c->set.check)
		fprintf(stderr, "%s: warning: %s\n", d->path, why);
	else if (d->kind != SOURCE_TASKS && !d->seen && !c->set.only_files)
		say_no_directory(c, d->path, error);
	else
		log_line(&c->log, d->seen ? LOG_ERR : LOG_WARNING, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) %s (%s: %s%s)", d->seen ? "ERROR" : "INFO", d->path, why,
			d->seen ? "; what it gave stays in force" : "");
}

static void directory_file(struct crond *c, struct directory *d, const char *name,
	struct load_stats *stats)
{
	struct source *s = source_get(c, d, name);

	if (!s)
		return;
	s->in_place = true;
	s->gone_since = 0;
	load_source(c, s, stats);
}

static void directory_list(struct crond *c, struct directory *d, DIR *dir, struct load_stats *stats)
{
	struct dirent *e;

	while ((e = readdir(dir))) {
		if (e->d_name[0] != '.' && name_wanted(c, d, e->d_name))
			directory_file(c, d, e->d_name, stats);
	}
}

static void directory_sweep(struct crond *c, struct directory *d, struct load_stats *stats)
{
	struct source *s, *next;

	RB_FOREACH_SAFE(s, source_tree, &c->sources, next) {
		if (s->directory == d && !s->in_place)
			source_gone(c, s, stats);
	}
}

static void directory_mark(struct crond *c, struct directory *d)
{
	struct source *s;

	RB_FOREACH(s, source_tree, &c->sources) {
		if (s->directory == d)
			s->in_place = false;
	}
}

/* A spool that several hosts share names the one that it is for; without that name it is
 * for none, or a slip would have all of them run everything. */
static bool spool_is_ours(struct crond *c, struct directory *d)
{
	struct buf b = { 0 };
	char path[PATH_MAX];
	const char *end;
	struct stat st;
	bool ours = false;
	int fd;

	snprintf(path, sizeof(path), "%s/.cron.hostname", d->path);
	fd = file_open(AT_FDCWD, path, 1, &st);
	if (fd >= 0 && file_read(fd, NAME_FILE_MOST, &b) == 0) {
		end = b.len ? memchr(b.data, '\n', b.len) : NULL;
		ours = end && slice_is((struct slice){ b.data, (size_t)(end - b.data) }, c->fqdn);
	}
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	if (d->ours != (ours ? OURS_YES : OURS_NO))
		say_cluster(c, d->path, ours);
	d->ours = ours ? OURS_YES : OURS_NO;
	return ours;
}

static void directory_scan(struct crond *c, struct directory *d, struct load_stats *stats)
{
	DIR *dir = opendir(d->path);
	char path[PATH_MAX];

	if (!dir) {
		directory_complain(c, d, errno);
		if (watch_lacks(d) && !c->set.check)
			wait_later(c, LATER_POLL, watch_poll_ms());
		return;
	}
	d->complained = false;
	d->seen = true;
	directory_mark(c, d);
	if (c->set.cluster && d->kind == SOURCE_USER && !spool_is_ours(c, d)) {
		/* as if it were empty */
	} else if (d->only) {
		snprintf(path, sizeof(path), "%s/%s", d->path, d->only);
		if (access(path, F_OK) == 0 || c->set.only_files)
			directory_file(c, d, d->only, stats);
		else if (!c->working && !c->set.check)
			say_no_table(c, path);
	} else {
		directory_list(c, d, dir, stats);
	}
	closedir(dir);
	directory_sweep(c, d, stats);
}

static void directory_add(struct crond *c, enum source_kind kind, const char *path, const char *only,
	bool watch)
{
	struct directory *d;

	SLIST_FOREACH(d, &c->directories, link) {
		if (d->kind == kind && strcmp(d->path, path) == 0 && !d->only == !only &&
			(!only || strcmp(d->only, only) == 0))
			break;
	}
	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return;
		d->kind = kind;
		d->wd = d->above = -1;
		d->path = strdup(path);
		d->only = only ? strdup(only) : NULL;
		if (!d->path || (only && !d->only)) {
			free(d->path);
			free(d);
			return;
		}
		SLIST_INSERT_HEAD(&c->directories, d, link);
	}
	d->watch = watch;
	d->in_place = true;
}

static void directory_add_file(struct crond *c, enum source_kind kind, const char *file)
{
	char a[PATH_MAX], b[PATH_MAX];

	snprintf(a, sizeof(a), "%s", file);
	snprintf(b, sizeof(b), "%s", file);
	directory_add(c, kind, dirname(a), basename(b), true);
}

static bool is_taskfile(const char *path)
{
	size_t n = strlen(path);

	return n > 5 && strcmp(path + n - 5, ".conf") == 0;
}

static void directories_configured(struct crond *c)
{
	const struct settings *set = &c->set;

	if (set->only_files) {
		for (size_t i = 0; i < set->file_count; i++)
			directory_add_file(c, is_taskfile(set->files[i]) ? SOURCE_TASKS : SOURCE_SYSTEM,
				set->files[i]);
		return;
	}
	directory_add_file(c, SOURCE_SYSTEM, set->system_tab);
	directory_add(c, SOURCE_SYSTEM, set->system_dir, NULL, true);
	directory_add(c, SOURCE_USER, set->spool_dir, NULL, true);
	for (size_t i = 0; i < set->conf.task_dir_count; i++)
		directory_add(c, SOURCE_TASKS, set->conf.task_dirs[i].path, NULL,
			set->conf.task_dirs[i].watch);
}

/* A directory that the configuration no longer names takes its tasks with it. */
void reload_directories(struct crond *c)
{
	struct directory *d, *next;
	struct load_stats stats = { 0 };

	SLIST_FOREACH(d, &c->directories, link)
		d->in_place = false;
	directories_configured(c);
	SLIST_FOREACH_SAFE(d, &c->directories, link, next) {
		struct source *s, *after;

		if (d->in_place)
			continue;
		RB_FOREACH_SAFE(s, source_tree, &c->sources, after) {
			if (s->directory == d)
				source_drop(c, s, &stats);
		}
		SLIST_REMOVE(&c->directories, d, directory, link);
		free(d->path);
		free(d->only);
		free(d);
	}
}

/* --- the ways here */

static void say_stats(struct crond *c, const char *why, const struct load_stats *s)
{
	if (why || s->added || s->changed || s->removed)
		log_line(&c->log, s->refused ? LOG_WARNING : LOG_INFO, c->set.dialect->daemon_tag, getpid(),
			0, "(CRON) INFO (%s: jobs: %zu added, %zu changed, %zu removed, %zu unchanged; "
			"files refused: %zu)",
			why ? why : "reload", s->added, s->changed, s->removed, s->kept, s->refused);
}

static void scan_all(struct crond *c, struct load_stats *stats)
{
	struct directory *d;

	/* Watched first and read then: what changes in between is seen. */
	SLIST_FOREACH(d, &c->directories, link) {
		if (!c->set.check)
			watch_directory(c, d);
		directory_scan(c, d, stats);
	}
}

void reload_first(struct crond *c)
{
	struct load_stats stats = { 0 };

	options_default(&c->plain, JOB_LINE);
	reload_directories(c);
	scan_all(c, &stats);
}

static void reload_config(struct crond *c)
{
	uint32_t errors = 0;

	if (place_config(&c->set, &c->log, &errors) == 0) {
		reload_directories(c);
		alert_config(c);
	}
}

/* Who asks for a reload is told again what is wrong, and may have mended what it waits
 * for: a user, say. */
static void retry_refused(struct crond *c)
{
	struct source *s;

	RB_FOREACH(s, source_tree, &c->sources) {
		if (!s->good || s->lacks_user || s->clashed)
			s->tried = false;
	}
}

/* Files that were seen to go, also where their directory went with them. */
static void sweep_gone(struct crond *c, struct load_stats *stats)
{
	struct source *s, *next;

	RB_FOREACH_SAFE(s, source_tree, &c->sources, next) {
		if (s->gone_since)
			source_gone(c, s, stats);
	}
}

/* why: a signal's name, for which crond.conf is read too; NULL: something changed. */
void reload_all(struct crond *c, const char *why)
{
	struct load_stats stats = { 0 };

	if (why) {
		reload_config(c);
		retry_refused(c);
		clock_zones(c);
	}
	user_refresh(c);
	scan_all(c, &stats);
	sweep_gone(c, &stats);
	say_stats(c, why, &stats);
}

void reload_poll(struct crond *c)
{
	struct load_stats stats = { 0 };
	struct directory *d;
	struct source *s;

	SLIST_FOREACH(d, &c->directories, link) {
		if (!watch_lacks(d))
			continue;
		watch_directory(c, d);
		directory_scan(c, d, &stats);
	}
	RB_FOREACH(s, source_tree, &c->sources) {
		if (s->is_link && s->directory->watch)
			load_source(c, s, &stats);
	}
	say_stats(c, NULL, &stats);
}

void reload_directory(struct crond *c, struct directory *d)
{
	struct load_stats stats = { 0 };

	watch_directory(c, d);
	directory_scan(c, d, &stats);
	say_stats(c, NULL, &stats);
}

void reload_name(struct crond *c, struct directory *d, const char *name)
{
	struct load_stats stats = { 0 };
	char path[PATH_MAX];
	struct source *s;

	if (!name_wanted(c, d, name))
		return;
	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	if (access(path, F_OK) == 0 || errno != ENOENT) {
		directory_file(c, d, name, &stats);
	} else {
		s = source_find(c, path);
		if (s)
			source_gone(c, s, &stats);
	}
	say_stats(c, NULL, &stats);
}

/* Would the accounts that there are now make a difference to it? */
static bool users_matter(struct crond *c, const struct source *s)
{
	if (s->absent_user || !s->good || s->lacks_user)
		return true;
	return s->kind == SOURCE_USER && !user_get(c, s->owner); /* its owner has gone */
}

void reload_users(struct crond *c)
{
	struct load_stats stats = { 0 };
	struct source *s;

	user_refresh(c);
	RB_FOREACH(s, source_tree, &c->sources) {
		if (users_matter(c, s)) {
			s->tried = false;
			load_source(c, s, &stats);
		}
	}
	say_stats(c, NULL, &stats);
}

void reload_free(struct crond *c)
{
	struct load_stats stats = { 0 };
	struct source *s, *next;

	RB_FOREACH_SAFE(s, source_tree, &c->sources, next)
		source_drop(c, s, &stats);
}
