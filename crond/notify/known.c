/* known: the ids that were delivered, so that none is delivered again.
 * Flow: each event's id is looked for here before it is spooled, and put here when all
 * its targets have it. */
#include "config.h"

#include "crond/notify/known.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/event.h"

enum {
	BUCKETS = 16384,
	KEEP_LEAST = 10000,
	KEEP_MOST = 100000,
	KEEP_SECONDS = 86400,
	FILE_MOST = 64 * 1024 * 1024,
};

struct known_id {
	struct known_id *same, *next; /* of its bucket; of its age */
	int64_t when;                 /* 0: forgotten, and in no bucket */
	char id[];
};

static struct known_id **bucket(const struct known *k, const char *id)
{
	return &k->table[text_hash(0, id, strlen(id)) % BUCKETS];
}

static struct known_id *find(const struct known *k, const char *id)
{
	for (struct known_id *i = *bucket(k, id); i; i = i->same)
		if (strcmp(i->id, id) == 0)
			return i;
	return NULL;
}

bool known_has(const struct known *k, const char *id)
{
	return find(k, id) != NULL;
}

static void leave_bucket(struct known *k, struct known_id *i)
{
	struct known_id **at = bucket(k, i->id);

	while (*at != i)
		at = &(*at)->same;
	*at = i->same;
}

static void forget_first(struct known *k)
{
	struct known_id *old = k->first;

	if (old->when != 0)
		leave_bucket(k, old);
	k->first = old->next;
	if (!k->first)
		k->last = NULL;
	k->count--;
	free(old);
}

int known_note(struct known *k, const char *id, int64_t when)
{
	size_t n = strlen(id) + 1;
	struct known_id *i;

	if (known_has(k, id))
		return 0;
	i = malloc(sizeof(*i) + n);
	if (!i)
		return -1;
	memcpy(i->id, id, n);
	i->when = when != 0 ? when : 1;
	i->next = NULL;
	i->same = *bucket(k, id);
	*bucket(k, id) = i;
	if (k->last)
		k->last->next = i;
	else
		k->first = i;
	k->last = i;
	k->count++;
	return 0;
}

static void prune(struct known *k, int64_t now)
{
	while (k->count > KEEP_MOST ||
		(k->count > KEEP_LEAST && k->first->when < now - KEEP_SECONDS))
		forget_first(k);
}

/* It stays in the row of ages until its turn comes there. */
static void forget(struct known *k, const char *id)
{
	struct known_id *i = find(k, id);

	if (!i)
		return;
	leave_bucket(k, i);
	i->when = 0;
}

/* A line is "EPOCH ID"; what is none is left out, it cannot be an event's id. */
static int note_line(struct known *k, char *line)
{
	char *blank = strchr(line, ' ');
	uint64_t when;

	if (!blank || !event_id_ok(slice_of(blank + 1)) ||
		text_number((struct slice){ line, (size_t)(blank - line) }, INT64_MAX, &when))
		return 0;
	if (when == 0) {
		forget(k, blank + 1);
		return 0;
	}
	return known_note(k, blank + 1, (int64_t)when);
}

static int note_file(struct known *k, struct buf *content)
{
	char *at = content->data, *end, *newline;

	if (content->len == 0)
		return 0;
	end = at + content->len;
	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		*newline = '\0';
		k->lines++;
		if (note_line(k, at))
			return -1;
		at = newline + 1;
	}
	return ftruncate(k->fd, at - content->data);
}

int known_open(struct known *k, int dirfd)
{
	struct buf content = { 0 };
	int bad;

	*k = (struct known){ .dirfd = dirfd };
	k->fd = openat(dirfd, "done", O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (k->fd < 0)
		return -1;
	k->table = calloc(BUCKETS, sizeof(struct known_id *));
	bad = !k->table || file_read(k->fd, FILE_MOST, &content) || note_file(k, &content);
	buf_free(&content);
	return bad ? -1 : 0;
}

/* The file anew, with what is still known. */
static int rewrite(struct known *k)
{
	struct buf out = { 0 };
	int fd = -1, bad;

	for (struct known_id *i = k->first; i; i = i->next)
		if (i->when != 0)
			buf_printf(&out, "%" PRId64 " %s\n", i->when, i->id);
	bad = out.failed || file_replace(k->dirfd, "done", 0600, out.data, out.len, 1);
	buf_free(&out);
	if (!bad)
		fd = openat(k->dirfd, "done", O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	close(k->fd);
	k->fd = fd;
	k->lines = k->count;
	return 0;
}

static int append(struct known *k, const char *id, int64_t now)
{
	char line[EVENT_ID_MOST + 32];
	int n = snprintf(line, sizeof(line), "%" PRId64 " %s\n", now, id);
	off_t before = lseek(k->fd, 0, SEEK_END);
	int saved;

	if (before < 0)
		return -1;
	if (file_write(k->fd, line, (size_t)n) == 0 && (k->lazy || fdatasync(k->fd) == 0))
		return 0;
	saved = errno;
	if (ftruncate(k->fd, before)) /* half a line would spoil the next one */
		saved = EIO;
	errno = saved;
	return -1;
}

int known_add(struct known *k, const char *id, int64_t now)
{
	if (append(k, id, now) || known_note(k, id, now))
		return -1;
	k->lines++;
	prune(k, now);
	if (k->lines > k->count + KEEP_LEAST)
		(void)rewrite(k); /* the longer file says the same */
	return 0;
}

int known_forget(struct known *k, const char *id)
{
	if (!known_has(k, id))
		return 0;
	if (append(k, id, 0))
		return -1;
	k->lines++;
	forget(k, id);
	return 0;
}

int known_sync(struct known *k)
{
	k->lazy = false;
	return fdatasync(k->fd);
}

void known_free(struct known *k)
{
	while (k->first)
		forget_first(k);
	free(k->table);
	if (k->fd >= 0)
		close(k->fd);
	*k = (struct known){ .fd = -1 };
}
