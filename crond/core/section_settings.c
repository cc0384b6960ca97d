/* section_settings: the names and values of one section, read by libconfuse.
 * Flow: section.c cuts a file, this reads a piece, taskfile.c and conf.c judge.
 *
 * libconfuse expands ${VAR} from our environment, drops the backslash of escapes that
 * it does not know, takes the last of two settings, and has no columns. So it never sees the
 * file's text: it gets one token a line, each quoted so that it means what it says, and
 * the line of its complaint is the number of the token. */
#include "crond/core/section_settings.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/section.h"
#include "crond/core/token.h"

enum { DEFS_MOST = 128, SHOWN_MOST = 40 };

/* Cannot be written in a file: there, an unknown name ends the reading before. */
static const char hook_name[] = "\001diag";

struct reader {
	const struct setting_def *defs;
	const char *what;
	const struct settings_sink *sink;
	struct buf tokens; /* of struct token */
	struct buf found;  /* of struct setting, not yet with values */
	struct buf text;   /* for libconfuse */
	bool mentioned[DEFS_MOST]; /* of defs: the rest libconfuse need not know */
	bool refused;
};

static const struct token *tokens_of(const struct reader *r, size_t *n)
{
	*n = r->tokens.len / sizeof(struct token);
	return (const struct token *)(const void *)r->tokens.data;
}

static struct setting *found_of(const struct reader *r, size_t *n)
{
	*n = r->found.len / sizeof(struct setting);
	return (struct setting *)(void *)r->found.data;
}

static void report(struct reader *r, const struct diag *d)
{
	r->refused = true;
	r->sink->diag(r->sink->arg, d);
}

static void cut(struct reader *r, const struct section *section)
{
	struct token_scanner s = { section->body.s, section->body.s + section->body.n,
		section->body.s - (section->body_column - 1), section->body_line };
	struct token t;
	struct diag d;
	int rc;

	while ((rc = token_next(&s, &t, &d)) > 0)
		buf_append(&r->tokens, &t, sizeof(t));
	if (rc < 0)
		report(r, &d);
}

static void refuse_unknown(struct reader *r, const struct token *t)
{
	const char *names[DEFS_MOST + 1];
	int n = t->text.n < SHOWN_MOST ? (int)t->text.n : SHOWN_MOST;
	const char *near;
	struct diag d;
	size_t i;

	for (i = 0; i < DEFS_MOST && r->defs[i].name; i++)
		names[i] = r->defs[i].name;
	names[i] = NULL;
	near = text_nearest(t->text, names);
	diag_error(&d, t->line, t->column, "unknown %s '%.*s'%s%s%s", r->what, n, t->text.s,
		near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
	report(r, &d);
}

static void refuse_second(struct reader *r, const struct token *t, uint32_t line)
{
	struct diag d;

	diag_error(&d, t->line, t->column, "'%.*s' is given twice, first in line %u", (int)t->text.n,
		t->text.s, line);
	report(r, &d);
}

/* Its place among the definitions, or that of their end. */
static size_t find_def(const struct reader *r, const struct token *t)
{
	size_t i = 0;

	while (r->defs[i].name && !slice_is(t->text, r->defs[i].name))
		i++;
	return i;
}

/* A token that is followed by '=', outside of a list. */
static void note_name(struct reader *r, const struct token *t)
{
	struct setting new = { .line = t->line, .column = t->column };
	size_t n;
	const struct setting *found = found_of(r, &n);

	new.def = find_def(r, t);
	if (!r->defs[new.def].name) {
		refuse_unknown(r, t);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (found[i].def == new.def) {
			refuse_second(r, t, found[i].line);
			return;
		}
	}
	buf_append(&r->found, &new, sizeof(new));
}

/* Names with and without '='; a value may look like one too. */
static void note_mention(struct reader *r, const struct token *t)
{
	size_t i = find_def(r, t);

	if (r->defs[i].name)
		r->mentioned[i] = true;
}

static void find_names(struct reader *r)
{
	size_t n;
	const struct token *t = tokens_of(r, &n);
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (t[i].kind == TOKEN_OPEN)
			depth++;
		else if (t[i].kind == TOKEN_CLOSE && depth)
			depth--;
		else if (depth == 0 && token_is_text(&t[i]))
			note_mention(r, &t[i]);
		if (depth == 0 && token_is_text(&t[i]) && i + 1 < n && t[i + 1].kind == TOKEN_SET)
			note_name(r, &t[i]);
	}
}

/* Between double quotes, on one line, with nothing left for libconfuse to interpret. */
static void put_quoted(struct buf *out, struct slice s)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.s[i] == '\n') {
			buf_puts(out, "\\n");
			continue;
		}
		if (strchr("\"\\$", s.s[i]))
			buf_putc(out, '\\');
		buf_putc(out, s.s[i]);
	}
	buf_putc(out, '"');
}

static void rewrite(struct reader *r)
{
	static const char marks[] = { [TOKEN_SET] = '=', [TOKEN_OPEN] = '{', [TOKEN_CLOSE] = '}',
		[TOKEN_COMMA] = ',', [TOKEN_OTHER] = '(' };
	size_t n;
	const struct token *t = tokens_of(r, &n);
	struct buf value = { 0 };
	struct diag d;

	for (size_t i = 0; i < n; i++) {
		buf_clear(&value);
		if (!token_is_text(&t[i]))
			buf_putc(&r->text, marks[t[i].kind]);
		else if (token_decode(&t[i], &value, &d))
			report(r, &d);
		else
			put_quoted(&r->text, (struct slice){ value.data, value.len });
		buf_putc(&r->text, '\n');
		if (value.failed)
			r->text.failed = true;
	}
	buf_free(&value);
}

struct complaint {
	char text[128];
	unsigned line;
};

