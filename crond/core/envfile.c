/* envfile: settings for a job's environment, from a file of their own.
 * Flow: the keeper reads the file as the job's user; its settings go into the job's
 * environment, over those of crontab or task. */
#include "crond/core/envfile.h"

#include <stdbool.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	        (!first && c >= '0' && c <= '9');
}

static void skip(struct envfile *f, size_t n)
{
	f->rest.s += n;
	f->rest.n -= n;
}

static bool at(const struct envfile *f, char c)
{
	return f->rest.n > 0 && *f->rest.s == c;
}

/* The end of the line, if it is one; what ends in the middle of a line ends it too. */
static bool at_end(const struct envfile *f)
{
	return f->rest.n == 0 || *f->rest.s == '\n';
}

static void skip_blanks(struct envfile *f)
{
	while (f->rest.n > 0 && blank(*f->rest.s))
		skip(f, 1);
}

static void skip_line(struct envfile *f)
{
	while (!at_end(f))
		skip(f, 1);
}

/* To the first character of a setting; false at the end of the file. */
static bool find(struct envfile *f)
{
	for (;;) {
		skip_blanks(f);
		if (at(f, '#') || at(f, ';'))
			skip_line(f);
		if (f->rest.n == 0)
			return false;
		if (!at(f, '\n'))
			return true;
		skip(f, 1);
		f->line++;
	}
}

static int name(struct envfile *f, struct buf *out, struct diag *d)
{
	size_t n = 0;

	while (n < f->rest.n && name_char(f->rest.s[n], n == 0))
		n++;
	if (n == 0)
		return diag_error(d, f->line, 0, "no NAME=value");
	buf_append(out, f->rest.s, n);
	skip(f, n);
	skip_blanks(f);
	if (!at(f, '='))
		return diag_error(d, f->line, 0, "no '=' behind the name");
	skip(f, 1);
	skip_blanks(f);
	buf_putc(out, '=');
	return 0;
}

/* Behind a backslash; inside quotes most of them are themselves. */
static void escaped(struct envfile *f, struct buf *out, bool quoted)
{
	if (f->rest.n == 0)
		return;
	if (at(f, '\n')) {
		f->line++;
	} else {
		if (quoted && !strchr("\\\"$`", *f->rest.s))
			buf_putc(out, '\\');
		buf_putc(out, *f->rest.s);
	}
	skip(f, 1);
}

static int quoted(struct envfile *f, struct buf *out, struct diag *d)
{
	uint32_t line = f->line;
	char quote = *f->rest.s;

	skip(f, 1);
	while (f->rest.n > 0 && *f->rest.s != quote) {
		char c = *f->rest.s;

		skip(f, 1);
		if (c == '\\' && quote == '"') {
			escaped(f, out, true);
			continue;
		}
		f->line += c == '\n';
		buf_putc(out, c);
	}
	if (f->rest.n == 0)
		return diag_error(d, line, 0, "a %c that is never closed", quote);
	skip(f, 1);
	return 0;
}

/* Quoted and bare pieces follow each other; blanks at the end count only inside quotes. */
static int value(struct envfile *f, struct buf *out, struct diag *d)
{
	size_t end = out->len;

	while (!at_end(f)) {
		char c = *f->rest.s;

		if (c == '\'' || c == '"') {
			if (quoted(f, out, d) < 0)
				return -1;
		} else {
			skip(f, 1);
			if (c == '\\')
				escaped(f, out, false);
			else
				buf_putc(out, c);
			if (blank(c))
				continue;
		}
		end = out->len;
	}
	if (!out->failed)
		out->len = end;
	return 0;
}

int envfile_next(struct envfile *f, struct buf *out, struct diag *d)
{
	size_t from = out->len;

	if (f->line == 0)
		f->line = 1;
	if (!find(f))
		return 0;
	if (name(f, out, d) < 0 || value(f, out, d) < 0)
		return -1;
	if (!out->failed && memchr(out->data + from, '\0', out->len - from))
		return diag_error(d, f->line, 0, "a NUL byte");
	buf_putc(out, '\0');
	return out->failed ? diag_error(d, f->line, 0, "out of memory") : 1;
}
