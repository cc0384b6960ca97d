/* section: a libconfuse-style buffer cut into its top-level parts, with lines.
 * Flow: before libconfuse sees anything, for task files and for crond.conf. */
#include "crond/core/section.h"

#include "crond/base/diag.h"

void section_start(struct section_scanner *s, struct slice bytes)
{
	static const char bom[] = "\xef\xbb\xbf"; /* some editors put it there */

	*s = (struct section_scanner){ .start = bytes.s };
	if (bytes.n)
		s->nul = memchr(bytes.s, '\0', bytes.n);
	s->tokens = (struct token_scanner){ bytes.s, bytes.s + bytes.n, bytes.s, 1 };
	if (bytes.n >= 3 && memcmp(bytes.s, bom, 3) == 0) {
		s->tokens.at += 3;
		s->tokens.line_start += 3;
	}
}

static int next(struct section_scanner *s, struct token *t, struct diag *d)
{
	if (s->has_ahead) {
		s->has_ahead = false;
		*t = s->ahead;
		return 1;
	}
	return token_next(&s->tokens, t, d);
}

static void put_back(struct section_scanner *s, const struct token *t)
{
	s->ahead = *t;
	s->has_ahead = true;
}

/* A word at the beginning of a line may begin something new. */
static bool may_begin(const struct token *t)
{
	return t->kind == TOKEN_WORD && t->first;
}

/* Up to behind the brace that closes `open`; *close gets it. */
static int skip_braces(struct section_scanner *s, const struct token *open, struct token *close,
	struct diag *d)
{
	size_t depth = 1;

	while (depth) {
		int rc = next(s, close, d);

		if (rc < 0)
			return -1;
		if (rc == 0)
			return diag_error(d, open->line, open->column, "a '{' that is never closed");
		if (close->kind == TOKEN_OPEN)
			depth++;
		else if (close->kind == TOKEN_CLOSE)
			depth--;
	}
	return 0;
}

/* What follows cannot belong to a section: on to where a new one may begin. */
static int recover(struct section_scanner *s, struct section *out, const char *wrong, struct diag *d)
{
	struct token t, close;
	int rc;

	out->wrong = wrong;
	out->body = (struct slice){ out->type.s, 0 };
	while ((rc = next(s, &t, d)) > 0) {
		if (may_begin(&t) || t.kind == TOKEN_CLOSE) {
			put_back(s, &t);
			return 1;
		}
		if (t.kind == TOKEN_OPEN)
			return skip_braces(s, &t, &close, d) ? -1 : 1;
	}
	return rc < 0 ? -1 : 1;
}

/* Behind a type and its title: the body. */
static int take_body(struct section_scanner *s, struct section *out, const struct token *open,
	struct diag *d)
{
	struct token close;

	if (skip_braces(s, open, &close, d))
		return -1;
	out->body = (struct slice){ open->end, (size_t)(close.text.s - open->end) };
	out->body_line = open->line;
	out->body_column = open->column + 1;
	return 1;
}

/* Behind a name and its '=': a word, a quoted text or a list. */
static int take_value(struct section_scanner *s, struct section *out, struct diag *d)
{
	struct token t, last;
	int rc = next(s, &t, d);

	if (rc < 0)
		return -1;
	if (rc > 0 && !token_is_text(&t) && t.kind != TOKEN_OPEN)
		put_back(s, &t);
	if (rc == 0 || s->has_ahead)
		return recover(s, out, "a setting without a value", d);
	last = t;
	if (t.kind == TOKEN_OPEN && skip_braces(s, &t, &last, d))
		return -1;
	out->setting = true;
	out->body = (struct slice){ out->type.s, (size_t)(last.end - out->type.s) };
	out->body_line = out->line;
	out->body_column = out->column;
	return 1;
}

static int take_titled(struct section_scanner *s, struct section *out, const struct token *title,
	struct diag *d)
{
	struct token t;
	int rc;

	out->title = title->text;
	out->title_line = title->line;
	out->title_column = title->column;
	rc = next(s, &t, d);
	if (rc < 0)
		return -1;
	if (rc > 0 && t.kind == TOKEN_OPEN)
		return take_body(s, out, &t, d);
	if (rc > 0)
		put_back(s, &t);
	return recover(s, out, "a section without its '{'", d);
}

/* `first` is a text: what it begins. */
static int take_part(struct section_scanner *s, struct section *out, const struct token *first,
	struct diag *d)
{
	struct token t;
	int rc = next(s, &t, d);

	if (rc < 0)
		return -1;
	if (rc > 0 && first->kind == TOKEN_WORD) {
		if (t.kind == TOKEN_SET)
			return take_value(s, out, d);
		if (t.kind == TOKEN_OPEN)
			return take_body(s, out, &t, d);
		if (token_is_text(&t) && !may_begin(&t))
			return take_titled(s, out, &t, d);
	}
	if (rc > 0)
		put_back(s, &t);
	return recover(s, out, "text that belongs to nothing", d);
}

static int nul_found(const struct section_scanner *s, struct diag *d)
{
	uint32_t line = 1;
	const char *start = s->start;

	for (const char *p = s->start; p < s->nul; p++) {
		if (*p == '\n') {
			line++;
			start = p + 1;
		}
	}
	return diag_error(d, line, (uint32_t)(s->nul - start + 1), "a NUL byte in the file");
}

int section_next(struct section_scanner *s, struct section *out, struct diag *d)
{
	struct token first, close;
	int rc;

	if (s->nul)
		return nul_found(s, d);
	rc = next(s, &first, d);
	if (rc <= 0)
		return rc;
	*out = (struct section){ .type = first.text, .line = first.line, .column = first.column };
	if (token_is_text(&first))
		return take_part(s, out, &first, d);
	if (first.kind == TOKEN_CLOSE)
		return diag_error(d, first.line, first.column, "a '}' that closes nothing");
	if (first.kind != TOKEN_OPEN)
		return recover(s, out, "text that belongs to nothing", d);
	out->wrong = "a '{' without a name before it";
	return skip_braces(s, &first, &close, d) ? -1 : 1;
}
