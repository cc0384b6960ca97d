/* What webhooks are sent: templates, addresses, signatures, robots' messages; and what of their
 * answers is an acceptance. */
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
#include "crond/base/diag.h"
#include "crond/core/event.h"
#include "crond/core/template.h"
#include "crond/core/webhook.h"
#include "crond/notify/answer.h"
#include "crond/notify/request.h"
#include "crond/notify/robot.h"
#include "crond/notify/sign.h"
#include "crond/notify/values.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NASTY                                                                                \
	"say \"hi\" \\ \x1b[31mred\x1b[0m <@all> <!channel> [x](http://evil) `x` \xff\xc3\n" \
	"caf\xc3\xa9\r\n"

static struct event event_of(const char *event, const char *status)
{
	return (struct event){ .id = "gold-1-1.end",
		.event = event,
		.status = status,
		.job = "gold",
		.run_id = "gold-1-1",
		.host = "web-1",
		.owner = "ops",
		.exit_code = -1,
		.attempt = 1,
		.scheduled = 1700000000,
		.finished_ns = 1700000001450000000,
		.took_ns = 1234000000 };
}

/* --- templates */

static void test_what_templates_may_say(void **state)
{
	static const struct {
		const char *text, *want; /* want NULL: good */
	} cases[] = {
		{ "", NULL },
		{ "{\"a\": \"${text}\", \"b\": ${exit_code|raw}, \"c\": \"${job|url}${job|json}\"}",
		        NULL },
		{ "$ $$ $x $${job} $$${job} {}", NULL },
		{ "a\nbc ${jb}", "2:4 unknown name 'jb', did you mean 'job'?" },
		{ "${xyzzyxyzzy}", "1:1 unknown name 'xyzzyxyzzy'" },
		{ "${}", "1:1 unknown name ''" },
		{ "${job|html}", "1:1 'html' is none of json, url and raw" },
		{ "${job|}", "1:1 '' is none of json, url and raw" },
		{ "x\n\n  ${job", "3:3 a '${' that is never closed by '}'" },
		{ "$${ ${", "1:5 a '${' that is never closed by '}'" },
		{ "ok\n\xc3(", "2:1 no UTF-8" },
		{ "${url}", "1:1 the name 'url' cannot be used here" },
	};
	struct diag d;
	char at[320];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int bad = template_check(
		        slice_of(cases[i].text), TEMPLATE_ALL & ~(1u << VALUE_URL), &d);

		snprintf(at, sizeof(at), "%u:%u %s", bad ? d.line : 0, bad ? d.column : 0,
		        bad ? d.text : "");
		assert_string_equal(at, cases[i].want ? cases[i].want : "0:0 ");
	}
	assert_int_equal(template_check((struct slice){ "a\0b", 3 }, TEMPLATE_ALL, &d), -1);
	assert_string_equal(d.text, "a NUL byte");
}

static void test_what_is_too_much(void **state)
{
	static char large[TEMPLATE_MOST + 1];
	struct buf many = { 0 };
	struct diag d;

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_int_equal(
	        template_check((struct slice){ large, TEMPLATE_MOST }, TEMPLATE_ALL, &d), 0);
	assert_int_equal(
	        template_check((struct slice){ large, sizeof(large) }, TEMPLATE_ALL, &d), -1);
	assert_string_equal(d.text, "longer than 32768 bytes");
	for (int i = 0; i < TEMPLATE_NAMES_MOST; i++)
		buf_puts(&many, "${job}\n");
	assert_int_equal(
	        template_check((struct slice){ many.data, many.len }, TEMPLATE_ALL, &d), 0);
	buf_puts(&many, " ${job}");
	assert_int_equal(
	        template_check((struct slice){ many.data, many.len }, TEMPLATE_ALL, &d), -1);
	assert_string_equal(d.text, "more than 100 names");
	assert_int_equal(d.line, 101);
	assert_int_equal(d.column, 2);
	buf_free(&many);
}