__attribute__((format(printf, 2, 0)))
static void complain(cfg_t *cfg, const char *fmt, va_list ap)
{
	cfg_opt_t *hook = cfg_getopt(cfg, hook_name);
	struct complaint *c = hook ? (struct complaint *)(void *)hook->simple_value.ptr : NULL;

	if (!c || c->line)
		return;
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	c->line = cfg->line > 0 ? (unsigned)cfg->line : 1;
}

/* 0, 1 for a complaint, -1 when memory is out. Some names that cannot be (empty ones) it
 * refuses without a word. */
static int parse(cfg_t *cfg, const char *text, struct complaint *c)
{
	int rc;

	errno = 0;
	rc = cfg_parse_buf(cfg, text);
	if (rc == CFG_SUCCESS)
		return 0;
	if (rc != CFG_PARSE_ERROR || errno == ENOMEM) /* which it takes for something wrong in the text */
		return -1;
	if (!c->line) {
		snprintf(c->text, sizeof(c->text), "no such option");
		c->line = cfg->line > 0 ? (unsigned)cfg->line : 1;
	}
	return 1;
}

/* What libconfuse says of a list where one value belongs helps nobody. */
static bool is_list_for_one(const struct token *t, size_t i)
{
	return i >= 2 && t[i].kind == TOKEN_OPEN && t[i - 1].kind == TOKEN_SET;
}

/* Every NAME= is known by now: a name that is not is no name, but text gone astray. */
static bool is_stray(const struct token *t, const struct complaint *c)
{
	return token_is_text(t) && (strncmp(c->text, "no such option", 14) == 0 ||
		strncmp(c->text, "no sub-section", 14) == 0);
}

/* The token that libconfuse stopped at; at the end, the last one. */
static void refuse_syntax(struct reader *r, const struct complaint *c)
{
	size_t n;
	const struct token *tokens = tokens_of(r, &n);
	size_t i = c->line <= n ? c->line - 1 : n - 1;
	const struct token *t = &tokens[i];
	int shown = t->text.n < SHOWN_MOST ? (int)t->text.n : SHOWN_MOST;
	struct diag d;

	if (c->line > n)
		diag_error(&d, t->line, t->column, "something is missing behind '%.*s'", shown, t->text.s);
	else if (is_stray(t, c))
		diag_error(&d, t->line, t->column, "'%.*s' belongs to no %s", shown, t->text.s, r->what);
	else if (is_list_for_one(tokens, i))
		diag_error(&d, t->line, t->column, "'%.*s' takes one value, not a list",
			(int)t[-2].text.n, t[-2].text.s);
	else
		diag_error(&d, t->line, t->column, "%s", c->text);
	report(r, &d);
}

static void deliver(struct reader *r, cfg_t *cfg, struct setting *s, struct slice *values)
{
	cfg_opt_t *opt = cfg_getopt(cfg, r->defs[s->def].name);
	size_t n = cfg_opt_size(opt);

	for (size_t i = 0; i < n; i++)
		values[i] = slice_of(cfg_opt_getnstr(opt, (unsigned)i));
	s->values = values;
	s->count = n;
	r->sink->setting(r->sink->arg, s);
}

static void deliver_all(struct reader *r, cfg_t *cfg, struct slice *values)
{
	size_t n;
	struct setting *s = found_of(r, &n);

	for (size_t i = 0; i < n; i++)
		deliver(r, cfg, &s[i], values);
}

static cfg_t *confuse_new(const struct reader *r, struct complaint *c)
{
	cfg_opt_t opts[DEFS_MOST + 2] = { 0 };
	cfg_t *cfg;
	size_t i = 0;

	/* each that is not there costs as much as one that is */
	for (size_t k = 0; k < DEFS_MOST && r->defs[k].name; k++) {
		if (!r->mentioned[k])
			continue;
		opts[i].name = r->defs[k].name;
		opts[i].type = CFGT_STR;
		opts[i++].flags = CFGF_NODEFAULT | (r->defs[k].list ? CFGF_LIST : CFGF_NONE);
	}
	opts[i].name = hook_name;
	opts[i].type = CFGT_FUNC;
	opts[i].flags = CFGF_NODEFAULT;
	opts[i].simple_value.ptr = (void **)(void *)c;
	cfg = cfg_init(opts, CFGF_NONE);
	if (cfg)
		cfg_set_error_function(cfg, complain);
	return cfg;
}

/* -1 when memory is out. */
static int read_text(struct reader *r)
{
	struct complaint complaint = { 0 };
	const char *text = buf_text(&r->text);
	/* no setting can have more values than there are tokens */
	struct slice *values = calloc(r->tokens.len / sizeof(struct token) + 1, sizeof(*values));
	cfg_t *cfg = confuse_new(r, &complaint);
	int rc = -1;

	if (!text || !values || !cfg)
		goto out;
	rc = parse(cfg, text, &complaint);
	if (rc == 0)
		deliver_all(r, cfg, values);
	else if (rc > 0)
		refuse_syntax(r, &complaint);
out:
	if (cfg)
		cfg_free(cfg);
	free(values);
	return rc < 0 ? -1 : 0;
}

int section_settings(const struct section *section, const struct setting_def *defs, const char *what,
	const struct settings_sink *sink)
{
	struct reader r = { .defs = defs, .what = what, .sink = sink };
	int rc = 0;

	cut(&r, section);
	find_names(&r);
	rewrite(&r);
	if (r.tokens.failed || r.found.failed || r.text.failed)
		rc = -1;
	else if (!r.refused && r.tokens.len)
		rc = read_text(&r);
	buf_free(&r.tokens);
	buf_free(&r.found);
	buf_free(&r.text);
	return rc ? -1 : r.refused;
}
