/* robot: an event as chat robots take it.
 * Flow: request asks for a body; words has the sentences, sign the signatures. */
#include "config.h"

#include "crond/notify/robot.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/notify/digest.h"
#include "crond/notify/words.h"

enum {
	TITLE_MOST = 160,
	SENTENCE_MOST = 700,
	HEADING_MOST = 250, /* of a digest's sentence */
	FIELD_MOST = 200,
	LINK_MOST = 1000,
	TAIL_MOST = 1500,
};

/* What a card and a message say, cut and without anything that a robot would take for its own
 * language: mentions, links, escape sequences. */
struct said {
	struct buf title, sentence, fields, tail;
	const char *link;
};

/* --- text */

/* Behind an escape sequence that begins there; where none does, there. */
static size_t escape_end(struct slice s, size_t i)
{
	if (s.s[i] != 0x1b || i + 1 >= s.n || s.s[i + 1] != '[')
		return i;
	for (i += 2; i < s.n && (unsigned char)s.s[i] >= 0x20 && (unsigned char)s.s[i] < 0x40;)
		i++;
	return i < s.n ? i + 1 : i;
}

/* Valid UTF-8 of printable characters, newlines and tabs. */
static void put_plain(struct slice s, struct buf *out)
{
	for (size_t i = 0; i < s.n;) {
		size_t next = escape_end(s, i), n;
		unsigned char c = (unsigned char)s.s[i];

		if (next > i) {
			i = next;
			continue;
		}
		n = text_utf8((struct slice){ s.s + i, s.n - i });
		if (n == 0 || c == '\0')
			buf_puts(out, "\xef\xbf\xbd");
		else if (c >= 0x20 && c != 0x7f)
			buf_append(out, s.s + i, n);
		else if (c == '\n' || c == '\t')
			buf_putc(out, (char)c);
		i += n > 0 ? n : 1;
	}
}

/* Angle brackets begin mentions and colours in all of these: they become look-alikes. What would
 * be a link or code is parted. */
static void put_tame(struct slice s, struct buf *out)
{
	struct buf plain = { 0 };

	put_plain(s, &plain);
	for (size_t i = 0; i < plain.len; i++) {
		char c = plain.data[i], before = i ? plain.data[i - 1] : '\0';

		if (c == '<')
			buf_puts(out, "\xe2\x80\xb9");
		else if (c == '>')
			buf_puts(out, "\xe2\x80\xba");
		else if (c == '`')
			buf_putc(out, '\'');
		else if (c == '(' && before == ']')
			buf_puts(out, " (");
		else
			buf_putc(out, c);
	}
	out->failed |= plain.failed;
	buf_free(&plain);
}

static bool inside(const struct buf *b, size_t i)
{
	return ((unsigned char)b->data[i] & 0xc0) == 0x80;
}

/* At most so many bytes, whole characters of valid UTF-8: its head, or its end. */
static void cut_head(struct buf *b, size_t most)
{
	if (b->failed || b->len <= most)
		return;
	b->len = most > 3 ? most - 3 : 0;
	while (b->len > 0 && inside(b, b->len))
		b->len--;
	buf_puts(b, "...");
}

static void cut_tail(struct buf *b, size_t most)
{
	size_t from = b->len > most ? b->len - most : 0;

	if (b->failed || from == 0)
		return;
	while (from < b->len && inside(b, from))
		from++;
	memmove(b->data, b->data + from, b->len - from);
	b->len -= from;
}

/* --- what is said */

static void put_title(const struct event *e, struct buf *out)
{
	const char *verb = words_verb(e);

	buf_puts(out, "Cronward: ");
	if (e->member_count > 0) {
		buf_printf(out, "%zu alerts", e->member_count);
	} else if (verb && e->job && e->job[0]) {
		put_tame(slice_of(e->job), out);
		buf_printf(out, " %s", verb);
	} else {
		put_tame(slice_of(e->event), out);
	}
	cut_head(out, TITLE_MOST);
}

static void put_field(const char *label, struct slice value, struct buf *out)
{
	struct buf one = { 0 };

	if (value.n == 0)
		return;
	put_tame(value, &one);
	for (size_t i = 0; i < one.len; i++)
		if (one.data[i] == '\n')
			one.data[i] = ' ';
	cut_head(&one, FIELD_MOST);
	buf_printf(out, "%s: ", label);
	buf_append(out, one.data, one.len);
	buf_putc(out, '\n');
	out->failed |= one.failed;
	buf_free(&one);
}

static void put_text(const char *label, const char *value, struct buf *out)
{
	if (value)
		put_field(label, slice_of(value), out);
}

