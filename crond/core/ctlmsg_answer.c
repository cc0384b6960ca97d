/* ctlmsg_answer: answers, written member by member, since some are longer than anybody wants to
 * hold.
 * Flow: whoever answers -> lines of JSON, whatever the texts in them are. */
#include "crond/core/ctlmsg.h"

#include <inttypes.h>
#include <stdio.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"

/* U+0080 to U+009F, some of which a terminal would obey. */
static bool control_second(const char *s)
{
	return (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0;
}

static size_t plain_length(struct slice s)
{
	size_t n = 0, one;

	while (n < s.n) {
		unsigned char c = (unsigned char)s.s[n];

		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			break;
		if (c < 0x80) {
			n++;
			continue;
		}
		one = text_utf8((struct slice){ s.s + n, s.n - n });
		if (!one || control_second(s.s + n))
			break;
		n += one;
	}
	return n;
}

static void put_text(struct buf *b, struct slice s)
{
	buf_putc(b, '"');
	while (s.n) {
		size_t n = plain_length(s);
		unsigned char c;

		buf_append(b, s.s, n);
		s = (struct slice){ s.s + n, s.n - n };
		if (!s.n)
			break;
		c = (unsigned char)*s.s;
		n = 1;
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < 0x80)
			buf_printf(b, "\\u%04x", c);
		else if ((n = text_utf8(s)) == 2)
			buf_printf(b, "\\u%04x", (unsigned char)s.s[1]);
		else
			buf_puts(b, "\\ufffd");
		n = n ? n : 1;
		s = (struct slice){ s.s + n, s.n - n };
	}
	buf_putc(b, '"');
}

static void put_name(struct buf *b, const char *name)
{
	if (b->len && b->data[b->len - 1] != '{')
		buf_putc(b, ',');
	buf_putc(b, '"');
	buf_puts(b, name);
	buf_append(b, "\":", 2);
}

void ctlmsg_open(struct buf *b)
{
	buf_putc(b, '{');
}

void ctlmsg_slice(struct buf *b, const char *name, struct slice text)
{
	put_name(b, name);
	put_text(b, text);
}

void ctlmsg_text(struct buf *b, const char *name, const char *text)
{
	if (text)
		ctlmsg_slice(b, name, slice_of(text));
}

/* Tables have many of them: printf() would be most of the work of an answer. */
static void put_number(struct buf *b, int64_t value)
{
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		buf_putc(b, '-');
	buf_append(b, digits + n, sizeof(digits) - n);
}

void ctlmsg_number(struct buf *b, const char *name, int64_t value)
{
	put_name(b, name);
	put_number(b, value);
}

void ctlmsg_seconds(struct buf *b, const char *name, int64_t ms)
{
	put_name(b, name);
	buf_printf(b, "%" PRId64 ".%03d", ms / 1000, ms < 0 ? 0 : (int)(ms % 1000));
}

void ctlmsg_bool(struct buf *b, const char *name, bool value)
{
	put_name(b, name);
	buf_puts(b, value ? "true" : "false");
}

void ctlmsg_list(struct buf *b, const char *name, const char *const *texts)
{
	put_name(b, name);
	buf_putc(b, '[');
	for (size_t i = 0; texts[i]; i++) {
		if (i)
			buf_putc(b, ',');
		put_text(b, slice_of(texts[i]));
	}
	buf_putc(b, ']');
}

void ctlmsg_close(struct buf *b)
{
	buf_append(b, "}\n", 2);
}

void ctlmsg_end(struct buf *b, bool ok)
{
	ctlmsg_open(b);
	ctlmsg_number(b, "version", CTLMSG_VERSION);
	ctlmsg_bool(b, "end", true);
	ctlmsg_bool(b, "ok", ok);
}

void ctlmsg_error(struct buf *b, enum ctlmsg_code code, const char *text)
{
	ctlmsg_end(b, false);
	ctlmsg_text(b, "code", ctlmsg_code_name(code));
	ctlmsg_text(b, "error", text);
	ctlmsg_close(b);
}

void ctlmsg_refuse(struct buf *b, enum clients_refusal why)
{
	char text[64];

	if (why == CLIENTS_TOO_MANY) {
		ctlmsg_error(b, CTLMSG_BUSY, "too many connections: try again later");
		return;
	}
	snprintf(text, sizeof(text), "bad request: longer than %d bytes", CTLMSG_REQUEST_MOST);
	ctlmsg_error(b, CTLMSG_BAD_REQUEST, text);
}
