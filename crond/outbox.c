/* outbox: events that crond-notify does not have yet.
 * Flow: a keeper (rundir_post) or tell puts one on file, here it is passed on, and it goes once
 * crond-notify has it on its own. Who dies in between costs nothing but a second time. */
#include "config.h"

#include "crond/crond.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/core/event.h"
#include "crond/rundir.h"

enum { OUTBOX_MOST = 2000 };

/* One that crond-notify has been sent, and has not yet acknowledged. */
struct outbox_sent {
	SLIST_ENTRY(outbox_sent) link;
	char id[];
};

void outbox_open(struct crond *c)
{
	char path[PATH_MAX + 32];

	c->outbox_wd = -1;
	if (mkdirat(c->runs, RUNDIR_OUTBOX, 0700) < 0 && errno != EEXIST)
		trouble_say(c, RUNDIR_OUTBOX, strerror(errno));
	snprintf(path, sizeof(path), "%s/outbox", c->set.run_dir);
	if (c->w_files.fd >= 0)
		c->outbox_wd = inotify_add_watch(c->w_files.fd, path, IN_MOVED_TO | IN_ONLYDIR);
}

static DIR *outbox_dir(struct crond *c)
{
	int fd = openat(c->runs, RUNDIR_OUTBOX, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* The next event's id; NULL at the end. */
static const char *outbox_next(DIR *dir)
{
	struct dirent *e;

	while ((e = readdir(dir)))
		if (event_id_ok(slice_of(e->d_name)))
			return e->d_name;
	return NULL;
}

bool outbox_look(struct crond *c)
{
	DIR *dir = outbox_dir(c);
	bool some = dir && outbox_next(dir);

	if (dir)
		closedir(dir);
	if (some)
		alert_outbox(c);
	return some;
}

static struct outbox_sent *sent_find(struct crond *c, const char *id)
{
	struct outbox_sent *s;

	SLIST_FOREACH(s, &c->outbox_sent, link)
	if (strcmp(s->id, id) == 0)
		return s;
	return NULL;
}

static void sent_add(struct crond *c, const char *id)
{
	struct outbox_sent *s = malloc(sizeof(*s) + strlen(id) + 1);

	if (!s) /* sent once more then */
		return;
	strcpy(s->id, id);
	SLIST_INSERT_HEAD(&c->outbox_sent, s, link);
}

/* False: there is no room on the wire now. */
static bool outbox_send(struct crond *c, DIR *dir, const char *id)
{
	struct buf b = { 0 };
	struct stat st;
	int fd = file_open(dirfd(dir), id, 0, &st);
	bool going = true;

	if (fd < 0)
		return true;
	buf_putc(&b, NOTICE_EVENT);
	if (file_read(fd, EVENT_MOST, &b) == 0)
		going = alert_send(c, &b);
	close(fd);
	buf_free(&b);
	if (going)
		sent_add(c, id);
	return going;
}

void outbox_flush(struct crond *c)
{
	DIR *dir = outbox_dir(c);
	size_t n = 0, dropped = 0;
	const char *id;

	if (!dir)
		return;
	while ((id = outbox_next(dir))) {
		if (sent_find(c, id))
			n++;
		else if (n++ >= OUTBOX_MOST && unlinkat(dirfd(dir), id, 0) == 0)
			dropped++;
		else if (!outbox_send(c, dir, id))
			break;
	}
	closedir(dir);
	if (dropped)
		trouble_say(
		        c, "alerts", "too many that crond-notify does not take: some were dropped");
}

void outbox_unsent(struct crond *c)
{
	struct outbox_sent *s;

	while ((s = SLIST_FIRST(&c->outbox_sent))) {
		SLIST_REMOVE_HEAD(&c->outbox_sent, link);
		free(s);
	}
}

bool outbox_told(struct crond *c, const char *id)
{
	char path[EVENT_ID_MOST + sizeof(RUNDIR_OUTBOX) + 1];
	struct outbox_sent *s = sent_find(c, id);

	if (s) {
		SLIST_REMOVE(&c->outbox_sent, s, outbox_sent, link);
		free(s);
	}
	if (!event_id_ok(slice_of(id)))
		return false;
	snprintf(path, sizeof(path), "%s/%s", RUNDIR_OUTBOX, id);
	return unlinkat(c->runs, path, 0) == 0;
}