static void put_time(const struct event *e, struct buf *out)
{
	int64_t ns = e->finished_ns > 0 ? e->finished_ns : e->started_ns;
	time_t t = (time_t)(ns > 0 ? ns / 1000000000 : e->scheduled);
	char text[64];
	struct tm tm;

	if (t > 0 && gmtime_r(&t, &tm) &&
	        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		put_text("Time", text, out);
}

static void put_tags(const struct event *e, struct buf *out)
{
	struct buf tags = { 0 };

	for (size_t i = 0; i < e->tags.n; i++)
		buf_puts(&tags,
		        e->tags.s[i]                ? (char[2]){ e->tags.s[i], 0 }
		                : i + 1 < e->tags.n ? ", "
		                                    : "");
	put_field("Tags", (struct slice){ tags.data, tags.len }, out);
	out->failed |= tags.failed;
	buf_free(&tags);
}

static void put_fields(const struct event *e, struct buf *out)
{
	put_time(e, out);
	put_text("Host", e->host, out);
	if (e->member_count > 0)
		return;
	put_text("Owner", e->owner ? e->owner : e->user, out);
	put_text("Run", e->run_id, out);
	put_tags(e, out);
	put_text("About", e->description, out);
}

/* What a digest stands for; its room was seen to when it was merged. */
static void put_list(const struct event *e, struct buf *out)
{
	struct buf lines = { 0 };

	for (size_t i = 0; i < e->member_count; i++) {
		digest_line(&e->members[i], &lines);
		buf_putc(&lines, '\n');
	}
	put_tame((struct slice){ lines.data, lines.len }, out);
	out->failed |= lines.failed;
	buf_free(&lines);
}

static void put_tail(const struct event *e, struct buf *out)
{
	struct slice tail = e->stderr_tail.n ? e->stderr_tail : e->stdout_tail;

	if (e->member_count > 0) {
		put_list(e, out);
		return;
	}
	put_tame(tail, out);
	cut_tail(out, TAIL_MOST);
}

static void said_make(struct said *s, const struct event *e, const char *link)
{
	struct buf sentence = { 0 };

	*s = (struct said){ .link = link && strlen(link) <= LINK_MOST ? link : NULL };
	put_title(e, &s->title);
	if (e->member_count > 0)
		digest_head(e, &sentence);
	else
		words_sentence(e, &sentence);
	put_tame((struct slice){ sentence.data, sentence.len }, &s->sentence);
	cut_head(&s->sentence, e->member_count > 0 ? HEADING_MOST : SENTENCE_MOST);
	put_fields(e, &s->fields);
	put_tail(e, &s->tail);
	while (s->tail.len > 0 && s->tail.data[s->tail.len - 1] == '\n')
		s->tail.len--;
	s->tail.failed |= sentence.failed;
	buf_free(&sentence);
}

static bool said_failed(const struct said *s)
{
	return s->title.failed || s->sentence.failed || s->fields.failed || s->tail.failed;
}

static void said_free(struct said *s)
{
	buf_free(&s->title);
	buf_free(&s->sentence);
	buf_free(&s->fields);
	buf_free(&s->tail);
}

/* --- as JSON */

static int put_json(const char *bytes, size_t n, void *arg)
{
	buf_append(arg, bytes, n);
	return 0;
}

/* Takes j over. */
static void dump(json_t *j, struct buf *out)
{
	if (!j || json_dump_callback(j, put_json, out, JSON_COMPACT))
		out->failed = true;
	json_decref(j);
}

static json_t *text_of(const struct buf *b)
{
	return json_stringn(b->len ? b->data : "", b->len);
}

/* --- Slack: & and angle brackets are its own, and go as entities */

static void put_entities(struct slice s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.s[i] == '&')
			buf_puts(out, "&amp;");
		else if (s.s[i] == '<')
			buf_puts(out, "&lt;");
		else if (s.s[i] == '>')
			buf_puts(out, "&gt;");
		else
			buf_putc(out, s.s[i]);
	}
}

void robot_slack(const struct event *e, const char *link, struct buf *out)
{
	struct buf sentence = { 0 }, text = { 0 };

	words_sentence(e, &sentence);
	if (link)
		buf_printf(&sentence, "\n%s", link);
	put_entities((struct slice){ sentence.data, sentence.len }, &text);
	if (sentence.failed || text.failed)
		out->failed = true;
	else
		dump(json_pack("{s:o}", "text", text_of(&text)), out);
	buf_free(&sentence);
	buf_free(&text);
}

/* --- Feishu */

