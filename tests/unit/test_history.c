/* test_history: records become rows, once and whole, over faults of the database. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/history/history.h"
#include "tests/unit/feeder.h"

static const struct outcome good = { .result = RESULT_OK,
	.started_ns = 5000000000,
	.finished_ns = 7000000000,
	.took_ns = 2000000000,
	.cpu_us = 12,
	.memory_kb = 34,
	.output_bytes = 56 };
static const struct outcome bad = { .result = RESULT_EXIT,
	.exit_code = 3,
	.reason = "it failed",
	.started_ns = 5000000000,
	.finished_ns = 7000000000,
	.took_ns = 2000000000,
	.truncated = true,
	.log = "/var/log/crond/a.log",
	.artifacts = "/a/history/202611/21",
	.stderr_tail = { "oh no\n", 6 } };

static void test_runs_become_rows(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	feeder_start(&f, "a-1-1", NULL);
	feeder_start(&f, "a-2-1", NULL);
	feeder_end(&f, "a-1-1", &bad);
	feeder_none(&f, "a-3-1", RESULT_SKIPPED, "it runs already");
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f,
		"SELECT job, identity, user, uid, host, attempt, scheduled, started_ns, "
		"finished_ns, took_ns"
		" FROM runs WHERE run_id = 'a-1-1'",
		"a|-7|alice|2001|host.example|1|100|5000000000|7000000000|2000000000");
	feeder_row(&f,
		"SELECT result, exit_code, signal, reason, cause, truncated, stderr, log, "
		"artifacts, boot"
		" FROM runs WHERE run_id = 'a-1-1'",
		"exit|3||it failed|hand|1|oh no\n|/var/log/crond/a.log|/a/history/202611/21|");
	feeder_row(&f,
		"SELECT result, started_ns, finished_ns, boot, keep_until FROM runs WHERE run_id = "
		"'a-2-1'",
		"|1000000000||boot-1|");
	feeder_row(&f,
		"SELECT result, reason, started_ns, finished_ns FROM runs WHERE run_id = 'a-3-1'",
		"skipped|it runs already||1000000000");
	assert_int_equal(feeder_done(&f), f.size);
	feeder_finish(&f);
}

static void test_again_and_late_change_nothing(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	for (int i = 0; i < 3; i++) {
		feeder_end(&f, "a-1-1", &bad); /* before its start */
		feeder_start(&f, "a-1-1", NULL);
		feeder_end(&f, "a-1-1", &good);
		feeder_none(&f, "a-1-1", RESULT_LOST, "late");
		feeder_start(&f, "b-1-1", NULL);
		feeder_none(&f, "c-1-1", RESULT_MISSED, "down");
		feeder_start(&f, "c-1-1", NULL);
		feeder_send(&f);
		feeder_turn(&f);
	}
	feeder_row(&f,
		"SELECT count(*), count(result), count(DISTINCT run_id), count(boot) FROM runs",
		"3|2|3|1");
	feeder_row(&f, "SELECT job, uid, result, exit_code FROM runs WHERE run_id = 'a-1-1'",
		"a|2001|exit|3");
	feeder_row(&f, "SELECT result, boot FROM runs WHERE run_id = 'c-1-1'", "missed|");
	feeder_finish(&f);
}

static void test_a_boot_loses_what_went_on(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	feeder_start(&f, "a-1-1", NULL);
	feeder_start(&f, "a-2-1", NULL);
	feeder_start(&f, "a-3-1", "boot-2");
	feeder_boot(&f, "boot-2");
	feeder_end(&f, "a-2-1", &good);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f,
		"SELECT result, finished_ns, reason LIKE '%before its end was on record' FROM runs"
		" WHERE run_id = 'a-1-1'",
		"lost||1");
	feeder_row(&f, "SELECT result, reason FROM runs WHERE run_id = 'a-2-1'", "ok|");
	feeder_row(&f, "SELECT result, boot FROM runs WHERE run_id = 'a-3-1'", "|boot-2");
	feeder_finish(&f);
}

static void test_what_jobs_print_is_made_sound(void **state)
{
	static const struct {
		const char *printed, *kept;
		size_t n;
	} cases[] = {
		{ "plain\n", "plain\n", 6 },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 6 },
		{ "a\0b", "a\xef\xbf\xbd" "b", 3 },
		{ "a\xff" "b", "a\xef\xbf\xbd" "b", 3 },
		{ "half \xe2\x82", "half ", 7 },
		{ "\xe2\x82 half", "\xef\xbf\xbd\xef\xbf\xbd half", 7 },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3 },
		{ "\x1b[31m\"'\\", "\x1b[31m\"'\\", 8 },
	};
	struct outcome o = bad;
	struct feeder f;
	char id[32];

	(void)state;
	feeder_begin(&f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		o.stderr_tail = (struct slice){ cases[i].printed, cases[i].n };
		snprintf(id, sizeof(id), "a-%zu-1", i);
		feeder_end(&f, id, &o);
	}
	feeder_send(&f);
	feeder_turn(&f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sql[96];

		snprintf(sql, sizeof(sql), "SELECT stderr FROM runs WHERE run_id = 'a-%zu-1'", i);
		feeder_row(&f, sql, cases[i].kept);
	}
	feeder_finish(&f);
}

