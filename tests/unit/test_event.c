/* Events and crond-notify's configuration as records: there and back, cut where they are
 * too long, refused where they are damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/record.h"
#include "crond/core/event.h"

static const char targets[] = "mail:ops@example.org\0webhook:gold";
static const char tail[] = "bytes \0 and \xff";

static struct event sample(void)
{
	return (struct event){ .id = "gold-1-1.run.failure", .event = "run.failure",
		.status = "exit", .job = "gold", .run_id = "gold-1-1", .host = "web-1",
		.owner = "", .user = "www", .schedule = "@daily", .command = "run",
		.targets = { targets, sizeof(targets) }, .scheduled = -5,
		.started_ns = 1700000000123456789, .finished_ns = INT64_MAX, .took_ns = 7,
		.exit_code = 255, .attempt = 3, .failures = UINT32_MAX,
		.stdout_tail = { tail, sizeof(tail) - 1 }, .trusted = true, .uid = 2001,
		.mail_to = "ops@example.org" };
}

static struct slice encoded(const struct event *e, struct buf *out)
{
	event_encode(e, out);
	assert_false(out->failed);
	assert_true(out->len <= EVENT_MOST);
	return (struct slice){ out->data, out->len };
}

static void test_there_and_back(void **state)
{
	struct event e = sample(), back;
	struct buf out = { 0 };
	struct diag d;

	(void)state;
	assert_int_equal(event_decode(&back, encoded(&e, &out), &d), 0);
	assert_string_equal(back.id, e.id);
	assert_string_equal(back.owner, "");
	assert_string_equal(back.command, "run");
	assert_null(back.reason);
	assert_null(back.description);
	assert_true(slice_equal(back.targets, e.targets));
	assert_true(slice_equal(back.stdout_tail, e.stdout_tail));
	assert_int_equal(back.stderr_tail.n, 0);
	assert_true(back.scheduled == -5 && back.started_ns == e.started_ns);
	assert_true(back.finished_ns == INT64_MAX && back.took_ns == 7);
	assert_int_equal(back.exit_code, 255);
	assert_int_equal(back.attempt, 3);
	assert_true(back.failures == UINT32_MAX);
	assert_true(back.trusted);
	assert_int_equal(back.uid, 2001);
	assert_string_equal(back.mail_to, "ops@example.org");
	assert_false(back.truncated);
	buf_free(&out);
}

static char *repeat(char c, size_t n)
{
	char *s = malloc(n + 1);

	assert_non_null(s);
	memset(s, c, n);
	s[n] = '\0';
	return s;
}

static void test_too_long_is_cut(void **state)
{
	struct event e = sample(), back;
	struct buf out = { 0 };
	struct diag d;
	char *text = repeat('x', 100000);

	(void)state;
	memcpy(text + 4094, "\xc3\xa9", 2);
	e.job = e.host = e.owner = e.user = e.schedule = e.run_id = text;
	e.command = e.description = e.reason = text;
	memset(text + 99000, 'y', 1000);
	e.stdout_tail = e.stderr_tail = (struct slice){ text, 100000 };
	assert_int_equal(event_decode(&back, encoded(&e, &out), &d), 0);
	assert_true(back.truncated);
	assert_int_equal(strlen(back.command), 4094); /* no half character */
	assert_int_equal(back.stdout_tail.n, 8192);   /* its end */
	assert_int_equal(back.stdout_tail.s[8191], 'y');
	assert_true(slice_equal(back.targets, e.targets));
	buf_free(&out);
	free(text);
}

static void test_targets_are_cut_between(void **state)
{
	struct event e = sample(), back;
	struct buf out = { 0 };
	struct diag d;
	char *list = calloc(1, 40000);

	(void)state;
	assert_non_null(list);
	for (size_t i = 0; i < 40000; i += 10)
		memcpy(list + i, "webhook:a", 10);
	e.targets = (struct slice){ list, 40000 };
	assert_int_equal(event_decode(&back, encoded(&e, &out), &d), 0);
	assert_int_equal(back.targets.n, 24 * 1024 / 10 * 10);
	assert_true(back.truncated);
	buf_free(&out);
	free(list);
}

static void test_who_hears_of_what_reaches_nobody(void **state)
{
	(void)state;
	assert_string_equal(event_mail_to("ops@example.org", "a@example.org", "bob"),
		"ops@example.org");
	assert_string_equal(event_mail_to("the team", "a@example.org", "bob"), "a@example.org");
	assert_string_equal(event_mail_to("-oQ/tmp@x", NULL, "bob"), "bob");
	assert_null(event_mail_to(NULL, "", "bob"));
}

static void test_ids(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "-x", ".x", "a b", "a\n", "\xc3\xa9" };
	struct event e = sample();
	struct buf out = { 0 };
	char *text = repeat('i', EVENT_ID_MOST);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.id = bad[i];
		assert_false(event_id_ok(slice_of(bad[i])));
		event_encode(&e, &out);
		assert_true(out.failed);
		buf_clear(&out);
	}
	assert_false(event_id_ok((struct slice){ "a\0b", 3 }));
	assert_false(event_id_ok(slice_of(text)));
	assert_true(event_id_ok((struct slice){ text, EVENT_ID_MOST - 1 }));
	assert_true(event_id_ok(slice_of("a.B_9-x")));
	buf_free(&out);
	free(text);
}

