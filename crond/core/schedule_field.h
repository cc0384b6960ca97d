/* schedule_field: one time field in, bits out.
 * Flow: schedule_parse cuts an expression into fields, this reads one of them as its
 * grammar says. */
#ifndef CORE_SCHEDULE_FIELD_H
#define CORE_SCHEDULE_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/core/schedule.h"
#include "crond/core/schedule_extra.h"

enum field_id {
	FIELD_SECOND,
	FIELD_MINUTE,
	FIELD_HOUR,
	FIELD_DOM,
	FIELD_MONTH,
	FIELD_DOW,
	FIELD_YEAR,
	FIELDS
};

struct field_kind {
	const char *bad; /* "bad minute", as the classic programs say it */
	int low, high;
	const char *const *names; /* from low on, NULL at the end; or NULL */
	uint8_t star;             /* the schedule's flag, or 0 */
};

extern const struct field_kind field_kinds[FIELDS];

/* Where the parser stands in a field, and what it makes of it. */
struct field {
	const char *p, *end; /* the rest; p < end unless the field is missing */
	const struct field_kind *kind;
	enum grammar grammar;
	uint64_t seed;
	struct schedule_extra *extra; /* takes L, W, # and years */
	/* made */
	uint64_t bits;       /* value v is bit v, 7 a Sunday still; years: not here */
	bool has_extra;
	const char *element; /* where the last list element began */
	const char *why;     /* what is wrong; NULL: not understood */
	const char *junk;    /* what Debian's daemon overlooks, or NULL */
};

/* 0, or -1 with why. */
int field_parse(struct field *f);

#endif
