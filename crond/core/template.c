/* template: text with names of an event's values in it.
 * Flow: own files of crond.conf's webhooks and addresses are checked when they are read;
 * crond-notify puts the values in for each event. */
#include "crond/core/template.h"

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"

enum { SHOWN_MOST = 48 };

static const char *const names[VALUES + 1] = {
	[VALUE_VERSION] = "version",
	[VALUE_ID] = "id",
	[VALUE_EVENT] = "event",
	[VALUE_STATUS] = "status",
	[VALUE_TEXT] = "text",
	[VALUE_JOB] = "job",
	[VALUE_RUN_ID] = "run_id",
	[VALUE_HOST] = "host",
	[VALUE_USER] = "user",
	[VALUE_OWNER] = "owner",
	[VALUE_TAGS] = "tags",
	[VALUE_DESCRIPTION] = "description",
	[VALUE_SCHEDULE] = "schedule",
	[VALUE_SCHEDULED_AT] = "scheduled_at",
	[VALUE_STARTED_AT] = "started_at",
	[VALUE_FINISHED_AT] = "finished_at",
	[VALUE_DURATION_S] = "duration_s",
	[VALUE_EXIT_CODE] = "exit_code",
	[VALUE_SIGNAL] = "signal",
	[VALUE_REASON] = "reason",
	[VALUE_ATTEMPT] = "attempt",
	[VALUE_CONSECUTIVE_FAILURES] = "consecutive_failures",
	[VALUE_STDOUT_TAIL] = "stdout_tail",
	[VALUE_STDERR_TAIL] = "stderr_tail",
	[VALUE_TRUNCATED] = "truncated",
	[VALUE_URL] = "url",
};

static const char *const escapes[TEMPLATE_ESCAPES] = {
	[TEMPLATE_JSON] = "json",
	[TEMPLATE_URL] = "url",
	[TEMPLATE_RAW] = "raw",
};

const char *template_value_name(enum template_value v)
{
	return v < VALUES ? names[v] : NULL;
}

/* --- in pieces */

/* A piece of a template: text, the inside of a ${NAME}, or a ${ that nothing closes. */
struct piece {
	enum { PIECE_TEXT, PIECE_NAME, PIECE_OPEN } kind;
	struct slice text;
};

static void piece_of_dollar(struct slice rest, struct piece *p, size_t *used)
{
	const char *close;

	if (rest.s[1] == '$' && rest.n >= 3 && rest.s[2] == '{') { /* $${ */
		*p = (struct piece){ PIECE_TEXT, { rest.s + 1, 2 } };
		*used = 3;
	} else if (rest.s[1] == '$') {
		*p = (struct piece){ PIECE_TEXT, { rest.s, 1 } };
		*used = 1;
	} else if ((close = memchr(rest.s, '}', rest.n))) {
		*p = (struct piece){ PIECE_NAME, { rest.s + 2, (size_t)(close - rest.s) - 2 } };
		*used = (size_t)(close - rest.s) + 1;
	} else {
		*p = (struct piece){ PIECE_OPEN, { rest.s, 2 } };
		*used = 2;
	}
}

/* false at the end. */
static bool piece_next(struct slice *rest, struct piece *p)
{
	const char *s = rest->s;
	size_t n = 0;

	if (rest->n == 0)
		return false;
	while (n < rest->n &&
	        !(n + 1 < rest->n && s[n] == '$' && (s[n + 1] == '{' || s[n + 1] == '$')))
		n++;
	if (n > 0)
		*p = (struct piece){ PIECE_TEXT, { s, n } };
	else
		piece_of_dollar(*rest, p, &n);
	*rest = (struct slice){ s + n, rest->n - n };
	return true;
}

static int value_find(struct slice name)
{
	int v = 0;

	while (v < VALUES && !slice_is(name, names[v]))
		v++;
	return v < VALUES ? v : -1;
}

static int escape_find(struct slice name)
{
	int e = 0;

	while (e < TEMPLATE_ESCAPES && !slice_is(name, escapes[e]))
		e++;
	return e < TEMPLATE_ESCAPES ? e : -1;
}

/* NAME or NAME|HOW. false: no such value, or no such way. */
static bool inside_read(struct slice inside, struct slice *name, struct slice *how)
{
	const char *bar = memchr(inside.s, '|', inside.n);
	size_t n = bar ? (size_t)(bar - inside.s) : inside.n;

	*name = (struct slice){ inside.s, n };
	*how = bar ? (struct slice){ bar + 1, inside.n - n - 1 } : (struct slice){ NULL, 0 };
	return value_find(*name) >= 0 && (!bar || escape_find(*how) >= 0);
}

/* --- checking */

