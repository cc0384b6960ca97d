/* test_histrec: records of runs survive the way there and back; what is damaged is refused. */
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
#include "crond/core/histrec.h"

static struct histrec full(enum histrec_kind kind)
{
	return (struct histrec){
		.kind = kind, .run_id = "gold-1763668800-1", .scheduled = 1763668800, .attempt = 2,
		.job = "gold", .user = "www", .identity = UINT64_MAX, .uid = 33, .cause = START_CATCHUP,
		.retention_ms = 1, .retention_count = 7, .host = "h", .boot = "b", .at_ns = INT64_MAX,
		.outcome = { "xyz", 3 }, .result = RESULT_SKIPPED, .reason = "busy", .count = 9,
	};
}

static struct slice all(const struct buf *b)
{
	return (struct slice){ b->data, b->len };
}

static void test_round_trip(void **state)
{
	struct histrec h = full(HISTREC_START), again;
	struct buf b = { 0 };
	struct diag d;

	(void)state;
	assert_int_equal(histrec_encode(&h, &b), 0);
	assert_int_equal(histrec_frame(all(&b)), b.len);
	assert_int_equal(histrec_decode(&again, all(&b), &d), 0);
	assert_int_equal(again.kind, HISTREC_START);
	assert_string_equal(again.run_id, h.run_id);
	assert_int_equal(again.scheduled, h.scheduled);
	assert_int_equal(again.attempt, 2);
	assert_string_equal(again.job, "gold");
	assert_string_equal(again.user, "www");
	assert_true(again.identity == UINT64_MAX);
	assert_int_equal(again.uid, 33);
	assert_int_equal(again.cause, START_CATCHUP);
	assert_int_equal(again.retention_ms, 1);
	assert_int_equal(again.retention_count, 7);
	assert_string_equal(again.host, "h");
	assert_string_equal(again.boot, "b");
	assert_true(again.at_ns == INT64_MAX);
	assert_true(slice_equal(again.outcome, h.outcome));
	assert_int_equal(again.result, RESULT_SKIPPED);
	assert_string_equal(again.reason, "busy");
	assert_int_equal(again.count, 9);
	buf_free(&b);
}

/* Several in a row, and the end of a segment that is being written. */
static void test_frames(void **state)
{
	struct histrec h = full(HISTREC_START), again;
	struct buf b = { 0 };
	struct slice rest;
	struct diag d;
	int32_t n;

	(void)state;
	histrec_begin(&b);
	assert_int_equal(b.len, HISTREC_HEAD);
	assert_int_equal(histrec_open(all(&b), &d), 0);
	for (int i = HISTREC_START; i < HISTREC_KINDS; i++) {
		h.kind = (enum histrec_kind)i;
		assert_int_equal(histrec_encode(&h, &b), 0);
	}
	rest = (struct slice){ b.data + HISTREC_HEAD, b.len - HISTREC_HEAD };
	for (int i = HISTREC_START; i < HISTREC_KINDS; i++) {
		n = histrec_frame(rest);
		assert_true(n > 0);
		for (size_t cut = 0; cut < (size_t)n; cut++)
			assert_int_equal(histrec_frame((struct slice){ rest.s, cut }), 0);
		assert_int_equal(histrec_decode(&again, (struct slice){ rest.s, (size_t)n }, &d), 0);
		assert_int_equal(again.kind, i);
		rest = (struct slice){ rest.s + n, rest.n - (size_t)n };
	}
	assert_int_equal(rest.n, 0);
	buf_free(&b);
}

static void test_long_texts(void **state)
{
	static char much[HISTREC_MOST + 1];
	struct histrec h = full(HISTREC_NONE), again;
	struct buf b = { 0 };
	struct diag d;

	(void)state;
	memset(much, 'a', sizeof(much) - 1);
	h.reason = h.job = much;
	assert_int_equal(histrec_encode(&h, &b), 0);
	assert_int_equal(histrec_decode(&again, all(&b), &d), 0);
	assert_int_equal(strlen(again.reason), 4095);
	assert_int_equal(strlen(again.job), 1023);
	h.outcome = (struct slice){ much, sizeof(much) };
	b.len = 8;
	assert_int_equal(histrec_encode(&h, &b), -1);
	assert_int_equal(b.len, 8);
	assert_false(b.failed);
	buf_free(&b);
}

