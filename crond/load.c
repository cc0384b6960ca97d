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
#include "crond/core/defaults.h"
#include "crond/core/options_trust.h"
#include "crond/core/taskfile.h"
#include "crond/loading.h"
#include "crond/debug.h"

enum { FILE_MOST = LINES_MOST, ERRORS_SAID = 50, FRESH_S = 2, OPEN_TRIES = 20 };

/* --- saying what is wrong */

static void load_refused(struct crond *c, const struct source *s, const char *at, const char *why)
{
	char text[PATH_MAX + 320] = "";

	fault_add(&c->reload.fault, s->path, at, why);
	if (changes_names(&c->reload.changes, CHANGE_REFUSED))
		snprintf(text, sizeof(text), "%s%s: %s", s->path, at, why);
	changes_add(&c->reload.changes, CHANGE_REFUSED, text);
}

bool load_passes(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO || error == EINTR ||
		error == ESTALE || error == EAGAIN || error == ETIMEDOUT;
}

void load_say(struct crond *c, struct source *s, const struct diag *d)
{
	char at[48] = "";

	if (d->line && d->column)
		snprintf(at, sizeof(at), ":%u:%u", (unsigned)d->line, (unsigned)d->column);
	else if (d->line)
		snprintf(at, sizeof(at), ":%u", (unsigned)d->line);
	if (d->level == DIAG_ERROR) {
		c->errors++;
		s->faulty = true;
		s->unread |= strstr(d->text, "out of memory") != NULL;
		load_refused(c, s, at, d->text);
	}
	if (c->set.check)
		fprintf(stderr, "%s%s: %s: %s\n", s->path, at,
			d->level == DIAG_ERROR ? "error" : "warning", d->text);
	else
		log_line(&c->log, d->level == DIAG_ERROR ? LOG_ERR : LOG_WARNING,
			c->set.dialect->daemon_tag, getpid(), 0, "(%s) %s (%s%s: %s)", s->owner,
			d->level == DIAG_ERROR ? "ERROR" : "WARNING", s->path, at, d->text);
}

/* In the classic words, and with its place where those do not say it all: under -t, where
 * they are not printed, and for the reason that the system gives (errno's, else 0). */
static void complain(struct loading *l, const char *what, int error)
{
	char text[128];

	if (!say_refused(l->c, l->source, what, error) || (!error && !l->c->set.check)) {
		load_refused(l->c, l->source, "", what);
		return;
	}
	snprintf(text, sizeof(text), "refused: %s%s%s", what, error ? ": " : "",
		error ? strerror(error) : "");
	loading_say(l, 0, text);
}

void loading_say(struct loading *l, uint32_t line, const char *text)
{
	struct diag d;

	diag_error(&d, line, 0, "%s", text);
	load_say(l->c, l->source, &d);
}

void loading_diag(struct loading *l, const struct diag *d)
{
	if (l->said++ < ERRORS_SAID || l->c->set.check)
		load_say(l->c, l->source, d);
	else if (d->level == DIAG_ERROR) {
		l->c->errors++;
		load_refused(l->c, l->source, "", d->text);
	}
}

static void take_diag(void *arg, const struct diag *d)
{
	struct loading *l = arg;

	if (d->level == DIAG_ERROR) {
		say_fault(l->c, l->source, d, !l->erred);
		l->erred = true;
	}
	loading_diag(l, d);
}

/* --- parsing */

const struct options_caps *load_caps(const struct crond *c, enum job_kind kind,
	struct options_caps *caps)
{
	caps->defaults = c->set.conf.defaults[kind];
	for (int i = 0; i < OPTION_LIMITS; i++) {
		struct rlimit l;

		caps->limits[i] = getrlimit(i, &l) < 0 || l.rlim_max == RLIM_INFINITY ? OPTION_NO_LIMIT
			: l.rlim_max;
	}
	return caps;
}