static void place_of(struct slice text, const char *at, uint32_t *line, uint32_t *column)
{
	*line = *column = 1;
	for (const char *s = text.s; s < at; s++) {
		*column = *s == '\n' ? 1 : *column + 1;
		*line += *s == '\n';
	}
}

static int check_name(
        struct slice inside, uint32_t allowed, uint32_t line, uint32_t column, struct diag *d)
{
	struct slice name, how;
	bool known = inside_read(inside, &name, &how);
	int v = value_find(name), shown = (int)(name.n < SHOWN_MOST ? name.n : SHOWN_MOST);
	const char *near;

	if (known && slice_is(how, escapes[TEMPLATE_JSON]) && allowed & TEMPLATE_ADDRESS)
		return diag_error(d, line, column, "'json' cannot be used in an address");
	if (known && allowed >> v & 1)
		return 0;
	if (v >= 0 && !known)
		return diag_error(d, line, column, "'%.*s' is none of json, url and raw",
		        (int)(how.n < SHOWN_MOST ? how.n : SHOWN_MOST), how.s);
	if (v >= 0)
		return diag_error(d, line, column, "the name '%s' cannot be used here", names[v]);
	near = text_nearest(name, names);
	return diag_error(d, line, column, "unknown name '%.*s'%s%s%s", shown, name.s,
	        near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int check_text(struct slice text, struct diag *d)
{
	uint32_t line, column;

	for (size_t i = 0, n; i < text.n; i += n) {
		n = text_utf8((struct slice){ text.s + i, text.n - i });
		if (n > 0 && text.s[i] != '\0')
			continue;
		place_of(text, text.s + i, &line, &column);
		return diag_error(d, line, column, n ? "a NUL byte" : "no UTF-8");
	}
	return 0;
}

int template_check(struct slice text, uint32_t allowed, struct diag *d)
{
	struct slice rest = text;
	unsigned count = 0;
	struct piece p;

	if (text.n > TEMPLATE_MOST)
		return diag_error(d, 1, 1, "longer than %d bytes", TEMPLATE_MOST);
	if (check_text(text, d))
		return -1;
	while (piece_next(&rest, &p)) {
		uint32_t line, column;

		if (p.kind == PIECE_TEXT)
			continue;
		place_of(text, p.kind == PIECE_OPEN ? p.text.s : p.text.s - 2, &line, &column);
		if (p.kind == PIECE_OPEN)
			return diag_error(d, line, column, "a '${' that is never closed by '}'");
		if (check_name(p.text, allowed, line, column, d))
			return -1;
		if (++count > TEMPLATE_NAMES_MOST)
			return diag_error(
			        d, line, column, "more than %d names", TEMPLATE_NAMES_MOST);
	}
	return 0;
}

/* --- filling in */

static void put_json(char c, struct buf *out)
{
	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (c == '\n')
		buf_puts(out, "\\n");
	else if (c == '\t')
		buf_puts(out, "\\t");
	else if ((unsigned char)c < 0x20 || c == 0x7f)
		buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
	else
		buf_putc(out, c);
}

static bool plain_in_url(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	        (c && strchr("-._~", c));
}

static void put_escaped(char c, enum template_escape how, struct buf *out)
{
	if (how == TEMPLATE_JSON)
		put_json(c, out);
	else if (how == TEMPLATE_RAW || plain_in_url(c))
		buf_putc(out, c);
	else
		buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
}

void template_escaped(struct slice s, enum template_escape how, struct buf *out)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = text_utf8((struct slice){ s.s + i, s.n - i });
		struct slice one = { s.s + i, n };

		if (n == 0 || s.s[i] == '\0')
			one = slice_of("\xef\xbf\xbd");
		for (size_t k = 0; k < one.n; k++)
			put_escaped(one.s[k], how, out);
		i += n > 0 ? n : 1;
	}
}

void template_expand(struct slice text, enum template_escape usual,
        void (*put)(void *arg, enum template_value v, struct buf *out), void *arg, struct buf *out)
{
	struct buf value = { 0 };
	struct slice name, how;
	struct piece p;

	while (piece_next(&text, &p)) {
		if (p.kind != PIECE_NAME) {
			buf_append(out, p.text.s, p.text.n);
		} else if (inside_read(p.text, &name, &how)) {
			buf_clear(&value);
			put(arg, (enum template_value)value_find(name), &value);
			template_escaped((struct slice){ value.data, value.len },
			        how.s ? (enum template_escape)escape_find(how) : usual, out);
			out->failed |= value.failed;
		} else {
			buf_append(out, p.text.s - 2, p.text.n + 3);
		}
	}
	buf_free(&value);
}
