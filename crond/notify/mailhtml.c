/* mailhtml: an event as HTML, the second part of its mail.
 * Flow: body_mail() puts it behind the text. It has no links, images or scripts. */
#include "config.h"

#include <string.h>

#include "crond/base/buf.h"
#include "crond/core/event.h"
#include "crond/notify/digest.h"
#include "crond/notify/mailbody.h"
#include "crond/notify/words.h"

static const char head[] =
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Cron</title></head>\n"
        "<body style=\"font-family: sans-serif\">\n";
static const char table[] = "<table cellpadding=\"4\" style=\"border-collapse: collapse\">\n";

static void letter(struct buf *out, struct slice s)
{
	switch (s.s[0]) {
	case '&':
		buf_puts(out, "&amp;");
		break;
	case '<':
		buf_puts(out, "&lt;");
		break;
	case '>':
		buf_puts(out, "&gt;");
		break;
	case '"':
		buf_puts(out, "&quot;");
		break;
	case '\'':
		buf_puts(out, "&#39;");
		break;
	default:
		buf_append(out, s.s, s.n);
		break;
	}
}

/* text as words_line() has it, escaped, between two tags, in lines of its own. */
static void line(struct buf *out, const char *before, const char *text, const char *behind)
{
	struct buf plain = { 0 };

	words_line(&plain, text, MAIL_WIDTH * 4);
	buf_puts(out, before);
	mail_lines((struct slice){ plain.data, plain.len }, letter, out);
	buf_puts(out, behind);
	out->failed |= plain.failed;
	buf_free(&plain);
}

static void fact(void *arg, const char *name, const char *value)
{
	line(arg, "<tr><td>", name, "</td>");
	line(arg, "<td>", value, "</td></tr>\n");
}

static void tail(const char *title, struct slice bytes, struct buf *out)
{
	if (bytes.n == 0)
		return;
	line(out, "<p>", title, "</p>\n<pre>");
	mail_lines(bytes, letter, out);
	buf_puts(out, "</pre>\n");
}

static void member(const struct event *e, struct buf *out)
{
	const char *verb = words_verb(e);
	struct buf what = { 0 };

	words_line(&what, verb ? verb : e->event, 64);
	buf_puts(&what, ": ");
	if (!words_detail(e, &what))
		what.len -= 2;
	if (e->note)
		buf_printf(&what, "; %s", e->note);
	line(out, "<tr><td>", e->job && e->job[0] ? e->job : "crond", "</td>");
	line(out, "<td>", buf_text(&what), "</td>");
	line(out, "<td>", e->run_id, "</td>");
	line(out, "<td>", e->id, "</td></tr>\n");
	buf_free(&what);
}

static void digest(const struct event *e, struct buf *out)
{
	struct buf text = { 0 };

	digest_head(e, &text);
	line(out, "<p><b>", buf_text(&text), "</b></p>\n");
	buf_puts(out, table);
	buf_puts(out, "<tr><th>Job</th><th>Result</th><th>Run</th><th>Event</th></tr>\n");
	for (size_t i = 0; i < e->member_count; i++)
		member(&e->members[i], out);
	buf_free(&text);
}

static void single(const struct event *e, struct buf *out)
{
	struct buf text = { 0 };

	words_sentence(e, &text);
	line(out, "<p><b>", buf_text(&text), "</b></p>\n");
	buf_free(&text);
	if (e->note)
		line(out, "<p>Of this alert: ", e->note, "</p>\n");
	buf_puts(out, table);
	mail_facts(e, fact, out);
}

void mail_html(const struct event *e, struct buf *out)
{
	buf_puts(out, head);
	if (e->members)
		digest(e, out);
	else
		single(e, out);
	buf_puts(out, "</table>\n");
	tail(MAIL_STDOUT, e->stdout_tail, out);
	tail(MAIL_STDERR, e->stderr_tail, out);
	if (e->truncated)
		buf_puts(out, "<p>" MAIL_MORE "</p>\n");
	buf_puts(out, "</body></html>\n");
}
