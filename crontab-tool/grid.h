/* grid: cells in columns that fit a terminal.
 * Flow: verbs say which columns there are and fill cells; widths, cuts and colours are decided
 * here. Pure but for the C library's locale, and grid_begin(). */
#ifndef TOOL_GRID_H
#define TOOL_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "crond/base/buf.h"

struct grid_column {
	const char *head;
	bool right;
	size_t least;    /* it is cut down to that many columns */
	unsigned yields; /* 1: before all others; 0: it is never cut */
};

enum { GRID_MOST = 12 };

struct grid {
	const struct grid_column *columns;
	size_t count;
	size_t width;    /* of a line; 0: as wide as it gets */
	bool colour;
	const char *cut; /* stands, one column wide, where a text was cut off */
	size_t widths[GRID_MOST];
};

/* As standard output is: its width (wide: any), colours on a terminal that has them. */
void grid_begin(struct grid *g, const struct grid_column *columns, size_t count, bool wide);
/* Widths: the heads', those of texts that are to stand there, then as far as a line has room. */
void grid_heads(struct grid *g);
void grid_need(struct grid *g, size_t column, const char *text);
void grid_settle(struct grid *g);
void grid_put_heads(const struct grid *g, struct buf *out);
/* Cells of a line from left to right; colour: NULL, or how it begins. */
void grid_put(const struct grid *g, size_t column, const char *text, const char *colour,
	struct buf *out);

#define GRID_RED "\033[31m"
#define GRID_GREEN "\033[32m"
#define GRID_YELLOW "\033[33m"

#endif
