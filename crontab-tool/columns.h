/* columns: jobs as people look at them, one a line.
 * Flow: cronctl list fills rows from the daemon's answer; widths, times and colours are
 * decided by grid.c. Pure but for the C library's locale and time zone. */
#ifndef TOOL_COLUMNS_H
#define TOOL_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/buf.h"
#include "crontab-tool/grid.h"

struct columns_row {
	const char *job, *state, *schedule;
	const char *result; /* NULL: none yet */
	int64_t next, last; /* epoch seconds; INT64_MIN: none */
	int64_t took_ms;    /* -1: not known */
	int64_t fails;
};

struct columns {
	int64_t now;      /* epoch seconds */
	struct grid grid; /* columns_begin(), or as tests want it */
};

/* As standard output is. */
void columns_begin(struct columns *c, int64_t now, bool wide);
/* The same with a line of that width, by whoever knows better. */
void columns_begin_at(struct columns *c, int64_t now, size_t width, bool colour, const char *cut);
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
