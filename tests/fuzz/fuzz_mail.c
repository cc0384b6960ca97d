/* Any bytes as what users choose of a mail: who is written to is one address and no option, and
 * no value makes a header, an end of the head or a line that is too long. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/dialect.h"
#include "crond/core/event.h"
#include "crond/core/mailtext.h"
#include "crond/core/run.h"

enum { FIELDS = 10, LINE_MOST = 998 };

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* --- addresses */

/* As a mailer and the mails' readers take it, and not as dialect.c does. */
static void check_address(struct slice a, bool wide)
{
	demand(a.n > 0 && a.s[0] != '-');
	for (size_t i = 0; i < a.n; i++) {
		unsigned char c = (unsigned char)a.s[i];

		demand(c > 0x20 && c < 0x7f && !strchr("\"'`\\$&;|<>()[]{}*?~^", c));
		demand(wide || c != ',');
	}
}

static void check_addresses(struct slice a)
{
	char *text = strndup(a.s, a.n);
	const char *to;

	for (int id = 0; id < 2; id++)
		if (dialect_address_ok(dialect_get((enum dialect_id)id), a))
			check_address(a, true);
	demand(text != NULL);
	demand(mailtext_safe(a) == dialect_address_ok(dialect_get(DIALECT_DEBIAN), a));
	to = event_mail_to(text, NULL, "user");
	demand(to == text ? strchr(text, '@') && mailtext_safe(slice_of(text)) : strcmp(to, "user") == 0);
	free(text);
}

/* --- one header, read back as a reader would */

static int letter(char c)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(letters, c) : NULL;

	return at ? (int)(at - letters) : -1;
}

static void word_read(const char **s, struct buf *out)
{
	const char *p = *s + 10;

	demand(strncmp(*s, "=?UTF-8?B?", 10) == 0);
	for (; *p != '?'; p += 4) {
		int v[4] = { letter(p[0]), letter(p[1]), letter(p[2]), letter(p[3]) };

		demand(v[0] >= 0 && v[1] >= 0 && (v[2] >= 0 || (p[2] == '=' && p[3] == '=')) &&
			(v[3] >= 0 || p[3] == '='));
		buf_putc(out, (char)(v[0] << 2 | v[1] >> 4));
		if (v[2] >= 0)
			buf_putc(out, (char)(v[1] << 4 | v[2] >> 2));
		if (v[3] >= 0)
			buf_putc(out, (char)(v[2] << 6 | v[3]));
	}
	demand(p[1] == '=' && p + 2 - *s <= 75);
	*s = p + 2;
}

static void header_read(const char *s, struct buf *out)
{
	while (*s) {
		if (strncmp(s, "=?", 2) == 0) {
			word_read(&s, out);
			demand(!*s || strncmp(s, "\n =?", 4) == 0);
			s += *s ? 2 : 0;
		} else {
			demand((unsigned char)*s < 0x7f && ((unsigned char)*s >= 0x20 || *s == '\t'));
			buf_putc(out, *s++);
		}
	}
}

/* What a reader is to see of it: control characters as blanks, what is no UTF-8 as U+FFFD. */
static void shown(struct slice value, struct buf *out)
{
	for (size_t n; value.n > 0; value.s += n, value.n -= n) {
		n = text_utf8(value);
		if (n == 0)
			buf_puts(out, "\357\277\275");
		else if (n == 1 && (((unsigned char)*value.s < 0x20 && *value.s != '\t') || *value.s == 0x7f))
			buf_putc(out, ' ');
		else
			buf_append(out, value.s, n);
		n = n ? n : 1;
	}
}

static void check_header(struct slice value)
{
	struct buf out = { 0 }, read = { 0 }, want = { 0 };

	mailtext_header(&out, "Subject", value);
	demand(buf_text(&out) && strlen(out.data) == out.len && out.data[out.len - 1] == '\n');
	out.data[out.len - 1] = '\0';
	demand(strncmp(out.data, "Subject: ", 9) == 0);
	header_read(out.data + 9, &read);
	shown(value, &want);
	demand(read.len == want.len && (!read.len || memcmp(read.data, want.data, read.len) == 0));
	buf_free(&out);
	buf_free(&read);
	buf_free(&want);
}

/* --- a whole head, and the mailer's words */

static size_t check_lines(const struct buf *head)
{
	size_t lines = 0;

	for (const char *s = head->data, *end; *s; s = end + 1) {
		end = strchr(s, '\n');
		demand(end && end - s <= LINE_MOST && end > s); /* no line of a head is empty */
		if (*s == ' ')
			continue;
		demand(memchr(s, ':', (size_t)(end - s)) != NULL);
		lines++;
	}
	return lines;
}

static void check_argv(const struct run *r)
{
	const char *argv[16] = { NULL };
	size_t n = 0;

	mailtext_mailer(r, argv);
	for (bool given = false; argv[n]; n++) {
		given |= argv[n] == r->mail_from || argv[n] == r->mail_to || argv[n] == r->user;
		demand(n < 15);
		if (argv[n] == r->mail_from)
			check_address(slice_of(argv[n]), true);
		demand(!given || !argv[n + 1]); /* the last: nothing stands behind what a user wrote */
	}
}

static void check_head(char *const field[FIELDS], bool cronie, bool failed)
{
	struct run r = { .dialect = cronie, .id = "x-1-1", .user = "user", .mail_to = field[0], .mail_from = field[1],
		.host = field[2], .command = field[3], .mail_type = field[4], .mail_encoding = field[5] };
	struct buf head = { 0 }, env = { 0 };
	size_t lines = cronie ? 8 : 6;

	for (int i = 6; i < FIELDS; i++) {
		if (!*field[i])
			continue;
		buf_append(&env, field[i], strlen(field[i]) + 1);
		lines++;
	}
	r.env = (struct slice){ env.data, env.len };
	mailtext_head(&r, failed, &head);
	demand(buf_text(&head) && strlen(head.data) == head.len);
	demand(head.len > 2 && head.data[head.len - 1] == '\n');
	head.data[head.len - 1] = '\0'; /* the empty line */
	demand(check_lines(&head) == lines);
	check_argv(&r);
	buf_free(&head);
	buf_free(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Dialect, then texts with NULs between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { (const char *)data + 1, size - 1 };
	char *field[FIELDS];

	if (size == 0)
		return 0;
	check_header(rest);
	check_addresses(rest);
	for (int i = 0; i < FIELDS; i++) {
		const char *end = rest.n ? memchr(rest.s, 0, rest.n) : NULL;
		size_t n = end ? (size_t)(end - rest.s) : rest.n;

		field[i] = strndup(rest.n ? rest.s : "", n);
		demand(field[i] != NULL);
		check_addresses(slice_of(field[i]));
		rest.s += n + (end != NULL);
		rest.n -= n + (end != NULL);
	}
	check_head(field, data[0] & 1, data[0] & 2);
	for (int i = 0; i < FIELDS; i++)
		free(field[i]);
	return 0;
}
