/* columns: jobs as people look at them, one a line.
 * Flow: rows in, cells made of them, cut to widths that fit a terminal, text out. */
#include "config.h"

#include "crontab-tool/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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

/* First all of the schedule that can be spared is cut, then of the name... */
static const struct grid_column columns[] = {
	[COLUMN_JOB] = { "JOB", false, 12, 2 },
	[COLUMN_STATE] = { "STATE", false, 0, 0 },
	[COLUMN_SCHEDULE] = { "SCHEDULE", false, 11, 1 },
	[COLUMN_NEXT] = { "NEXT", true, 0, 0 },
	[COLUMN_IN] = { "IN", true, 0, 0 },
	[COLUMN_LAST] = { "LAST", true, 0, 0 },
	[COLUMN_RESULT] = { "RESULT", false, 6, 3 },
	[COLUMN_TOOK] = { "TOOK", true, 0, 0 },
	[COLUMN_FAILS] = { "FAILS", true, 0, 0 },
};

enum { COLUMNS_COUNT = sizeof(columns) / sizeof(columns[0]), CELL = 64 };

void columns_begin(struct columns *c, int64_t now, bool wide)
{
	c->now = now;
	grid_begin(&c->grid, columns, COLUMNS_COUNT, wide);
}

void columns_begin_at(struct columns *c, int64_t now, size_t width, bool colour, const char *cut)
{
	c->now = now;
	c->grid = (struct grid){ .columns = columns, .count = COLUMNS_COUNT, .width = width,
		.colour = colour, .cut = cut };
}

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

static const char *cell_time(int64_t at, int64_t now, char *room)
{
	if (at == INT64_MIN)
		return "-";
	columns_time(at, now, room, CELL);
	return room;
}

/* The text is a row's own, or stands in room. */
static const char *cell(const struct columns *c, const struct columns_row *r, enum column which,
	char room[CELL])
{
	switch (which) {
	case COLUMN_JOB:
		return r->job;
	case COLUMN_STATE:
		return r->state;
	case COLUMN_SCHEDULE:
		return r->schedule;
	case COLUMN_RESULT:
		return r->result ? r->result : "-";
	case COLUMN_NEXT:
		return cell_time(r->next, c->now, room);
	case COLUMN_LAST:
		return cell_time(r->last, c->now, room);
	case COLUMN_IN:
		if (r->next == INT64_MIN)
			return "-";
		columns_span(r->next - c->now, room, CELL);
		return room;
	case COLUMN_TOOK:
		if (r->took_ms < 0)
			return "-";
		columns_took(r->took_ms, room, CELL);
		return room;
	case COLUMN_FAILS:
		if (!r->fails)
			return "0";
		snprintf(room, CELL, "%" PRId64 "%s", r->fails < 10000 ? r->fails : 9999,
			r->fails < 10000 ? "" : "+");
		return room;
	}
	return "";
}

/* --- lines */

void columns_fit(struct columns *c, const struct columns_row *rows, size_t n)
{
	char text[CELL];

	grid_heads(&c->grid);
	for (size_t r = 0; r < n; r++) {
		for (int i = 0; i < COLUMNS_COUNT; i++) {
			grid_need(&c->grid, (size_t)i, cell(c, &rows[r], i, text));
		}
	}
	grid_settle(&c->grid);
}

void columns_head(const struct columns *c, struct buf *out)
{
	grid_put_heads(&c->grid, out);
}

static const char *cell_colour(const struct columns_row *r, enum column which)
{
	if (which == COLUMN_RESULT && r->result)
		return strcmp(r->result, "ok") == 0 ? NULL : GRID_RED;
	if (which == COLUMN_FAILS && r->fails)
		return GRID_RED;
	if (which != COLUMN_STATE || strcmp(r->state, "ready") == 0)
		return NULL;
	if (strcmp(r->state, "running") == 0)
		return GRID_GREEN;
	return strcmp(r->state, "failed") == 0 ? GRID_RED : GRID_YELLOW;
}

void columns_put(const struct columns *c, const struct columns_row *row, struct buf *out)
{
	char text[CELL];

	for (int i = 0; i < COLUMNS_COUNT; i++) {
		grid_put(&c->grid, (size_t)i, cell(c, row, i, text), cell_colour(row, i), out);
	}
}
