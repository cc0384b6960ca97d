/* backlog_file: the backlog's segments.
 * Flow: backlog's batch -> RUN_DIR/backlog/NUMBER, 0600; history_wire offers them to
 * crond-history; what that has committed goes. */
#include "config.h"

#include "crond/backlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/histrec.h"
#include "crond/crond.h"

enum { SEGMENT_MOST = 1 << 20, BACKLOG_MOST = 64 << 20, SHARE = 8, NAME_MOST = 16,
	AGAIN_MS = 1000 };

#define BACKLOG_DIR "backlog"

/* --- what is there */

static struct segment *segment_new(struct backlog *b, uint32_t number, uint64_t size)
{
	struct segment *s = calloc(1, sizeof(*s)), *before;

	if (!s)
		return NULL;
	s->number = number;
	s->size = size;
	b->size += size;
	before = TAILQ_LAST(&b->segments, segments);
	while (before && before->number > number)
		before = TAILQ_PREV(before, segments, link);
	if (before)
		TAILQ_INSERT_AFTER(&b->segments, before, s, link);
	else
		TAILQ_INSERT_HEAD(&b->segments, s, link);
	return s;
}

static void segment_free(struct backlog *b, struct segment *s)
{
	b->size -= s->size;
	TAILQ_REMOVE(&b->segments, s, link);
	free(s);
}

static void segment_remove(struct backlog *b, struct segment *s)
{
	char name[NAME_MOST];

	snprintf(name, sizeof(name), "%" PRIu32, s->number);
	unlinkat(b->dir, name, 0);
	segment_free(b, s);
}

