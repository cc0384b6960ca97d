/* reload: what is there now, compared with what is in force.
 * Flow: signals, cronctl, inotify's events and a look each minute where there is no inotify
 * end here; sources and load take what changed. Running jobs are never touched. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/metrics.h"

/* Task files come in many at a time, from a checkout: looked at once it is quiet for so
 * long, or after so long. */
enum { SETTLE_MS = 50, SETTLE_MOST_MS = 500 };
enum { NAMES_SHOWN = 400 }; /* bytes of a line */

/* --- what it did */

/* A task that left one file and came to be in another one is no new one. */
static void left_for_good(struct crond *c)
{
	const struct reload_left *left = (const void *)c->reload.left.data;
	size_t n = c->reload.left.len / sizeof(*left);

	for (size_t i = 0; i < n; i++) {
		if (!names_find(&c->tasks, left[i].identity))
			changes_add(&c->reload.changes, CHANGE_REMOVED, left[i].name);
	}
	buf_free(&c->reload.left);
}

static void say_names(struct crond *c, enum change what)
{
	const struct changes *changes = &c->reload.changes;
	struct buf b = { 0 };

	if (!changes->of[what].count)
		return;
	changes_text(changes, what, NAMES_SHOWN, &b);
	log_line(&c->log, LOG_INFO, c->set.dialect->daemon_tag, getpid(), 0, "(CRON) INFO (%s: %s)",
		change_name(what), buf_text(&b) ? b.data : "");
	buf_free(&b);
}

static void say_changes(struct crond *c, const char *why)
{
	const struct changes *n = &c->reload.changes;
	size_t added = n->of[CHANGE_ADDED].count, changed = n->of[CHANGE_CHANGED].count,
	       removed = n->of[CHANGE_REMOVED].count;

	if (!why && !added && !changed && !removed)
		return;
	log_line(&c->log, c->reload.files_refused ? LOG_WARNING : LOG_INFO, c->set.dialect->daemon_tag,
		getpid(), 0, "(CRON) INFO (%s: jobs: %zu added, %zu changed, %zu removed, %zu unchanged; "
		"files refused: %zu)",
		why ? why : "reload", added, changed, removed, n->kept, c->reload.files_refused);
	for (int what = CHANGE_ADDED; what <= CHANGE_REMOVED; what++)
		say_names(c, (enum change)what);
}

/* out, where wanted, gets what was done and is the caller's. */
static void reload_said(struct crond *c, const char *why, struct changes *out)
{
	struct changes *n = &c->reload.changes;

	left_for_good(c);
	metrics_reloaded(c);
	n->kept = c->reload.jobs - n->of[CHANGE_ADDED].count - n->of[CHANGE_CHANGED].count;
	if (c->working)
		say_changes(c, why);
	if (out)
		*out = *n;
	else
		changes_free(n);
	*n = (struct changes){ 0 };
	c->reload.files_refused = 0;
}

/* The end of most ways below. */
static void reload_done(struct crond *c, const char *why, struct changes *out)
{
	wait_not(c, LATER_SETTLE);
	sources_take(c);
	c->reload.dirty_since = 0;
	reload_said(c, why, out);
	state_forget(c);
	if (c->working)
		removed_keep(c);
	c->places_freed = true; /* what waits may have other limits now */
}

/* --- the ways here */

/* What is due by now is due by the tables as they were; what is loaded counts from here on, all
 * of it from the same second: a task that goes from one file to another loses none. */
static void reload_begin(struct crond *c)
{
	if (!c->working)
		return;
	clock_advance(c);
	clock_touch(c);
}

/* Watched first and read then: what changes in between is seen. */
static void look_at(struct crond *c, struct directory *d)
{
	if (!c->set.check)
		watch_directory(c, d);
	if (!d->intact)
		directory_scan(c, d);
}

static void look_at_all(struct crond *c)
{
	struct directory *d;

	SLIST_FOREACH(d, &c->directories, link)
		look_at(c, d);
}

void reload_first(struct crond *c)
{
	options_default(&c->plain, JOB_LINE);
	removed_open(c);
	TAILQ_INIT(&c->reload.dirty);
	reload_directories(c);
	look_at_all(c);
	reload_done(c, NULL, NULL);
	removed_first(c);
}

/* Every file is read again where the defaults of its jobs are others. */
static void reload_defaults(struct crond *c, uint64_t before)
{
	struct source *s;

	if (c->set.conf.defaults_hash == before)
		return;
	RB_FOREACH(s, source_tree, &c->sources) {
		s->tried = false;
		source_look(c, s);
	}
}

static void reload_config(struct crond *c)
{
	uint64_t defaults = c->set.conf.defaults_hash;
	uint32_t errors = 0;

	if (place_config(&c->set, &c->log, &c->reload.changes, &errors) == 0) {
		reload_directories(c);
		cgroup_place(c);
		reload_defaults(c, defaults);
		control_config(c);
		if (!c->set.debug)
			c->log.level = c->set.conf.log_level; /* keepers' with the next launcher */
		metrics_config(c);
		heartbeat_config(c);
		alert_config(c);
		backlog_config(c);
	}
	herald_fault(c, &c->set.fault);
}

