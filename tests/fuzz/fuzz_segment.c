/* Any bytes as a segment of the backlog, handed to crond-history in pieces, taken again, committed:
 * it has each record once and in order however it came, and in the end every byte is accounted for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/history/segment.h"

enum { HEAD = 3, NUMBER = 7 };

struct seen {
	uint64_t hash;
	size_t records, bad;
	bool broken; /* from somewhere on: what came in a later piece may be read again */
};

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void seen_record(struct seen *s, const struct histrec *h)
{
	struct buf b = { 0 };

	demand(histrec_encode(h, &b) == 0);
	s->hash = text_hash(s->hash, b.data, b.len);
	s->records++;
	buf_free(&b);
}

/* From the first byte to the last, as core/histrec.h has it. */
static struct seen read_whole(struct slice bytes)
{
	struct seen s = { 0 };
	struct histrec h;
	struct diag d;
	int32_t n;

	if (bytes.n == 0)
		return s;
	if (bytes.n < HISTREC_HEAD || histrec_open((struct slice){ bytes.s, HISTREC_HEAD }, &d) < 0)
		return (struct seen){ .bad = 1 };
	for (bytes.s += HISTREC_HEAD, bytes.n -= HISTREC_HEAD; bytes.n > 0; bytes.s += n, bytes.n -= (size_t)n) {
		n = histrec_frame(bytes);
		if (n <= 0) {
			s.bad++;
			s.broken = true;
			break;
		}
		if (histrec_decode(&h, (struct slice){ bytes.s, (size_t)n }, &d) == 0)
			seen_record(&s, &h);
		else
			s.bad++;
	}
	return s;
}

static void take(struct backlog *b, struct seen *s)
{
	struct diag d = { .text = "" };
	enum backlog_next next;
	struct histrec h;

	while ((next = backlog_next(b, &h, &d)) != BACKLOG_EMPTY) {
		if (next == BACKLOG_RECORD) {
			seen_record(s, &h);
			continue;
		}
		demand(d.text[0] != '\0');
		s->bad++;
	}
}

static void told(void *arg, const struct history_mark *m)
{
	uint64_t *most = arg;

	demand(m->type == HISTORY_DONE && m->number == NUMBER && m->size > *most);
	*most = m->size;
}

/* step: how much more can be read each time; again: so many times what was taken is not committed. */
static void read_pieces(struct slice bytes, size_t step, unsigned again, const struct seen *want)
{
	struct history_mark m = { .type = HISTORY_SEGMENT, .number = NUMBER };
	int fd = memfd_create("segment", MFD_CLOEXEC);
	struct seen kept = { 0 }, now;
	const bool any = again > 0;
	uint64_t most = 0;
	struct backlog b;
	struct diag d;

	demand(fd >= 0 && write(fd, bytes.s, bytes.n) == (ssize_t)bytes.n && backlog_open(&b) == 0);
	for (size_t size = 0; !m.closed; m.type = HISTORY_MORE, fd = -1) {
		size = size + step < bytes.n ? size + step : bytes.n;
		m.size = size;
		m.closed = size == bytes.n;
		demand(backlog_take(&b, &m, fd, &d) == 0);
		now = kept;
		take(&b, &now);
		if (again > 0) {
			again--;
			backlog_again(&b);
			now = kept;
			take(&b, &now);
		}
		backlog_committed(&b, told, &most);
		demand(most <= size);
		kept = now;
	}
	demand(kept.records == want->records ? kept.hash == want->hash : want->broken && kept.records > want->records);
	demand(any || want->broken || kept.bad == want->bad);
	demand(most == bytes.n && b.count == 0 && backlog_waiting(&b) == 0);
	demand(backlog_take(&b, &m, -1, &d) < 0); /* it is gone */
	backlog_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The pieces, how often again, with or without a head of ours in front, the segment. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = { 0 };
	struct slice bytes;
	struct seen want;

	if (size < HEAD)
		return 0;
	if (data[2] & 1)
		histrec_begin(&b);
	buf_append(&b, data + HEAD, size - HEAD);
	bytes = (struct slice){ b.data, b.len };
	want = read_whole(bytes);
	read_pieces(bytes, bytes.n + 1, data[1], &want);
	if (bytes.n / (data[0] + 1U) < 2000)
		read_pieces(bytes, data[0] + 1U, data[1], &want);
	buf_free(&b);
	return 0;
}
