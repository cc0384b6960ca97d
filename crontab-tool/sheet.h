/* sheet: rows of an answer as a table on standard output.
 * Flow: verbs give rows as they come; the first ones settle the widths (grid.c), the others go
 * out at once, so that an answer of any length is held nowhere. */
#ifndef TOOL_SHEET_H
#define TOOL_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crontab-tool/grid.h"

struct sheet {
	struct grid grid;
	struct arena arena; /* of kept texts */
	struct buf kept;    /* of struct sheet_cell, row by row */
	struct buf out;
	size_t rows;
	bool settled;
};

struct sheet_cell {
	const char *text;   /* as it came: what a terminal would obey is made visible. NULL: "-" */
	const char *colour; /* NULL: none; static */
};

void sheet_begin(struct sheet *s, const struct grid_column *columns, size_t count, bool wide);
/* One cell for each column; the texts are copied. */
void sheet_row(struct sheet *s, const struct sheet_cell *cells);
/* The rows so far go out: something that is no row follows. */
void sheet_flush(struct sheet *s);
/* All goes out, under its heads even where there are no rows. */
void sheet_end(struct sheet *s);

#endif