static void test_what_templates_become(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "${job} ${run_id} ${host} ${status} ${event} ${id} ${owner}",
		        "gold gold-1-1 web-1 exit run.failure gold-1-1.end ops" },
		{ "${exit_code} ${signal} ${attempt} ${consecutive_failures} ${truncated} "
		  "${version}",
		        "3 null 1 0 false 1" },
		{ "[${description}${reason}${user}${url}${schedule}${started_at}]", "[]" },
		{ "${tags}; ${scheduled_at} ${finished_at} ${duration_s}",
		        "a, b c; 2023-11-14T22:13:20Z 2023-11-14T22:13:21.450Z 1.234" },
		{ "${stdout_tail} $${job} $$ ${stderr_tail|url}",
		        "a\\\"b\\\\\\n\\u0001\xef\xbf\xbd ${job} $$ %C3%A9%20%26%EF%BF%BD" },
		{ "${stdout_tail|raw}", "a\"b\\\n\x01\xef\xbf\xbd" },
		{ "${nothing} ${job", "${nothing} ${job" },
	};
	struct event e = event_of("run.failure", "exit");

	(void)state;
	e.exit_code = 3;
	e.tags = (struct slice){ "a\0b c\0", 6 };
	e.stdout_tail = (struct slice){ "a\"b\\\n\1\0", 7 };
	e.stderr_tail = (struct slice){ "\xc3\xa9 &\xff", 5 };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = { 0 };

		values_expand(slice_of(cases[i].text), TEMPLATE_JSON, &e, NULL, &out);
		assert_string_equal(buf_text(&out), cases[i].want);
		buf_free(&out);
	}
}

static void test_each_name_has_a_value(void **state)
{
	struct event e = event_of("run.failure", "exit");

	(void)state;
	e.user = e.description = e.schedule = e.reason = "x";
	e.tags = e.stdout_tail = e.stderr_tail = slice_of("x");
	e.started_ns = 1;
	for (int v = 0; v < VALUES; v++) {
		struct buf out = { 0 };

		assert_non_null(template_value_name((enum template_value)v));
		e.started_ns = 1700000000000000000;
		values_put(&e, "l", (enum template_value)v, &out);
		if (out.len == 0)
			fail_msg("%s is empty", template_value_name((enum template_value)v));
		buf_free(&out);
	}
}

/* --- signatures */

