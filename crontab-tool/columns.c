/* columns: jobs as people look at them, one a line.
 * Flow: rows in, cells made of them, cut to widths that fit a terminal, text out. */
#include "config.h"

#include "crontab-tool/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

enum column {
	COLUMN_JOB,
	COLUMN_STATE,
	COLUMN_SCHEDULE,
	COLUMN_NEXT,
	COLUMN_IN,
	COLUMN_LAST,
	COLUMN_RESULT,
	COLUMN_TOOK,
	COLUMN_FAILS,
};

/* Cut in this order: first all of the schedule that can be spared, then of the name... */
static const struct {
	const char *head;
	bool right;
	size_t least; /* 0: never cut */
} columns[COLUMNS_COUNT] = {
	[COLUMN_JOB] = { "JOB", false, 12 },
	[COLUMN_STATE] = { "STATE", false, 0 },
	[COLUMN_SCHEDULE] = { "SCHEDULE", false, 11 },
	[COLUMN_NEXT] = { "NEXT", true, 0 },
	[COLUMN_IN] = { "IN", true, 0 },
	[COLUMN_LAST] = { "LAST", true, 0 },
	[COLUMN_RESULT] = { "RESULT", false, 6 },
	[COLUMN_TOOK] = { "TOOK", true, 0 },
	[COLUMN_FAILS] = { "FAILS", true, 0 },
};

/* --- cells */

void columns_span(int64_t seconds, char *out, size_t n)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 100)
		snprintf(out, n, "%" PRId64 "s", seconds);
	else if (seconds < 100 * 60)
		snprintf(out, n, "%" PRId64 "m", seconds / 60);
	else if (seconds < 48 * 3600)
		snprintf(out, n, "%" PRId64 "h", seconds / 3600);
	else if (seconds < 1000LL * 86400)
		snprintf(out, n, "%" PRId64 "d", seconds / 86400);
	else
		snprintf(out, n, "%" PRId64 "y", seconds / (365 * 86400));
}

