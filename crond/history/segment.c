/* segment: the backlog of records, as its files come over the wire.
 * Flow: the scheduler appends to files and hands them over open; history takes record by
 * record from them, commits, and tells how far that was. */
#include "config.h"

#include "crond/history/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 4 * HISTREC_MOST, SEGMENTS_MOST = 8192, READ_TRIES = 10 };

int backlog_open(struct backlog *b)
{
	*b = (struct backlog){ .window = malloc(WINDOW) };
	TAILQ_INIT(&b->all);
	return b->window ? 0 : -1;
}

static void segment_drop(struct backlog *b, struct segment *s)
{
	TAILQ_REMOVE(&b->all, s, link);
	b->count--;
	close(s->fd);
	free(s);
}

void backlog_free(struct backlog *b)
{
	struct segment *s;

	while ((s = TAILQ_FIRST(&b->all)))
		segment_drop(b, s);
	free(b->window);
}

static struct segment *segment_find(const struct backlog *b, uint32_t number)
{
	struct segment *s = TAILQ_LAST(&b->all, segments);

	while (s && s->number != number) /* it is the last one that grows */
		s = TAILQ_PREV(s, segments, link);
	return s;
}

/* --- from the wire */

static int segment_add(struct backlog *b, const struct history_mark *m, int fd, struct diag *d)
{
	struct segment *s;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return diag_error(d, 0, 0, "segment %" PRIu32 " came without its file", m->number);
	if (b->count >= SEGMENTS_MOST || !(s = calloc(1, sizeof(*s))))
		return diag_error(d, 0, 0, "segment %" PRIu32 ": no room for it", m->number);
	*s = (struct segment){ .number = m->number, .fd = fd, .size = m->size, .closed = m->closed };
	TAILQ_INSERT_TAIL(&b->all, s, link);
	b->count++;
	return 0;
}

/* Of another version's it is known already that nothing more can be read. */
static void segment_grow(struct segment *s, uint64_t size)
{
	s->size = size;
	s->cut = 0;
	if (s->foreign)
		s->at = size;
}

static int segment_more(struct backlog *b, const struct history_mark *m, struct diag *d)
{
	struct segment *s = segment_find(b, m->number);

	if (!s)
		return diag_error(d, 0, 0, "segment %" PRIu32 " is not known", m->number);
	if (m->size > s->size)
		segment_grow(s, m->size);
	s->closed |= m->closed != 0;
	return 0;
}

int backlog_take(struct backlog *b, const struct history_mark *m, int fd, struct diag *d)
{
	int bad;

	if (m->type == HISTORY_SEGMENT && !segment_find(b, m->number)) {
		bad = segment_add(b, m, fd, d);
		if (bad && fd >= 0)
			close(fd);
		return bad;
	}
	if (fd >= 0)
		close(fd);
	return segment_more(b, m, d);
}

/* --- record by record */

static uint64_t segment_left(const struct segment *s)
{
	return s->size > s->at && !(s->cut && s->cut == s->at) ? s->size - s->at : 0;
}

static struct segment *segment_next(const struct backlog *b)
{
	struct segment *s = TAILQ_FIRST(&b->all);

	while (s && !segment_left(s))
		s = TAILQ_NEXT(s, link);
	return s;
}

/* What is left of it is given up: it would be met again and again. */
static enum backlog_next segment_skip(
	struct backlog *b, struct segment *s, const char *why, struct diag *d)
{
	diag_error(d, 0, 0,
		"%" PRIu64 " bytes of the backlog's segment %" PRIu32 " cannot be read: %s",
		segment_left(s), s->number, why);
	s->at = s->size;
	b->skipped++;
	return BACKLOG_BAD;
}

/* As many bytes as there are, up to most; -1 with errno. */
static ssize_t read_all(int fd, char *into, size_t most, off_t at)
{
	size_t had = 0;
	ssize_t n;

	while (had < most) {
		n = pread(fd, into + had, most - had, at + (off_t)had);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		had += (size_t)n;
	}
	return (ssize_t)had;
}

