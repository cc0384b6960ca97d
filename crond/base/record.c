/* record: tagged fields with a magic number and a version in front.
 * Flow: run files, outcomes and messages between our processes are records. */
#include "crond/base/record.h"

#include <string.h>

#include "crond/base/diag.h"

void record_begin(struct buf *b, uint32_t magic, uint16_t version)
{
	uint16_t head[2] = { version, 0 };

	buf_append(b, &magic, sizeof(magic));
	buf_append(b, head, sizeof(head));
}

void record_put(struct buf *b, uint16_t tag, const void *bytes, size_t n)
{
	uint16_t head[2] = { tag, 0 };
	uint32_t length = (uint32_t)n;

	if (n > UINT32_MAX) {
		b->failed = true;
		return;
	}
	buf_append(b, head, sizeof(head));
	buf_append(b, &length, sizeof(length));
	buf_append(b, bytes, n);
}

void record_put_text(struct buf *b, uint16_t tag, const char *text)
{
	if (text)
		record_put(b, tag, text, strlen(text) + 1);
}

void record_put_u64(struct buf *b, uint16_t tag, uint64_t value)
{
	record_put(b, tag, &value, sizeof(value));
}

int record_open(struct record *r, const void *bytes, size_t n, uint32_t magic, uint16_t version,
	struct diag *d)
{
	uint32_t found;
	uint16_t head[2];

	if (n < 8)
		return diag_error(d, 0, 0, "record too short (%zu bytes)", n);
	memcpy(&found, bytes, sizeof(found));
	memcpy(head, (const char *)bytes + 4, sizeof(head));
	if (found != magic)
		return diag_error(d, 0, 0, "not a record of this kind");
	if (head[0] != version)
		return diag_error(d, 0, 0, "record version %u is not known (this is version %u)",
			(unsigned)head[0], (unsigned)version);
	r->at = (const unsigned char *)bytes + 8;
	r->end = (const unsigned char *)bytes + n;
	return 0;
}

int record_next(struct record *r, struct record_field *f)
{
	uint16_t head[2];
	uint32_t length;

	if (r->at == r->end)
		return 0;
	if (r->end - r->at < 8)
		return -1;
	memcpy(head, r->at, sizeof(head));
	memcpy(&length, r->at + 4, sizeof(length));
	if ((size_t)(r->end - r->at - 8) < length)
		return -1;
	f->tag = head[0];
	f->value = (struct slice){ (const char *)r->at + 8, length };
	r->at += 8 + (size_t)length;
	return 1;
}

int record_u64(const struct record_field *f, uint64_t *value)
{
	if (f->value.n != sizeof(*value))
		return -1;
	memcpy(value, f->value.s, sizeof(*value));
	return 0;
}

const char *record_text(const struct record_field *f)
{
	if (f->value.n == 0 || memchr(f->value.s, 0, f->value.n) != f->value.s + f->value.n - 1)
		return NULL;
	return f->value.s;
}
