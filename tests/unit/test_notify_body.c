/* What people are told: the sentence for each way a job may fare, JSON and mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "crond/base/buf.h"
#include "crond/core/event.h"
#include "crond/notify/body.h"
#include "crond/notify/words.h"

static const struct telling {
	struct event e;
	const char *text;
} tellings[] = {
	{ { .event = "run.failure", .status = "exit", .exit_code = 3, .took_ns = 1234000000,
		  .attempt = 1, .failures = 2 },
		"Job gold failed on web-1: exit code 3 after 1.2 s (attempt 1, 2 failures in a row)." },
	{ { .event = "run.failure", .status = "exit", .exit_code = 1, .took_ns = 999999999,
		  .attempt = 2, .failures = 1 },
		"Job gold failed on web-1: exit code 1 after 999 ms (attempt 2)." },
	{ { .event = "run.failure", .status = "signal", .exit_code = -1, .signal = 11,
		  .took_ns = 61000000000 },
		"Job gold failed on web-1: signal 11 (SIGSEGV) after 1 min 1 s." },
	{ { .event = "run.failure", .status = "signal", .exit_code = -1, .signal = 64,
		  .took_ns = 59999000000 },
		"Job gold failed on web-1: signal 64 after 59.9 s." },
	{ { .event = "run.failure", .status = "oom", .exit_code = -1, .signal = 9 },
		"Job gold failed on web-1: killed for want of memory." },
	{ { .event = "run.failure", .status = "spawn", .exit_code = -1,
		  .reason = "user www: no such user" },
		"Job gold could not be started on web-1: user www: no such user." },
	{ { .event = "run.timeout", .status = "timeout", .exit_code = -1, .signal = 15,
		  .reason = "limit 10m", .took_ns = 7380000000000 },
		"Job gold timed out on web-1: limit 10m after 2 h 3 min." },
	{ { .event = "run.lost", .status = "lost", .exit_code = -1 },
		"Job gold was lost on web-1: how it ended is not known." },
	{ { .event = "run.missed", .status = "missed", .exit_code = -1 },
		"Job gold was missed on web-1." },
	{ { .event = "job.recovered", .status = "ok", .exit_code = 0, .took_ns = 1000000 },
		"Job gold recovered on web-1 after 1 ms." },
	{ { .event = "run.success", .status = "ok", .exit_code = 0, .took_ns = 1000000000 },
		"Job gold succeeded on web-1 after 1.0 s." },
	{ { .event = "custom", .exit_code = -1, .reason = "disk\nfull\xff" },
		"Job gold says on web-1: disk full\xef\xbf\xbd." },
	{ { .event = "new.event", .exit_code = -1 }, "crond on web-1, job gold: new.event." },
};

static void test_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tellings) / sizeof(tellings[0]); i++) {
		struct event e = tellings[i].e;
		struct buf out = { 0 };

		e.id = "x";
		e.job = "gold";
		e.host = "web-1";
		body_sentence(&e, &out);
		assert_string_equal(buf_text(&out), tellings[i].text);
		buf_free(&out);
	}
}

static void test_of_the_daemon(void **state)
{
	struct event e = { .id = "x", .event = "config.error", .host = "h", .exit_code = -1,
		.reason = "/etc/crond.conf:3: bad" };
	struct buf out = { 0 };

	(void)state;
	body_sentence(&e, &out);
	assert_string_equal(buf_text(&out), "crond on h: config.error: /etc/crond.conf:3: bad.");
	buf_free(&out);
}

static void test_unknown_is_null(void **state)
{
	struct event e = { .id = "x", .event = "run.missed", .exit_code = -1 };
	struct buf out = { 0 };
	json_t *j;
	const char *key;
	json_t *value;
	int nulls = 0;

	(void)state;
	body_json(&e, NULL, &out);
	assert_false(out.failed);
	j = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	assert_int_equal(json_object_size(j), 24); /* the vocabulary's and the id */
	json_object_foreach(j, key, value)
		nulls += json_is_null(value);
	assert_int_equal(nulls, 15);
	assert_int_equal(json_array_size(json_object_get(j, "tags")), 0);
	json_decref(j);
	buf_free(&out);
}

