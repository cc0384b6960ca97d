/* grid: cells in columns that fit a terminal.
 * Flow: texts that are fit for one in, lines out. */
#include "config.h"

#include "crontab-tool/grid.h"

#include <langinfo.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "crond/base/text.h"

enum { WIDTH = 80 };

void grid_begin(struct grid *g, const struct grid_column *columns, size_t count, bool wide)
{
	const char *named = getenv("COLUMNS"), *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(STDOUT_FILENO);
	struct winsize size;
	uint64_t n;

	*g = (struct grid){ .columns = columns, .count = count, .width = WIDTH };
	if (named && text_number(slice_of(named), 10000, &n) == 0 && n)
		g->width = n;
	else if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		g->width = size.ws_col;
	if (wide)
		g->width = 0;
	g->colour = terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
	g->cut = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\u2026" : "+";
	grid_heads(g);
}

/* --- widths: of characters, not bytes */

/* How many columns the text takes, and (bytes not NULL) how many of its bytes fit into most. */
static size_t text_columns(const char *text, size_t most, size_t *bytes)
{
	mbstate_t state = { 0 };
	size_t used = 0, at = 0;

	while (text[at]) {
		wchar_t wide = 0;
		size_t n;
		int one;

		if (text[at] >= ' ' && text[at] <= '~' && used < most) { /* most is ASCII */
			used++;
			at++;
			continue;
		}
		n = mbrtowc(&wide, text + at, strlen(text + at), &state);
		one = n <= 16 ? wcwidth(wide) : 1;
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

void grid_heads(struct grid *g)
{
	for (size_t i = 0; i < g->count; i++)
		g->widths[i] = strlen(g->columns[i].head);
}

void grid_need(struct grid *g, size_t column, const char *text)
{
	size_t width = text_columns(text, SIZE_MAX, NULL);

	if (width > g->widths[column])
		g->widths[column] = width;
}

static void column_yield(struct grid *g, size_t column)
{
	size_t sum = g->count - 1, *width = &g->widths[column], least = g->columns[column].least, spare;

	for (size_t i = 0; i < g->count; i++)
		sum += g->widths[i];
	if (!g->width || sum <= g->width || *width <= least)
		return;
	spare = *width - least;
	*width -= spare < sum - g->width ? spare : sum - g->width;
}

void grid_settle(struct grid *g)
{
	for (unsigned turn = 1; turn <= g->count; turn++) {
		for (size_t i = 0; i < g->count; i++) {
			if (g->columns[i].yields == turn)
				column_yield(g, i);
		}
	}
}

/* --- lines */

static void put_blanks(struct buf *out, size_t n)
{
	if (!buf_reserve(out, n))
		return;
	memset(out->data + out->len, ' ', n);
	out->len += n;
}

void grid_put(const struct grid *g, size_t column, const char *text, const char *colour,
	struct buf *out)
{
	const struct grid_column *c = &g->columns[column];
	size_t width = g->widths[column], bytes, used = text_columns(text, SIZE_MAX, &bytes);
	const char *cut = used > width ? g->cut : "";
	bool last = column == g->count - 1;

	if (*cut)
		used = text_columns(text, width - 1, &bytes) + 1;
	if (c->right)
		put_blanks(out, width - used);
	if (colour && g->colour)
		buf_puts(out, colour);
	buf_append(out, text, bytes);
	buf_puts(out, cut);
	if (colour && g->colour)
		buf_puts(out, "\033[0m");
	if (!c->right && !last)
		put_blanks(out, width - used);
	buf_putc(out, last ? '\n' : ' ');
}

void grid_put_heads(const struct grid *g, struct buf *out)
{
	for (size_t i = 0; i < g->count; i++)
		grid_put(g, i, g->columns[i].head, "\033[1m", out);
}