static void assert_refused(const struct buf *b, size_t n)
{
	struct histrec h;
	struct diag d = { .text = "" };
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, b->data, n);
	assert_int_equal(histrec_decode(&h, (struct slice){ copy, n }, &d), -1);
	assert_true(d.text[0]);
	free(copy);
}

static void test_damage(void **state)
{
	struct histrec h = full(HISTREC_END);
	uint32_t word;
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(histrec_encode(&h, &b), 0);
	for (size_t n = 0; n < b.len; n++)
		assert_refused(&b, n);
	memcpy(&word, b.data + 4, sizeof(word));
	for (uint32_t kind = 0; kind < 10; kind++) {
		if (kind >= HISTREC_START && kind < HISTREC_KINDS)
			continue;
		memcpy(b.data + 4, &kind, sizeof(kind));
		assert_refused(&b, b.len);
	}
	memcpy(b.data + 4, &word, sizeof(word));
	b.data[12] = 9; /* the length of the first field */
	assert_refused(&b, b.len);
	word = HISTREC_MOST;
	memcpy(b.data, &word, sizeof(word));
	assert_int_equal(histrec_frame(all(&b)), -1);
	word = 3;
	memcpy(b.data, &word, sizeof(word));
	assert_int_equal(histrec_frame(all(&b)), -1);
	buf_free(&b);
}

/* What a reader counts on is there, or the record is refused. */
static void test_lacks(void **state)
{
	static const struct {
		struct histrec h;
		const char *want;
	} cases[] = {
		{ { .kind = HISTREC_START }, "record lacks its run id" },
		{ { .kind = HISTREC_START, .run_id = "a" }, "record lacks its job" },
		{ { .kind = HISTREC_NONE, .run_id = "a", .job = "a" }, "record lacks its user" },
		{ { .kind = HISTREC_NONE, .run_id = "a", .job = "a", .user = "u" }, "record lacks its host" },
		{ { .kind = HISTREC_END, .run_id = "a" }, "record lacks its outcome" },
		{ { .kind = HISTREC_BOOT, .host = "h" }, "record lacks its boot" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct histrec h;
		struct diag d = { .text = "" };
		struct buf b = { 0 };

		assert_int_equal(histrec_encode(&cases[i].h, &b), 0);
		assert_int_equal(histrec_decode(&h, all(&b), &d), -1);
		assert_string_equal(d.text, cases[i].want);
		buf_free(&b);
	}
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(histrec_cause(START_DUE), "due");
	assert_string_equal(histrec_cause(START_CATCHUP), "catchup");
	assert_string_equal(histrec_cause((enum start_cause)99), "unknown");
}

static void test_config(void **state)
{
	struct history_config c = { "boot", "host", UINT64_MAX, 5, 7, 1000 }, again;
	struct buf b = { 0 };
	struct diag d = { .text = "" };

	(void)state;
	history_config_encode(&c, &b);
	assert_int_equal(history_config_decode(&again, all(&b), &d), 0);
	assert_string_equal(again.boot, "boot");
	assert_string_equal(again.host, "host");
	assert_true(again.retention_ms == UINT64_MAX);
	assert_int_equal(again.retention_count, 5);
	assert_int_equal(again.size_max, 7);
	assert_int_equal(again.group, 1000);
	for (size_t n = 0; n < 8; n++)
		assert_int_equal(history_config_decode(&again, (struct slice){ b.data, n }, &d), -1);
	buf_clear(&b);
	c = (struct history_config){ .group = -1 };
	history_config_encode(&c, &b);
	assert_int_equal(history_config_decode(&again, all(&b), &d), 0);
	assert_string_equal(again.boot, "");
	assert_int_equal(again.group, -1);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_frames),
		cmocka_unit_test(test_long_texts), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_lacks), cmocka_unit_test(test_words),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
