/* mailbody: an event as a mail.
 * Flow: from a spooled event to the mailer's standard input. */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/core/mailtext.h"
#include "crond/notify/body.h"
#include "crond/notify/words.h"

enum { WIDTH_MOST = 900 }; /* SMTP ends a line at 998 */

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

	buf_puts(&text, "Cron <");
	words_line(&text, e->host ? e->host : host, 255);
	buf_puts(&text, "> ");
	if (e->job && e->job[0]) {
		buf_puts(&text, "job ");
		words_line(&text, e->job, 100);
		buf_putc(&text, ' ');
	}
	words_line(&text, verb ? verb : e->event, 64);
	buf_puts(&text, ": ");
	if (!words_detail(e, &text) && text.len >= 2)
		text.len -= 2;
	if (buf_text(&text))
		mailtext_header(out, "Subject", (struct slice){ text.data, text.len });
	else
		out->failed = true;
	buf_free(&text);
}

static void put_fact(struct buf *out, const char *name, const char *value)
{
	if (!value || !value[0])
		return;
	buf_printf(out, "%-12s ", name);
	words_line(out, value, WIDTH_MOST - 20);
	buf_putc(out, '\n');
}

static void put_time(struct buf *out, const char *name, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[64];
	struct tm tm;

	if (seconds > 0 && gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%F %T UTC", &tm))
		put_fact(out, name, text);
}

static void put_facts(const struct event *e, struct buf *out)
{
	struct buf took = { 0 };

	put_fact(out, "Job:", e->job);
	put_fact(out, "Description:", e->description);
	put_fact(out, "Command:", e->command);
	put_fact(out, "User:", e->user);
	put_fact(out, "Schedule:", e->schedule);
	put_fact(out, "Owner:", e->owner);
	put_time(out, "Due:", e->scheduled);
	put_time(out, "Started:", e->started_ns / 1000000000);
	put_time(out, "Ended:", e->finished_ns / 1000000000);
	if (e->took_ns > 0) {
		words_duration(&took, e->took_ns);
		put_fact(out, "Took:", buf_text(&took));
		buf_free(&took);
	}
	put_fact(out, "Run:", e->run_id);
	put_fact(out, "Event:", e->id);
}

/* Output, with lines that any mail system takes. */
static void put_lines(struct slice clean, struct buf *out)
{
	size_t width = 0;

	while (clean.n > 0) {
		size_t n = text_utf8(clean);

		if (width + n > WIDTH_MOST && clean.s[0] != '\n') {
			buf_putc(out, '\n');
			width = 0;
		}
		if (clean.s[0] != '\r')
			buf_append(out, clean.s, n);
		width = clean.s[0] == '\n' ? 0 : width + n;
		clean.s += n;
		clean.n -= n;
	}
	if (width > 0)
		buf_putc(out, '\n');
}

static void put_tail(const char *title, struct slice tail, struct buf *out)
{
	struct buf clean = { 0 };

	if (tail.n == 0)
		return;
	body_clean(&clean, tail);
	if (buf_text(&clean)) {
		buf_printf(out, "\n%s\n", title);
		put_lines((struct slice){ clean.data, clean.len }, out);
	} else {
		out->failed = true;
	}
	buf_free(&clean);
}

void body_mail(const struct event *e, struct slice address, const char *host, int64_t now,
	struct buf *out)
{
	buf_puts(out, "From: root (Cron Daemon)\nTo: ");
	buf_append(out, address.s, address.n);
	buf_putc(out, '\n');
	put_subject(e, host, out);
	put_date(now, out);
	buf_puts(out, "MIME-Version: 1.0\n"
		      "Content-Type: text/plain; charset=UTF-8\n"
		      "Content-Transfer-Encoding: 8bit\n"
		      "Auto-Submitted: auto-generated\n");
	buf_printf(out, "X-Cronward-Id: %s\n\n", e->id);
	words_sentence(e, out);
	buf_puts(out, "\n\n");
	put_facts(e, out);
	put_tail("Standard output, its end:", e->stdout_tail, out);
	put_tail("Standard error, its end:", e->stderr_tail, out);
	if (e->truncated)
		buf_puts(out, "\nThere was more than is shown here.\n");
}