static const char *colour(const struct event *e)
{
	static const struct {
		const char *event, *colour;
	} known[] = {
		{ "job.recovered", "green" },
		{ "run.success", "green" },
		{ "run.start", "blue" },
		{ "run.skipped", "orange" },
		{ "custom", "blue" },
		{ "job.removed", "orange" },
		{ "daemon.restarted", "orange" },
		{ "crond.started", "blue" },
		{ "crond.stopped", "orange" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(e->event, known[i].event) == 0)
			return known[i].colour;
	return "red";
}

static json_t *plain(const struct buf *text)
{
	return json_pack("{s:s, s:o}", "tag", "plain_text", "content", text_of(text));
}

static void add_block(json_t *elements, const struct buf *text)
{
	if (text->len > 0)
		json_array_append_new(
		        elements, json_pack("{s:s, s:o}", "tag", "div", "text", plain(text)));
}

static json_t *feishu_elements(const struct said *s)
{
	json_t *elements = json_array();

	add_block(elements, &s->sentence);
	add_block(elements, &s->fields);
	add_block(elements, &s->tail);
	if (s->link)
		json_array_append_new(elements,
		        json_pack("{s:s, s:[{s:s, s:{s:s, s:s}, s:s, s:s}]}", "tag", "action",
		                "actions", "tag", "button", "text", "tag", "plain_text", "content",
		                "Open", "type", "default", "url", s->link));
	return elements;
}

void robot_feishu(
        const struct event *e, const char *link, int64_t stamp, const char *sign, struct buf *out)
{
	char seconds[32];
	struct said s;
	json_t *j;

	snprintf(seconds, sizeof(seconds), "%" PRId64, stamp);
	said_make(&s, e, link);
	j = said_failed(&s)
	        ? NULL
	        : json_pack("{s:s, s:{s:{s:b}, s:{s:s, s:o}, s:o}}", "msg_type", "interactive",
	                  "card", "config", "wide_screen_mode", 1, "header", "template", colour(e),
	                  "title", plain(&s.title), "elements", feishu_elements(&s));
	if (j && sign &&
	        (json_object_set_new(j, "timestamp", json_string(seconds)) ||
	                json_object_set_new(j, "sign", json_string(sign)))) {
		json_decref(j);
		j = NULL;
	}
	dump(j, out);
	said_free(&s);
}

/* --- messages in Markdown */

/* Each line behind the mark; `end` parts lines where a newline alone would not. */
static void put_lines(const struct buf *text, const char *mark, const char *end, struct buf *out)
{
	for (size_t i = 0; i < text->len; i++) {
		if (i == 0 || text->data[i - 1] == '\n')
			buf_puts(out, mark);
		if (text->data[i] == '\n')
			buf_puts(out, end);
		else
			buf_putc(out, text->data[i]);
	}
}

static void put_link(const struct said *s, struct buf *out)
{
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
	if (s->link)
		buf_printf(out, "[Open](%s)\n", s->link);
}

void robot_dingtalk(const struct event *e, const char *link, struct buf *out)
{
	struct buf text = { 0 };
	struct said s;

	said_make(&s, e, link);
	buf_puts(&text, "#### ");
	buf_append(&text, s.title.data, s.title.len);
	buf_puts(&text, "\n\n");
	buf_append(&text, s.sentence.data, s.sentence.len);
	buf_puts(&text, "\n\n");
	put_lines(&s.fields, "", "  \n", &text);
	buf_puts(&text, "\n");
	if (s.tail.len > 0) {
		put_lines(&s.tail, "> ", "  \n", &text);
		buf_puts(&text, "\n\n");
	}
	put_link(&s, &text);
	if (text.failed || said_failed(&s))
		out->failed = true;
	else
		dump(json_pack("{s:s, s:{s:o, s:o}}", "msgtype", "markdown", "markdown", "title",
		             text_of(&s.title), "text", text_of(&text)),
		        out);
	buf_free(&text);
	said_free(&s);
}

/* What does not fit is cut from the tail, in its front. */
static void wecom_tail(struct said *s, const struct buf *text)
{
	size_t used = text->len + 1, lines = 1;

	cut_tail(&s->tail, used < ROBOT_WECOM_MOST ? ROBOT_WECOM_MOST - used : 0);
	for (size_t i = 0; i < s->tail.len; i++)
		lines += s->tail.data[i] == '\n';
	used += 2 * lines; /* the marks */
	cut_tail(&s->tail, used < ROBOT_WECOM_MOST ? ROBOT_WECOM_MOST - used : 0);
}

void robot_wecom(const struct event *e, const char *link, struct buf *out)
{
	struct buf text = { 0 };
	struct said s;

	said_make(&s, e, link);
	if (s.link && strlen(s.link) > FIELD_MOST)
		s.link = NULL;
	buf_puts(&text, "**");
	buf_append(&text, s.title.data, s.title.len);
	buf_puts(&text, "**\n");
	buf_append(&text, s.sentence.data, s.sentence.len);
	buf_putc(&text, '\n');
	if (e->member_count == 0)
		cut_head(&s.fields, 600);
	buf_append(&text, s.fields.data, s.fields.len);
	put_link(&s, &text);
	wecom_tail(&s, &text);
	put_lines(&s.tail, "> ", "\n", &text);
	cut_head(&text, ROBOT_WECOM_MOST);
	if (text.failed || said_failed(&s))
		out->failed = true;
	else
		dump(json_pack("{s:s, s:{s:o}}", "msgtype", "markdown", "markdown", "content",
		             text_of(&text)),
		        out);
	buf_free(&text);
	said_free(&s);
}
