/* record: tagged fields with a magic number and a version in front.
 * Flow: run files, outcomes and messages between our processes are records.
 *
 * Layout: magic u32, version u16, zero u16, then fields of tag u16, zero u16,
 * length u32, bytes. Native byte order: a record never leaves its host. Texts
 * carry a NUL that their length counts, so that a reader may use them in place. */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include <stdint.h>

#include "crond/base/buf.h"
#include "crond/base/slice.h"

struct diag;

void record_begin(struct buf *b, uint32_t magic, uint16_t version);
void record_put(struct buf *b, uint16_t tag, const void *bytes, size_t n);
void record_put_text(struct buf *b, uint16_t tag, const char *text); /* NULL: left out */
void record_put_u64(struct buf *b, uint16_t tag, uint64_t value);

struct record {
	const unsigned char *at, *end;
};

struct record_field {
	uint16_t tag;
	struct slice value;
};

/* 0; -1 with *d for another magic, a version that is not known, or a short header. */
int record_open(struct record *r, const void *bytes, size_t n, uint32_t magic, uint16_t version,
	struct diag *d);
/* 1 and *f, 0 at the end, -1 when what follows is cut or damaged. */
int record_next(struct record *r, struct record_field *f);
/* 0 or -1 when the field has not that form. */
int record_u64(const struct record_field *f, uint64_t *value);
/* The text inside the record, NUL-terminated; NULL if the NUL is missing or one
 * stands inside. */
const char *record_text(const struct record_field *f);

#endif
