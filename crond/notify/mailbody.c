/* mailbody: an event as a mail: its head, and what it says as text.
 * Flow: from a spooled event to the mailer's standard input; mailhtml makes the other half. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/core/mailtext.h"
#include "crond/notify/body.h"
#include "crond/notify/digest.h"
#include "crond/notify/mailbody.h"
#include "crond/notify/words.h"

enum { TIME_ROOM = 64 };

static void put_date(int64_t now, struct buf *out)
{
	char text[64];
	time_t t = (time_t)now;
	struct tm tm;

	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm))
		buf_printf(out, "Date: %s\n", text);
}

static void put_subject(const struct event *e, const char *host, struct buf *out)
{
	const char *verb = words_verb(e);
	struct buf text = { 0 };
	struct event bare = *e;

	bare.host = NULL;
	buf_puts(&text, "Cron <");
	words_line(&text, e->host ? e->host : host, 255);
	buf_puts(&text, "> ");
	if (e->members) {
		digest_head(&bare, &text);
		goto out;
	}
	if (e->job && e->job[0]) {
		buf_puts(&text, "job ");
		words_line(&text, e->job, 100);
		buf_putc(&text, ' ');
	}
	words_line(&text, verb ? verb : e->event, 64);
	buf_puts(&text, ": ");
	if (!words_detail(e, &text) && text.len >= 2)
		text.len -= 2;
	if (e->note)
		buf_puts(&text, " (not delivered)");
out:
	if (buf_text(&text))
		mailtext_header(out, "Subject", (struct slice){ text.data, text.len });
	else
		out->failed = true;
	buf_free(&text);
}

/* --- what there is to say, for both parts */

static const char *time_text(char text[TIME_ROOM], int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds > 0 && gmtime_r(&t, &tm) && strftime(text, TIME_ROOM, "%F %T UTC", &tm))
		return text;
	return NULL;
}

void mail_facts(const struct event *e, void (*each)(void *arg, const char *name, const char *value),
	void *arg)
{
	char due[TIME_ROOM], started[TIME_ROOM], ended[TIME_ROOM];
	struct buf took = { 0 };

	if (e->took_ns > 0)
		words_duration(&took, e->took_ns);
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "Job:", e->job },
		{ "Description:", e->description },
		{ "Command:", e->command },
		{ "User:", e->user },
		{ "Schedule:", e->schedule },
		{ "Owner:", e->owner },
		{ "Due:", time_text(due, e->scheduled) },
		{ "Started:", time_text(started, e->started_ns / 1000000000) },
		{ "Ended:", time_text(ended, e->finished_ns / 1000000000) },
		{ "Took:", e->took_ns > 0 ? buf_text(&took) : NULL },
		{ "Run:", e->run_id },
		{ "Event:", e->id },
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (facts[i].value && facts[i].value[0])
			each(arg, facts[i].name, facts[i].value);
	buf_free(&took);
}

void mail_lines(struct slice raw, void (*put)(struct buf *out, struct slice letter), struct buf *out)
{
	struct buf clean = { 0 };
	size_t start = out->len;
	struct slice s;

	body_clean(&clean, raw);
	s = (struct slice){ clean.data, clean.len };
	while (s.n > 0) {
		size_t n = text_utf8(s);
		bool newline = s.s[0] == '\n';

		if (out->len - start > MAIL_WIDTH && !newline)
			buf_putc(out, '\n');
		if (newline || out->len - start > MAIL_WIDTH)
			start = out->len + newline;
		if (newline || s.s[0] == '\t' || n > 1 || ((unsigned char)s.s[0] >= 0x20 && s.s[0] != 0x7f))
			put(out, (struct slice){ s.s, n });
		else if (s.s[0] != '\r')
			buf_puts(out, "\xef\xbf\xbd");
		s.s += n;
		s.n -= n;
	}
	if (out->len > start)
		buf_putc(out, '\n');
	out->failed |= clean.failed;
	buf_free(&clean);
}

/* --- as text */

static void text_letter(struct buf *out, struct slice letter)
{
	buf_append(out, letter.s, letter.n);
}

static void text_fact(void *arg, const char *name, const char *value)
{
	struct buf *out = arg;

	buf_printf(out, "%-12s ", name);
	words_line(out, value, MAIL_WIDTH - 20);
	buf_putc(out, '\n');
}

static void text_tail(const char *title, struct slice tail, struct buf *out)
{
	if (tail.n == 0)
		return;
	buf_printf(out, "\n%s\n", title);
	mail_lines(tail, text_letter, out);
}

static void text_part(const struct event *e, struct buf *out)
{
	struct buf text = { 0 };

	words_sentence(e, &text);
	if (e->note) {
		buf_puts(&text, "\n\nOf this alert: ");
		words_line(&text, e->note, MAIL_WIDTH);
		buf_putc(&text, '.');
	}
	out->failed |= text.failed;
	mail_lines((struct slice){ text.data, text.len }, text_letter, out);
	buf_free(&text);
	buf_putc(out, '\n');
	mail_facts(e, text_fact, out);
	text_tail(MAIL_STDOUT, e->stdout_tail, out);
	text_tail(MAIL_STDERR, e->stderr_tail, out);
	if (e->truncated)
		buf_puts(out, "\n" MAIL_MORE "\n");
}

/* --- both */

/* What stands in neither part, so that nothing in a job's output ends one. */
static void boundary_make(char boundary[MAIL_BOUNDARY], struct buf *const parts[2], const char *id)
{
	uint64_t seed = text_hash(4, id, strlen(id));
	bool found = true;

	while (found) {
		int n = snprintf(boundary, MAIL_BOUNDARY, "=_cronward-%016" PRIx64, seed++);

		found = false;
		for (int i = 0; i < 2; i++)
			found |= parts[i]->len > 0 &&
				memmem(parts[i]->data, parts[i]->len, boundary, (size_t)n);
	}
}

static void put_part(const char *boundary, const char *type, const struct buf *part,
	struct buf *out)
{
	buf_printf(out, "\n--%s\nContent-Type: text/%s; charset=UTF-8\n"
			"Content-Transfer-Encoding: 8bit\n\n", boundary, type);
	buf_append(out, part->data, part->len);
}

void body_mail(const struct event *e, struct slice address, const char *host, int64_t now,
	struct buf *out)
{
	struct buf text = { 0 }, html = { 0 };
	char boundary[MAIL_BOUNDARY];

	text_part(e, &text);
	mail_html(e, &html);
	boundary_make(boundary, (struct buf *const[]){ &text, &html }, e->id);
	buf_puts(out, "From: root (Cron Daemon)\nTo: ");
	buf_append(out, address.s, address.n);
	buf_putc(out, '\n');
	put_subject(e, host, out);
	put_date(now, out);
	buf_printf(out, "MIME-Version: 1.0\n"
			"Content-Type: multipart/alternative; boundary=\"%s\"\n"
			"Content-Transfer-Encoding: 8bit\n"
			"Auto-Submitted: auto-generated\n"
			"X-Cronward-Id: %s\n", boundary, e->id);
	put_part(boundary, "plain", &text, out);
	put_part(boundary, "html", &html, out);
	buf_printf(out, "\n--%s--\n", boundary);
	out->failed |= text.failed | html.failed;
	buf_free(&text);
	buf_free(&html);
}
