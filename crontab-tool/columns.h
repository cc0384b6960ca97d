/* columns: jobs as people look at them, one a line.
 * Flow: cronctl list fills rows from the daemon's answer; widths, times and colours are
 * decided here. Pure but for the C library's locale and time zone. */
#ifndef TOOL_COLUMNS_H
#define TOOL_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/buf.h"

struct columns_row {
	const char *job, *state, *schedule;
	const char *result; /* NULL: none yet */
	int64_t next, last; /* epoch seconds; INT64_MIN: none */
	int64_t took_ms;    /* -1: not known */
	int64_t fails;
};

enum { COLUMNS_COUNT = 9, COLUMNS_CELL = 512 };

struct columns {
	int64_t now;     /* epoch seconds */
	size_t width;    /* of a line; 0: as wide as it gets */
	bool colour;
	const char *cut; /* stands, one column wide, where a text was cut off */
	size_t widths[COLUMNS_COUNT]; /* columns_fit() settles them */
};

/* Widths that these rows need, as far as the line has room. */
void columns_fit(struct columns *c, const struct columns_row *rows, size_t n);
void columns_head(const struct columns *c, struct buf *out);
void columns_put(const struct columns *c, const struct columns_row *row, struct buf *out);

/* "59m", "23h", "365d": at most 4 bytes; negative ones are 0s. */
void columns_span(int64_t seconds, char *out, size_t n);
/* "999ms", "1.2s", "4m10s", "1h30m", "23h": at most 5 bytes. */
void columns_took(int64_t ms, char *out, size_t n);
/* "15:04" or "15:04:05" within a day of now, else "Nov 23" or "2027-01"; local time. */
void columns_time(int64_t at, int64_t now, char *out, size_t n);

#endif
