/* sdnotify: what a job says of itself, in the words of systemd's notify protocol.
 * Flow: a datagram that came to the keeper's socket -> what it asks for; heart.c acts. */
#include "crond/core/sdnotify.h"

#include <stdio.h>
#include <string.h>

#include "crond/base/text.h"

static bool is_word(struct slice value, const char *word)
{
	return value.n == strlen(word) && memcmp(value.s, word, value.n) == 0;
}

static void take_flag(struct sdnotify *m, bool *flag, struct slice value)
{
	if (is_word(value, "1"))
		*flag = true;
	else if (!is_word(value, "0")) /* systemd has no use for READY=0 either, and no complaint */
		m->bad++;
}

static void take_number(struct sdnotify *m, bool *given, uint64_t *number, struct slice value)
{
	uint64_t n;

	if (*given)
		return;
	if (text_number(value, UINT64_MAX, &n) < 0) {
		m->bad++;
		return;
	}
	*given = true;
	*number = n;
}

static void take_text(struct slice *text, struct slice value)
{
	if (!text->s)
		*text = value;
}

static void take_watchdog(struct sdnotify *m, struct slice value)
{
	if (is_word(value, "trigger"))
		m->trigger = true;
	else
		take_flag(m, &m->watchdog, value);
}

static void take_id(struct sdnotify *m, struct slice *id, struct slice value)
{
	if (value.n == 0)
		m->bad++;
	else
		take_text(id, value);
}

static void take(struct sdnotify *m, struct slice name, struct slice value)
{
	if (is_word(name, "READY"))
		take_flag(m, &m->ready, value);
	else if (is_word(name, "STOPPING"))
		take_flag(m, &m->stopping, value);
	else if (is_word(name, "WATCHDOG"))
		take_watchdog(m, value);
	else if (is_word(name, "WATCHDOG_USEC"))
		take_number(m, &m->has_interval, &m->interval_us, value);
	else if (is_word(name, "EXTEND_TIMEOUT_USEC"))
		take_number(m, &m->has_extend, &m->extend_us, value);
	else if (is_word(name, "STATUS"))
		take_text(&m->status, value);
	else if (is_word(name, "X_CRON_ALERT"))
		take_id(m, &m->alert, value);
	else if (is_word(name, "X_CRON_BATCH_START"))
		take_id(m, &m->batch_start, value);
	else if (is_word(name, "X_CRON_BATCH_END"))
		take_id(m, &m->batch_end, value);
}

int sdnotify_parse(struct sdnotify *m, struct slice datagram)
{
	*m = (struct sdnotify){ 0 };
	if (datagram.n > 0 && datagram.s[datagram.n - 1] == '\0')
		datagram.n--;
	if (datagram.n == 0 || datagram.n > SDNOTIFY_MOST || memchr(datagram.s, 0, datagram.n))
		return -1;
	while (datagram.n > 0) {
		const char *end = memchr(datagram.s, '\n', datagram.n), *is;
		size_t n = end ? (size_t)(end - datagram.s) : datagram.n;

		is = memchr(datagram.s, '=', n);
		if (is)
			take(m, (struct slice){ datagram.s, (size_t)(is - datagram.s) },
			        (struct slice){ is + 1, n - (size_t)(is + 1 - datagram.s) });
		n += end != NULL;
		datagram.s += n;
		datagram.n -= n;
	}
	return 0;
}

/* A character at its beginning as it is to be shown, its length in *shown; how many bytes it
 * stands for. */
static size_t show(struct slice text, char out[8], size_t *shown)
{
	const unsigned char *s = (const unsigned char *)text.s;
	size_t n = text_utf8(text);
	/* the second half of the control characters moves a terminal's cursor, too */
	bool control = *s < 0x20 || *s == 0x7f || (n == 2 && *s == 0xc2 && s[1] < 0xa0);

	if (n == 0 || (control && n == 1)) {
		*shown = (size_t)snprintf(out, 8, "\\x%02x", *s);
		return 1;
	}
	if (control) {
		*shown = (size_t)snprintf(out, 8, "\\x%02x", s[1]);
		return 2;
	}
	memcpy(out, s, n);
	*shown = n;
	return n;
}

void sdnotify_text(struct slice text, char *out, size_t room)
{
	static const char cut[] = "...";
	size_t len = 0, safe = 0; /* safe: as much as leaves room for the mark of a cut */

	while (text.n > 0) {
		char one[8];
		size_t shown, n = show(text, one, &shown);

		if (len + shown >= room) {
			memcpy(out + safe, cut, sizeof(cut));
			return;
		}
		memcpy(out + len, one, shown);
		len += shown;
		if (len + sizeof(cut) <= room)
			safe = len;
		text.s += n;
		text.n -= n;
	}
	out[len] = '\0';
}