/* 0: l->file holds the jobs; -1: not to be used, said. */
static int parse_crontab(struct loading *l, struct slice bytes)
{
	const struct settings *set = &l->c->set;
	struct crontab_rules rules = { .dialect = set->dialect, .seed = l->c->seed,
		.defaults = l->defaults[JOB_LINE], .file = l->file->path,
		.system = set->only_files ? set->system_format : l->source->kind == SOURCE_SYSTEM };
	struct options_caps caps;
	struct crontab_sink sink = { loading_entry, take_diag, l };
	struct crontab_result result = { 0 };

	if (!rules.system)
		l->user = set->only_files ? user_self(l->c) : user_get(l->c, l->source->owner);
	rules.unprivileged = !rules.system && l->user && l->user->uid != 0;
	rules.caps = rules.unprivileged ? load_caps(l->c, JOB_LINE, &caps) : NULL;
	if (crontab_parse(bytes, &rules, &l->file->arena, &sink, &result) < 0 || l->memory) {
		loading_say(l, 0, "out of memory");
		return -1;
	}
	if (!result.rejected && !l->refused)
		return 0;
	say_ignored(l->c, l->source, result.unfinished && result.errors <= 1 && !l->refused);
	return -1;
}

static int parse_tasks(struct loading *l, struct slice bytes)
{
	struct taskfile_sink sink = { loading_task, take_diag, l };
	struct taskfile_result result = { 0 };

	if (taskfile_parse(bytes, l->c->seed, l->defaults[JOB_TASK], &l->file->arena, &sink, &result) < 0 || l->memory) {
		loading_say(l, 0, "out of memory");
		return -1;
	}
	if (!result.broken)
		return 0;
	loading_say(l, 0, "this task file is not used");
	return -1;
}

/* --- the change-over */

bool load_in_force(const struct crond *c, const struct job *job)
{
	return !job->common->name || names_find(&c->tasks, job->identity) == job;
}

static void note(struct crond *c, enum change what, const struct job *job)
{
	char name[JOB_NAME_MOST] = "";

	if (changes_names(&c->reload.changes, what))
		job_name(job, job->common->user->name, name);
	changes_add(&c->reload.changes, what, name);
}

/* A task may come to be in another file before this reload is over: it has left only if
 * not. Tasks that are in another one by now have not left at all. */
static void note_removed(struct crond *c, const struct job *job)
{
	struct reload_left left = { .identity = job->identity };

	if (!load_in_force(c, job))
		return;
	removed_note(c, job);
	if (!job->common->name) {
		note(c, CHANGE_REMOVED, job);
		return;
	}
	job_name(job, job->common->user->name, left.name);
	buf_append(&c->reload.left, &left, sizeof(left));
}

/* Did it leave another file just now? */
static bool take_back(struct crond *c, uint64_t identity)
{
	struct reload_left *left = (void *)c->reload.left.data;
	size_t n = c->reload.left.len / sizeof(*left);

	for (size_t i = 0; i < n; i++) {
		if (left[i].identity == identity && !left[i].back) {
			left[i].back = true;
			return true;
		}
	}
	return false;
}

static void note_added(struct crond *c, const struct job *job)
{
	const struct job *was = job->common->name ? names_find(&c->tasks, job->identity) : NULL;

	removed_back(c, job);
	if (was && !table_same(was, job))
		note(c, CHANGE_CHANGED, job);
	else if (!was && !(job->common->name && take_back(c, job->identity)))
		note(c, CHANGE_ADDED, job);
}

static void load_changed(void *arg, enum change what, const struct job *job)
{
	struct crond *c = arg;

	if (what == CHANGE_REMOVED) {
		note_removed(c, job);
	} else if (what == CHANGE_ADDED) {
		note_added(c, job);
	} else {
		removed_changed(c, job);
		note(c, what, job);
	}
}

static void version_free(struct crond *c, struct job_file *f)
{
	c->tables_changed++;
	table_take_out(&c->due, f);
	host_zones_free(c, f);
	job_file_free(f);
}

/* One that was in force. */
static void version_drop(struct crond *c, struct job_file *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct job *job = &f->jobs[i];

		c->reload.jobs -= load_in_force(c, job);
		if (job->common->name)
			names_drop(&c->tasks, job);
	}
	daemon_file_out(c, f);
	version_free(c, f);
}

/* Where another file, which is gone or about to be read again, still has a task: it is
 * this one's now. */
