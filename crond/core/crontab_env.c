/* crontab_env: settings in a crontab ("NAME = value").
 * Flow: crontab asks of every line whether it is one, before it looks for time
 * fields; load and keeper ask for values. */
#include "crond/core/crontab_env.h"

#include "crond/base/arena.h"
#include "crond/core/crontab.h"

/* The white space of the C locale, carriage return included: a setting in a file with CRLF
 * line ends loses the CR here, as it does under both families. */
static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool quote(char c)
{
	return c == '\'' || c == '"';
}

static struct slice skip_blanks(struct slice s)
{
	while (s.n && blank(*s.s)) {
		s.s++;
		s.n--;
	}
	return s;
}

static struct slice trim_end(struct slice s)
{
	while (s.n && blank(s.s[s.n - 1]))
		s.n--;
	return s;
}

/* Cuts n bytes off the front. */
static struct slice slice_cut(struct slice s, size_t n)
{
	return (struct slice){ s.s + n, s.n - n };
}

/* Takes what stands between the quotes that *rest begins with. */
static bool take_quoted(struct slice *out, struct slice *rest)
{
	const char *end = rest->n > 1 ? memchr(rest->s + 1, *rest->s, rest->n - 1) : NULL;

	if (!end)
		return false;
	*out = (struct slice){ rest->s + 1, (size_t)(end - rest->s) - 1 };
	*rest = slice_cut(*rest, out->n + 2);
	return true;
}

static bool take_name(struct slice *out, struct slice *rest)
{
	size_t n = 0;

	if (rest->n && quote(*rest->s))
		return take_quoted(out, rest) && !memchr(out->s, '=', out->n);
	while (n < rest->n && rest->s[n] != '=' && !blank(rest->s[n]))
		n++;
	*out = (struct slice){ rest->s, n };
	*rest = slice_cut(*rest, n);
	return true;
}

static bool take_value(struct slice *out, struct slice rest, const struct dialect *d)
{
	if (!rest.n) {
		*out = rest;
		return !d->empty_value_is_error;
	}
	if (!quote(*rest.s)) {
		*out = trim_end(rest);
		return true;
	}
	if (!take_quoted(out, &rest) || skip_blanks(rest).n)
		return false;
	if (d->trim_value)
		*out = trim_end(*out);
	return true;
}

bool crontab_setting_read(struct crontab_setting *s, struct slice line, const struct dialect *d)
{
	if (!take_name(&s->name, &line))
		return false;
	line = skip_blanks(line);
	if (!line.n || *line.s != '=')
		return false;
	return take_value(&s->value, skip_blanks(slice_cut(line, 1)), d);
}

const struct crontab_env *crontab_env_push(const struct crontab_env *before,
	const struct crontab_setting *s, struct arena *arena, struct diag *d)
{
	size_t size = s->name.n + s->value.n + 2;
	struct crontab_env *e;
	char *text;

	if (size > CRONTAB_TEXT_MOST + 1) {
		diag_error(d, 0, 0, "environment setting too long (most: %d bytes)",
			CRONTAB_TEXT_MOST);
		return NULL;
	}
	e = arena_alloc(arena, sizeof(*e));
	text = e ? arena_text(arena, size) : NULL;
	if (!text) {
		d->text[0] = '\0';
		return NULL;
	}
	memcpy(text, s->name.s, s->name.n);
	text[s->name.n] = '=';
	if (s->value.n)
		memcpy(text + s->name.n + 1, s->value.s, s->value.n);
	text[size - 1] = '\0';
	*e = (struct crontab_env){ before, text, (uint32_t)s->name.n };
	return e;
}

const char *crontab_env_get(const struct crontab_env *env, const char *name)
{
	size_t n = strlen(name);

	for (; env; env = env->before) {
		if (env->name_length == n && memcmp(env->assignment, name, n) == 0)
			return env->assignment + n + 1;
	}
	return NULL;
}
