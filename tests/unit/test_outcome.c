/* test_outcome: outcomes survive the way there and back; the words for results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/record.h"
#include "crond/core/outcome.h"

static struct outcome full(void)
{
	return (struct outcome){
		.result = RESULT_TIMEOUT, .exit_code = -1, .signal = 9, .reason = "ran longer",
		.stopped = STOP_REPLACE,
		.started_ns = 1, .finished_ns = INT64_MAX, .took_ns = 3, .cpu_us = 4, .memory_kb = 5,
		.output_bytes = UINT64_MAX, .truncated = true, .job_pid = 12345,
		.stdout_tail = { "out\0", 4 }, .stderr_tail = { "err", 3 }, .stderr_head = { "\0Err", 4 },
		.one_stream = true, .log = "/var/log/crond/a/b.log", .artifacts = "/c/d",
	};
}

static void test_round_trip(void **state)
{
	struct outcome o = full(), again;
	struct buf b = { 0 };
	struct diag d;

	(void)state;
	outcome_encode(&o, &b);
	assert_int_equal(outcome_decode(&again, (struct slice){ b.data, b.len }, &d), 0);
	assert_int_equal(again.result, RESULT_TIMEOUT);
	assert_int_equal(again.exit_code, -1);
	assert_int_equal(again.signal, 9);
	assert_int_equal(again.stopped, STOP_REPLACE);
	assert_string_equal(again.reason, "ran longer");
	assert_int_equal(again.finished_ns, INT64_MAX);
	assert_int_equal(again.output_bytes, UINT64_MAX);
	assert_true(again.truncated);
	assert_true(slice_equal(again.stdout_tail, o.stdout_tail));
	assert_true(slice_equal(again.stderr_tail, o.stderr_tail));
	assert_true(slice_equal(again.stderr_head, o.stderr_head));
	assert_true(again.one_stream);
	assert_string_equal(again.log, o.log);
	assert_string_equal(again.artifacts, o.artifacts);
	buf_clear(&b);
	outcome_encode_short(&o, 200, &b);
	assert_int_equal(outcome_decode(&again, (struct slice){ b.data, b.len }, &d), 0);
	assert_true(!again.log && !again.artifacts && !again.stderr_head.n && !again.one_stream);
	buf_free(&b);
}

static void test_long_tail(void **state)
{
	static char much[OUTCOME_TAIL + 10];
	struct outcome o = full(), again;
	struct buf b = { 0 };
	struct diag d;

	(void)state;
	memset(much, 'a', sizeof(much));
	much[sizeof(much) - 1] = 'z';
	o.stdout_tail = (struct slice){ much, sizeof(much) };
	outcome_encode(&o, &b);
	assert_int_equal(outcome_decode(&again, (struct slice){ b.data, b.len }, &d), 0);
	assert_int_equal(again.stdout_tail.n, OUTCOME_TAIL);
	assert_int_equal(again.stdout_tail.s[OUTCOME_TAIL - 1], 'z');
	buf_free(&b);
}

/* What is not there takes no room: the head of a run file holds most outcomes. */
static void test_silent_is_short(void **state)
{
	struct outcome o = { .result = RESULT_OK, .started_ns = 1, .finished_ns = 1, .took_ns = 1,
		.cpu_us = 1, .memory_kb = 1, .job_pid = 1 };
	struct buf b = { 0 };

	(void)state;
	outcome_encode(&o, &b);
	assert_int_equal(b.len, 8 + 8 * (8 + 8));
	buf_free(&b);
}

static void test_head(void **state)
{
	static char text[2 * OUTCOME_TAIL];
	struct outcome o = { .stdout_tail = { "out", 3 }, .stderr_tail = { "err", 3 } };
	struct slice head;

	(void)state;
	assert_int_equal(outcome_head((struct slice){ NULL, 0 }).n, 0);
	memset(text, '\n', sizeof(text));
	assert_int_equal(outcome_head((struct slice){ text, sizeof(text) }).n, OUTCOME_HEAD_LINES);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "\xe2\x82\xac"[i % 3];
	head = outcome_head((struct slice){ text, sizeof(text) });
	assert_int_equal(head.n, OUTCOME_TAIL / 3 * 3); /* whole characters */
	memset(text, '\x80', sizeof(text)); /* no text at all: all that fits */
	assert_int_equal(outcome_head((struct slice){ text, sizeof(text) }).n, OUTCOME_TAIL);
	assert_int_equal(outcome_head((struct slice){ text, 3 }).n, 3);
	assert_true(slice_is(outcome_errors(&o), "err"));
	o.one_stream = true;
	assert_true(slice_is(outcome_errors(&o), "out"));
	o.stderr_head = (struct slice){ "first", 5 };
	assert_true(slice_is(outcome_errors(&o), "first"));
}

static void assert_refused(const struct buf *b, size_t n)
{
	struct outcome o;
	struct diag d = { .text = "" };
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, b->data, n);
	assert_int_equal(outcome_decode(&o, (struct slice){ copy, n }, &d), -1);
	assert_true(d.text[0]);
	free(copy);
}

static void test_refused(void **state)
{
	struct outcome o = full();
	struct buf b = { 0 };

	(void)state;
	outcome_encode(&o, &b);
	for (size_t n = 0; n < 20; n++)
		assert_refused(&b, n);
	assert_refused(&b, b.len - 1);
	buf_clear(&b);
	record_begin(&b, OUTCOME_MAGIC, OUTCOME_VERSION); /* without a result */
	assert_refused(&b, b.len);
	record_put_u64(&b, 1, RESULTS);
	assert_refused(&b, b.len);
	buf_clear(&b);
	record_begin(&b, OUTCOME_MAGIC, OUTCOME_VERSION + 1);
	record_put_u64(&b, 1, RESULT_OK);
	assert_refused(&b, b.len);
	buf_free(&b);
}

static void test_words(void **state)
{
	static const char *const names[] = { "ok", "exit", "signal", "oom", "spawn", "timeout",
		"watchdog", "killed", "skipped", "missed", "lost" };

	(void)state;
	for (int r = 0; r < RESULTS; r++) {
		assert_string_equal(result_name((enum result)r), names[r]);
		assert_int_equal(result_find(slice_of(names[r])), r);
	}
	assert_int_equal(result_find(slice_of("nonsense")), -1);
	assert_int_equal(result_find(slice_of("")), -1);
	assert_string_equal(result_name(RESULTS), "unknown");
	assert_string_equal(result_event(RESULT_OK), "run.success");
	assert_string_equal(result_event(RESULT_OOM), "run.failure");
	assert_string_equal(result_event(RESULT_LOST), "run.lost");
	assert_false(result_alerts(RESULT_OK) || result_alerts(RESULT_KILLED) ||
		result_alerts(RESULT_SKIPPED));
	assert_true(result_alerts(RESULT_SPAWN) && result_failed(RESULT_MISSED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_long_tail),
		cmocka_unit_test(test_silent_is_short), cmocka_unit_test(test_head),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