void columns_took(int64_t ms, char *out, size_t n)
{
	int64_t s = ms / 1000;

	if (ms < 1000)
		snprintf(out, n, "%" PRId64 "ms", ms);
	else if (s < 10)
		snprintf(out, n, "%" PRId64 ".%" PRId64 "s", s, ms % 1000 / 100);
	else if (s < 60)
		snprintf(out, n, "%" PRId64 "s", s);
	else if (s < 600)
		snprintf(out, n, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else if (s >= 3600 && s < 36000)
		snprintf(out, n, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
	else
		columns_span(s, out, n);
}

void columns_time(int64_t at, int64_t now, char *out, size_t n)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	int64_t away = at < now ? now - at : at - now;
	time_t t = at;
	struct tm tm;

	if (!localtime_r(&t, &tm))
		snprintf(out, n, "?");
	else if (away < 86400 && tm.tm_sec)
		snprintf(out, n, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	else if (away < 86400)
		snprintf(out, n, "%02d:%02d", tm.tm_hour, tm.tm_min);
	else if (away < 180 * 86400)
		snprintf(out, n, "%s %2d", months[tm.tm_mon], tm.tm_mday);
	else
		snprintf(out, n, "%04d-%02d", tm.tm_year + 1900, tm.tm_mon + 1);
}

static void cell_time(int64_t at, int64_t now, char *out, size_t n)
{
	if (at == INT64_MIN)
		snprintf(out, n, "-");
	else
		columns_time(at, now, out, n);
}

static void cell(const struct columns *c, const struct columns_row *r, enum column which, char *out)
{
	const char *text = "";

	switch (which) {
	case COLUMN_JOB:
		text = r->job;
		break;
	case COLUMN_STATE:
		text = r->state;
		break;
	case COLUMN_SCHEDULE:
		text = r->schedule;
		break;
	case COLUMN_RESULT:
		text = r->result ? r->result : "-";
		break;
	case COLUMN_NEXT:
		cell_time(r->next, c->now, out, COLUMNS_CELL);
		return;
	case COLUMN_LAST:
		cell_time(r->last, c->now, out, COLUMNS_CELL);
		return;
	case COLUMN_IN:
		snprintf(out, COLUMNS_CELL, "-");
		if (r->next != INT64_MIN)
			columns_span(r->next - c->now, out, COLUMNS_CELL);
		return;
	case COLUMN_TOOK:
		snprintf(out, COLUMNS_CELL, "-");
		if (r->took_ms >= 0)
			columns_took(r->took_ms, out, COLUMNS_CELL);
		return;
	case COLUMN_FAILS:
		snprintf(out, COLUMNS_CELL, "%" PRId64 "%s", r->fails < 10000 ? r->fails : 9999,
			r->fails < 10000 ? "" : "+");
		return;
	}
	snprintf(out, COLUMNS_CELL, "%s", text);
}

/* --- widths: of characters, not bytes */

/* How many columns the text takes, and (bytes not NULL) how many of its bytes fit into most. */
static size_t text_columns(const char *text, size_t most, size_t *bytes)
{
	mbstate_t state = { 0 };
	size_t used = 0, at = 0;

	while (text[at]) {
		wchar_t wide = 0;
		size_t n = 1;
		int one = 1;

		if (text[at] < ' ' || text[at] > '~') { /* most is ASCII */
			n = mbrtowc(&wide, text + at, strlen(text + at), &state);
			one = n <= 16 ? wcwidth(wide) : 1;
		}

		if (n > 16 || n == 0) {
			state = (mbstate_t){ 0 };
			n = 1;
		}
		one = one < 0 ? 1 : one;
		if (used + (size_t)one > most)
			break;
		used += (size_t)one;
		at += n;
	}
	if (bytes)
		*bytes = at;
	return used;
}

static size_t columns_sum(const struct columns *c)
{
	size_t sum = COLUMNS_COUNT - 1;

	for (int i = 0; i < COLUMNS_COUNT; i++)
		sum += c->widths[i];
	return sum;
}

static void columns_shrink(struct columns *c, enum column which)
{
	size_t sum = columns_sum(c), *width = &c->widths[which], spare;

	if (!c->width || sum <= c->width || *width <= columns[which].least)
		return;
	spare = *width - columns[which].least;
	*width -= spare < sum - c->width ? spare : sum - c->width;
}

void columns_fit(struct columns *c, const struct columns_row *rows, size_t n)
{
	char text[COLUMNS_CELL];

	for (int i = 0; i < COLUMNS_COUNT; i++)
		c->widths[i] = strlen(columns[i].head);
	for (size_t r = 0; r < n; r++) {
		for (int i = 0; i < COLUMNS_COUNT; i++) {
			size_t width;

			cell(c, &rows[r], i, text);
			width = text_columns(text, SIZE_MAX, NULL);
			if (width > c->widths[i])
				c->widths[i] = width;
		}
	}
	columns_shrink(c, COLUMN_SCHEDULE);
	columns_shrink(c, COLUMN_JOB);
	columns_shrink(c, COLUMN_RESULT);
}

/* --- lines */

static void put_cell(const struct columns *c, enum column which, const char *text, const char *colour,
	struct buf *out)
{
	size_t width = c->widths[which], bytes, used = text_columns(text, SIZE_MAX, &bytes);
	const char *cut = used > width ? c->cut : "";
	bool last = which == COLUMN_FAILS;

	if (*cut)
		used = text_columns(text, width - 1, &bytes) + 1;
	if (columns[which].right)
		buf_printf(out, "%*s", (int)(width - used), "");
	if (colour)
		buf_puts(out, colour);
	buf_append(out, text, bytes);
	buf_puts(out, cut);
	if (colour)
		buf_puts(out, "\033[0m");
	if (!columns[which].right)
		buf_printf(out, "%*s", (int)(width - used), "");
	buf_putc(out, last ? '\n' : ' ');
}

void columns_head(const struct columns *c, struct buf *out)
{
	for (int i = 0; i < COLUMNS_COUNT; i++)
		put_cell(c, i, columns[i].head, c->colour ? "\033[1m" : NULL, out);
}

static const char *cell_colour(const struct columns *c, const struct columns_row *r, enum column which)
{
	static const char red[] = "\033[31m", green[] = "\033[32m", yellow[] = "\033[33m";

	if (!c->colour)
		return NULL;
	if (which == COLUMN_RESULT && r->result)
		return strcmp(r->result, "ok") == 0 ? NULL : red;
	if (which == COLUMN_FAILS && r->fails)
		return red;
	if (which != COLUMN_STATE || strcmp(r->state, "ready") == 0)
		return NULL;
	if (strcmp(r->state, "running") == 0)
		return green;
	return strcmp(r->state, "failed") == 0 ? red : yellow;
}

void columns_put(const struct columns *c, const struct columns_row *row, struct buf *out)
{
	char text[COLUMNS_CELL];

	for (int i = 0; i < COLUMNS_COUNT; i++) {
		cell(c, row, i, text);
		put_cell(c, i, text, cell_colour(c, row, i), out);
	}
}
