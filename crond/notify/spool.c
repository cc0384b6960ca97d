/* spool: events on disk until all their targets have them.
 * Flow: an event is written here before it is acknowledged, and goes when it was told. */
#include "config.h"

#include "crond/notify/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/notify/entry.h"
#include "crond/base/report.h"
#include "crond/notify/spooldir.h"

enum { BUCKETS = 8192 };

int spool_open(struct spool *s, const char *path, struct report *report, struct diag *d)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	*s = (struct spool){ .dirfd = -1, .failed_fd = -1, .lock_fd = -1, .known.fd = -1 };
	s->report = report;
	s->table = calloc(BUCKETS, sizeof(struct entry *));
	s->dirfd = open(path, flags | O_NOFOLLOW);
	if (s->dirfd >= 0 && mkdirat(s->dirfd, "failed", 0700) && errno != EEXIST)
		return diag_error(d, 0, 0, "cannot make failed/ in the spool: %m");
	if (s->dirfd >= 0)
		s->failed_fd = openat(s->dirfd, "failed", flags | O_NOFOLLOW);
	if (s->failed_fd >= 0)
		s->lock_fd = openat(s->dirfd, "lock",
			O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (!s->table || s->lock_fd < 0)
		return diag_error(d, 0, 0, "cannot open the spool %s: %m", path);
	return 0;
}

int spool_lock(struct spool *s)
{
	return flock(s->lock_fd, LOCK_EX | LOCK_NB);
}

static struct entry **bucket(const struct spool *s, const char *id)
{
	return &s->table[text_hash(1, id, strlen(id)) % BUCKETS];
}

struct entry *spool_find(const struct spool *s, const char *id)
{
	struct entry *e = *bucket(s, id);

	while (e && strcmp(e->id, id) != 0)
		e = e->same;
	return e;
}

static void count_entry(struct spool *s, const struct entry *e, int sign)
{
	size_t one = (size_t)sign, bytes = sign > 0 ? e->bytes : -e->bytes;

	if (e->members || e->kept) {
		*(e->kept ? &s->failed : &s->digests) += one;
		return;
	}
	s->entries += one;
	s->bytes += bytes;
	if (!e->trusted) {
		s->untrusted_entries += one;
		s->untrusted_bytes += bytes;
	}
}

void spool_insert(struct spool *s, struct entry *e)
{
	struct entry **at = bucket(s, e->id);

	e->same = *at;
	*at = e;
	count_entry(s, e, 1);
}

void spool_forget(struct spool *s, struct entry *e)
{
	struct entry **at = bucket(s, e->id);

	while (*at != e)
		at = &(*at)->same;
	*at = e->same;
	count_entry(s, e, -1);
	entry_free(e);
}

static bool is_full(const struct spool *s, bool trusted, size_t bytes)
{
	if (s->entries >= SPOOL_ENTRIES || s->bytes + bytes > SPOOL_BYTES)
		return true;
	return !trusted && (s->untrusted_entries >= SPOOL_ENTRIES / SPOOL_UNTRUSTED ||
				      s->untrusted_bytes + bytes > SPOOL_BYTES / SPOOL_UNTRUSTED);
}

static struct entry *make(struct spool *s, const struct event *e, size_t bytes, int64_t received)
{
	size_t dropped;
	struct entry *made = entry_new(e, bytes, received, &dropped);

	if (made && dropped)
		report_log(s->report, LOG_WARNING, "%s: %zu targets beyond the first %d are left out",
			e->id, dropped, (int)SPOOL_TARGETS);
	return made;
}

/* A full spool refuses: the scheduler, which is not told that the event is safe, keeps
 * it. Waiting instead would keep back the new configuration that may be the cure. */
enum spool_added spool_add(struct spool *s, struct slice record, struct entry **entry,
	const char **id, struct diag *d)
{
	char name[SPOOL_NAME];
	struct event e;

	*entry = NULL;
	*id = NULL;
	if (event_decode(&e, record, d))
		return SPOOL_BAD;
	*id = e.id;
	if (spool_find(s, e.id) || known_has(&s->known, e.id))
		return SPOOL_KNOWN;
	if (is_full(s, e.trusted, record.n)) {
		diag_error(d, 0, 0, "the spool is full (%zu events, %zu bytes)", s->entries,
			s->bytes);
		return SPOOL_REFUSED;
	}
	*entry = make(s, &e, record.n, time(NULL));
	spool_name(name, e.id, SPOOL_EVENT);
	if (!*entry || file_replace(s->dirfd, name, 0600, record.s, record.n, 1)) {
		diag_error(d, 0, 0, "cannot be spooled: %m");
		if (*entry)
			entry_free(*entry);
		*entry = NULL;
		return SPOOL_REFUSED;
	}
	spool_insert(s, *entry);
	return SPOOL_NEW;
}