static void test_bytes_become_text(void **state)
{
	struct buf out = { 0 };

	(void)state;
	body_clean(&out, (struct slice){ "a\0\xff\xc3\xa9\xed\xa0\x80\xf0\x9f", 10 });
	assert_string_equal(buf_text(&out),
		"a\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9"
		"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	buf_free(&out);
}

static void test_templates(void **state)
{
	(void)state;
	assert_int_equal(webhook_template_find(slice_of("json")), WEBHOOK_JSON);
	assert_int_equal(webhook_template_find(slice_of("healthchecks")), WEBHOOK_HEALTHCHECKS);
	assert_int_equal(webhook_template_find(slice_of("/etc/own")), WEBHOOK_OWN);
	assert_int_equal(webhook_template_find(slice_of("pigeon")), WEBHOOK_TEMPLATES);
	assert_int_equal(webhook_template_find(slice_of("")), WEBHOOK_TEMPLATES);
}

static void test_mail(void **state)
{
	struct event e = { .id = "x.1", .event = "run.failure", .status = "exit", .exit_code = 3,
		.job = "a\r\nBcc: me", .host = "h", .stdout_tail = { "one\r\ntwo", 8 } };
	struct buf out = { 0 };
	const char *text;

	(void)state;
	body_mail(&e, slice_of("ops@example.org"), "other", 1700000000, &out);
	text = buf_text(&out);
	assert_non_null(text);
	assert_ptr_equal(strstr(text, "From: root (Cron Daemon)\nTo: ops@example.org\n"), text);
	assert_non_null(strstr(text, "\nSubject: Cron <h> job a  Bcc: me failed: exit code 3\n"));
	assert_non_null(strstr(text, "\nDate: Tue, 14 Nov 2023 22:13:20 +0000\n"));
	assert_non_null(strstr(text, "\nX-Cronward-Id: x.1\n\n--=_cronward-"));
	assert_non_null(strstr(text, "\nContent-Type: text/plain; charset=UTF-8\n"
		"Content-Transfer-Encoding: 8bit\n\nJob a  Bcc: me failed on h: "));
	assert_non_null(strstr(text, "<pre>one\ntwo\n</pre>\n"));
	assert_non_null(strstr(text, "\none\ntwo\n"));
	assert_null(strstr(text, "\nBcc"));
	assert_null(strchr(text, '\r'));
	buf_free(&out);
}

/* Where the parts of a mail begin and end; how many times. */
static unsigned boundaries(const char *text)
{
	const char *mark = strstr(text, "boundary=\"");
	char boundary[64] = "";
	unsigned n = 0;

	assert_non_null(mark);
	sscanf(mark, "boundary=\"%60[^\"]", boundary);
	for (const char *at = mark + 10 + strlen(boundary); (at = strstr(at, boundary)); at++)
		n++;
	return n;
}

static void test_html_is_escaped(void **state)
{
	static const char nasty[] = "</pre><script>alert(\"1\" & 'x')</script>\033[2J\n--=_cronward-\n";
	struct event e = { .id = "x.1", .event = "run.failure", .status = "exit", .exit_code = 3,
		.job = "<b>", .command = "a && b", .note = "it could not be told to webhook:<x>",
		.stderr_tail = { nasty, sizeof(nasty) - 1 } };
	struct buf out = { 0 };
	const char *text, *html;

	(void)state;
	body_mail(&e, slice_of("ops@example.org"), "h", 1700000000, &out);
	text = buf_text(&out);
	assert_non_null(text);
	assert_int_equal(boundaries(text), 3);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "\nOf this alert: it could not be told to webhook:<x>.\n"));
	html = strstr(text, "<!DOCTYPE");
	assert_non_null(html);
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "<b><b>"));
	assert_non_null(strstr(html, "&lt;/pre&gt;&lt;script&gt;alert(&quot;1&quot; &amp; &#39;x&#39;)"));
	assert_non_null(strstr(html, "<td>a &amp;&amp; b\n</td>"));
	assert_non_null(strstr(html, "webhook:&lt;x&gt;"));
	buf_free(&out);
}

static void test_a_digest_is_one_mail(void **state)
{
	const struct event members[] = {
		{ .id = "a.end", .event = "run.failure", .status = "exit", .job = "a", .run_id = "a-1",
			.exit_code = 3 },
		{ .id = "b.end", .event = "run.failure", .status = "exit", .job = "b<i>", .run_id = "b-1",
			.exit_code = 4 },
	};
	const struct event e = { .id = "digest-1", .event = "digest", .host = "h", .exit_code = -1,
		.members = members, .member_count = 2 };
	struct buf out = { 0 };
	const char *text;

	(void)state;
	body_mail(&e, slice_of("ops@example.org"), "h", 1700000000, &out);
	text = buf_text(&out);
	assert_non_null(text);
	assert_non_null(strstr(text, "\nSubject: Cron <h> 2 alerts: 2 failed\n"));
	assert_non_null(strstr(text, "\n- a failed: exit code 3; run a-1; id a.end\n"));
	assert_non_null(strstr(text, "<td>b&lt;i&gt;\n</td><td>failed: exit code 4\n</td>"
		"<td>b-1\n</td><td>b.end\n</td>"));
	buf_free(&out);
}

static void test_long_lines(void **state)
{
	static char tail[8192];
	struct event e = { .id = "x", .event = "run.lost", .exit_code = -1,
		.stderr_tail = { tail, sizeof(tail) }, .description = tail, .reason = tail };
	struct buf out = { 0 };
	size_t width = 0;

	(void)state;
	memset(tail, '\xa9', sizeof(tail) - 1); /* each becomes three bytes */
	e.stderr_tail.n--;
	body_mail(&e, slice_of("a@b"), "h", 0, &out);
	assert_non_null(buf_text(&out));
	for (size_t i = 0; i < out.len; i++) {
		width = out.data[i] == '\n' ? 0 : width + 1;
		assert_true(width < 998);
	}
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_of_the_daemon),
		cmocka_unit_test(test_unknown_is_null),
		cmocka_unit_test(test_bytes_become_text),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_html_is_escaped),
		cmocka_unit_test(test_a_digest_is_one_mail),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
