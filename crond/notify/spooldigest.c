/* spooldigest: the digests of the spool.
 * Flow: which events go to a target as one is written here before any of it is sent, and
 * found again at the next start. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/record.h"
#include "crond/base/report.h"
#include "crond/notify/digest.h"
#include "crond/notify/entry.h"
#include "crond/notify/spool.h"
#include "crond/notify/spooldir.h"

#include <unistd.h>

enum { DIGEST_MAGIC = 0x676e7243, DIGEST_VERSION = 1, DIGEST_BYTES = 128 * 1024 };
enum digest_tag { TAG_TARGET = 1, TAG_MEMBER };

static struct entry *digest_new(const char *id, const char *target, int64_t received)
{
	struct event e = { .id = id,
		.event = "digest",
		.targets = slice_of(target),
		.trusted = true,
		.uid = EVENT_NOBODY };
	size_t dropped, room = sizeof(struct members) + DIGEST_MOST * sizeof(struct target *);
	struct entry *made = entry_new(&e, 0, received, &dropped);

	if (!made)
		return NULL;
	made->members = calloc(1, room);
	if (made->members && made->count == 1)
		return made;
	entry_free(made);
	return NULL;
}

static void join(struct entry *digest, struct target *t)
{
	if (!t || t->digest || t->state != TARGET_WAIT || digest->members->count == DIGEST_MOST)
		return;
	t->digest = digest;
	digest->members->list[digest->members->count++] = t;
}

static int write_digest(struct spool *s, const char *id, struct target *const *list, size_t n)
{
	char name[SPOOL_NAME];
	struct buf out = { 0 };
	int bad;

	record_begin(&out, DIGEST_MAGIC, DIGEST_VERSION);
	record_put_text(&out, TAG_TARGET, list[0]->name);
	for (size_t i = 0; i < n; i++)
		record_put_text(&out, TAG_MEMBER, list[i]->entry->id);
	spool_name(name, id, SPOOL_DIGEST);
	bad = out.failed || file_replace(s->dirfd, name, 0600, out.data, out.len, 1);
	buf_free(&out);
	return bad ? -1 : 0;
}

struct entry *spool_digest(
        struct spool *s, const char *id, struct target *const *list, size_t n, struct diag *d)
{
	struct entry *made = digest_new(id, list[0]->name, time(NULL));

	if (!made || write_digest(s, id, list, n)) {
		diag_error(d, 0, 0, "%m");
		if (made)
			entry_free(made);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		join(made, list[i]);
	spool_insert(s, made);
	return made;
}

/* Of a digest that was accepted the id alone tells, as of an event. */
void spool_digest_settled(struct spool *s, struct entry *e)
{
	bool done = e->targets[0].state == TARGET_DONE;

	if (done && known_has(&s->known, e->id))
		return;
	if (done ? known_add(&s->known, e->id, time(NULL)) : spool_save(s, e, true))
		report_log(s->report, LOG_ERR, "%s: what became of it cannot be noted: %m", e->id);
}

void spool_digest_end(struct spool *s, struct entry *e)
{
	char name[SPOOL_NAME];

	spool_name(name, e->id, SPOOL_DIGEST);
	unlinkat(s->dirfd, name, 0);
	spool_name(name, e->id, SPOOL_STATE);
	unlinkat(s->dirfd, name, 0);
	spool_forget(s, e);
}

static int read_members(struct spool *s, struct entry **made, const char *id, int64_t received,
        struct slice bytes, struct diag *d)
{
	struct record_field f;
	struct record r;
	int more;

	if (record_open(&r, bytes.s, bytes.n, DIGEST_MAGIC, DIGEST_VERSION, d))
		return -1;
	while ((more = record_next(&r, &f)) > 0) {
		const char *text = record_text(&f);
		struct entry *e;

		if (!text || (f.tag == TAG_TARGET) == (*made != NULL))
			return diag_error(d, 0, 0, "it has a bad field %u", (unsigned)f.tag);
		if (f.tag == TAG_TARGET && !(*made = digest_new(id, text, received)))
			return diag_error(d, 0, 0, "out of memory");
		e = f.tag == TAG_MEMBER ? spool_find(s, text) : NULL;
		if (e && !e->members)
			join(*made, entry_target(e, (*made)->targets[0].name));
	}
	if (more < 0 || !*made)
		return diag_error(d, 0, 0, "it is cut off or damaged");
	return 0;
}

static void let_go(struct entry *e)
{
	for (uint32_t i = 0; i < e->members->count; i++)
		e->members->list[i]->digest = NULL;
	entry_free(e);
}

int spool_take_digest(struct spool *s, const char *name, struct diag *d)
{
	char id[EVENT_ID_MOST];
	struct buf bytes = { 0 };
	struct entry *made = NULL;
	int bad;

	if (!spool_id_of(id, name, SPOOL_DIGEST))
		return diag_error(d, 0, 0, "its name is no id");
	bad = spool_read_file(s->dirfd, name, DIGEST_BYTES, &bytes)
	        ? diag_error(d, 0, 0, "%m")
	        : read_members(s, &made, id, spool_mtime(s->dirfd, name),
	                  (struct slice){ bytes.data, bytes.len }, d);
	buf_free(&bytes);
	if (bad || !made) {
		if (made)
			let_go(made);
		return -1;
	}
	spool_insert(s, made);
	if (known_has(&s->known, id))
		made->targets[0].state = TARGET_DONE;
	else
		spool_load_state(s, made);
	if (made->members->count == 0)
		spool_digest_end(s, made);
	return 0;
}