static void names_take(struct crond *c, struct job_file *f)
{
	for (size_t i = 0; i < f->count; i++) {
		struct job *job = &f->jobs[i];
		const struct job *was = job->common->name ? names_find(&c->tasks, job->identity) : NULL;

		c->reload.jobs += !was;
		if (was)
			due_remove(&c->due, (struct job *)was); /* ours: others only read it */
		if (job->common->name)
			names_put(&c->tasks, job);
	}
}

void load_drop(struct crond *c, struct source *s)
{
	const struct table_sink sink = { load_changed, c };
	struct table_change change;

	if (!s->jobs)
		return;
	table_compare(s->jobs, NULL, &change, &sink);
	version_drop(c, s->jobs);
	s->jobs = NULL;
	sources_clashed_again(c, s);
}

static void load_swap(struct crond *c, struct source *s, struct job_file *file)
{
	const struct table_sink sink = { load_changed, c };
	struct table_change change;

	table_compare(s->jobs, file, &change, &sink);
	if (s->jobs)
		version_drop(c, s->jobs);
	names_take(c, file);
	daemon_file_in(c, file);
	s->jobs = file;
	s->good = true;
	if (change.removed)
		sources_clashed_again(c, s);
}

/* How many jobs it can hold at most: lines that are no comments, or sections. */
static size_t jobs_most(const struct source *s, struct slice bytes)
{
	char each = s->kind == SOURCE_TASKS ? '{' : '\n';
	const char *at = bytes.s, *end = bytes.s + bytes.n, *next;
	size_t n = 0;

	for (; at < end && (next = memchr(at, each, (size_t)(end - at))); at = next + 1)
		n += each == '{' || (*at != '#' && *at != '\n');
	return n;
}

static void take_version(struct loading *l)
{
	struct crond *c = l->c;
	struct source *s = l->source;

	job_file_fit(l->file);
	s->names |= l->named > 0;
	load_swap(c, s, l->file);
	s->complaint = 0;
}

static void refuse_version(struct loading *l)
{
	struct crond *c = l->c;
	struct source *s = l->source;

	version_free(c, l->file);
	c->reload.files_refused++;
	s->good = false;
	if (s->jobs)
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(%s) INFO (%s: its last good version stays in force)", s->owner, s->path);
}

/* What crond.conf says, in the file's own memory: crond.conf may be read again before the
 * file is. */
static int take_defaults(struct loading *l)
{
	const struct conf *conf = &l->c->set.conf;

	l->defaults[JOB_LINE] = &l->c->plain;
	for (unsigned kind = JOB_LINE; conf->defaults_hash && kind <= JOB_TASK; kind++) {
		struct options *copy = arena_alloc(&l->file->arena, sizeof(*copy));

		if (!copy || defaults_copy(copy, conf->defaults[kind], &l->file->arena))
			return -1;
		copy->file = l->file->path;
		l->defaults[kind] = copy;
	}
	return 0;
}

static int parse_bytes(struct loading *l, struct slice bytes)
{
	if (take_defaults(l)) {
		loading_say(l, 0, "out of memory");
		return -1;
	}
	if (l->source->kind == SOURCE_TASKS ? parse_tasks(l, bytes) : parse_crontab(l, bytes))
		return -1;
	if (names_room(&l->c->tasks, l->named) == 0 &&
		(l->source->kind == SOURCE_TASKS || job_file_number(l->file) == 0))
		return 0;
	loading_say(l, 0, "out of memory");
	return -1;
}

static void parse_source(struct loading *l, struct slice bytes)
{
	struct source *s = l->source;

	l->file = job_file_new(s->path, jobs_most(s, bytes), bytes.n);
	if (!l->file) {
		loading_say(l, 0, "out of memory");
		return;
	}
	l->file->changed = s->seen_as.st_ctim.tv_sec;
	s->complaint = 0; /* it changed: what is wrong with it is said anew */
	s->lacks_user = s->clashed = s->faulty = false;
	if (l->c->working && s->read_before)
		say_reload(l->c, s);
	s->read_before = true;
	if (parse_bytes(l, bytes) == 0)
		take_version(l);
	else
		refuse_version(l);
}

static bool stat_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
		a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_nlink == b->st_nlink &&
		a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
		a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* A file that changed just now may change again without a trace in its times, whose grain
 * is some milliseconds, a second or two in old file systems: seen so, it is read again. */
