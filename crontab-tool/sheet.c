/* sheet: rows of an answer as a table on standard output.
 * Flow: rows in; once there are enough of them to know the widths, lines out. */
#include "config.h"

#include "crontab-tool/sheet.h"

#include <stdio.h>

#include "crontab-tool/cronctl_talk.h"

enum { ROWS_SETTLE = 1000, OUTPUT_ENOUGH = 1 << 16 };

void sheet_begin(struct sheet *s, const struct grid_column *columns, size_t count, bool wide)
{
	*s = (struct sheet){ .rows = 0 };
	grid_begin(&s->grid, columns, count, wide);
}

static void put_out(struct sheet *s)
{
	if (s->out.len)
		fwrite(s->out.data, 1, s->out.len, stdout);
	buf_clear(&s->out);
}

static const char *keep(struct sheet *s, const char *text)
{
	struct buf b = { 0 };
	char *kept = NULL;

	if (!text)
		return "-";
	talk_show(&b, text);
	if (!b.failed)
		kept = arena_copy(&s->arena, b.data ? b.data : "", b.len);
	buf_free(&b);
	return kept ? kept : "?";
}

/* The rows that were kept, and then each as it comes. */
static void put_kept(struct sheet *s)
{
	const struct sheet_cell *cells = (const struct sheet_cell *)(const void *)s->kept.data;
	size_t n = s->kept.len / sizeof(*cells), count = s->grid.count;

	for (size_t i = 0; i < n && !s->settled; i++)
		grid_need(&s->grid, i % count, cells[i].text);
	if (!s->settled) {
		grid_settle(&s->grid);
		grid_put_heads(&s->grid, &s->out);
		s->settled = true;
	}
	for (size_t i = 0; i < n; i++)
		grid_put(&s->grid, i % count, cells[i].text, cells[i].colour, &s->out);
	buf_clear(&s->kept);
	arena_free(&s->arena);
	if (s->out.len > OUTPUT_ENOUGH)
		put_out(s);
}

void sheet_row(struct sheet *s, const struct sheet_cell *cells)
{
	for (size_t i = 0; i < s->grid.count; i++) {
		struct sheet_cell cell = { keep(s, cells[i].text), cells[i].colour };

		buf_append(&s->kept, &cell, sizeof(cell));
	}
	if (++s->rows >= ROWS_SETTLE)
		put_kept(s);
}

void sheet_flush(struct sheet *s)
{
	put_kept(s);
	put_out(s);
}

void sheet_end(struct sheet *s)
{
	sheet_flush(s);
	buf_free(&s->kept);
	buf_free(&s->out);
	arena_free(&s->arena);
}
