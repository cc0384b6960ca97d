/* removed: jobs with alerts that are in no file any more.
 * Flow: load says what left a file and what came into one; what is in force stands in the state
 * directory, as the event that would tell of its removal, for a scheduler after us. */
#include "config.h"

#include "crond/removed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/crond.h"
#include "crond/tell.h"

enum {
	ARRIVED_MOST = 1000, /* that are looked through for each that leaves */
	KEPT_MAGIC = 0x726e7243, KEPT_VERSION = 1, KEPT_MOST = 10000, KEPT_FILE_MOST = 64 << 20,
	/* as long as a task's file may be gone, and a moment more */
	AWAY_MS = 2500,
	TOLD_EACH = 16, /* at a time */
	REST_MS = 5,
};

struct removal {
	TAILQ_ENTRY(removal) link;
	uint64_t identity, does;
	int64_t since;     /* monotonic ms */
	struct buf event;
};

/* On file: head, then of each job this and its event. */
struct kept {
	uint64_t identity, does;
	uint32_t length, zero;
};

/* What it runs and as whom: by another name, or in another file, it is the same to people. */
static uint64_t does(const struct job *job)
{
	const char *command = job_command(job), *user = job->common->user->name;
	uint64_t hash = text_hash(9, user, strlen(user));

	if (command)
		return text_hash(hash, command, strlen(command));
	for (const char *const *w = job->common->options->argv; w && *w; w++)
		hash = text_hash(hash, *w, strlen(*w) + 1);
	return hash;
}

static void removal_free(struct removals *list, struct removal *r)
{
	TAILQ_REMOVE(list, r, link);
	buf_free(&r->event);
	free(r);
}

static struct removal *removal_add(struct crond *c, struct removals *list, uint64_t identity,
	uint64_t what)
{
	struct removal *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct removal){ .identity = identity, .does = what, .since = wait_now_ms() };
	TAILQ_INSERT_TAIL(list, r, link);
	wait_later(c, LATER_REMOVED, AWAY_MS);
	return r;
}

static struct removal *removal_like(struct removals *list, uint64_t identity, uint64_t what)
{
	struct removal *r;

	TAILQ_FOREACH(r, list, link) {
		if (r->identity == identity || r->does == what)
			return r;
	}
	return NULL;
}

void removed_open(struct crond *c)
{
	TAILQ_INIT(&c->removed.waiting);
	TAILQ_INIT(&c->removed.arrived);
}

static void arrived_drop(struct crond *c, struct removal *r)
{
	removal_free(&c->removed.arrived, r);
	c->removed.arrivals--;
}

void removed_note(struct crond *c, const struct job *job)
{
	struct removal *r;

	if (!job->common->options->alert || c->set.check)
		return;
	c->removed.changed = true;
	r = removal_like(&c->removed.arrived, 0, does(job));
	if (r && r->identity != job->identity) { /* by another name it is there already */
		arrived_drop(c, r);
		return;
	}
	r = removal_add(c, &c->removed.waiting, job->identity, does(job));
	if (r)
		tell_describe(c, job, &r->event);
}

void removed_back(struct crond *c, const struct job *job)
{
	struct removal *r;

	if (c->set.check || !job->common->options->alert)
		return;
	c->removed.changed = true;
	r = removal_like(&c->removed.waiting, job->identity, does(job));
	if (r) {
		removal_free(&c->removed.waiting, r);
	} else if (c->working && c->removed.arrivals < ARRIVED_MOST &&
		removal_add(c, &c->removed.arrived, job->identity, does(job))) {
		c->removed.arrivals++;
	}
}

void removed_changed(struct crond *c, const struct job *job)
{
	c->removed.changed |= job->common->options->alert || c->removed.kept;
}

/* The first of the list, if that has been there for long enough. */
static struct removal *removal_old(struct crond *c, struct removals *list)
{
	struct removal *r = TAILQ_FIRST(list);
	int64_t left = r ? r->since + AWAY_MS - wait_now_ms() : 0;

	if (left <= 0)
		return r;
	wait_later(c, LATER_REMOVED, left + 1);
	return NULL;
}

static void removed_tell(struct crond *c, struct removal *r)
{
	if (!pending_job_of(c, r->identity) && r->event.len)
		tell_removed(c, (struct slice){ r->event.data, r->event.len });
	c->removed.changed = true; /* it need not stand there any more */
	removal_free(&c->removed.waiting, r);
}

/* A few at a time: each is looked for among all jobs, and is a file of its own. */
void removed_due(struct crond *c)
{
	struct removal *r;
	int told = 0;

	if (c->reload.awaits) { /* it may be in a file that is not read whole yet */
		wait_later(c, LATER_REMOVED, AWAY_MS);
		return;
	}
	while ((r = removal_old(c, &c->removed.arrived)))
		arrived_drop(c, r);
	while ((r = removal_old(c, &c->removed.waiting))) {
		if (told++ == TOLD_EACH) {
			wait_later(c, LATER_REMOVED, REST_MS);
			return;
		}
		removed_tell(c, r);
	}
	removed_keep(c);
}

