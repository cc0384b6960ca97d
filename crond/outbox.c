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

enum { OUTBOX_PATH = EVENT_ID_MOST + sizeof(RUNDIR_OUTBOX) + 1 };
/* As many as crond-notify's spool takes. */
enum { OUTBOX_MOST = 20000, PAGE = 4096 };

/* One that is on file. */
struct outbox_event {
	RB_ENTRY(outbox_event) link;
	TAILQ_ENTRY(outbox_event) queue;
	bool sent; /* and not yet acknowledged; else it is in the queue */
	bool of_user;
	uint64_t size; /* bytes */
	char id[];
};

static int event_order(const struct outbox_event *a, const struct outbox_event *b)
{
	return strcmp(a->id, b->id);
}

RB_GENERATE(outbox_tree, outbox_event, link, event_order)

void outbox_open(struct crond *c)
{
	char path[PATH_MAX + 32];

	TAILQ_INIT(&c->outbox_queue);
	c->outbox_wd = -1;
	if (mkdirat(c->runs, RUNDIR_OUTBOX, 0700) < 0 && errno != EEXIST)
		trouble_say(c, RUNDIR_OUTBOX, strerror(errno));
	snprintf(path, sizeof(path), "%s/outbox", c->set.run_dir);
	if (c->w_files.fd >= 0)
		c->outbox_wd = inotify_add_watch(c->w_files.fd, path, IN_MOVED_TO | IN_ONLYDIR);
}

static void outbox_path(char path[OUTBOX_PATH], const char *id)
{
	snprintf(path, OUTBOX_PATH, "%s/%s", RUNDIR_OUTBOX, id);
}

static struct outbox_event *outbox_find(struct crond *c, const char *id)
{
	struct outbox_event *e = RB_ROOT(&c->outbox);

	while (e) {
		int order = strcmp(id, e->id);

		if (order == 0)
			return e;
		e = order < 0 ? RB_LEFT(e, link) : RB_RIGHT(e, link);
	}
	return NULL;
}

static void outbox_drop(struct crond *c, struct outbox_event *e)
{
	if (!e->sent)
		TAILQ_REMOVE(&c->outbox_queue, e, queue);
	RB_REMOVE(outbox_tree, &c->outbox, e);
	c->outbox_count--;
	if (e->of_user) {
		c->outbox_users--;
		c->outbox_users_bytes -= e->size;
	}
	free(e);
}

/* Too many that nobody takes: the new one goes, and the first such is said. */
static void outbox_full(struct crond *c, const char *id)
{
	char path[OUTBOX_PATH];

	outbox_path(path, id);
	unlinkat(c->runs, path, 0);
	if (!c->outbox_said)
		trouble_say(c, "alerts", "too many wait for crond-notify; new ones are dropped");
	c->outbox_said = true;
}

/* Of users' own jobs are half of them at most, and as many bytes as one user's runs may have. */
static bool outbox_room(const struct crond *c, bool of_user, uint64_t size)
{
	if (c->outbox_count >= OUTBOX_MOST)
		return false;
	return !of_user || (c->outbox_users < OUTBOX_MOST / 2 &&
		c->outbox_users_bytes + size <= c->room_each);
}

void outbox_add(struct crond *c, const char *id)
{
	char path[OUTBOX_PATH];
	struct outbox_event *e;
	struct stat st;
	const size_t room = strlen(id) + 1;
	uint64_t size;
	bool of_user;

	if (!event_id_ok(slice_of(id)) || outbox_find(c, id))
		return;
	outbox_path(path, id);
	if (fstatat(c->runs, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	of_user = (st.st_mode & 0777) == RUNDIR_POST_USER;
	size = ((uint64_t)st.st_size / PAGE + 1) * PAGE;
	if (!outbox_room(c, of_user, size)) {
		outbox_full(c, id);
		return;
	}
	e = calloc(1, sizeof(*e) + room);
	if (!e) /* the next look finds it */
		return;
	memcpy(e->id, id, room);
	e->of_user = of_user;
	e->size = size;
	c->outbox_users += of_user;
	c->outbox_users_bytes += of_user ? e->size : 0;
	RB_INSERT(outbox_tree, &c->outbox, e);
	TAILQ_INSERT_TAIL(&c->outbox_queue, e, queue);
	c->outbox_count++;
	alert_outbox(c);
}

bool outbox_look(struct crond *c)
{
	int fd = openat(c->runs, RUNDIR_OUTBOX, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (e = readdir(dir)))
		outbox_add(c, e->d_name);
	if (dir)
		closedir(dir);
	if (c->outbox_count)
		alert_outbox(c);
	return c->outbox_count > 0;
}

/* False: there is no room on the wire now. One that cannot be read is not there any more. */
static bool outbox_send(struct crond *c, struct outbox_event *e)
{
	char path[OUTBOX_PATH];
	struct buf b = { 0 };
	struct stat st;
	bool going = true;
	int fd;

	outbox_path(path, e->id);
	fd = file_open(c->runs, path, 0, &st);
	buf_putc(&b, NOTICE_EVENT);
	if (fd < 0 || file_read(fd, EVENT_MOST, &b) < 0) {
		outbox_drop(c, e);
	} else if ((going = alert_send(c, &b))) {
		TAILQ_REMOVE(&c->outbox_queue, e, queue);
		e->sent = true;
	}
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	return going;
}

void outbox_flush(struct crond *c)
{
	struct outbox_event *e;

	while ((e = TAILQ_FIRST(&c->outbox_queue)) && outbox_send(c, e))
		;
}

void outbox_unsent(struct crond *c)
{
	struct outbox_event *e;

	RB_FOREACH(e, outbox_tree, &c->outbox) {
		if (e->sent)
			TAILQ_INSERT_TAIL(&c->outbox_queue, e, queue);
		e->sent = false;
	}
}

void outbox_told(struct crond *c, const char *id)
{
	struct outbox_event *e = outbox_find(c, id);
	char path[OUTBOX_PATH];

	if (!event_id_ok(slice_of(id)))
		return;
	outbox_path(path, id);
	unlinkat(c->runs, path, 0);
	if (e)
		outbox_drop(c, e);
	if (c->outbox_count < OUTBOX_MOST / 2)
		c->outbox_said = false;
}