/* 0, or -1 with errno: it is one, perhaps, and not known. */
static int segment_look(struct backlog *b, const char *name)
{
	const struct segment *s;
	uint64_t number;
	struct stat st;

	if (text_number(slice_of(name), UINT32_MAX - 1, &number) < 0 || !number)
		return 0;
	TAILQ_FOREACH(s, &b->segments, link) {
		if (s->number == number)
			return 0;
	}
	if (fstatat(b->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return !S_ISREG(st.st_mode) || segment_new(b, (uint32_t)number, (uint64_t)st.st_size) ? 0 : -1;
}

/* Those of a scheduler before us. 0, or -1 with errno: there may be more. */
static int segments_find(struct backlog *b)
{
	int fd = openat(b->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	int error = errno, bad = 0;
	const struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		errno = error;
		return -1;
	}
	while (!bad && (errno = 0, e = readdir(dir)))
		bad = segment_look(b, e->d_name);
	error = errno;
	closedir(dir);
	errno = error;
	return bad || error ? -1 : 0;
}

/* The run-time directory is memory on most systems, and everybody's. */
static uint64_t size_most(int dir)
{
	struct statvfs fs;
	uint64_t share;

	if (fstatvfs(dir, &fs) < 0 || !fs.f_blocks)
		return BACKLOG_MOST;
	share = (uint64_t)fs.f_blocks * fs.f_frsize / SHARE;
	return share < BACKLOG_MOST ? share : BACKLOG_MOST;
}

static int dir_open(struct crond *c)
{
	if (mkdirat(c->run_fd, BACKLOG_DIR, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(c->run_fd, BACKLOG_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* State that goes with us at our end is no history. */
static bool wanted(const struct crond *c)
{
	size_t n = strlen(c->set.own_dir);
	bool passing = c->set.remove_dir && !c->set.conf.history_dir &&
		strncmp(c->set.state_dir, c->set.own_dir, n) == 0 && c->set.state_dir[n] == '/';

	return c->set.conf.history && !passing && history_installed(c);
}

/* Where it cannot be made, or what is there cannot be seen, records wait in memory. */
static void backlog_on(struct crond *c)
{
	c->backlog.most = BACKLOG_MOST;
	c->backlog.on = c->backlog.unseen = true;
	backlog_flush(c);
	history_listen(c);
}

/* What waits stays on file: it may be wanted again. */
static void backlog_off(struct crond *c)
{
	struct backlog *b = &c->backlog;
	struct segment *s;

	backlog_flush(c);
	history_close(c);
	while ((s = TAILQ_FIRST(&b->segments)))
		segment_free(b, s);
	if (b->fd >= 0)
		close(b->fd);
	if (b->dir >= 0)
		close(b->dir);
	b->fd = b->dir = -1;
	b->on = b->begun = b->unseen = false;
	buf_free(&b->batch);
}

void backlog_open(struct crond *c)
{
	c->backlog.fd = c->backlog.dir = -1;
	TAILQ_INIT(&c->backlog.segments);
	place_boot(c->backlog.boot, sizeof(c->backlog.boot));
	if (wanted(c))
		backlog_on(c);
}

void backlog_config(struct crond *c)
{
	if (c->backlog.on && !wanted(c))
		backlog_off(c);
	else if (!c->backlog.on && wanted(c))
		backlog_on(c);
	else if (c->backlog.on)
		history_config(c);
}

/* --- writing */

/* All of it, or as much as there is room for; what was written is not in *data any more. */
static int append(struct backlog *b, struct segment *s, struct buf *data)
{
	size_t at = 0;
	ssize_t n = 0;

	while (at < data->len) {
		n = pwrite(b->fd, data->data + at, data->len - at, (off_t)s->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (size_t)n;
		s->size += (uint64_t)n;
		b->size += (uint64_t)n;
	}
	memmove(data->data, data->data + at, data->len - at);
	data->len -= at;
	return data->len ? -1 : 0;
}

static int head_write(struct crond *c, struct segment *s, bool first)
{
	struct backlog *b = &c->backlog;
	struct histrec boot = { .kind = HISTREC_BOOT, .boot = b->boot, .host = c->fqdn,
		.at_ns = (int64_t)time(NULL) * 1000000000 };
	struct buf head = { 0 };
	int rc = -1;

	histrec_begin(&head);
	if (!head.failed && (!first || histrec_encode(&boot, &head) == 0))
		rc = append(b, s, &head);
	buf_free(&head);
	return rc;
}

/* The next one; the first of ours says that we have begun. */
static int segment_begin(struct crond *c)
{
	struct backlog *b = &c->backlog;
	struct segment *last = TAILQ_LAST(&b->segments, segments), *s;
	uint32_t number = last ? last->number + 1 : 1;
	char name[NAME_MOST];
	int fd, was = b->fd;

	snprintf(name, sizeof(name), "%" PRIu32, number);
	fd = openat(b->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	s = fd >= 0 ? segment_new(b, number, 0) : NULL;
	b->fd = fd;
	if (s && head_write(c, s, !b->begun) == 0) {
		b->begun = true;
		if (was >= 0)
			close(was);
		return 0;
	}
	if (s)
		segment_remove(b, s);
	else if (fd >= 0)
		unlinkat(b->dir, name, 0);
	if (fd >= 0)
		close(fd);
	b->fd = was;
	return -1;
}

void backlog_begin(struct crond *c)
{
	if (!c->backlog.begun && !c->backlog.unseen)
		segment_begin(c);
}

/* From so many bytes on another one is begun. Where there is little room it is less: the one that
 * is written stays, and must not be all that there may be. */
static bool segment_full(const struct backlog *b, const struct segment *s)
{
	return s->size >= SEGMENT_MOST || s->size >= b->most / 4;
}

/* A segment that had no room for all of the batch has the rest when there is some: none ends
 * within a record. */
static int write_batch(struct crond *c)
{
	struct backlog *b = &c->backlog;
	struct segment *last = TAILQ_LAST(&b->segments, segments);

	if (!b->begun || (segment_full(b, last) && !b->failing)) {
		if (segment_begin(c) < 0)
			return -1;
		last = TAILQ_LAST(&b->segments, segments);
	}
	return append(b, last, &b->batch);
}

static int backlog_see(struct crond *c)
{
	struct backlog *b = &c->backlog;

	if (b->dir < 0) {
		b->dir = dir_open(c);
		if (b->dir < 0)
			return -1;
		b->most = size_most(b->dir);
	}
	return segments_find(b);
}

/* What finds no room waits in memory, and counts. Nothing is written while it is not known what is
 * there: it would come in front of it, or not at all. */
void backlog_flush(struct crond *c)
{
	struct backlog *b = &c->backlog;
	int error;

	if (!b->batch.len && !b->unseen)
		return;
	if (b->unseen)
		b->unseen = backlog_see(c) < 0;
	error = b->unseen || (b->batch.len && write_batch(c) < 0) ? errno : 0;
	if (error && !b->failing)
		trouble_say(c, BACKLOG_DIR, strerror(error));
	b->failing = error != 0;
	if (b->failing) /* the loop comes by here: all it needs is a turn */
		wait_later(c, LATER_BACKLOG, AGAIN_MS);
	history_more(c);
}

void backlog_done(struct crond *c, uint32_t number, uint64_t size)
{
	struct backlog *b = &c->backlog;
	struct segment *last = TAILQ_LAST(&b->segments, segments), *s;

	TAILQ_FOREACH(s, &b->segments, link) {
		if (s->number != number)
			continue;
		if (size > s->done)
			s->done = size < s->size ? size : s->size;
		if (s->done < s->size)
			return;
		if (s != last || !b->begun)
			segment_remove(b, s);
		else if (segment_full(b, s))
			segment_begin(c); /* it goes once it is known to end */
		return;
	}
}

void backlog_missing(struct crond *c, struct segment *s)
{
	struct backlog *b = &c->backlog;

	if (b->begun && s == TAILQ_LAST(&b->segments, segments)) {
		close(b->fd);
		b->fd = -1;
		b->begun = false;
	}
	segment_free(b, s);
}

/* --- the end */

/* A directory that goes with us: who reads it holds what it reads. */
static void remove_all(struct crond *c)
{
	struct segment *s;

	while ((s = TAILQ_FIRST(&c->backlog.segments)))
		segment_remove(&c->backlog, s);
	unlinkat(c->run_fd, BACKLOG_DIR, AT_REMOVEDIR);
}

void backlog_close(struct crond *c)
{
	struct live_run *run;

	if (!c->backlog.on)
		return;
	if (c->set.remove_dir) {
		RB_FOREACH(run, run_tree, &c->live) {
			if (run->state != RUN_STATE_DONE)
				backlog_end_lost(c, run, "the daemon ended before it did");
		}
	}
	backlog_flush(c);
	history_close(c);
	if (c->set.remove_dir)
		remove_all(c);
}
