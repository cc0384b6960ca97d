/* daemon_file: what must be known of daemons after the scheduler's death.
 * Flow: one file in the run-time directory (memory, not disk; a boot begins without), a
 * record for each copy, written in its place when something changes; read at start. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/text.h"

#define DAEMONS_FILE "daemons"
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

enum {
	DAEMONS_MAGIC = 0x646e7243, DAEMONS_VERSION = 1, DAEMONS_FILE_MOST = 64 << 20,
	FOLD_AT = 4096, BOOT_ID_MOST = 128,
};

struct daemons_head {
	uint32_t magic, version, size, zero;
	uint64_t boot; /* a run-time directory may outlive one, and what is in it begins anew */
};

struct copy_record {
	uint64_t identity, definition, terms, file;
	int64_t started;
	struct restart_state state;
	char run[RUN_ID_MOST]; /* first byte 0 and nothing held against it: as good as no record */
	uint64_t used;
};

static int daemon_order(const struct daemon *a, const struct daemon *b)
{
	return a->identity < b->identity ? -1 : a->identity > b->identity;
}

RB_GENERATE(daemon_tree, daemon, link, daemon_order)

/* --- in memory */

struct daemon *daemon_find(struct crond *c, uint64_t identity)
{
	struct daemon key = { .identity = identity };

	return RB_FIND(daemon_tree, &c->daemons, &key);
}

struct daemon *daemon_get(struct crond *c, uint64_t identity)
{
	struct daemon *d = daemon_find(c, identity);

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->identity = identity;
	d->gone_since = wait_now_ms();
	RB_INSERT(daemon_tree, &c->daemons, d);
	return d;
}

int daemon_copies(struct daemon *d, size_t count)
{
	struct daemon_copy *more;

	if (count <= d->count)
		return 0;
	more = reallocarray(d->copies, count, sizeof(*more));
	if (!more)
		return -1;
	memset(more + d->count, 0, (count - d->count) * sizeof(*more));
	d->copies = more;
	d->count = count;
	return 0;
}

/* --- on file */

static void say_file(struct crond *c, const char *why)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (%s/" DAEMONS_FILE ": %s)", c->set.run_dir, why);
}

static struct copy_record record_of(const struct daemon *d, const struct daemon_copy *copy)
{
	struct copy_record r = { .identity = d->identity, .definition = copy->definition,
		.terms = copy->terms, .file = d->file, .started = copy->started,
		.state = copy->state, .used = 1 };

	memcpy(r.run, copy->run, sizeof(r.run));
	return r;
}

/* Of this boot; as the first process of a container, whose start is one, there is none. */
static struct daemons_head head_now(struct crond *c)
{
	struct daemons_head head = { DAEMONS_MAGIC, DAEMONS_VERSION, sizeof(struct copy_record),
		0, 0 };
	struct buf b = { 0 };
	struct stat st;
	int fd = getpid() == 1 ? -1 : file_open(AT_FDCWD, BOOT_ID_FILE, 0, &st);

	if (fd >= 0 && file_read(fd, BOOT_ID_MOST, &b) == 0)
		head.boot = text_hash(5, b.data, b.len);
	else if (getpid() == 1)
		head.boot = text_hash(6, &c->clock.real, sizeof(c->clock.real));
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	return head;
}

/* Written anew, without what has been dropped. */
static int daemon_fold(struct crond *c)
{
	struct daemons_head head = head_now(c);
	struct buf b = { 0 };
	struct daemon *d;
	int rc;

	buf_append(&b, &head, sizeof(head));
	c->daemon_places = 0;
	RB_FOREACH(d, daemon_tree, &c->daemons) {
		for (size_t i = 0; i < d->count; i++) {
			struct copy_record r = record_of(d, &d->copies[i]);

			buf_append(&b, &r, sizeof(r));
			d->copies[i].place = ++c->daemon_places;
		}
	}
	rc = b.failed ? -1 : file_replace(c->run_fd, DAEMONS_FILE, 0600, b.data, b.len, 0);
	buf_free(&b);
	if (rc < 0)
		return -1;
	if (c->daemon_fd >= 0)
		close(c->daemon_fd);
	c->daemon_fd = openat(c->run_fd, DAEMONS_FILE, O_WRONLY | O_CLOEXEC);
	return c->daemon_fd < 0 ? -1 : 0;
}

static int record_write(struct crond *c, uint32_t place, const struct copy_record *r)
{
	off_t at = (off_t)(sizeof(struct daemons_head) + (size_t)(place - 1) * sizeof(*r));

	return pwrite(c->daemon_fd, r, sizeof(*r), at) == sizeof(*r) ? 0 : -1;
}

void daemon_copy_save(struct crond *c, const struct daemon *d, struct daemon_copy *copy)
{
	struct copy_record r = record_of(d, copy);
	int rc;

	if (c->daemon_fd < 0 || (!copy->place && c->daemon_places >= c->daemon_fold_at)) {
		rc = daemon_fold(c);
		c->daemon_fold_at = 2 * c->daemon_places + FOLD_AT;
	} else {
		if (!copy->place)
			copy->place = ++c->daemon_places;
		rc = record_write(c, copy->place, &r);
	}
	if (rc < 0)
		say_file(c, strerror(errno));
}

void daemon_copy_drop(struct crond *c, struct daemon_copy *copy)
{
	struct copy_record none = { 0 };

	if (copy->place && c->daemon_fd >= 0 && record_write(c, copy->place, &none) < 0)
		say_file(c, strerror(errno));
	copy->place = 0;
}

static void record_take(struct crond *c, const struct copy_record *r)
{
	struct daemon *d = r->used ? daemon_get(c, r->identity) : NULL;
	struct daemon_copy *copy;

	if (!d || daemon_copies(d, d->count + 1) < 0)
		return;
	copy = &d->copies[d->count - 1];
	copy->state = r->state;
	copy->started = r->started;
	copy->definition = r->definition;
	copy->terms = r->terms;
	memcpy(copy->run, r->run, sizeof(copy->run) - 1);
	d->file = r->file;
}

/* false: not of this boot, or (said) of another version. */
static bool head_ours(struct crond *c, struct slice file)
{
	const struct daemons_head now = head_now(c);
	struct daemons_head head = { 0 };

	if (file.n >= sizeof(head))
		memcpy(&head, file.s, sizeof(head));
	if (head.magic == now.magic && head.version == now.version && head.size == now.size)
		return head.boot == now.boot;
	say_file(c, "not of a version that is known, not used");
	return false;
}

static void records_take(struct crond *c, struct slice file)
{
	struct copy_record r;

	if (!file.n || !head_ours(c, file))
		return;
	for (size_t at = sizeof(struct daemons_head); at + sizeof(r) <= file.n; at += sizeof(r)) {
		memcpy(&r, file.s + at, sizeof(r));
		record_take(c, &r);
	}
}

/* Nothing is written before the first change. */
void daemon_open(struct crond *c)
{
	struct buf b = { 0 };
	struct stat st;
	int fd = file_open(c->run_fd, DAEMONS_FILE, 0, &st);

	if (fd < 0)
		return;
	if (file_read(fd, DAEMONS_FILE_MOST, &b) == 0)
		records_take(c, (struct slice){ b.data, b.len });
	else
		say_file(c, strerror(errno));
	close(fd);
	buf_free(&b);
}