/* Who asks for a reload is told again what is wrong, and may have mended what it waits
 * for: a user, say. What leads elsewhere changes unseen. */
static void retry_restless(struct crond *c)
{
	struct source *s;

	if (!c->reload.restless)
		return;
	RB_FOREACH(s, source_tree, &c->sources) {
		if (!s->restless)
			continue;
		if (!s->good || s->faulty || s->lacks_user || s->clashed)
			s->tried = false;
		source_look(c, s);
	}
}

/* Where there was no memory for a file or a directory, all are looked at again. */
static bool retry_lacking(struct crond *c)
{
	bool all = c->reload.lacking;
	struct directory *d;

	c->reload.lacking = false;
	if (all)
		reload_directories(c);
	SLIST_FOREACH(d, &c->directories, link)
		d->intact &= !all;
	return all;
}

/* As a person asks for it. Where inotify tells of everything, what it told is all that has
 * to be looked at: a table of thousands of files costs what changed in it. */
void reload_asked(struct crond *c, const char *why, struct changes *out)
{
	service_tell(c, SERVICE_RELOADING);
	c->reload.asked = true; /* what is heard of now belongs to it */
	watch_read(c);
	c->reload.asked = false;
	reload_begin(c);
	reload_config(c);
	clock_zones(c);
	user_refresh(c);
	if (c->users_remote) /* a service has no file that tells of a change */
		c->users_epoch++;
	retry_restless(c);
	retry_lacking(c);
	look_at_all(c);
	c->reload.at_once = true;
	sources_gone(c);
	reload_done(c, why, out);
	c->reload.at_once = false;
	service_tell(c, SERVICE_READY);
}

/* Something went on that was not heard of in detail. */
void reload_all(struct crond *c)
{
	watch_distrust(c);
	reload_begin(c);
	user_refresh(c);
	look_at_all(c);
	sources_gone(c);
	reload_done(c, NULL, NULL);
}

void reload_gone(struct crond *c)
{
	reload_begin(c);
	sources_gone(c);
	reload_done(c, NULL, NULL);
}

void reload_poll(struct crond *c)
{
	struct directory *d;
	struct source *s;
	bool all;

	reload_begin(c);
	all = retry_lacking(c);
	SLIST_FOREACH(d, &c->directories, link) {
		if (all || watch_lacks(d))
			look_at(c, d);
	}
	RB_FOREACH(s, source_tree, &c->sources) {
		if ((s->is_link || s->unread) && s->directory->watch)
			source_look(c, s);
	}
	reload_done(c, NULL, NULL);
}

void reload_directory(struct crond *c, struct directory *d)
{
	d->intact = false;
	reload_begin(c);
	look_at(c, d);
	reload_done(c, NULL, NULL);
}

static void settle_later(struct crond *c)
{
	int64_t now = wait_now_ms(), left;

	if (!c->reload.dirty_since)
		c->reload.dirty_since = now;
	left = c->reload.dirty_since + SETTLE_MOST_MS - now;
	wait_not(c, LATER_SETTLE);
	wait_later(c, LATER_SETTLE, left < 0 ? 0 : left < SETTLE_MS ? left : SETTLE_MS);
}

/* Tables are taken at once, task files when it is quiet. */
void reload_name(struct crond *c, struct directory *d, const char *name, bool removed)
{
	struct source *s;

	if (!source_wanted(c, d, name))
		return;
	s = source_get(c, d, name);
	if (!s) {
		sources_lacking(c, d->path);
		return;
	}
	s->removed = removed;
	if (d->kind == SOURCE_TASKS || c->reload.asked) {
		source_look(c, s);
		settle_later(c);
	} else if (source_rests(c, s)) {
		source_look(c, s);
		wait_later(c, LATER_SETTLE, s->rest_until - wait_now_ms());
	} else {
		reload_begin(c);
		source_take(c, s);
		reload_said(c, NULL, NULL);
		removed_keep(c);
	}
}

void reload_settled(struct crond *c)
{
	reload_begin(c);
	reload_done(c, NULL, NULL);
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
	struct source *s;

	reload_begin(c);
	user_refresh(c);
	RB_FOREACH(s, source_tree, &c->sources) {
		if (users_matter(c, s)) {
			s->tried = false;
			source_look(c, s);
		}
	}
	reload_done(c, NULL, NULL);
}

void reload_awaited(struct crond *c)
{
	struct source *s;

	reload_begin(c);
	c->reload.awaits = false; /* until one says so again */
	RB_FOREACH(s, source_tree, &c->sources) {
		if (s->awaits) {
			s->tried = false;
			source_look(c, s);
		}
	}
	reload_done(c, NULL, NULL);
	start_reboot_late(c);
}
