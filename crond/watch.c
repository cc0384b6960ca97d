/* watch: inotify on the directories that sources are in.
 * Flow: what changed, by name, goes to reload; where a watch cannot be had, a look each
 * minute takes its place. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { POLL_AHEAD_MS = 200 };
enum { ZONES_MS = 500 }; /* a link that is removed comes back in another shape */

static const uint32_t wanted = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
	IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;
static const uint32_t wanted_above = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR |
	IN_MASK_ADD;

/* Just before the minute turns: what is due then is due by the tables as they are. */
int64_t watch_poll_ms(void)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_REALTIME, &now);
	left = POLL_MS - POLL_AHEAD_MS - (now.tv_sec % 60 * 1000 + now.tv_nsec / 1000000);
	return left > 0 ? left : left + POLL_MS;
}

void watch_open(struct crond *c)
{
	c->w_files = (struct watch){ .kind = WATCH_FILES, .fd = -1 };
	c->etc_wd = -1;
	if (c->set.no_inotify)
		return;
	c->w_files.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (c->w_files.fd < 0 || wait_for(c, &c->w_files, EPOLLIN) < 0) {
		log_line(&c->log, LOG_WARNING, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) INFO (no inotify: %s; looking each minute)", strerror(errno));
		return;
	}
	if (!c->set.only_files)
		c->etc_wd = inotify_add_watch(c->w_files.fd, "/etc", wanted);
}

static void watch_forget(struct crond *c, int wd)
{
	struct directory *d;

	SLIST_FOREACH(d, &c->directories, link) {
		if (d->wd == wd || d->above == wd)
			return;
	}
	if (wd >= 0 && wd != c->etc_wd)
		inotify_rm_watch(c->w_files.fd, wd);
}

/* What is not there yet comes to be in a directory above it: the nearest that there is. */
static int watch_above(struct crond *c, struct directory *d)
{
	char path[PATH_MAX];
	size_t n = strlen(d->path);
	int wd = -1;

	while (wd < 0 && n > 1) {
		while (n > 1 && d->path[n - 1] != '/')
			n--;
		snprintf(path, sizeof(path), "%.*s", (int)n, d->path);
		wd = inotify_add_watch(c->w_files.fd, path, wanted_above);
		if (wd < 0 && errno != ENOENT)
			return -1;
		d->above_length = n;
		while (n > 1 && d->path[n - 1] == '/')
			n--;
	}
	return wd;
}

static int watch_itself(struct crond *c, struct directory *d)
{
	int before = d->above, wd = inotify_add_watch(c->w_files.fd, d->path, wanted);

	d->above = -1;
	if (wd < 0 && errno == ENOENT) {
		d->above = watch_above(c, d);
		wd = inotify_add_watch(c->w_files.fd, d->path, wanted); /* made in between */
	}
	if (before >= 0 && before != d->above) {
		int saved = errno;

		watch_forget(c, before);
		errno = saved;
	}
	return wd;
}

static bool leads_elsewhere(const char *path)
{
	char *real = realpath(path, NULL);
	bool other = real && strcmp(real, path) != 0;

	free(real);
	return other;
}

/* Of these all changes are made by this system's own kernel, which then tells of them. Of
 * a network's or a program's (FUSE) some are made elsewhere. */
static bool tells_of_all(const char *path)
{
	static const unsigned long known[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		TMPFS_MAGIC, RAMFS_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, SQUASHFS_MAGIC,
		REISERFS_SUPER_MAGIC, NILFS_SUPER_MAGIC };
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if ((unsigned long)fs.f_type == known[i])
			return true;
	}
	return false;
}

