/* options_comment: options in a comment above a crontab line.
 * Flow: the crontab parser asks of each comment whether it is one of ours. */
#include <stdint.h>
#include <stdlib.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/options.h"

enum { SHOWN_MOST = 40 };

/* A comment being read. Values are put together, without their quotes, in text; where
 * each begins is in ends. */
struct comment {
	struct options *o;
	struct arena *arena;
	struct diag *d;
	uint32_t line, name_at; /* of what is being read: the column of its name */
	const char *start, *at, *end;
	struct buf text;
	struct buf ends; /* of size_t: where each value ends in text */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static uint32_t column(const struct comment *c, const char *at)
{
	return (uint32_t)(at - c->start + 1);
}

static void skip_blanks(struct comment *c)
{
	while (c->at < c->end && is_blank(*c->at))
		c->at++;
}

/* The word at p, up to a blank. */
static struct slice word_at(const char *p, const char *end)
{
	struct slice w = { p, 0 };

	while (p + w.n < end && !is_blank(p[w.n]))
		w.n++;
	return w;
}

/* What stands before the word's '='; n is 0 when there is none. */
static struct slice name_in(struct slice word)
{
	const char *equals = word.n ? memchr(word.s, '=', word.n) : NULL;

	return (struct slice){ word.s, equals ? (size_t)(equals - word.s) : 0 };
}

static int shown(struct slice s)
{
	return s.n < SHOWN_MOST ? (int)s.n : SHOWN_MOST;
}

static void value_ends(struct comment *c)
{
	buf_append(&c->ends, &c->text.len, sizeof(c->text.len));
}

/* Inside quotes, up to behind the closing one. */
static int read_quoted(struct comment *c)
{
	const char *open = c->at++;

	for (; c->at < c->end && *c->at != '"'; c->at++) {
		bool escape = *c->at == '\\' && c->at + 1 < c->end &&
			(c->at[1] == '"' || c->at[1] == '\\');

		c->at += escape;
		buf_putc(&c->text, *c->at);
	}
	if (c->at == c->end)
		return diag_error(c->d, 0, column(c, open), "a '\"' that is never closed");
	c->at++;
	return 0;
}

/* A word of values, cut at commas where it may be several. */
static int read_values(struct comment *c, bool list)
{
	while (c->at < c->end && !is_blank(*c->at)) {
		if (*c->at == '"') {
			if (read_quoted(c))
				return -1;
			continue;
		}
		if (*c->at == ',' && list)
			value_ends(c);
		else
			buf_putc(&c->text, *c->at);
		c->at++;
	}
	value_ends(c);
	if (c->text.failed || c->ends.failed)
		return diag_error(c->d, 0, 0, "out of memory");
	return 0;
}

static int set_values(struct comment *c, const struct option_def *def)
{
	size_t n = c->ends.len / sizeof(size_t);
	struct slice *values = calloc(n, sizeof(*values));
	const char *text = buf_text(&c->text);
	size_t from = 0;
	int rc = -1;

	if (!values || !text) {
		diag_error(c->d, 0, 0, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		size_t to;

		memcpy(&to, c->ends.data + i * sizeof(to), sizeof(to));
		values[i] = (struct slice){ text + from, to - from };
		from = to;
	}
	rc = options_set(c->o, c->arena, def->id, JOB_LINE, values, n,
		(struct option_place){ c->line, c->name_at }, c->d);
out:
	free(values);
	return rc;
}

static int unknown(struct diag *d, uint32_t at, struct slice name)
{
	const char *near = option_nearest(name, JOB_LINE);

	if (near)
		return diag_error(d, 0, at, "unknown option '%.*s', did you mean '%s'?", shown(name),
			name.s, near);
	return diag_error(d, 0, at, "unknown option '%.*s'", shown(name), name.s);
}

/* One NAME=VALUE. */
static int read_option(struct comment *c)
{
	struct slice word = word_at(c->at, c->end);
	struct slice name = name_in(word);
	const struct option_def *def = option_find(name);
	uint32_t at = column(c, word.s);

	if (!def)
		return unknown(c->d, at, name);
	c->name_at = at;
	c->at += name.n + 1;
	buf_clear(&c->text);
	buf_clear(&c->ends);
	if (read_values(c, def->list))
		return -1;
	if (set_values(c, def)) {
		if (c->d)
			c->d->column = at;
		return -1;
	}
	return 0;
}

static void lint_warn(struct diag *lint, uint32_t at, const char *what, struct slice word,
	const char *near)
{
	if (near)
		diag_warning(lint, 0, at, "only a comment: %s '%.*s', did you mean '%s'?", what,
			shown(word), word.s, near);
	else
		diag_warning(lint, 0, at, "only a comment: %s '%.*s'", what, shown(word), word.s);
}

/* "#@" and a word that is no option. */
static void lint_word(struct diag *lint, uint32_t at, struct slice word)
{
	static const char seconds[] = "seconds";
	struct slice name = name_in(word);

	if (name.n)
		lint_warn(lint, at, "unknown option", name, option_nearest(name, JOB_LINE));
	else if (option_find(word) && option_find(word)->line)
		diag_warning(lint, 0, at, "only a comment: the option '%.*s' has no '=value'",
			shown(word), word.s);
	else if (slice_is(word, seconds))
		diag_warning(lint, 0, at, "only a comment: '%s' must stand alone", seconds);
	else
		lint_warn(lint, at, "no option", word, NULL);
}

/* Comments that do not begin as ours, but look as if they were meant to. */
static void lint_comment(struct diag *lint, const struct comment *c)
{
	struct slice first = word_at(c->at, c->end);
	bool at_sign = first.n && first.s[0] == '@';
	struct slice name;

	if (!at_sign)
		return;
	if (first.n > 1 && c->at == c->start + 1) {
		diag_warning(lint, 0, 2, "only a comment: options need a blank after '#@'");
		return;
	}
	if (first.n == 1) {
		const char *p = first.s + 1;

		while (p < c->end && is_blank(*p))
			p++;
		first = word_at(p, c->end);
	} else {
		first = (struct slice){ first.s + 1, first.n - 1 };
	}
	name = name_in(first);
	if (name.n && option_find(name))
		diag_warning(lint, 0, 1, "only a comment: options need '#@' without a blank in it");
}

/* Prose may begin like an option: a word that is none makes a comment of all of it. */
static enum comment_options read_options(struct comment *c, struct diag *lint)
{
	enum comment_options result = COMMENT_OPTIONS;
	struct options before = *c->o;

	for (skip_blanks(c); c->at < c->end && result == COMMENT_OPTIONS; skip_blanks(c)) {
		struct slice word = word_at(c->at, c->end);

		if (name_in(word).n == 0) {
			*c->o = before;
			lint_word(lint, column(c, word.s), word);
			result = COMMENT_PLAIN;
		} else if (read_option(c)) {
			result = COMMENT_BAD;
		}
	}
	buf_free(&c->text);
	buf_free(&c->ends);
	return result;
}

enum comment_options options_comment(struct options *o, struct arena *arena, struct slice line,
	uint32_t number, struct diag *d, struct diag *lint)
{
	struct comment c = { .o = o, .arena = arena, .d = d, .line = number, .start = line.s, .at = line.s,
		.end = line.s + line.n };
	struct slice word, name;

	if (lint)
		*lint = (struct diag){ 0 };
	if (line.n < 2 || line.s[0] != '#')
		return COMMENT_PLAIN;
	if (line.s[1] != '@' || (line.n > 2 && !is_blank(line.s[2]))) {
		c.at++;
		skip_blanks(&c);
		lint_comment(lint, &c);
		return COMMENT_PLAIN;
	}
	c.at += 2;
	skip_blanks(&c);
	word = word_at(c.at, c.end);
	name = name_in(word);
	if (name.n && option_find(name))
		return read_options(&c, lint);
	if (slice_is(word, "seconds")) {
		c.at += word.n;
		skip_blanks(&c);
		if (c.at == c.end)
			return COMMENT_SECONDS;
	}
	if (word.n)
		lint_word(lint, column(&c, word.s), word);
	return COMMENT_PLAIN;
}
