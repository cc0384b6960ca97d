/* test_mailtext: heads of mails as each dialect writes them, and whom none is written to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/core/mailtext.h"
#include "crond/core/run.h"

#define LIST(text) ((struct slice){ text, sizeof(text) })

static const struct run sample = {
	.user = "www", .host = "box", .command = "make all", .mail_to = "ops@example.org",
	.env = LIST("SHELL=/bin/sh\0A=b c"),
};

static void assert_head(const struct run *r, bool failed, const char *text)
{
	struct buf b = { 0 };

	mailtext_head(r, failed, &b);
	assert_string_equal(buf_text(&b), text);
	buf_free(&b);
}

static void test_heads(void **state)
{
	struct run r = sample;

	(void)state;
	assert_head(&r, true,
		"From: root (Cron Daemon)\nTo: ops@example.org\n"
		"Subject: Cron <www@box> make all (failed)\nMIME-Version: 1.0\n"
		"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
		"X-Cron-Env: <SHELL=/bin/sh>\nX-Cron-Env: <A=b c>\n\n");
	r.mail_from = "cron@example.org";
	r.mail_type = "text/html";
	r.mail_encoding = "7bit";
	r.env.n = 0;
	assert_head(&r, false,
		"From: cron@example.org\nTo: ops@example.org\nSubject: Cron <www@box> make all\n"
		"MIME-Version: 1.0\nContent-Type: text/html\nContent-Transfer-Encoding: 7bit\n\n");
	r = sample;
	r.dialect = 1;
	r.env.n = 0;
	r.mail_to = NULL;
	assert_head(&r, false,
		"From: \"(Cron Daemon)\" <www>\nTo: www\nSubject: Cron <www@box> make all\n"
		"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
		"Content-Transfer-Encoding: 8bit\nAuto-Submitted: auto-generated\n"
		"Precedence: bulk\n\n");
}

static void assert_header(const char *value, const char *line)
{
	struct buf b = { 0 };

	mailtext_header(&b, "Subject", slice_of(value));
	assert_string_equal(buf_text(&b), line);
	buf_free(&b);
}

static void test_header(void **state)
{
	(void)state;
	assert_header("a\r\nBcc: all@example.org", "Subject: a  Bcc: all@example.org\n");
	assert_header("gr\303\274n", "Subject: =?UTF-8?B?Z3LDvG4=?=\n");
	assert_header("=?UTF-8?B?eA==?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=\n");
	assert_header("\377\n\303\251", "Subject: =?UTF-8?B?77+9IMOp?=\n");
	assert_header("\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251"
		"\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251\303\251"
		"\303\251\303\251",
		"Subject: =?UTF-8?B?w6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6k=?=\n"
		" =?UTF-8?B?w6k=?=\n");
}

/* However long or odd a value is, no line is too long and nothing starts a new header. */
static void test_long(void **state)
{
	size_t n = 128 * 1024;
	char *much = malloc(n + 1);
	struct buf b = { 0 };
	const char *line, *end;

	(void)state;
	assert_non_null(much);
	for (size_t i = 0; i < n; i++)
		much[i] = (char)(1 + i * 7 % 255);
	much[n] = '\0';
	mailtext_header(&b, "X-Cron-Env", (struct slice){ much, n });
	line = buf_text(&b);
	assert_memory_equal(line, "X-Cron-Env: ", 12);
	while ((end = strchr(line, '\n'))) {
		assert_in_range(end - line, 1, 998);
		line = end + 1;
		assert_true(*line == ' ' || *line == '\0');
	}
	assert_int_equal(*line, '\0');
	buf_free(&b);
	free(much);
}

static void assert_words(const struct run *r, const char *const *words)
{
	const char *argv[16];
	size_t i = 0;

	mailtext_mailer(r, argv);
	for (; words[i]; i++)
		assert_string_equal(argv[i], words[i]);
	assert_null(argv[i]);
}

static void test_mailer(void **state)
{
	struct run r = sample;

	(void)state;
	assert_words(&r, (const char *[]){ "/usr/sbin/sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem",
		"ops@example.org", NULL });
	r.dialect = 1;
	assert_words(&r, (const char *[]){ "/usr/sbin/sendmail", "-FCronDaemon", "-i", "-odi", "-oem", "-oi",
		"-t", "-f", "www", NULL });
	r.mail_from = "-X/tmp/log";
	assert_words(&r, (const char *[]){ "/usr/sbin/sendmail", "-FCronDaemon", "-i", "-odi", "-oem", "-oi",
		"-t", "-f", "www", NULL });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_header), cmocka_unit_test(test_long),
		cmocka_unit_test(test_mailer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
