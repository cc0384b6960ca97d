/* given: what whoever started us has given us: a locale, variables.
 * Flow: main takes it once; start makes mails and environments of jobs with it, as far as
 * the dialect has it reach them. */
#include "config.h"

#include "crond/crond.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { ADDRESS_MOST = 254 }; /* what cronie expands an address to at most */

extern char **environ;

/* The character set of mails. Only it is asked for: nothing else of us speaks a language. */
static void charset_take(struct crond *c)
{
	locale_t ours = newlocale(LC_ALL_MASK, "", (locale_t)0);
	locale_t is = ours ? ours : newlocale(LC_ALL_MASK, "C", (locale_t)0);
	const char *name = is ? nl_langinfo_l(CODESET, is) : "US-ASCII";

	/* the same by the name that mail has for it; cronie does not translate it */
	if (c->set.dialect->id == DIALECT_DEBIAN && strcasecmp(name, "ANSI_X3.4-1968") == 0)
		name = "US-ASCII";
	snprintf(c->mail_type, sizeof(c->mail_type), "text/plain; charset=%.64s", name);
	if (is)
		freelocale(is);
}

static bool named_in(const char *const *names, const char *assignment)
{
	size_t n = strcspn(assignment, "=");

	for (; *names; names++)
		if (strlen(*names) == n && strncmp(*names, assignment, n) == 0)
			return true;
	return false;
}

int given_take(struct crond *c)
{
	const char *const *names = c->set.dialect->inherited;
	const char *path = c->set.keep_path ? getenv("PATH") : NULL;
	struct buf b = { 0 };

	charset_take(c);
	for (char **e = environ; names && e && *e; e++)
		if (named_in(names, *e))
			buf_append(&b, *e, strlen(*e) + 1);
	c->inherited = (struct slice){ b.data, b.len }; /* for as long as we live */
	c->jobs_path = path;
	return b.failed ? -1 : 0;
}

/* $NAME or ${NAME} at s: how long it is, and its name; 0: no such. */
static size_t variable_at(const char *s, struct slice *name)
{
	bool brace = s[1] == '{';
	const char *at = s + 1 + brace;
	size_t n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	if (n == 0 || (*at >= '0' && *at <= '9') || (brace && at[n] != '}'))
		return 0;
	*name = (struct slice){ at, n };
	return n + 1 + (brace ? 2 : 0);
}

static void variable_put(struct buf *out, struct slice name)
{
	char text[ADDRESS_MOST + 1];
	const char *value;

	if (name.n >= sizeof(text))
		return;
	memcpy(text, name.s, name.n);
	text[name.n] = '\0';
	value = getenv(text);
	if (value)
		buf_puts(out, value);
}

const char *given_expand(struct crond *c, const char *text)
{
	struct buf out = { 0 };
	const char *expanded = text;

	if (!text || !c->set.dialect->expands_addresses || !strchr(text, '$'))
		return text;
	for (const char *at = text; *at;) {
		struct slice name;
		size_t n = *at == '$' ? variable_at(at, &name) : 0;

		if (n > 0)
			variable_put(&out, name);
		else
			buf_putc(&out, *at);
		at += n ? n : 1;
	}
	if (!out.failed && out.len <= ADDRESS_MOST)
		expanded = arena_copy(&c->scratch, out.data ? out.data : "", out.len);
	buf_free(&out);
	return expanded ? expanded : text;
}