int spool_read(struct spool *s, const struct entry *e, struct buf *out, struct diag *d)
{
	char name[SPOOL_NAME];
	struct event event;

	spool_name(name, e->id, SPOOL_EVENT);
	if (spool_read_file(e->kept ? s->failed_fd : s->dirfd, name, EVENT_MOST, out))
		return diag_error(d, 0, 0, "%m");
	return event_decode(&event, (struct slice){ out->data, out->len }, d);
}

int spool_save(struct spool *s, struct entry *e, bool sync)
{
	char name[SPOOL_NAME];
	struct buf out = { 0 };
	int bad;

	entry_state_put(e, &out);
	spool_name(name, e->id, SPOOL_STATE);
	bad = out.failed || file_replace(e->kept ? s->failed_fd : s->dirfd, name, 0600, out.data, out.len, sync);
	buf_free(&out);
	e->stated |= !bad;
	return bad ? -1 : 0;
}

/* What was delivered goes even if it cannot be remembered: it was acknowledged long ago,
 * and a full disk is not helped by keeping it. */
static void finish_done(struct spool *s, const struct entry *e)
{
	if (known_add(&s->known, e->id, time(NULL))) {
		report_log(s->report, LOG_ERR, "%s: cannot be noted as delivered: %m", e->id);
		(void)known_note(&s->known, e->id, time(NULL));
	}
	spool_unlink(s->dirfd, e->id);
}

static bool is_kept_of(const void *trusted, const struct entry *e)
{
	return e->kept && e->trusted == *(const bool *)trusted;
}

static size_t prune_failed_of(struct spool *s, bool trusted, size_t most)
{
	size_t n, gone = 0;
	struct entry **list = spool_sorted(s, is_kept_of, &trusted, &n);

	for (; list && gone < n && s->failed > most; gone++)
		spool_drop(s, list[gone]);
	free(list);
	return gone;
}

/* Too many: a tenth of them goes, the oldest first, and root's only behind all others'. */
static void prune_failed(struct spool *s)
{
	const size_t most = SPOOL_FAILED - SPOOL_FAILED / 10;
	size_t gone = prune_failed_of(s, false, most);

	gone += prune_failed_of(s, true, most);
	report_log(s->report, LOG_WARNING,
		"failed/ is full: its %zu oldest alerts are gone, %zu are kept", gone, s->failed);
}

static void keep(struct spool *s, struct entry *e)
{
	count_entry(s, e, -1);
	e->kept = true;
	count_entry(s, e, 1);
	if (s->failed > SPOOL_FAILED)
		prune_failed(s);
}

/* The event moves first: a state alone is put right at the next start. */
static void finish_failed(struct spool *s, struct entry *e)
{
	int bad = spool_save(s, e, true) || spool_move(s->dirfd, s->failed_fd, e->id);

	if (bad)
		report_log(s->report, LOG_ERR, "%s: cannot be moved to failed/: %m", e->id);
	if (known_add(&s->known, e->id, time(NULL)))
		(void)known_note(&s->known, e->id, time(NULL));
	if (bad)
		spool_forget(s, e);
	else
		keep(s, e);
}

void spool_finish(struct spool *s, struct entry *e)
{
	if (entry_failed(e) && !e->notice) {
		finish_failed(s, e);
		return;
	}
	finish_done(s, e);
	spool_forget(s, e);
}

static bool failed_again(struct entry *e)
{
	bool any = false;

	for (uint32_t i = 0; i < e->count; i++)
		if (e->targets[i].state == TARGET_FAILED) {
			e->targets[i].state = TARGET_WAIT;
			e->targets[i].tries = 0;
			e->targets[i].due_s = 0;
			any = true;
		}
	return any;
}