static void test_damage(void **state)
{
	struct event e = sample(), back;
	struct buf out = { 0 };
	struct diag d;
	struct slice whole = encoded(&e, &out);
	size_t taken = 0;

	(void)state;
	for (size_t n = 0; n < whole.n; n++)
		taken += event_decode(&back, (struct slice){ whole.s, n }, &d) == 0;
	assert_true(taken < 30); /* only where a field ends */
	record_put_u64(&out, 19, (uint64_t)-2);
	assert_int_equal(event_decode(&back, (struct slice){ out.data, out.len }, &d), -1);
	assert_string_equal(d.text, "event has a bad field 19");
	out.data[4] = 2;
	assert_int_equal(event_decode(&back, (struct slice){ out.data, out.len }, &d), -1);
	assert_non_null(strstr(d.text, "version 2 is not known"));
	buf_free(&out);
}

static void test_later_fields_are_left(void **state)
{
	struct event e = sample(), back;
	struct buf out = { 0 };
	struct diag d;

	(void)state;
	event_encode(&e, &out);
	record_put_text(&out, 999, "of a later version");
	assert_int_equal(event_decode(&back, (struct slice){ out.data, out.len }, &d), 0);
	assert_string_equal(back.job, "gold");
	buf_free(&out);
}

static void test_config(void **state)
{
	const char *const two[] = { "X: 1", "Y: 2", NULL }, *const one[] = { "Z: 3", NULL };
	const struct webhook hooks[] = {
		{ .name = "a", .url = "http://a/", .headers = two, .timeout_ms = 5, .retries = 4 },
		{ .name = "b", .url = "http://b/", .secret_file = "/s", .users = true },
		{ .name = "c", .url = "http://c/", .headers = one, .template = WEBHOOK_SLACK, .rate = 20, .rate_ms = 60000,
			.link = "https://l/${job}", .secret = "s" },
		{ .name = "d", .url = "http://d/", .template = WEBHOOK_OWN, .template_file = "/t",
			.template_text = "${text}\n" },
	};
	struct webhook back[4];
	struct buf out = { 0 };
	struct arena arena = { 0 };
	const char *mailer, *host;
	size_t count;
	struct diag d;

	(void)state;
	notice_config_encode(hooks, 4, NULL, "web-1", &out);
	assert_int_equal(notice_config_decode(back, 4, &count, &mailer, &host, &arena,
				 (struct slice){ out.data, out.len }, &d), 0);
	assert_int_equal(count, 4);
	assert_null(mailer);
	assert_string_equal(host, "web-1");
	assert_string_equal(back[0].headers[1], "Y: 2");
	assert_null(back[0].headers[2]);
	assert_int_equal(back[0].retries, 4);
	assert_null(back[1].headers);
	assert_true(back[1].users);
	assert_string_equal(back[1].secret_file, "/s");
	assert_string_equal(back[2].headers[0], "Z: 3");
	assert_null(back[2].headers[1]);
	assert_int_equal(back[2].template, WEBHOOK_SLACK);
	assert_int_equal(back[2].rate, 20);
	assert_int_equal(back[2].rate_ms, 60000);
	assert_string_equal(back[2].link, "https://l/${job}");
	assert_string_equal(back[2].secret, "s");
	assert_int_equal(back[3].template, WEBHOOK_OWN);
	assert_string_equal(back[3].template_file, "/t");
	assert_string_equal(back[3].template_text, "${text}\n");
	assert_int_equal(notice_config_decode(back, 2, &count, &mailer, &host, &arena,
				 (struct slice){ out.data, out.len }, &d), -1);
	assert_string_equal(d.text, "more than 2 webhooks");
	assert_int_equal(notice_config_decode(back, 4, &count, &mailer, &host, &arena,
				 (struct slice){ out.data, out.len - 1 }, &d), -1);
	arena_free(&arena);
	buf_free(&out);
}

/* Runs of lines are known by their user's name, which may have more characters. */
static void test_ids_of_any_run_are_good(void **state)
{
	char id[EVENT_ID_MOST], run[200];

	(void)state;
	event_id(id, "gold-1763668800-1", "end");
	assert_string_equal(id, "gold-1763668800-1.end");
	event_id(id, "a@b,c:d=%~+-1-1", "said7");
	assert_true(event_id_ok(slice_of(id)));
	assert_memory_equal(id, "a_b_c_d____-1-1_", 16);
	assert_string_equal(id + strlen(id) - 6, ".said7");
	event_id(id, "-a-1-1", "end");
	assert_true(event_id_ok(slice_of(id)));
	memset(run, 'x', sizeof(run));
	run[sizeof(run) - 1] = '\0';
	event_id(id, run, "recovered");
	assert_true(event_id_ok(slice_of(id)));
}

/* Else the second one would be taken for the first, and nobody told of it. */
static void test_different_runs_have_different_ids(void **state)
{
	static const char *const runs[] = { "bob:x-5-1", "bob_x-5-1", "bob@x-5-1", "a:b_c-5-1",
		"a_b:c-5-1", "a_b_c-5-1", "-a-5-1", "_a-5-1" };
	char one[EVENT_ID_MOST], other[EVENT_ID_MOST];

	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		event_id(one, runs[i], "end");
		event_id(other, runs[i], "end");
		assert_string_equal(one, other);
		for (size_t k = 0; k < i; k++) {
			event_id(other, runs[k], "end");
			assert_string_not_equal(one, other);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_different_runs_have_different_ids),
		cmocka_unit_test(test_ids_of_any_run_are_good),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_too_long_is_cut),
		cmocka_unit_test(test_targets_are_cut_between),
		cmocka_unit_test(test_who_hears_of_what_reaches_nobody),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_later_fields_are_left),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