/* The window holds what follows s->at: all that is left of it, or more than a record. */
static int window_fill(struct backlog *b, const struct segment *s)
{
	uint64_t left = segment_left(s);
	ssize_t n;

	if (b->number == s->number && s->at >= b->from && s->at <= b->from + b->length &&
		(b->from + b->length - s->at >= left || b->from + b->length - s->at >= HISTREC_MOST))
		return 0;
	b->length = 0;
	n = read_all(s->fd, b->window, left < WINDOW ? (size_t)left : WINDOW, (off_t)s->at);
	if (n < 0)
		return -1;
	b->number = s->number;
	b->from = s->at;
	b->length = (size_t)n;
	return 0;
}

/* No more than may be read: a record that is being written is not there yet. */
static struct slice window_at(const struct backlog *b, const struct segment *s)
{
	uint64_t had = b->from + b->length - s->at, left = segment_left(s);

	return (struct slice){ b->window + (s->at - b->from), (size_t)(had < left ? had : left) };
}

/* As record_step(), without a record. */
static enum backlog_next head_step(struct backlog *b, struct segment *s, struct diag *d)
{
	struct diag why = { .text = "it has no head" };
	struct slice bytes = window_at(b, s);

	if (bytes.n < HISTREC_HEAD && !s->closed) {
		s->size = 0; /* the rest is to come */
		return BACKLOG_EMPTY;
	}
	if (bytes.n < HISTREC_HEAD ||
		histrec_open((struct slice){ bytes.s, HISTREC_HEAD }, &why) < 0) {
		s->foreign = true;
		return segment_skip(b, s, why.text, d);
	}
	s->at += HISTREC_HEAD;
	return BACKLOG_EMPTY;
}

static enum backlog_next record_step(struct backlog *b, struct segment *s, struct histrec *h,
	struct diag *d)
{
	struct slice frame = window_at(b, s);
	int32_t n = histrec_frame(frame);

	if (n == 0 &&
		!s->closed) { /* the rest is to come: the scheduler is writing, or has no room */
		s->cut = s->at;
		return BACKLOG_EMPTY;
	}
	if (n <= 0)
		return segment_skip(
			b, s, n == 0 ? "a record is cut short" : "no record begins there", d);
	frame.n = (size_t)n;
	s->at += (uint64_t)n;
	if (histrec_decode(h, frame, d) == 0)
		return BACKLOG_RECORD;
	b->skipped++;
	return BACKLOG_BAD;
}

enum backlog_next backlog_next(struct backlog *b, struct histrec *h, struct diag *d)
{
	enum backlog_next next = BACKLOG_EMPTY;
	struct segment *s;

	b->unread = false;
	while (next == BACKLOG_EMPTY && !b->unread && (s = segment_next(b))) {
		if (window_fill(b, s) < 0) {
			b->unread = ++s->unread < READ_TRIES;
			next = b->unread ? BACKLOG_EMPTY : segment_skip(b, s, strerror(errno), d);
			continue;
		}
		s->unread = 0;
		next = s->at == 0 ? head_step(b, s, d) : record_step(b, s, h, d);
	}
	return next;
}

void backlog_look(struct backlog *b)
{
	struct segment *s = TAILQ_LAST(&b->all, segments);
	struct stat st;

	if (!s || s->closed || fstat(s->fd, &st) < 0 || (uint64_t)st.st_size <= s->size)
		return;
	segment_grow(s, (uint64_t)st.st_size);
}

uint64_t backlog_waiting(const struct backlog *b)
{
	const struct segment *s;
	uint64_t bytes = 0;

	TAILQ_FOREACH(s, &b->all, link)
		bytes += segment_left(s);
	return bytes;
}

/* --- how far that was */

void backlog_committed(struct backlog *b, void (*tell)(void *arg, const struct history_mark *m),
	void *arg)
{
	struct segment *s, *next;

	for (s = TAILQ_FIRST(&b->all); s; s = next) {
		next = TAILQ_NEXT(s, link);
		s->committed = s->at;
		if (s->told < s->committed) {
			const struct history_mark m = { .type = HISTORY_DONE, .closed = s->closed,
				.number = s->number, .size = s->committed };

			tell(arg, &m);
			s->told = s->committed;
		}
		if (s->closed && !segment_left(s))
			segment_drop(b, s);
	}
}

void backlog_again(struct backlog *b)
{
	struct segment *s;

	TAILQ_FOREACH(s, &b->all, link)
		s->at = s->foreign ? s->size : s->committed;
}
