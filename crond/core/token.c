/* token: the words, quotes and braces of a configuration file, with their places.
 * Flow: section.c cuts a file by them, section_settings.c hands them on to libconfuse. */
#include "crond/core/token.h"

#include "crond/base/buf.h"
#include "crond/base/diag.h"

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint32_t column(const struct token_scanner *s)
{
	return (uint32_t)(s->at - s->line_start + 1);
}

static bool starts(const struct token_scanner *s, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(s->end - s->at) >= n && memcmp(s->at, with, n) == 0;
}

static void step(struct token_scanner *s)
{
	if (*s->at++ == '\n') {
		s->line++;
		s->line_start = s->at;
	}
}

static int skip_comment(struct token_scanner *s, struct diag *d)
{
	uint32_t line = s->line;
	uint32_t at = column(s);

	s->at += 2;
	while (s->at < s->end && !starts(s, "*/"))
		step(s);
	if (s->at >= s->end)
		return diag_error(d, line, at, "a comment that is never closed");
	s->at += 2;
	return 0;
}

static int skip_blanks(struct token_scanner *s, bool *first, struct diag *d)
{
	while (s->at < s->end) {
		if (is_blank(*s->at)) {
			*first = *first || *s->at == '\n';
			step(s);
		} else if (*s->at == '#' || starts(s, "//")) {
			while (s->at < s->end && *s->at != '\n')
				s->at++;
		} else if (starts(s, "/*")) {
			if (skip_comment(s, d))
				return -1;
		} else {
			break;
		}
	}
	return 0;
}

static int take_quoted(struct token_scanner *s, struct token *t, struct diag *d)
{
	char quote = *s->at++;

	t->kind = quote == '"' ? TOKEN_DOUBLE : TOKEN_SINGLE;
	t->text.s = s->at;
	while (s->at < s->end && *s->at != quote) {
		if (*s->at == '\\')
			step(s);
		if (s->at < s->end)
			step(s);
	}
	if (s->at >= s->end)
		return diag_error(d, t->line, t->column, "a quote (%c) that is never closed", quote);
	t->text.n = (size_t)(s->at++ - t->text.s);
	return 0;
}

static bool ends_word(const struct token_scanner *s)
{
	return is_blank(*s->at) || strchr("\"'={}(),", *s->at) || starts(s, "+=");
}

static void take_word(struct token_scanner *s, struct token *t)
{
	t->kind = TOKEN_WORD;
	t->text.s = s->at;
	while (s->at < s->end && !ends_word(s))
		s->at++;
	t->text.n = (size_t)(s->at - t->text.s);
}

static void take_mark(struct token_scanner *s, struct token *t)
{
	static const struct {
		const char *text;
		enum token_kind kind;
	} marks[] = {
		{ "=", TOKEN_SET }, { "+=", TOKEN_SET }, { "{", TOKEN_OPEN }, { "}", TOKEN_CLOSE },
		{ ",", TOKEN_COMMA }, { "(", TOKEN_OTHER }, { ")", TOKEN_OTHER },
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (starts(s, marks[i].text)) {
			t->kind = marks[i].kind;
			t->text = (struct slice){ s->at, strlen(marks[i].text) };
			s->at += t->text.n;
			return;
		}
	}
}

int token_next(struct token_scanner *s, struct token *t, struct diag *d)
{
	bool first = s->at == s->line_start;

	if (skip_blanks(s, &first, d))
		return -1;
	if (s->at >= s->end)
		return 0;
	*t = (struct token){ .line = s->line, .column = column(s), .first = first };
	if (*s->at == '"' || *s->at == '\'') {
		if (take_quoted(s, t, d))
			return -1;
	} else if (ends_word(s)) {
		take_mark(s, t);
	} else {
		take_word(s, t);
	}
	t->end = s->at;
	return 1;
}

bool token_is_text(const struct token *t)
{
	return t->kind == TOKEN_WORD || t->kind == TOKEN_DOUBLE || t->kind == TOKEN_SINGLE;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* At most `most` digits of the base at p; their number. */
static size_t take_digits(const char *p, const char *end, size_t most, int base, unsigned *value)
{
	size_t n = 0;

	*value = 0;
	for (; n < most && p + n < end && digit_of(p[n]) < base; n++)
		*value = *value * (unsigned)base + (unsigned)digit_of(p[n]);
	return n;
}

/* The escape at p (a backslash) between double quotes: how many bytes it takes, and what
 * it stands for; 0 when it is none. A value above 255 stands for nothing. */
static size_t take_escape(const char *p, const char *end, unsigned *value)
{
	static const char letters[] = "nrtbfaev\"'\\$";
	static const char values[] = "\n\r\t\b\f\a\033\v\"'\\$";
	const char *letter;
	size_t n = 0;

	if (p + 1 >= end)
		return 0;
	letter = strchr(letters, p[1]);
	if (letter) {
		*value = (unsigned char)values[letter - letters];
		return 2;
	}
	*value = 256;
	if (p[1] == '\n')
		return 2;
	if (p[1] == 'x') {
		n = take_digits(p + 2, end, 2, 16, value);
		return n ? n + 2 : 0;
	}
	n = take_digits(p + 1, end, 3, 8, value);
	return n && *value < 256 ? n + 1 : 0;
}

static int bad_escape(const struct token *t, const char *p, struct diag *d)
{
	uint32_t line = t->line;
	uint32_t col = t->column + 1;
	size_t n = t->text.n - (size_t)(p - t->text.s) < 2 ? 1 : 2;

	for (const char *q = t->text.s; q < p; q++) {
		col++;
		if (*q == '\n') {
			line++;
			col = 1;
		}
	}
	return diag_error(d, line, col, "unknown escape '%.*s' (a backslash is written \\\\)", (int)n, p);
}

static int decode_double(const struct token *t, struct buf *out, struct diag *d)
{
	const char *end = t->text.s + t->text.n;
	unsigned value;

	for (const char *p = t->text.s; p < end;) {
		size_t n;

		if (*p != '\\') {
			buf_putc(out, *p++);
			continue;
		}
		n = take_escape(p, end, &value);
		if (n == 0)
			return bad_escape(t, p, d);
		if (value == 0)
			return diag_error(d, t->line, t->column, "a NUL byte in a value");
		if (value < 256)
			buf_putc(out, (char)value);
		p += n;
	}
	return 0;
}

static void decode_single(const struct token *t, struct buf *out)
{
	const char *end = t->text.s + t->text.n;

	for (const char *p = t->text.s; p < end; p++) {
		char next = p + 1 < end ? p[1] : '\0';

		if (*p == '\\' && (next == '\\' || next == '\''))
			p++;
		else if (*p == '\\' && next == '\n') {
			p++;
			continue;
		}
		buf_putc(out, *p);
	}
}

int token_decode(const struct token *t, struct buf *out, struct diag *d)
{
	if (t->kind == TOKEN_DOUBLE)
		return decode_double(t, out, d);
	if (t->kind == TOKEN_SINGLE)
		decode_single(t, out);
	else
		buf_append(out, t->text.s, t->text.n);
	return 0;
}
