/* May it start? Every row is a case and what is to follow from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crond/core/admit.h"

#define DUE .cause = START_DUE, .enabled = true, .here = true
#define HAND .cause = START_HAND, .enabled = true, .here = true
#define RETRY .cause = START_RETRY, .enabled = true, .here = true
#define DAEMON .cause = START_DAEMON, .enabled = true, .here = true
#define LATE .cause = START_CATCHUP, .enabled = true, .here = true
#define FORBID .concurrency = CONCURRENCY_FORBID
#define ALLOW .concurrency = CONCURRENCY_ALLOW
#define QUEUE .concurrency = CONCURRENCY_QUEUE, .queue_max = 1
#define GO { .verdict = ADMIT_START }
#define SKIP(reason) { .verdict = ADMIT_SKIP, .why = ADMIT_##reason }
#define WAIT(reason) { .verdict = ADMIT_WAIT, .why = ADMIT_##reason }
#define WAIT_MS(reason, ms) { .verdict = ADMIT_WAIT, .why = ADMIT_##reason, .wait_ms = ms }
#define STOP(reason, n) { .verdict = ADMIT_REPLACE, .why = ADMIT_##reason, .stop = n }
#define REPLACE .concurrency = CONCURRENCY_REPLACE

static const struct {
	const char *name;
	struct admit_case in;
	struct admit out;
} rows[] = {
	{ "nothing in its way", { DUE, FORBID, .max = 1 }, GO },
	{ "no limit", { DUE, ALLOW, .running = 1000 }, GO },

	{ "off by its file", { .cause = START_DUE, .here = true }, SKIP(DISABLED) },
	{ "off by its file, by hand", { .cause = START_HAND, .here = true }, GO },
	{ "off by hand", { DUE, .paused = true }, SKIP(PAUSED) },
	{ "off by hand, a retry", { RETRY, .paused = true }, SKIP(PAUSED) },
	{ "off by hand, a daemon", { DAEMON, .paused = true }, SKIP(PAUSED) },
	{ "off by hand, by hand", { HAND, .paused = true }, GO },
	{ "of another host", { .cause = START_DUE, .enabled = true }, SKIP(HOST) },
	{ "of another host, by hand", { .cause = START_HAND }, SKIP(HOST) },
	{ "too late", { DUE, .late_ms = 1001, .deadline_ms = 1000 }, SKIP(DEADLINE) },
	{ "just in time", { DUE, .late_ms = 1000, .deadline_ms = 1000 }, GO },
	{ "late, and that does not matter", { DUE, .late_ms = 1000000 }, GO },

	{ "forbid", { DUE, FORBID, .max = 1, .running = 1 }, SKIP(OVERLAP) },
	{ "forbid, by hand", { HAND, FORBID, .max = 1, .running = 1 }, SKIP(OVERLAP) },
	{ "forbid, a retry", { RETRY, FORBID, .max = 1, .running = 1 }, SKIP(OVERLAP) },
	{ "forbid, room for one", { DUE, FORBID, .max = 3, .running = 2 }, GO },
	{ "forbid, one waits for its jitter", { DUE, FORBID, .max = 1, .ahead = 1 },
		SKIP(OVERLAP) },
	{ "allow, with a max", { DUE, ALLOW, .max = 3, .running = 3 }, SKIP(OVERLAP) },
	{ "more than its max, which became less", { DUE, FORBID, .max = 1, .running = 5 },
		SKIP(OVERLAP) },
	{ "numbers that do not fit", { DUE, ALLOW, .max = UINT32_MAX, .running = UINT32_MAX,
		.ahead = UINT32_MAX }, SKIP(OVERLAP) },

	{ "queue, room", { DUE, QUEUE, .max = 1 }, GO },
	{ "queue", { DUE, QUEUE, .max = 1, .running = 1 }, WAIT(OVERLAP) },
	{ "queue, by hand", { HAND, QUEUE, .max = 1, .running = 1 }, WAIT(OVERLAP) },
	{ "queue, full", { DUE, QUEUE, .max = 1, .running = 1, .ahead = 1 },
		SKIP(QUEUE_FULL) },
	{ "queue, none ever waits", { DUE, .concurrency = CONCURRENCY_QUEUE, .max = 1, .running = 1 },
		SKIP(QUEUE_FULL) },
	{ "queue, room, but another was first", { DUE, .concurrency = CONCURRENCY_QUEUE, .queue_max = 2,
		.max = 2, .running = 1, .ahead = 1 }, WAIT(QUEUE) },
	{ "queue, waited, its turn", { DUE, QUEUE, .max = 1, .waited = true }, GO },
	{ "queue, waited, not its turn", { DUE, QUEUE, .max = 1, .waited = true, .ahead = 3 },
		WAIT(QUEUE) },
	{ "queue, waited, too late by now", { DUE, QUEUE, .max = 1, .waited = true, .running = 1,
		.late_ms = 2, .deadline_ms = 1 }, SKIP(DEADLINE) },
	{ "queue without a limit of its own, behind one that waits for the pool",
		{ DUE, .concurrency = CONCURRENCY_QUEUE, .queue_max = 9, .ahead = 1 },
		WAIT(QUEUE) },

	{ "replace, room", { DUE, REPLACE, .max = 1 }, GO },
	{ "replace", { DUE, REPLACE, .max = 1, .running = 1 },
		STOP(OVERLAP, 1) },
	{ "replace, its max became less", { DUE, REPLACE, .max = 2, .running = 5 },
		STOP(OVERLAP, 4) },
	{ "replace, what waits will give way", { DUE, REPLACE, .max = 1, .ahead = 2 }, GO },

	{ "pool, room", { DUE, FORBID, .max = 1, .pool_max = 2, .pool_running = 1 }, GO },
	{ "pool", { DUE, FORBID, .max = 1, .pool_max = 2, .pool_running = 2 },
		SKIP(POOL) },
	{ "pool, queue", { DUE, QUEUE, .max = 1, .pool_max = 2, .pool_running = 2 },
		WAIT(POOL) },
	{ "pool, queue, full", { DUE, QUEUE, .ahead = 1, .pool_max = 2, .pool_running = 2 },
		SKIP(QUEUE_FULL) },
	{ "pool, replace its own", { DUE, REPLACE, .max = 2, .running = 1, .pool_max = 1,
		.pool_running = 1, .pool_own = true }, STOP(POOL, 1) },
	{ "pool, replace, but those are others", { DUE, REPLACE, .max = 1, .pool_max = 1,
		.pool_running = 1 }, SKIP(POOL) },
	{ "its own limit is said before the pool's", { DUE, FORBID, .max = 1, .running = 1,
		.pool_max = 1, .pool_running = 1 }, SKIP(OVERLAP) },

	{ "max-running", { DUE, ALLOW, .all_max = 5, .all_running = 5 },
		SKIP(MAX_RUNNING) },
	{ "max-running, queue", { DUE, QUEUE, .all_max = 5, .all_running = 5 },
		WAIT(MAX_RUNNING) },

	{ "catch-up, room", { LATE, ALLOW, .catchup_max = 2, .catchup_running = 1 }, GO },
	{ "catch-up, no room", { LATE, ALLOW, .catchup_max = 2, .catchup_running = 2 },
		WAIT(CATCHUP) },
	{ "catch-up, others are in front of it", { LATE, ALLOW, .catchup_max = 2, .catchup_ahead = 1 },
		WAIT(CATCHUP) },
	{ "catch-up, no limit", { LATE, ALLOW, .catchup_running = 99, .catchup_ahead = 99 }, GO },
	{ "catch-up, its own run first", { LATE, QUEUE, .max = 1, .running = 1,
		.catchup_max = 2, .catchup_running = 2 }, WAIT(OVERLAP) },
	{ "catch-up, max-running, no queue", { LATE, ALLOW, .queue_max = 100, .all_max = 5,
		.all_running = 5 }, WAIT(MAX_RUNNING) },
	{ "catch-up, a full pool", { LATE, ALLOW, .queue_max = 100, .pool_max = 1, .pool_running = 1 },
		WAIT(POOL) },
	{ "regular, whatever waits to be made up for", { DUE, ALLOW, .catchup_max = 2,
		.catchup_running = 2, .catchup_ahead = 9 }, GO },

	{ "a daemon, room", { DAEMON, FORBID, .max = 2, .running = 1 }, GO },
	{ "a daemon, all there", { DAEMON, QUEUE, .max = 2, .running = 2 },
		SKIP(OVERLAP) },
	{ "a daemon replaces nothing", { DAEMON, REPLACE, .max = 2, .running = 2 },
		SKIP(OVERLAP) },

	{ "jitter", { DUE, FORBID, .max = 1, .jitter_ms = 7 }, WAIT_MS(JITTER, 7) },
	{ "jitter, before anything is counted", { DUE, FORBID, .max = 1, .running = 1, .jitter_ms = 7 },
		WAIT_MS(JITTER, 7) },
	{ "jitter, waited", { DUE, FORBID, .max = 1, .jitter_ms = 7, .waited = true }, GO },
	{ "jitter, waited, forbidden by now", { DUE, FORBID, .max = 1, .running = 1, .waited = true },
		SKIP(OVERLAP) },
	{ "jitter of what is off", { DUE, .paused = true, .jitter_ms = 7 }, SKIP(PAUSED) },
	{ "start-rate", { DUE, ALLOW, .rate_ms = 9 }, WAIT_MS(RATE, 9) },
	{ "start-rate, of what waited for something else", { DUE, QUEUE, .max = 1, .waited = true,
		.rate_ms = 9 }, WAIT_MS(RATE, 9) },
	{ "start-rate of what may not start", { DUE, FORBID, .max = 1, .running = 1, .rate_ms = 9 },
		SKIP(OVERLAP) },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct admit *out = &rows[i].out;
		struct admit got = admit(&rows[i].in);

		if (got.verdict != out->verdict || got.why != out->why || got.wait_ms != out->wait_ms ||
			got.stop != out->stop)
			fail_msg("%s: verdict %d, why %d, wait %d, stop %d", rows[i].name, got.verdict, got.why,
				(int)got.wait_ms, (int)got.stop);
	}
}

/* Whatever is known: what starts keeps every limit, and what waits for nothing is not left
 * waiting. */