static void test_lines_and_bytes_are_limited(void **state)
{
	char lines[OUTCOME_TAIL], odd[OUTCOME_TAIL];
	struct outcome o = bad;
	struct feeder f;

	(void)state;
	memset(lines, '\n', sizeof(lines));
	memset(odd, 0xff, sizeof(odd));
	feeder_begin(&f);
	o.stderr_tail = (struct slice){ lines, sizeof(lines) };
	feeder_end(&f, "a-1-1", &o);
	o.stderr_tail = (struct slice){ odd, sizeof(odd) };
	feeder_end(&f, "a-2-1", &o);
	o.result = RESULT_OK;
	o.one_stream = true; /* then it is what a good run printed, and nobody asks */
	o.stdout_tail = (struct slice){ "output", 6 };
	feeder_end(&f, "a-3-1", &o);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT length(stderr) FROM runs WHERE run_id = 'a-1-1'", "200");
	feeder_row(&f, "SELECT length(CAST(stderr AS BLOB)) <= 4096, length(stderr) > 1000 FROM runs"
		" WHERE run_id = 'a-2-1'", "1|1");
	feeder_row(&f, "SELECT stderr IS NULL FROM runs WHERE run_id = 'a-3-1'", "1");
	feeder_finish(&f);
}

static void test_bad_records_harm_themselves(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	feeder_start(&f, "a-1-1", NULL);
	feeder_raw(&f, "\x0c\0\0\0\x63\0\0\0junkjunk", 16); /* a whole frame of no known kind */
	feeder_end_raw(&f, "a-1-1", "no outcome", 10);
	feeder_start(&f, "a-2-1", NULL);
	feeder_raw(&f, "\xff\xff\xff\xff rubbish to the end", 23);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	assert_int_equal(feeder_done(&f), f.size); /* it would be met again for ever */
	assert_non_null(strstr(f.said, "a kind that is not known"));
	assert_non_null(strstr(f.said, "23 bytes of the backlog's segment 1 cannot be read"));
	feeder_segment(&f);
	feeder_start(&f, "a-3-1", NULL);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "3");
	feeder_finish(&f);
}

/* A segment that had no room for all of a record has the rest later; what is over cut is cut. */
static void test_cut_records_wait_for_their_rest(void **state)
{
	struct feeder f;
	char rest[64];
	size_t n = 30;

	(void)state;
	feeder_begin(&f);
	feeder_start(&f, "a-1-1", NULL);
	feeder_start(&f, "a-2-1", NULL);
	f.pending.len -= n;
	memcpy(rest, f.pending.data + f.pending.len, n);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "1");
	assert_true(f.done > 0 && f.done < f.size);
	feeder_raw(&f, rest, n);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	assert_int_equal(f.done, f.size);
	assert_string_equal(strstr(f.said, "cut") ? f.said : "", "");
	feeder_start(&f, "a-3-1", NULL);
	f.pending.len -= n;
	feeder_close(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	assert_int_equal(f.done, f.size);
	assert_non_null(strstr(f.said, "a record is cut short"));
	feeder_finish(&f);
}

/* A disk that fails for a moment costs no record; one that goes on so costs what is left of it. */
static void test_what_cannot_be_read_is_tried_again(void **state)
{
	int none = open("/dev/null", O_WRONLY | O_CLOEXEC), kept;
	const struct segment *s;
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	feeder_start(&f, "a-1-1", NULL);
	feeder_send(&f);
	feeder_turn(&f);
	s = TAILQ_LAST(&f.h.backlog.all, segments);
	kept = dup(s->fd);
	assert_true(none >= 0 && kept >= 0 && dup2(none, s->fd) == s->fd);
	feeder_start(&f, "a-2-1", NULL);
	feeder_send(&f);
	for (int i = 0; i < 3; i++)
		feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "1");
	assert_true(f.done < f.size);
	assert_int_equal(dup2(kept, s->fd), s->fd);
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	assert_int_equal(f.done, f.size);
	assert_null(strstr(f.said, "cannot be read"));
	assert_int_equal(dup2(none, s->fd), s->fd);
	feeder_start(&f, "a-3-1", NULL);
	feeder_send(&f);
	for (int i = 0; i < 12; i++)
		feeder_turn(&f);
	assert_int_equal(f.done, f.size);
	assert_non_null(strstr(f.said, "cannot be read"));
	close(none);
	close(kept);
	feeder_finish(&f);
}

