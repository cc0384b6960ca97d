/* mailtext: the head of a cron mail, and who may be written to.
 * Flow: the keeper puts it before a run's output; crond-notify before an alert. */
#include "crond/core/mailtext.h"

#include <stddef.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/dialect.h"
#include "crond/core/run.h"

/* A line may have 998 bytes; an encoded word 75. 45 bytes make 60 letters of base64. */
enum { LINE_MOST = 990, WORD_BYTES = 45 };

bool mailtext_safe(struct slice address)
{
	return dialect_address_ok(dialect_get(DIALECT_DEBIAN), address);
}

static bool plain(struct slice value, size_t before)
{
	if (before + value.n > LINE_MOST)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.s[i] >= 0x7f)
			return false;
	/* what looks like an encoded word would be read as one */
	return !memmem(value.s, value.n, "=?", 2);
}

static void base64(struct buf *out, const unsigned char *s, size_t n)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)s[i] << 16;

		v |= i + 1 < n ? (unsigned)s[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned)s[i + 2] : 0;
		buf_putc(out, letters[v >> 18]);
		buf_putc(out, letters[v >> 12 & 63]);
		buf_putc(out, i + 1 < n ? letters[v >> 6 & 63] : '=');
		buf_putc(out, i + 2 < n ? letters[v & 63] : '=');
	}
}

static bool control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* The character at s, made fit for a header; its bytes in out, and how many of s it was. */
static size_t letter(struct slice s, char out[4], size_t *n)
{
	size_t took = text_utf8(s);

	*n = took ? took : 3;
	memcpy(out, took ? s.s : "\357\277\275", *n); /* U+FFFD for what is no UTF-8 */
	if (took == 1 && control(*s.s))
		*out = ' ';
	return took ? took : 1;
}

/* Encoded words (RFC 2047), one a line; none ends inside a character. */
static void encoded(struct buf *out, struct slice s)
{
	while (s.n > 0) {
		char word[WORD_BYTES], one[4];
		size_t word_n = 0, one_n;

		while (s.n > 0) {
			size_t took = letter(s, one, &one_n);

			if (word_n + one_n > WORD_BYTES)
				break;
			memcpy(word + word_n, one, one_n);
			word_n += one_n;
			s.s += took;
			s.n -= took;
		}
		buf_puts(out, "=?UTF-8?B?");
		base64(out, (const unsigned char *)word, word_n);
		buf_puts(out, s.n ? "?=\n " : "?=");
	}
}

void mailtext_header(struct buf *out, const char *name, struct slice value)
{
	buf_puts(out, name);
	buf_puts(out, ": ");
	if (!plain(value, strlen(name) + 2)) {
		encoded(out, value);
	} else {
		for (size_t i = 0; i < value.n; i++)
			buf_putc(out, control(value.s[i]) ? ' ' : value.s[i]);
	}
	buf_putc(out, '\n');
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text && *text ? text : otherwise;
}

static void header(struct buf *out, const char *name, const char *value)
{
	mailtext_header(out, name, slice_of(value));
}

static void head_from(const struct run *r, struct buf *out)
{
	struct buf from = { 0 };

	if (r->dialect == DIALECT_CRONIE)
		buf_printf(&from, "\"(Cron Daemon)\" <%s>", or_else(r->mail_from, r->user));
	else if (r->mail_from && *r->mail_from)
		buf_puts(&from, r->mail_from);
	else
		buf_puts(&from, "root (Cron Daemon)");
	out->failed |= from.failed;
	mailtext_header(out, "From", (struct slice){ from.data, from.len });
	buf_free(&from);
}

static void head_subject(const struct run *r, bool failed, struct buf *out)
{
	struct buf subject = { 0 };

	buf_printf(&subject, "Cron <%s@%s> %s%s", r->user, or_else(r->host, "localhost"), r->command,
		failed ? " (failed)" : "");
	out->failed |= subject.failed;
	mailtext_header(out, "Subject", (struct slice){ subject.data, subject.len });
	buf_free(&subject);
}

static void head_env(const struct run *r, struct buf *out)
{
	struct slice list = r->env;
	struct buf value = { 0 };
	const char *text;

	while ((text = run_list_next(&list))) {
		buf_clear(&value);
		buf_printf(&value, "<%s>", text);
		out->failed |= value.failed;
		mailtext_header(out, "X-Cron-Env", (struct slice){ value.data, value.len });
	}
	buf_free(&value);
}

void mailtext_head(const struct run *r, bool failed, struct buf *out)
{
	head_from(r, out);
	header(out, "To", or_else(r->mail_to, r->user));
	head_subject(r, failed, out);
	header(out, "MIME-Version", "1.0");
	header(out, "Content-Type", or_else(r->mail_type, "text/plain; charset=UTF-8"));
	header(out, "Content-Transfer-Encoding", or_else(r->mail_encoding, "8bit"));
	if (r->dialect == DIALECT_CRONIE) {
		header(out, "Auto-Submitted", "auto-generated");
		header(out, "Precedence", "bulk");
	}
	head_env(r, out);
	buf_putc(out, '\n');
}

void mailtext_mailer(const struct run *r, const char **argv)
{
	static const char *const debian[] = { "/usr/sbin/sendmail", "-FCronDaemon", "-i", "-B8BITMIME",
		"-oem" };
	static const char *const cronie[] = { "/usr/sbin/sendmail", "-FCronDaemon", "-i", "-odi", "-oem",
		"-oi", "-t" };
	const char *from = or_else(r->mail_from, r->user);
	size_t n;

	if (r->dialect == DIALECT_CRONIE) {
		n = sizeof(cronie) / sizeof(cronie[0]);
		memcpy(argv, cronie, sizeof(cronie));
		if (!dialect_address_ok(dialect_get(DIALECT_CRONIE), slice_of(from)))
			from = r->user;
		if (dialect_address_ok(dialect_get(DIALECT_CRONIE), slice_of(from))) {
			argv[n++] = "-f";
			argv[n++] = from;
		}
	} else {
		n = sizeof(debian) / sizeof(debian[0]);
		memcpy(argv, debian, sizeof(debian));
		argv[n++] = or_else(r->mail_to, r->user);
	}
	argv[n] = NULL;
}