static void test_all_small_cases(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 1u << 16; n++) {
		struct admit_case a = { .cause = n & 3, .enabled = true, .here = true,
			.concurrency = n >> 2 & 3, .max = n >> 4 & 3, .running = n >> 6 & 3,
			.ahead = n >> 8 & 1, .queue_max = n >> 9 & 1, .pool_max = n >> 10 & 3,
			.pool_running = n >> 12 & 3, .all_max = n >> 14 & 1, .all_running = n >> 15 & 1 };
		struct admit v = admit(&a);

		if (v.verdict == ADMIT_START)
			assert_true((!a.max || a.running < a.max) && (!a.pool_max || a.pool_running < a.pool_max) &&
				(!a.all_max || a.all_running < a.all_max));
		else if (v.verdict == ADMIT_REPLACE)
			assert_true(v.stop > 0 && (v.why == ADMIT_POOL || v.stop <= a.running));
		else if (v.verdict == ADMIT_WAIT)
			assert_true(a.running || a.ahead || a.pool_running || a.all_running);
	}
}

static void test_words(void **state)
{
	struct admit_case a = { .max = 3, .running = 5, .queue_max = 2, .ahead = 4, .pool_max = 6,
		.pool_running = 7, .late_ms = 61250, .deadline_ms = 1000 };
	char text[128];

	(void)state;
	admit_text(&a, ADMIT_OVERLAP, text, sizeof(text));
	assert_string_equal(text, "5 running already, max is 3");
	admit_text(&a, ADMIT_QUEUE_FULL, text, sizeof(text));
	assert_string_equal(text, "4 waiting already, queue-max is 2");
	admit_text(&a, ADMIT_POOL, text, sizeof(text));
	assert_string_equal(text, "7 running in its pool, pool-max is 6");
	admit_text(&a, ADMIT_DEADLINE, text, sizeof(text));
	assert_string_equal(text, "61.2 s late, start-deadline is 1.0 s");
	for (int why = ADMIT_DISABLED; why < ADMIT_WHYS; why++) {
		admit_text(&a, why, text, sizeof(text));
		assert_true(strlen(text) > 3 && !strpbrk(text, "\n\""));
		assert_true(*admit_word(why));
		assert_int_equal(admit_said(why), why != ADMIT_DISABLED && why != ADMIT_HOST);
	}
}

