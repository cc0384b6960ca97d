/* sources: the files that jobs come from, and the directories that these are found in.
 * Flow: reload says when to look, here is found what is there and what is no more; load
 * takes each file. */
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
#include <time.h>
#include <unistd.h>

#include "crond/base/file.h"

enum { GONE_MS = 2000, DIRECTORY_MS = 100, NAME_FILE_MOST = 4096 };
enum { REST_FROM_MS = 20, REST_TIMES = 20 }; /* of processor time for one file */

static int source_order(const struct source *a, const struct source *b)
{
	return strcmp(a->path, b->path);
}

RB_GENERATE(source_tree, source, link, source_order)

/* --- sources */

struct source *source_find(struct crond *c, const char *path)
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

struct source *source_get(struct crond *c, struct directory *d, const char *name)
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

static void source_back(struct crond *c, struct source *s)
{
	if (!s->gone_since)
		return;
	c->reload.gone--;
	s->gone_since = 0;
	s->tried = false; /* its tasks may have been in another file meanwhile */
}

void source_drop(struct crond *c, struct source *s)
{
	load_drop(c, s);
	source_back(c, s);
	source_settle(c, s, true);
	if (s->dirty)
		TAILQ_REMOVE(&c->reload.dirty, s, dirty_link);
	RB_REMOVE(source_tree, &c->sources, s);
	source_free(s);
}

/* Those that an explicit reload looks at even where their directory is watched are counted. */
void source_settle(struct crond *c, struct source *s, bool settled)
{
	if (s->restless == !settled)
		return;
	s->restless = !settled;
	if (settled)
		c->reload.restless--;
	else
		c->reload.restless++;
}

/* A checkout replaces files by unlinking and creating them: what a task file said is
 * in force a little longer than the file; its names are free at once. */
void source_gone(struct crond *c, struct source *s)
{
	int64_t now = wait_now_ms();

	if (s->kind == SOURCE_TASKS && s->jobs) {
		if (!s->gone_since) {
			s->gone_since = now;
			c->reload.gone++;
			sources_clashed_again(c, s);
		}
		if (now - s->gone_since < GONE_MS) {
			wait_later(c, LATER_GONE, GONE_MS - (now - s->gone_since) + 1);
			return;
		}
	}
	source_drop(c, s);
}

void sources_clashed_again(struct crond *c, const struct source *by)
{
	struct source *s;

	if (!by->names || !c->reload.restless)
		return;
	RB_FOREACH(s, source_tree, &c->sources) {
		if (s != by && s->clashed) {
			s->tried = false;
			source_look(c, s);
		}
	}
}

/* --- directories */

bool source_wanted(struct crond *c, const struct directory *d, const char *name)
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

static void directory_complain(struct crond *c, struct directory *d, int error, const char *why)
{
	bool usual = d->only && !c->set.only_files && error == ENOENT; /* no /etc/crontab */

	if (d->complained || usual || !directory_missed(c, d, error))
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

void sources_lacking(struct crond *c, const char *path)
{
	trouble_say(c, path, strerror(ENOMEM));
	c->reload.lacking = true;
	wait_later(c, LATER_POLL, watch_poll_ms());
}

void directory_file(struct crond *c, struct directory *d, const char *name)
{
	struct source *s = source_get(c, d, name);

	if (!s) {
		sources_lacking(c, d->path);
		return;
	}
	s->in_place = true;
	source_back(c, s);
	load_source(c, s);
}

/* Under crond -t: what somebody may believe to be read. */
static void passed_over(const struct crond *c, const struct directory *d, const char *name)
{
	if (!c->set.check || d->only || name[0] == '.')
		return;
	fprintf(stderr, "%s/%s: warning: not read: %s\n", d->path, name,
		d->kind == SOURCE_TASKS ? "its name does not end in .conf" :
		d->kind == SOURCE_USER ? "no user can have that name" :
			"its name has what names here may not have (a dot, say)");
}

/* 0, or why not all of it could be listed. */
static int directory_list(struct crond *c, struct directory *d, DIR *dir)
{
	struct dirent *e;

	while (errno = 0, (e = readdir(dir))) {
		if (e->d_name[0] != '.' && source_wanted(c, d, e->d_name))
			directory_file(c, d, e->d_name);
		else
			passed_over(c, d, e->d_name);
	}
	return errno;
}

/* What cannot be looked at is not gone: source_take() judges likewise. */
static void directory_only(struct crond *c, struct directory *d)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", d->path, d->only);
	if (access(path, F_OK) == 0 || errno != ENOENT || c->set.only_files)
		directory_file(c, d, d->only);
	else if (!c->working && !c->set.check)
		say_no_table(c, path);
}