static bool changed_just_now(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - st->st_ctim.tv_sec <= FRESH_S;
}

static const char *cannot_open(const struct crond *c, const struct source *s, int error)
{
	bool debian = c->set.dialect->id == DIALECT_DEBIAN;

	if (error == ENXIO || error == EISDIR)
		return debian ? "NOT A REGULAR FILE" : "NOT REGULAR";
	return s->is_link && debian ? "CAN'T OPEN SYMLINK" : "CAN'T OPEN";
}

/* What has no name any more was replaced while it was being opened: the name is another's. */
static int open_named(const struct crond *c, const struct source *s, struct stat *st)
{
	int follow = s->kind != SOURCE_USER || c->set.dialect->table_symlinks;

	for (int tries = 1;; tries++) {
		int fd = file_open(AT_FDCWD, s->path, follow, st);

		if (fd < 0 || st->st_nlink > 0 || tries == OPEN_TRIES)
			return fd;
		close(fd);
	}
}

/* A disk, or a system that is short of something, may give what it did not this time; no event
 * tells of that. */
static void unread(struct loading *l, int error)
{
	struct source *s = l->source;

	s->unread |= error != EFBIG && error != ELOOP && error != EACCES;
}

static void source_refuse(struct loading *l, const char *why, int error, bool there)
{
	struct source *s = l->source;

	s->tried = false;
	if (error)
		unread(l, error);
	s->absent_user = strcmp(why, "ORPHAN") == 0;
	if (s->awaits) {
		l->c->reload.awaits = true; /* it is said when the answer takes long */
	} else if (s->absent_user) {
		say_orphan(l->c, s);
	} else {
		complain(l, why, error);
		l->c->reload.files_refused++;
	}
	if (there) /* and not to be trusted: its jobs do not go on */
		load_drop(l->c, s);
}

static void source_read(struct loading *l, int fd, const struct stat *st)
{
	struct source *s = l->source;
	struct buf bytes = { 0 };

	s->absent_user = false;
	if (s->tried && !s->fresh && stat_same(st, &s->seen_as))
		return;
	s->seen_as = *st;
	s->fresh = changed_just_now(st);
	s->tried = true;
	if (file_read(fd, FILE_MOST, &bytes) == 0) {
		parse_source(l, (struct slice){ bytes.data, bytes.len });
		if (l->c->reload.fault.count)
			fault_of(&l->c->reload.fault, s->path, (struct slice){ bytes.data, bytes.len });
	} else {
		int error = errno;

		unread(l, error);
		loading_say(l, 0, strerror(error));
		s->tried = false; /* a disk may read again what it did not this time */
	}
	buf_free(&bytes);
}

/* Is there nothing for anybody who asks for a reload to look at again? A file of several names
 * changes by another one unseen. */
static bool source_settled(const struct source *s, const struct stat *st)
{
	return s->tried && s->good && !s->faulty && !s->lacks_user && !s->clashed && !s->is_link &&
		st->st_nlink == 1;
}

/* A file that is tried again, and says what it did, is told of once. */
static void fault_tell(struct crond *c, struct source *s)
{
	const struct fault *f = &c->reload.fault;

	if (!f->count || (f->content && f->content == s->fault_told))
		return;
	s->fault_told = f->content;
	herald_fault(c, f);
}

void load_source(struct crond *c, struct source *s)
{
	struct loading l = { .c = c, .source = s };
	const char *why = trust_link(c, s);
	struct stat st = { 0 };
	int error = 0, fd;

	c->reload.changes.files++;
	c->reload.fault = (struct fault){ 0 };
	s->tried &= !s->unread;
	s->unread = s->awaits = false;
	watch_link(c, s);
	fd = why ? -1 : open_named(c, s, &st);
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
	if (fd >= 0 && why && st.st_nlink == 0)
		s->tried = false; /* its writer was interrupted: an event follows */
	else if (why)
		source_refuse(&l, why, error, fd >= 0);
	else
		source_read(&l, fd, &st);
	if (fd >= 0)
		close(fd);
	source_settle(c, s, source_settled(s, &st));
	if (s->unread && s->directory->watch && !c->set.check)
		wait_later(c, LATER_POLL, watch_poll_ms());
	fault_tell(c, s);
	debug_loaded(c, s);
}
