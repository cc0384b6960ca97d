/* list: crontab -l.
 * Flow: see list.h. Debian's way hides the header and two bytes that would hide others;
 * cronie's shows what there is, in colours where somebody looks. */
#include "config.h"

#include "crontab-tool/list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crontab-tool/audit.h"
#include "crontab-tool/header.h"
#include "crontab-tool/spool.h"
#include "crontab-tool/words.h"

static const char comment_colour[] = "\033[34;1m";
static const char error_colour[] = "\033[31;1m";
static const char no_colour[] = "\033[0m";

/* Debian's rule: set, and beginning with N, means that the header is wanted. */
static bool header_wanted(void)
{
	const char *value = getenv("CRONTAB_NOHEADER");

	return value && (*value == 'N' || *value == 'n');
}

/* The two bytes that move a terminal's cursor back, and so hide what stands before
 * them, are spelled out. */
static void append_marked(struct buf *out, struct slice text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.s[i] != '\r' && text.s[i] != '\b')
			continue;
		buf_append(out, text.s + from, i - from);
		buf_puts(out, text.s[i] == '\r' ? "\\r" : "\\b");
		from = i + 1;
	}
	buf_append(out, text.s + from, text.n - from);
}

static void append_line(struct buf *out, struct slice line, bool whole)
{
	bool comment = line.n && *line.s == '#';

	if (comment)
		buf_puts(out, comment_colour);
	buf_append(out, line.s, line.n);
	if (comment && whole)
		buf_puts(out, no_colour);
	if (whole)
		buf_putc(out, '\n');
	else
		buf_printf(out, "\n%sNo end-of-line character at the end of file%s\n", error_colour,
		        no_colour);
}

static void append_coloured(struct buf *out, struct slice text)
{
	while (text.n) {
		const char *end = memchr(text.s, '\n', text.n);
		size_t n = end ? (size_t)(end - text.s) : text.n;

		append_line(out, (struct slice){ text.s, n }, end != NULL);
		text.s += n + (end != NULL);
		text.n -= n + (end != NULL);
	}
}

static int write_out(const char *bytes, size_t n)
{
	if (file_write(STDOUT_FILENO, bytes, n) == 0)
		return 0;
	if (errno != EPIPE)
		perror("crontab: standard output");
	return 1;
}

static int print_table(const struct request *r, struct slice table)
{
	bool header = words_get(r->dialect->id)->header;
	struct buf shown = { 0 };
	int rc = 1;

	if (!header && (!isatty(STDOUT_FILENO) || getenv("NO_COLOR")))
		return write_out(table.s, table.n);
	if (header) {
		size_t skip = header_wanted() ? 0 : header_length(table);
		append_marked(&shown, (struct slice){ table.s + skip, table.n - skip });
	} else {
		append_coloured(&shown, table);
	}
	if (shown.failed)
		fputs("crontab: Cannot allocate memory.\n", stderr);
	else
		rc = write_out(shown.data, shown.len);
	buf_free(&shown);
	return rc;
}

int list_run(const struct request *r, const struct spool *s)
{
	struct buf table = { 0 };

	audit_log(r->caller, "LIST", r->user);
	identity_own(&r->identity);
	int rc = spool_read(s, r->user, &table);
	int saved = errno;
	identity_caller(&r->identity);
	if (rc == 0 && table.len)
		rc = print_table(r, (struct slice){ table.data, table.len });
	else if (rc != 0)
		spool_complain(s, r->user, saved);
	buf_free(&table);
	return rc != 0;
}