/* Also where it is watched already: the path may lead to another directory by now. */
void watch_directory(struct crond *c, struct directory *d)
{
	int before = d->wd, error;

	if (!d->watch)
		return;
	d->wd = c->w_files.fd < 0 ? -1 : watch_itself(c, d);
	error = errno;
	if (d->wd != before)
		d->intact = false;
	if (before >= 0 && d->wd != before)
		watch_forget(c, before);
	d->tells = tells_of_all(d->path);
	d->via_link = leads_elsewhere(d->path);
	if (d->wd < 0 && error != ENOENT && !d->complained && !c->set.no_inotify)
		log_line(&c->log, LOG_WARNING, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) INFO (%s cannot be watched: %s; looking each minute)", d->path,
			strerror(error));
	if (watch_lacks(d))
		wait_later(c, LATER_POLL, watch_poll_ms());
}

bool watch_lacks(const struct directory *d)
{
	return d->watch && ((d->wd < 0 && d->above < 0) || d->via_link || d->failed);
}

/* What a link leads to lies where no watch of ours is. */
void watch_link(struct crond *c, struct source *s)
{
	struct stat st;

	s->is_link = lstat(s->path, &st) == 0 && S_ISLNK(st.st_mode);
	if (s->is_link && s->directory->watch && !c->set.check)
		wait_later(c, LATER_POLL, watch_poll_ms());
}

/* A file that is being made is read when it is closed, also where it takes the place of one
 * that went; only what needs no writing (a link) counts as soon as it is there. */
static bool event_counts(const struct directory *d, const struct inotify_event *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (!(e->mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM)))
		return true;
	if (snprintf(path, sizeof(path), "%s/%s", d->path, e->name) >= (int)sizeof(path))
		return false;
	if (lstat(path, &st) < 0)
		return true;
	return e->mask & IN_CREATE && (!S_ISREG(st.st_mode) || st.st_nlink > 1);
}

/* Has something changed on the way to a directory that was not there? */
static bool comes_to_be(const struct directory *d, const struct inotify_event *e)
{
	const char *next = d->path + d->above_length;
	size_t n = strcspn(next, "/");

	if (!e->len)
		return e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED);
	return strlen(e->name) == n && strncmp(e->name, next, n) == 0;
}

void watch_distrust(struct crond *c)
{
	struct directory *d;

	SLIST_FOREACH(d, &c->directories, link)
		d->intact = false;
}

static void event_take(struct crond *c, const struct inotify_event *e)
{
	struct directory *d, *next;

	if (e->mask & IN_Q_OVERFLOW) {
		log_line(&c->log, LOG_WARNING, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) INFO (inotify overflowed; everything is looked at)");
		wait_later(c, LATER_RELOAD, 0);
		watch_distrust(c);
		return;
	}
	if (e->wd == c->etc_wd && e->len &&
		(strcmp(e->name, "passwd") == 0 || strcmp(e->name, "group") == 0) &&
		!(e->mask & IN_CREATE))
		reload_users(c);
	if (e->wd == c->outbox_wd && e->len)
		outbox_add(c, e->name);
	if (e->wd == c->mails_wd && e->len)
		mails_wait(c);
	if (e->wd == c->etc_wd && e->len && strcmp(e->name, "localtime") == 0)
		wait_later(c, LATER_ZONES, ZONES_MS);
	SLIST_FOREACH_SAFE(d, &c->directories, link, next) {
		if (d->above == e->wd && comes_to_be(d, e))
			reload_directory(c, d);
		if (d->wd != e->wd)
			continue;
		if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) {
			if (e->mask & IN_MOVE_SELF)
				inotify_rm_watch(c->w_files.fd, d->wd);
			d->wd = -1;
			d->intact = false;
			wait_later(c, LATER_RELOAD, 100);
		} else if (e->len && event_counts(d, e)) {
			reload_name(c, d, e->name, e->mask & (IN_DELETE | IN_MOVED_FROM));
		}
	}
}

void watch_read(struct crond *c)
{
	char room[16384] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = read(c->w_files.fd, room, sizeof(room))) > 0) {
		for (char *at = room; at < room + n;) {
			const struct inotify_event *e = (const void *)at;

			event_take(c, e);
			at += sizeof(*e) + e->len;
		}
	}
}
