/* conf_value: is this text a value of that setting?
 * Flow: crond.conf's sections are lists of definitions that name one of these. */
#include <stdio.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/conf_parse.h"
#include "crond/core/options_kind.h"
#include "crond/core/options_value.h"

enum { PATH_MOST = 4095, URL_MOST = 2048, SECRET_MOST = 4096, PORT_MOST = 65535,
	RETENTION_COUNT_MOST = 1000000 };

static int bad(const struct conf_def *def, struct slice value, const char *expected, struct diag *d)
{
	return option_bad(def->name.name, value, expected, d);
}

/* The bad value may be a secret, or hold one. */
static int bad_unseen(const struct conf_def *def, const char *expected, struct diag *d)
{
	return diag_error(d, 0, 0, "bad %s: %s", def->name.name, expected);
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.s[i] < 0x20 || s.s[i] == 0x7f)
			return true;
	}
	return false;
}

static int keep(struct slice value, struct arena *arena, void *field, struct diag *d)
{
	const char *copy = arena_copy(arena, value.s, value.n);

	if (!copy)
		return diag_error(d, 0, 0, "out of memory");
	*(const char **)field = copy;
	return 0;
}

CONF_TAKE(conf_take_dialect)
{
	const struct dialect *dialect = dialect_find(s->values[0]);

	(void)arena;
	if (!dialect)
		return bad(def, s->values[0], "debian or cronie is needed", d);
	*(const struct dialect **)field = dialect;
	return 0;
}

CONF_TAKE(conf_take_path)
{
	struct slice path = s->values[0];

	if (path.n == 0 || path.s[0] != '/' || path.n > PATH_MOST || has_control(path))
		return bad(def, path, "an absolute path is needed", d);
	return keep(path, arena, field, d);
}

CONF_TAKE(conf_take_mailer)
{
	if (slice_is(s->values[0], "off"))
		return keep(s->values[0], arena, field, d);
	if (conf_take_path(def, s, arena, field, NULL))
		return bad(def, s->values[0], "a program's absolute path without arguments, or off, is needed",
			d);
	return 0;
}

CONF_TAKE(conf_take_cgroup)
{
	if (slice_is(s->values[0], "auto") || slice_is(s->values[0], "off"))
		return keep(s->values[0], arena, field, d);
	if (conf_take_path(def, s, arena, field, NULL))
		return bad(def, s->values[0], "auto, off or the path of a cgroup is needed", d);
	return 0;
}

CONF_TAKE(conf_take_bool)
{
	(void)arena;
	if (text_bool(s->values[0], field))
		return bad(def, s->values[0], "yes or no is needed", d);
	return 0;
}

/* "a, b or c is needed" */
static int bad_word(const struct conf_def *def, struct slice value, struct diag *d)
{
	char expected[128] = "";
	size_t n = 0;

	for (const char *const *w = def->words; *w && n < sizeof(expected); w++)
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s%s",
			w == def->words ? "" : w[1] ? ", " : " or ", *w);
	if (n < sizeof(expected))
		snprintf(expected + n, sizeof(expected) - n, " is needed");
	return bad(def, value, expected, d);
}

CONF_TAKE(conf_take_word)
{
	(void)arena;
	for (const char *const *w = def->words; *w; w++) {
		if (slice_is(s->values[0], *w)) {
			*(const char **)field = *w;
			return 0;
		}
	}
	return bad_word(def, s->values[0], d);
}

CONF_TAKE(conf_take_level)
{
	(void)arena;
	for (int i = 0; def->words[i]; i++) {
		if (slice_is(s->values[0], def->words[i])) {
			*(int *)field = (int)def->least + i;
			return 0;
		}
	}
	return bad_word(def, s->values[0], d);
}

/* such: "a size such as 10M"; the limits are put as values are. */
static int bad_range(const struct conf_def *def, struct slice value, const char *such,
	void (*put)(struct buf *out, uint64_t value), struct diag *d)
{
	struct buf expected = { 0 };

	buf_printf(&expected, "%s, from ", such);
	put(&expected, def->least);
	buf_puts(&expected, " to ");
	put(&expected, def->most);
	buf_puts(&expected, ", is needed");
	bad(def, value, buf_text(&expected) ? expected.data : such, d);
	buf_free(&expected);
	return -1;
}

CONF_TAKE(conf_take_size)
{
	uint64_t v;

	(void)arena;
	if (text_size(s->values[0], &v) || v < def->least || v > def->most)
		return bad_range(def, s->values[0], "a size such as 512K or 10M", option_put_size, d);
	*(uint64_t *)field = v;
	return 0;
}

CONF_TAKE(conf_take_count)
{
	char expected[64];
	uint64_t v;

	(void)arena;
	if (text_number(s->values[0], def->most, &v) || v < def->least) {
		snprintf(expected, sizeof(expected), "a number from %llu to %llu is needed",
			(unsigned long long)def->least, (unsigned long long)def->most);
		return bad(def, s->values[0], expected, d);
	}
	*(uint32_t *)field = (uint32_t)v;
	return 0;
}

CONF_TAKE(conf_take_duration)
{
	uint64_t v;

	(void)arena;
	if (text_duration(s->values[0], &v) || v < def->least || v > def->most)
		return bad_range(def, s->values[0], "a duration such as 10s", option_put_duration, d);
	*(uint64_t *)field = v;
	return 0;
}