static bool directory_gave(struct crond *c, const struct directory *d)
{
	struct source *s;

	RB_FOREACH(s, source_tree, &c->sources) {
		if (s->directory == d && s->jobs)
			return true;
	}
	return false;
}

/* Who unmounts a directory, or mounts an empty one over it, has taken none of its files away:
 * they are to be there again. */
static bool directory_hidden(struct crond *c, const struct directory *d, DIR *dir, dev_t dev)
{
	struct dirent *e;
	bool empty = true;

	if (!d->seen || dev == d->dev || !directory_gave(c, d))
		return false;
	while (empty && (e = readdir(dir)))
		empty = e->d_name[0] == '.' || !source_wanted(c, d, e->d_name);
	rewinddir(dir);
	return empty;
}

/* What it gave stays in force. Unless it was made anew no event tells when it can be looked at. */
static void directory_failed(struct crond *c, struct directory *d, int error, const char *why)
{
	d->failed = error != ENOENT;
	directory_complain(c, d, error, why);
	if (watch_lacks(d) && !c->set.check)
		wait_later(c, LATER_POLL, watch_poll_ms());
}

static void directory_sweep(struct crond *c, struct directory *d)
{
	struct source *s, *next;

	RB_FOREACH_SAFE(s, source_tree, &c->sources, next) {
		if (s->directory == d && !s->in_place)
			source_gone(c, s);
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
	const char *end = NULL;
	struct stat st;
	int fd, ours = OURS_NO, error = 0;

	snprintf(path, sizeof(path), "%s/.cron.hostname", d->path);
	fd = file_open(AT_FDCWD, path, 1, &st);
	if (fd < 0 || file_read(fd, NAME_FILE_MOST, &b) < 0)
		error = errno;
	else
		end = b.len ? memchr(b.data, '\n', b.len) : NULL;
	if (end && slice_is((struct slice){ b.data, (size_t)(end - b.data) }, c->fqdn))
		ours = OURS_YES;
	else if (error && error != ENOENT)
		ours = OURS_UNREAD;
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	if ((int)d->ours != ours)
		say_cluster(c, d->path, ours == OURS_YES, ours == OURS_UNREAD ? error : 0);
	d->ours = ours;
	return ours == OURS_YES;
}

/* 0, or why not all that is there was seen. */
static int directory_look(struct crond *c, struct directory *d, DIR *dir)
{
	directory_mark(c, d);
	if (c->set.cluster && d->kind == SOURCE_USER && !spool_is_ours(c, d))
		return 0; /* as if it were empty */
	if (!d->only)
		return directory_list(c, d, dir);
	directory_only(c, d);
	return 0;
}

void directory_scan(struct crond *c, struct directory *d)
{
	DIR *dir = opendir(d->path);
	struct stat st = { 0 };
	const char *why = NULL;
	int error = 0;

	if (!dir || fstat(dirfd(dir), &st) < 0) {
		error = errno;
	} else if (directory_hidden(c, d, dir, st.st_dev)) {
		error = ENODATA;
		why = "another file system is there now, and nothing on it";
	} else {
		error = directory_look(c, d, dir);
	}
	if (dir)
		closedir(dir);
	if (error) {
		directory_failed(c, d, error, why ? why : strerror(error));
		return;
	}
	d->failed = d->complained = false;
	d->seen = true;
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	directory_sweep(c, d);
	d->intact = d->watch && d->wd >= 0 && !d->via_link && d->tells;
}

static struct directory *directory_new(struct crond *c, enum source_kind kind, const char *path,
	const char *only)
{
	struct directory *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->kind = kind;
	d->wd = d->above = -1;
	d->path = strdup(path);
	d->only = only ? strdup(only) : NULL;
	if (!d->path || (only && !d->only)) {
		free(d->path);
		free(d->only);
		free(d);
		return NULL;
	}
	SLIST_INSERT_HEAD(&c->directories, d, link);
	return d;
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
	if (!d)
		d = directory_new(c, kind, path, only);
	if (!d) {
		sources_lacking(c, path);
		return;
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

	SLIST_FOREACH(d, &c->directories, link)
		d->in_place = false;
	directories_configured(c);
	SLIST_FOREACH_SAFE(d, &c->directories, link, next) {
		struct source *s, *after;

		if (d->in_place)
			continue;
		RB_FOREACH_SAFE(s, source_tree, &c->sources, after) {
			if (s->directory == d)
				source_drop(c, s);
		}
		SLIST_REMOVE(&c->directories, d, directory, link);
		free(d->path);
		free(d->only);
		free(d);
	}
}

/* --- one by one */

void source_look(struct crond *c, struct source *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	TAILQ_INSERT_TAIL(&c->reload.dirty, s, dirty_link);
}

/* A path that leads nowhere may do so because its directory went, which is none of the file's
 * business: a look at the directory decides then. */
static bool directory_went(const struct directory *d)
{
	struct stat st;

	return d->seen && (stat(d->path, &st) < 0 || st.st_dev != d->dev || st.st_ino != d->ino);
}

/* Its owner may change it for ever, and all that time would be everybody's. */
bool source_rests(const struct crond *c, const struct source *s)
{
	return s->rest_until > wait_now_ms() && !c->reload.at_once;
}

static int64_t used_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void source_load(struct crond *c, struct source *s)
{
	const int64_t began = used_ms();
	int64_t took;

	load_source(c, s);
	took = used_ms() - began;
	s->rest_until = 0;
	if (s->kind == SOURCE_USER && took >= REST_FROM_MS && strcmp(s->owner, "root") != 0)
		s->rest_until = wait_now_ms() + took * REST_TIMES;
}

void source_take(struct crond *c, struct source *s)
{
	bool named = c->set.only_files && !s->jobs; /* that it is not there is said */

	if (!named && access(s->path, F_OK) < 0 && errno == ENOENT) {
		if (s->removed || !directory_went(s->directory)) {
			source_gone(c, s);
			return;
		}
		s->directory->intact = false;
		if (!s->gone_since)
			wait_later(c, LATER_RELOAD, DIRECTORY_MS);
		return;
	}
	s->removed = false;
	s->in_place = true;
	source_back(c, s);
	source_load(c, s);
}

/* NULL: all that are left rest, and are looked at later. */
static struct source *next_dirty(struct crond *c)
{
	struct source *s;

	TAILQ_FOREACH(s, &c->reload.dirty, dirty_link) {
		if (!source_rests(c, s))
			return s;
		wait_later(c, LATER_SETTLE, s->rest_until - wait_now_ms());
	}
	return NULL;
}

void sources_take(struct crond *c)
{
	struct source *s;

	while ((s = next_dirty(c))) {
		TAILQ_REMOVE(&c->reload.dirty, s, dirty_link);
		s->dirty = false;
		source_take(c, s);
	}
}

/* What is there again is being written: its end will be heard of, or comes to be seen. */
void sources_gone(struct crond *c)
{
	struct source *s, *next;

	if (!c->reload.gone)
		return;
	RB_FOREACH_SAFE(s, source_tree, &c->sources, next) {
		if (s->gone_since)
			source_take(c, s);
	}
}
