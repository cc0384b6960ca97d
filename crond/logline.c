/* logline: how a line looks on standard error: for people, or as JSON for collectors.
 * Flow: log puts what is to be said in here and writes what comes out, in one piece. */
#include "config.h"

#include "crond/logline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crond/base/text.h"

enum { NAME_MOST = 200, END_ROOM = 4, SPELLED_MOST = 8 };

/* What is put together; a line that is full takes no more. */
struct line {
	char *at;
	size_t n, most;
	bool json;
};

static void __attribute__((format(printf, 2, 3))) put(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->at + l->n, l->most - l->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->n += (size_t)n < l->most - l->n ? (size_t)n : l->most - l->n - 1;
}

/* U+0080 to U+009F steer a terminal as the control bytes do. */
static bool is_control(struct slice s, size_t n)
{
	unsigned char c = (unsigned char)s.s[0];

	return c < 0x20 || c == 0x7f || (n == 2 && c == 0xc2 && (unsigned char)s.s[1] < 0xa0);
}

/* The first character of s as it may stand in a line. How many bytes of s it took. */
static size_t spell(struct slice s, bool json, char out[SPELLED_MOST])
{
	unsigned char c = (unsigned char)s.s[0];
	size_t n = text_utf8(s);

	if (n == 0) {
		snprintf(out, SPELLED_MOST, json ? "\\\\x%02x" : "\\x%02x", c);
		return 1;
	}
	if (json && is_control(s, n))
		snprintf(out, SPELLED_MOST, "\\u%04x", n == 1 ? c : (unsigned char)s.s[1]);
	else if (is_control(s, n) && c != '\t')
		snprintf(out, SPELLED_MOST, n == 1 ? "\\x%02x" : "\\u%04x",
			n == 1 ? c : (unsigned char)s.s[1]);
	else if (json && (c == '"' || c == '\\'))
		snprintf(out, SPELLED_MOST, "\\%c", c);
	else
		snprintf(out, SPELLED_MOST, "%.*s", (int)n, s.s);
	return n;
}

/* May s be the beginning of a character whose end has not come yet? */
static bool is_half(struct slice s)
{
	unsigned char c = (unsigned char)s.s[0];
	size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	return c >= 0xc2 && c <= 0xf4 && s.n < need;
}

/* How many bytes of s found room. */
static size_t put_text(struct line *l, struct slice s, bool more)
{
	size_t whole = s.n;

	while (s.n) {
		char one[SPELLED_MOST];
		size_t took, n;

		if (more && is_half(s))
			break;
		took = spell(s, l->json, one);
		n = strlen(one);
		if (l->n + n + END_ROOM > l->most)
			break;
		memcpy(l->at + l->n, one, n);
		l->n += n;
		s.s += took;
		s.n -= took;
	}
	return whole - s.n;
}

static void put_name(struct line *l, const char *key, const char *name)
{
	struct slice s = { name, strnlen(name, NAME_MOST) };

	if (l->json)
		put(l, ",\"%s\":\"", key);
	put_text(l, s, false);
	if (l->json)
		put(l, "\"");
}

static void put_time(struct line *l)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (l->json)
		gmtime_r(&now.tv_sec, &tm);
	else
		localtime_r(&now.tv_sec, &tm);
	put(l, l->json ? "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"" :
		"%04d-%02d-%02d %02d:%02d:%02d.%03d ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now.tv_nsec / 1000000));
}

static void put_about(struct line *l, const struct log_about *a)
{
	if (a->job)
		put_name(l, "job", a->job);
	if (a->run)
		put_name(l, "run", a->run);
	if (a->result)
		put_name(l, "result", a->result);
}

static void put_head(struct line *l, const struct logline *who)
{
	static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice",
		"info", "debug" };

	put_time(l);
	if (l->json)
		put(l, ",\"level\":\"%s\"", levels[who->priority & 7]);
	if (who->tag) {
		put_name(l, "tag", who->tag);
		put(l, l->json ? ",\"pid\":%d" : "[%d]", (int)who->pid);
		if (l->json && who->about)
			put_about(l, who->about);
	} else {
		if (l->json)
			put_name(l, "job", who->job);
		put_name(l, "run", who->run);
		if (!l->json)
			put(l, " ");
		put_name(l, "stream", who->stream);
	}
	put(l, l->json ? ",\"msg\":\"" : ": ");
}

size_t logline_put(char out[LOGLINE_MOST], const struct logline *who, struct slice text, size_t *taken)
{
	struct line l = { .at = out, .most = LOGLINE_MOST, .json = who->json };

	put_head(&l, who);
	*taken = put_text(&l, text, who->more);
	put(&l, l.json ? "\"}\n" : "\n");
	return l.n;
}