/* Doubling, and a tenth to a quarter beside it, never on it; the same for the same salt. */
static void test_retry_delay(void **state)
{
	static const struct { uint32_t attempt; uint64_t ms; } want[] = {
		{ 2, 1000 }, { 3, 2000 }, { 4, 4000 }, { 5, 5000 }, { 6, 5000 }, { 4000000000, 5000 },
	};
	uint64_t below = 0, above = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		for (uint64_t salt = 0; salt < 1000; salt++) {
			uint64_t ms = admit_retry_ms(1000, 5000, want[i].attempt, salt * 0x9e3779b97f4a7c15);
			uint64_t off = ms > want[i].ms ? ms - want[i].ms : want[i].ms - ms;

			assert_true(off >= want[i].ms / 10 && off <= want[i].ms / 4);
			below += ms < want[i].ms;
			above += ms > want[i].ms;
			assert_true(ms == admit_retry_ms(1000, 5000, want[i].attempt, salt * 0x9e3779b97f4a7c15));
		}
	}
	assert_true(below > 2000 && above > 2000);
	assert_int_equal(admit_retry_ms(0, 0, 9, 12345), 0);
	assert_true(admit_retry_ms(UINT64_MAX, 0, 9, 1) <= UINT64_MAX / 2);
	assert_true(admit_retry_ms(1, 0, 4000000000, 1) <= UINT64_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_all_small_cases),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_retry_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