static void test_signatures(void **state)
{
	char key[131], out[SIGN_ROOM], uuid[SIGN_UUID];

	(void)state;
	memset(key, 0x0b, 20);
	sign_text((struct slice){ key, 20 }, slice_of("Hi There"), out);
	assert_string_equal(out, "sDRMYdjbOFNcqK/OrwvxK4gdwgDJgz2nJuk3bC4yz/c=");
	memset(key, 0xaa, sizeof(key));
	sign_text((struct slice){ key, sizeof(key) },
	        slice_of("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	assert_string_equal(out, "YOQxWR7gtn8Niiaqy/W3f44LxiE3KMUUBUYEDw7jf1Q=");
	assert_int_equal(sign_feishu(1700000000, "abc", out), 0);
	assert_string_equal(out, "VIS10b0EBvzzSdFnuk4tznEmK5wHaruvf/WnViv2yR4=");
	assert_int_equal(sign_dingtalk(1700000000123, "abc", out), 0);
	assert_string_equal(out, "4rq25dbCvDvzPu78Q13usRT9KFIb3D4WJUgnt43DuI4=");
	sign_uuid("web-1", "gold-1-1", uuid);
	assert_string_equal(uuid, "99df08b0-5628-5401-ad05-7f05c05c7fe6");
}

/* --- requests */

static void make(struct request *r, enum webhook_template t, const char *url, const char *secret,
        const struct event *e)
{
	struct webhook h = { .name = "w", .url = url, .template = t, .link = "https://l/${job}" };
	struct diag d;

	assert_int_equal(request_make(r, &h, secret, e, 1700000000123, &d), 0);
}

static void test_pings_go_where_they_belong(void **state)
{
	static const char rid[] = "rid=99df08b0-5628-5401-ad05-7f05c05c7fe6";
	static const struct {
		const char *url, *event, *status;
		int code;
		const char *want;
	} cases[] = {
		{ "https://h/p/1", "run.start", NULL, -1, "https://h/p/1/start?" },
		{ "https://h/p/1/", "run.success", "ok", 0, "https://h/p/1/?" },
		{ "https://h/p/1/", "run.failure", "exit", 3, "https://h/p/1/3?" },
		{ "https://h/p/1", "run.success", "ok", 2, "https://h/p/1?" },
		{ "https://h/p/1?a=b#c", "run.failure", "exit", 255, "https://h/p/1/255?a=b&" },
		{ "https://h/p/1", "run.failure", "exit", -1, "https://h/p/1/fail?" },
		{ "https://h/p/1", "run.failure", "signal", -1, "https://h/p/1/fail?" },
		{ "https://h/p/1", "run.timeout", "timeout", -1, "https://h/p/1/fail?" },
		{ "https://h/p/1", "run.missed", "missed", -1, "https://h/p/1/fail?" },
		{ "https://h/p/1", "run.skipped", "skipped", -1, "https://h/p/1/log?" },
		{ "https://h/p/1", "custom", NULL, -1, "https://h/p/1/log?" },
		{ "https://h/p/1", "daemon.failed", NULL, -1, "https://h/p/1/fail?" },
		{ "https://h/k/${job}?create=1", "run.start", NULL, -1,
		        "https://h/k/a%2Fb%20%3A%C3%A9%22/start?create=1&" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct event e = event_of(cases[i].event, cases[i].status);
		char want[200];
		struct request r;

		e.job = "a/b :\xc3\xa9\"";
		e.exit_code = cases[i].code;
		make(&r, WEBHOOK_HEALTHCHECKS, cases[i].url, NULL, &e);
		snprintf(want, sizeof(want), "%s%s", cases[i].want, rid);
		assert_string_equal(r.url.data, want);
		request_free(&r);
	}
}

static void test_a_dingtalk_address_is_signed(void **state)
{
	struct event e = event_of("run.failure", "exit");
	struct request r;

	(void)state;
	make(&r, WEBHOOK_DINGTALK, "https://o/send?access_token=x", "abc", &e);
	assert_string_equal(r.url.data,
	        "https://o/send?access_token=x&timestamp=1700000000123&sign="
	        "4rq25dbCvDvzPu78Q13usRT9KFIb3D4WJUgnt43DuI4%3D");
	request_free(&r);
	make(&r, WEBHOOK_DINGTALK, "https://o/send?access_token=x", NULL, &e);
	assert_string_equal(r.url.data, "https://o/send?access_token=x");
	request_free(&r);
}

static json_t *body_of(enum webhook_template t, const char *secret, const struct event *e)
{
	struct request r;
	json_error_t why;
	json_t *j;

	make(&r, t, "https://h/", secret, e);
	j = json_loadb(r.body.data, r.body.len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		fail_msg("%s: %.*s", why.text, (int)r.body.len, r.body.data);
	request_free(&r);
	return j;
}

static const char *at(json_t *j, const char *a, const char *b)
{
	j = json_object_get(j, a);
	return json_string_value(b ? json_object_get(j, b) : j);
}

static void test_robots_get_what_is_harmless(void **state)
{
	struct event e = event_of("run.failure", "exit");
	json_t *j;

	(void)state;
	e.exit_code = 3;
	e.reason = NASTY;
	e.stderr_tail = (struct slice){ NASTY "\0end", sizeof(NASTY) + 3 };
	j = body_of(WEBHOOK_FEISHU, "abc", &e);
	assert_string_equal(at(j, "timestamp", NULL), "1700000000");
	assert_string_equal(at(j, "sign", NULL), "VIS10b0EBvzzSdFnuk4tznEmK5wHaruvf/WnViv2yR4=");
	assert_string_equal(at(j, "msg_type", NULL), "interactive");
	assert_int_equal(
	        json_array_size(json_object_get(json_object_get(j, "card"), "elements")), 4);
	json_decref(j);
	j = body_of(WEBHOOK_FEISHU, NULL, &e);
	assert_null(json_object_get(j, "sign"));
	json_decref(j);
	j = body_of(WEBHOOK_DINGTALK, "abc", &e);
	assert_string_equal(at(j, "markdown", "title"), "Cronward: gold failed");
	assert_non_null(strstr(at(j, "markdown", "text"), "[Open](https://l/gold)"));
	assert_null(strpbrk(at(j, "markdown", "text"), "<`\x1b\r"));
	assert_null(strstr(at(j, "markdown", "text"), "](http://evil"));
	json_decref(j);
	j = body_of(WEBHOOK_WECOM, NULL, &e);
	assert_null(strpbrk(at(j, "markdown", "content"), "<`\x1b\r"));
	assert_non_null(strstr(at(j, "markdown", "content"), "red \xe2\x80\xb9@all\xe2\x80\xba"));
	json_decref(j);
	j = body_of(WEBHOOK_SLACK, NULL, &e);
	assert_null(strpbrk(at(j, "text", NULL), "<>"));
	assert_non_null(strstr(at(j, "text", NULL), "&lt;!channel&gt;"));
	json_decref(j);
}

/* Each length of each kind of text, so that a cut falls into each place of a character. */
static void test_sizes_are_kept(void **state)
{
	static char text[9000];
	struct event members[40];

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n += 173) {
		struct event e = event_of("run.failure", "exit");
		json_t *j;
		char *dump;

		for (size_t i = 0; i < n; i++)
			text[i] = i % 40 == 39 ? '\n' : "\xe4\xb8\xad\"\\"[(i + n) % 5];
		text[n] = '\0';
		e.description = e.owner = e.job = e.host = e.reason = text;
		e.stdout_tail = slice_of(text);
		for (size_t i = 0; i < COUNT(members); i++)
			members[i] = e;
		e.member_count = n % 2 ? 12 : 0;
		e.members = members;
		j = body_of(WEBHOOK_WECOM, NULL, &e);
		assert_true(strlen(at(j, "markdown", "content")) <= ROBOT_WECOM_MOST);
		json_decref(j);
		j = body_of(WEBHOOK_FEISHU, "abc", &e);
		dump = json_dumps(j, JSON_COMPACT);
		assert_true(strlen(dump) <= ROBOT_FEISHU_MOST);
		free(dump);
		json_decref(j);
		json_decref(body_of(WEBHOOK_DINGTALK, "abc", &e));
		json_decref(body_of(WEBHOOK_SLACK, NULL, &e));
		json_decref(body_of(WEBHOOK_JSON, NULL, &e));
	}
}

static void test_a_short_wecom_message_is_whole(void **state)
{
	struct event e = event_of("run.failure", "exit");
	json_t *j;

	(void)state;
	e.exit_code = 3;
	e.stderr_tail = slice_of("one\ntwo\n");
	j = body_of(WEBHOOK_WECOM, NULL, &e);
	assert_string_equal(at(j, "markdown", "content"),
	        "**Cronward: gold failed**\nJob gold failed on web-1: exit code 3 after 1.2 s "
	        "(attempt 1).\n"
	        "Time: 2023-11-14 22:13:21 UTC\nHost: web-1\nOwner: ops\nRun: gold-1-1\n"
	        "[Open](https://l/gold)\n> one\n> two");
	json_decref(j);
}

/* --- answers */

static void test_answers(void **state)
{
	static const struct {
		enum webhook_template t;
		long status;
		const char *body;
		bool accepted, final;
		int64_t wait_s;
		const char *why;
	} cases[] = {
		{ WEBHOOK_JSON, 204, "", true, false, 0, "" },
		{ WEBHOOK_JSON, 200, "{\"error\":1}", true, false, 0, "" },
		{ WEBHOOK_JSON, 500, "x", false, false, 0, "answered 500" },
		{ WEBHOOK_OWN, 302, "", false, false, 0,
		        "answered 302 (redirects are not followed)" },
		{ WEBHOOK_SLACK, 200, "ok", true, false, 0, "" },
		{ WEBHOOK_SLACK, 200, " ok\n", true, false, 0, "" },
		{ WEBHOOK_SLACK, 200, "{\"ok\": true}", true, false, 0, "" },
		{ WEBHOOK_SLACK, 200, "{\"ok\": false}", false, false, 0,
		        "answered 200, but not ok: {\"ok\": false}" },
		{ WEBHOOK_SLACK, 200, "", false, false, 0, "answered 200, but not ok" },
		{ WEBHOOK_SLACK, 404, "no_service", false, true, 0, "answered 404: no_service" },
		{ WEBHOOK_SLACK, 500, "rollup_error", false, false, 0,
		        "answered 500: rollup_error" },
		{ WEBHOOK_FEISHU, 200, "{\"code\":0,\"msg\":\"success\"}", true, false, 0, "" },
		{ WEBHOOK_FEISHU, 201, "{\"code\":0}", false, false, 0,
		        "answered 201: {\"code\":0}" },
		{ WEBHOOK_FEISHU, 200, "{\"code\":0.0}", false, false, 0,
		        "answered 200, but no code: {\"code\":0.0}" },
		{ WEBHOOK_FEISHU, 200, "{\"StatusCode\":0}", false, false, 0,
		        "answered 200, but no code: {\"StatusCode\":0}" },
		{ WEBHOOK_FEISHU, 200, "{\"code\":9499,\"msg\":\"Bad\\nRequest\"}", false, false, 0,
		        "answered code 9499: Bad^JRequest" },
		{ WEBHOOK_FEISHU, 200, "{\"code\":19021,\"msg\":\"sign\"}", false, true, 0,
		        "answered code 19021: sign" },
		{ WEBHOOK_FEISHU, 200, "{\"code\":11232}", false, false, 60,
		        "answered code 11232" },
		{ WEBHOOK_FEISHU, 400, "{\"code\":19001,\"msg\":\"x\"}", false, true, 0,
		        "answered 400: {\"code\":19001,\"msg\":\"x\"}" },
		{ WEBHOOK_DINGTALK, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}", true, false, 0, "" },
		{ WEBHOOK_DINGTALK, 200, "{\"errcode\":310000,\"errmsg\":\"no\"}", false, true, 0,
		        "answered errcode 310000: no" },
		{ WEBHOOK_DINGTALK, 200, "{\"errcode\":130101}", false, false, 600,
		        "answered errcode 130101" },
		{ WEBHOOK_DINGTALK, 200, "{\"errcode\":\"0\"}", false, false, 0,
		        "answered 200, but no errcode: {\"errcode\":\"0\"}" },
		{ WEBHOOK_DINGTALK, 200, "<html>", false, false, 0,
		        "answered 200, but no errcode: <html>" },
		{ WEBHOOK_WECOM, 200, "{\"errcode\":0}x", false, false, 0,
		        "answered 200, but no errcode: {\"errcode\":0}x" },
		{ WEBHOOK_WECOM, 200, "{\"errcode\":45009}", false, false, 60,
		        "answered errcode 45009" },
		{ WEBHOOK_WECOM, 200, "{\"errcode\":93000}", false, true, 0,
		        "answered errcode 93000" },
		{ WEBHOOK_HEALTHCHECKS, 200, "OK", true, false, 0, "" },
		{ WEBHOOK_HEALTHCHECKS, 200, "OK (not found)", false, true, 0,
		        "answered 200: OK (not found)" },
		{ WEBHOOK_HEALTHCHECKS, 200, "OK (rate limited)\n", false, false, 60,
		        "answered 200: OK (rate limited)" },
		{ WEBHOOK_HEALTHCHECKS, 404, "", false, false, 0, "answered 404" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct answer a;

		answer_judge(cases[i].t, cases[i].status, slice_of(cases[i].body), &a);
		if (a.accepted != cases[i].accepted || a.final != cases[i].final ||
		        a.wait_s != cases[i].wait_s || strcmp(a.why, cases[i].why) != 0)
			fail_msg("%ld %s: %d %d %ld %s", cases[i].status, cases[i].body, a.accepted,
			        a.final, (long)a.wait_s, a.why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_templates_may_say),
		cmocka_unit_test(test_what_is_too_much),
		cmocka_unit_test(test_what_templates_become),
		cmocka_unit_test(test_each_name_has_a_value),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_pings_go_where_they_belong),
		cmocka_unit_test(test_a_dingtalk_address_is_signed),
		cmocka_unit_test(test_robots_get_what_is_harmless),
		cmocka_unit_test(test_sizes_are_kept),
		cmocka_unit_test(test_a_short_wecom_message_is_whole),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