/* Its state first, which alone is put right at the next start; then nothing says any more
 * that it is done with; then it is where those are that wait, if it was not: other targets of
 * it may wait yet, and then its state is written again with what becomes of them. */
int spool_again(struct spool *s, struct entry *e, struct diag *d)
{
	bool unsaved;

	if (e->kept && is_full(s, e->trusted, e->bytes))
		return diag_error(d, 0, 0, "%s stays as it is: the spool is full", e->id);
	unsaved = (failed_again(e) || e->kept) && spool_save(s, e, true);
	if (!e->kept)
		return 0;
	if (unsaved || known_forget(&s->known, e->id) ||
		spool_move_back(s->failed_fd, s->dirfd, e->id))
		return diag_error(d, 0, 0, "%s cannot be taken from failed/: %m", e->id);
	count_entry(s, e, -1);
	e->kept = false;
	count_entry(s, e, 1);
	return 0;
}

void spool_drop(struct spool *s, struct entry *e)
{
	if (e->kept)
		spool_unlink(s->failed_fd, e->id);
	else
		finish_done(s, e);
	spool_forget(s, e);
}

int spool_order(int64_t received, const char *id, const struct entry *e)
{
	if (received != e->received)
		return received < e->received ? -1 : 1;
	return strcmp(id, e->id);
}

static int older_first(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

	return spool_order(x->received, x->id, y);
}

struct entry **spool_sorted(const struct spool *s, bool (*which)(const void *arg, const struct entry *e),
	const void *arg, size_t *n)
{
	struct entry **list = calloc(s->entries + s->digests + s->failed + 1, sizeof(*list));

	*n = 0;
	for (size_t i = 0; list && i < BUCKETS; i++)
		for (struct entry *e = s->table[i]; e; e = e->same)
			if (!which || which(arg, e))
				list[(*n)++] = e;
	if (list)
		qsort(list, *n, sizeof(*list), older_first);
	return list;
}

void spool_load_state(struct spool *s, struct entry *e)
{
	struct buf text = { 0 };
	char name[SPOOL_NAME];

	spool_name(name, e->id, SPOOL_STATE);
	if (spool_read_file(e->kept ? s->failed_fd : s->dirfd, name, STATE_MOST, &text)) {
		if (errno != ENOENT && !e->kept)
			spool_put_aside(s, name, strerror(errno));
	} else if (entry_state_get(e, (struct slice){ text.data, text.len })) {
		if (!e->kept)
			spool_put_aside(s, name, "it is no state of its event; all targets are tried anew");
	} else {
		e->stated = true;
	}
	buf_free(&text);
}

struct entry *spool_take_in(struct spool *s, const char *name, bool kept, struct diag *d)
{
	int dirfd = kept ? s->failed_fd : s->dirfd;
	char wanted[SPOOL_NAME];
	struct buf record = { 0 };
	struct entry *made = NULL;
	struct event e;
	int64_t received;
	int error = EBADMSG;

	if (spool_read_file(dirfd, name, EVENT_MOST, &record)) {
		error = errno;
		diag_error(d, 0, 0, "%m");
		goto out;
	}
	if (event_decode(&e, (struct slice){ record.data, record.len }, d))
		goto out;
	spool_name(wanted, e.id, SPOOL_EVENT);
	if (strcmp(wanted, name) != 0) {
		diag_error(d, 0, 0, "it is the event %s", e.id);
		goto out;
	}
	received = spool_mtime(dirfd, name);
	made = make(s, &e, record.len, received);
	if (!made) {
		error = ENOMEM;
		diag_error(d, 0, 0, "out of memory");
		goto out;
	}
	made->kept = kept;
	spool_insert(s, made);
	spool_load_state(s, made);
out:
	buf_free(&record);
	if (!made)
		errno = error;
	return made;
}

void spool_free(struct spool *s)
{
	for (size_t i = 0; s->table && i < BUCKETS; i++)
		while (s->table[i])
			spool_forget(s, s->table[i]);
	free(s->table);
	known_free(&s->known);
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? s->lock_fd : i == 1 ? s->failed_fd : s->dirfd;

		if (fd >= 0)
			close(fd);
	}
	*s = (struct spool){ .dirfd = -1, .failed_fd = -1, .lock_fd = -1, .known.fd = -1 };
}