/* What the scheduler wrote before its end, and told nobody of. */
static void test_what_was_not_told_is_taken_at_the_end(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	feeder_start(&f, "a-1-1", NULL);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_start(&f, "a-2-1", NULL);
	assert_int_equal(write(f.segment, f.pending.data, f.pending.len), (ssize_t)f.pending.len);
	buf_clear(&f.pending);
	shutdown(f.wire, SHUT_RDWR);
	for (int i = 0; i < 4; i++)
		history_turn(&f.h, f.now + 1);
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	feeder_finish(&f);
}

static void test_segments_in_turn(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	for (int i = 1; i <= 5; i++) {
		char id[32];

		snprintf(id, sizeof(id), "a-%d-1", i);
		feeder_start(&f, id, NULL);
		feeder_close(&f);
		feeder_segment(&f);
	}
	feeder_end(&f, "a-1-1", &good);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*), count(result) FROM runs", "5|1");
	assert_int_equal(f.done_segments, 6);
	assert_int_equal(f.h.backlog.count, 1); /* what is closed and read is given up */
	feeder_finish(&f);
}

static void test_one_transaction_a_tick(void **state)
{
	struct feeder f;
	char id[32];

	(void)state;
	feeder_begin(&f);
	feeder_start(&f, "a-0-1", NULL);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "1"); /* the first is there at once */
	for (int i = 1; i < 100; i++) {
		snprintf(id, sizeof(id), "a-%d-1", i);
		feeder_start(&f, id, NULL);
		feeder_send(&f);
		history_turn(&f.h, f.now + 1);
	}
	feeder_row(&f, "SELECT count(*) FROM runs", "1");
	f.now += 1000;
	feeder_turn(&f);
	feeder_row(&f, "SELECT count(*) FROM runs", "100");
	assert_int_equal(f.done_messages, 2);
	feeder_finish(&f);
}

/* Who asks is answered with what has come by then, and is no reason to sync without end. */
static void test_who_asks_waits_for_no_tick(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int asking = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/asked", f.dir);
	assert_int_equal(bind(listening, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(asked_open(&f.h.asked, listening, &f.h.db, ""), 0);
	feeder_start(&f, "a-1-1", NULL);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_start(&f, "a-2-1", NULL);
	feeder_send(&f);
	history_turn(&f.h, f.now += 1);
	feeder_row(&f, "SELECT count(*) FROM runs", "1");
	assert_int_equal(connect(asking, (const struct sockaddr *)&at, sizeof(at)), 0);
	history_turn(&f.h, f.now += 50);
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	assert_int_equal(write(asking, "{", 1), 1);
	feeder_start(&f, "a-3-1", NULL);
	feeder_send(&f);
	history_turn(&f.h, f.now += 1);
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	close(asking);
	feeder_finish(&f);
}

static void test_a_gap_is_kept(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	feeder_gap(&f, 1234);
	feeder_gap(&f, 1234);
	feeder_send(&f);
	feeder_turn(&f);
	feeder_row(&f, "SELECT at_ns, count FROM gaps", "1000000000|1234");
	feeder_finish(&f);
}

/* The helper as a process of its own, killed at any moment: what was not acknowledged is told
 * again to the next, and each run is there once. */
static void test_killed_while_it_writes(void **state)
{
	enum { ROUNDS = 30, EACH = 40 };
	struct feeder f;
	char id[32];
	int n = 0;

	(void)state;
	feeder_begin(&f);
	feeder_turn(&f);
	db_free(&f.h.db); /* the children's now */
	for (int round = 0; round < ROUNDS; round++) {
		pid_t child = feeder_child(&f);

		for (int i = 0; i < EACH; i++, n++) {
			snprintf(id, sizeof(id), "a-%d-1", n);
			feeder_start(&f, id, NULL);
			if (i % 2)
				feeder_end(&f, id, &good);
			feeder_send(&f);
			if (i == round)
				kill(child, SIGKILL);
			usleep(200);
		}
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	feeder_child_finish(&f);
	feeder_row(&f, "SELECT count(*), count(DISTINCT run_id), count(result) FROM runs",
		"1200|1200|600");
	feeder_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_become_rows),
		cmocka_unit_test(test_again_and_late_change_nothing),
		cmocka_unit_test(test_a_boot_loses_what_went_on),
		cmocka_unit_test(test_what_jobs_print_is_made_sound),
		cmocka_unit_test(test_lines_and_bytes_are_limited),
		cmocka_unit_test(test_bad_records_harm_themselves),
		cmocka_unit_test(test_cut_records_wait_for_their_rest),
		cmocka_unit_test(test_what_cannot_be_read_is_tried_again),
		cmocka_unit_test(test_what_was_not_told_is_taken_at_the_end),
		cmocka_unit_test(test_segments_in_turn),
		cmocka_unit_test(test_one_transaction_a_tick),
		cmocka_unit_test(test_who_asks_waits_for_no_tick),
		cmocka_unit_test(test_a_gap_is_kept),
		cmocka_unit_test(test_killed_while_it_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