/* --- on file */

static int kept_open(struct crond *c, int *dir)
{
	struct stat st;
	int fd;

	*dir = open(c->set.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0)
		return -1;
	fd = file_open(*dir, "alerted", 0, &st);
	close(*dir);
	return fd;
}

/* All that stand there wait from now on; those that are in force come back at once. */
static void kept_take(struct crond *c, struct slice b)
{
	struct kept k;

	while (b.n >= sizeof(k)) {
		struct removal *r;

		memcpy(&k, b.s, sizeof(k));
		b = (struct slice){ b.s + sizeof(k), b.n - sizeof(k) };
		if (k.length > b.n || !(r = removal_add(c, &c->removed.waiting, k.identity, k.does)))
			return;
		buf_append(&r->event, b.s, k.length);
		b = (struct slice){ b.s + k.length, b.n - k.length };
	}
}

static int removal_order(const void *a, const void *b)
{
	const struct removal *x = *(struct removal *const *)a, *y = *(struct removal *const *)b;

	return x->identity < y->identity ? -1 : x->identity > y->identity;
}

/* Those in force are found in one go through all jobs. */
static void kept_settle(struct crond *c)
{
	struct removal *r, **list, key, *wanted = &key;
	struct source *s;
	size_t n = 0;

	TAILQ_FOREACH(r, &c->removed.waiting, link)
		n++;
	list = n ? calloc(n, sizeof(*list)) : NULL;
	if (!list)
		return;
	n = 0;
	TAILQ_FOREACH(r, &c->removed.waiting, link)
		list[n++] = r;
	qsort(list, n, sizeof(*list), removal_order);
	RB_FOREACH(s, source_tree, &c->sources) {
		for (size_t i = 0; s->jobs && i < s->jobs->count; i++) {
			struct removal **at;

			key.identity = s->jobs->jobs[i].identity;
			at = bsearch(&wanted, list, n, sizeof(*list), removal_order);
			if (at)
				(*at)->since = 0;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (!list[i]->since)
			removal_free(&c->removed.waiting, list[i]);
	}
	free(list);
}

/* A task by another name runs what one did that is gone. */
static void kept_renamed(struct crond *c)
{
	struct source *s;

	RB_FOREACH(s, source_tree, &c->sources) {
		for (size_t i = 0; s->jobs && i < s->jobs->count && !TAILQ_EMPTY(&c->removed.waiting); i++)
			removed_back(c, &s->jobs->jobs[i]);
	}
}

void removed_first(struct crond *c)
{
	uint32_t head[2];
	struct buf b = { 0 };
	int dir, fd = c->set.check ? -1 : kept_open(c, &dir);

	if (fd >= 0 && file_read(fd, KEPT_FILE_MOST, &b) == 0 && b.len >= sizeof(head)) {
		memcpy(head, b.data, sizeof(head));
		if (head[0] == KEPT_MAGIC && head[1] == KEPT_VERSION)
			kept_take(c, (struct slice){ b.data + sizeof(head), b.len - sizeof(head) });
		else
			trouble_say(c, "alerted", "not of a version that is known: removed jobs are not told of");
	}
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	kept_settle(c);
	kept_renamed(c);
	removed_keep(c);
}

static void kept_put(struct crond *c, const struct job *job, struct buf *event, struct buf *out)
{
	struct kept k = { .identity = job->identity, .does = does(job) };

	buf_clear(event);
	tell_describe(c, job, event);
	k.length = (uint32_t)event->len;
	buf_append(out, &k, sizeof(k));
	buf_append(out, event->data, event->len);
}

/* Those that may yet be told of stand there, too. */
static void kept_fill(struct crond *c, struct buf *out)
{
	struct buf event = { 0 };
	struct removal *r;
	struct source *s;
	size_t n = 0;

	RB_FOREACH(s, source_tree, &c->sources) {
		for (size_t i = 0; s->jobs && i < s->jobs->count && n < KEPT_MOST; i++) {
			const struct job *job = &s->jobs->jobs[i];

			if (!job->common->options->alert || !load_in_force(c, job))
				continue;
			kept_put(c, job, &event, out);
			n++;
		}
	}
	TAILQ_FOREACH(r, &c->removed.waiting, link) {
		struct kept k = { r->identity, r->does, (uint32_t)r->event.len, 0 };

		buf_append(out, &k, sizeof(k));
		buf_append(out, r->event.data, r->event.len);
	}
	buf_free(&event);
	c->removed.kept = n;
}

void removed_keep(struct crond *c)
{
	const uint32_t head[2] = { KEPT_MAGIC, KEPT_VERSION };
	struct buf b = { 0 };
	int dir;

	if (!c->removed.changed || c->set.check)
		return;
	c->removed.changed = false;
	buf_append(&b, head, sizeof(head));
	kept_fill(c, &b);
	dir = open(c->set.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b.failed || dir < 0 || file_replace(dir, "alerted", 0600, b.data, b.len, 0) < 0)
		trouble_say(c, "alerted", strerror(errno));
	if (dir >= 0)
		close(dir);
	buf_free(&b);
}