/* A bare number counts, a duration has a unit; each once. */
static int retention_part(const struct conf_def *def, struct slice value, struct conf_retention *r,
	struct diag *d)
{
	uint64_t v;

	if (text_number(value, RETENTION_COUNT_MOST, &v) == 0 && v > 0 && !r->count)
		r->count = (uint32_t)v;
	else if (text_number(value, UINT64_MAX, &v) != 0 && text_duration(value, &v) == 0 && v && !r->ms)
		r->ms = v;
	else
		return bad(def, value, "a time such as 30d, a count, both or none are needed", d);
	return 0;
}

CONF_TAKE(conf_take_retention)
{
	struct conf_retention r = { 0 };

	(void)arena;
	for (size_t i = 0; i < s->count; i++) {
		if (s->count == 1 && slice_is(s->values[i], "none"))
			break;
		if (retention_part(def, s->values[i], &r, d))
			return -1;
	}
	*(struct conf_retention *)field = r;
	return 0;
}

CONF_TAKE(conf_take_user)
{
	if (!option_user_ok(s->values[0]))
		return bad(def, s->values[0], "a user's name is needed, not a number", d);
	return keep(s->values[0], arena, field, d);
}

CONF_TAKE(conf_take_group)
{
	if (!option_user_ok(s->values[0]))
		return bad(def, s->values[0], "a group's name is needed, not a number", d);
	return keep(s->values[0], arena, field, d);
}

/* The part of s before the first of the characters in stop. */
static struct slice before(struct slice s, const char *stop)
{
	size_t n = 0;

	while (n < s.n && !strchr(stop, s.s[n]))
		n++;
	return (struct slice){ s.s, n };
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT, with or without USER@ in front. */
static bool authority_ok(struct slice s)
{
	struct slice host;
	uint64_t port;

	for (size_t i = s.n; i > 0; i--) {
		if (s.s[i - 1] == '@') {
			s = (struct slice){ s.s + i, s.n - i };
			break;
		}
	}
	host = before(s, s.n && s.s[0] == '[' ? "]" : ":");
	if (s.n && s.s[0] == '[') {
		if (host.n < 3 || host.n == s.n)
			return false;
		host.n++; /* the bracket */
	}
	s = (struct slice){ s.s + host.n, s.n - host.n };
	if (host.n == 0 || s.n == 0)
		return host.n != 0;
	return s.s[0] == ':' && text_number((struct slice){ s.s + 1, s.n - 1 }, PORT_MOST, &port) == 0 &&
		port > 0;
}

CONF_TAKE(conf_take_url)
{
	struct slice url = s->values[0];
	size_t scheme = 0;

	if (url.n > 8 && strncmp(url.s, "https://", 8) == 0)
		scheme = 8;
	else if (url.n > 7 && strncmp(url.s, "http://", 7) == 0)
		scheme = 7;
	if (!scheme)
		return bad_unseen(def, "http:// or https:// and a host are needed", d);
	if (has_control(url) || memchr(url.s, ' ', url.n))
		return bad_unseen(def, "a blank or a control character in it", d);
	if (url.n > URL_MOST)
		return bad_unseen(def, "longer than 2048 bytes", d);
	if (!authority_ok(before((struct slice){ url.s + scheme, url.n - scheme }, "/?#\\")))
		return bad_unseen(def, "no host, or no number for a port", d);
	return keep(url, arena, field, d);
}

CONF_TAKE(conf_take_secret)
{
	struct slice secret = s->values[0];

	if (secret.n == 0 || secret.n > SECRET_MOST || has_control(secret))
		return bad_unseen(def, "one line of text, at most 4096 bytes, is needed", d);
	return keep(secret, arena, field, d);
}

static bool header_ok(struct slice header)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	struct slice name = before(header, ":");

	if (name.n == 0 || name.n == header.n || has_control(header))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.s[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!letter && !strchr(marks, c))
			return false;
	}
	return true;
}

CONF_TAKE(conf_take_targets)
{
	const char **list = arena_alloc(arena, (s->count + 1) * sizeof(*list));
	bool none = s->count == 1 && slice_is(s->values[0], "none");

	(void)def;
	if (!list)
		return diag_error(d, 0, 0, "out of memory");
	for (size_t i = 0; !none && i < s->count; i++) {
		if (option_judge_alert(option_get(OPTION_ALERT), s->values[i], d) ||
			keep(s->values[i], arena, &list[i], d))
			return -1;
	}
	list[s->count] = NULL;
	*(const char *const **)field = none || !s->count ? NULL : list;
	return 0;
}

CONF_TAKE(conf_take_headers)
{
	const char **list = arena_alloc(arena, (s->count + 1) * sizeof(*list));

	if (!list)
		return diag_error(d, 0, 0, "out of memory");
	for (size_t i = 0; i < s->count; i++) {
		if (!header_ok(s->values[i]))
			return bad_unseen(def, "\"Name: value\" without control characters is needed", d);
		if (keep(s->values[i], arena, &list[i], d))
			return -1;
	}
	list[s->count] = NULL;
	*(const char *const **)field = list;
	return 0;
}
