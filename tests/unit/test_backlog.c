/* test_backlog: records of runs on file, whole and in their order, bounded, and gone once they
 * are committed. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/core/histrec.h"
#include "crond/crond.h"
#include "crond/rundir.h"
#include "tests/unit/filed.h"

/* What the record of an end that was made anew has of the run's errors. */
static size_t errors_kept(struct outcome o, char *out, size_t room)
{
	struct live_run *run = live("gold-1763668800-1");
	struct run_records r = { .run = a_run(run->id), .outcome = o };
	struct outcome again = { 0 };
	struct found f = { 0 };
	struct slice errors;
	struct diag d;

	backlog_end_records(&crond, run, &r);
	frames_read((struct slice){ crond.backlog.batch.data, crond.backlog.batch.len }, &f);
	assert_int_equal(f.last.kind, HISTREC_END);
	assert_int_equal(outcome_decode(&again, f.last.outcome, &d), 0);
	errors = outcome_errors(&again);
	assert_true(errors.n < room);
	memcpy(out, errors.s ? errors.s : "", errors.n);
	out[errors.n] = '\0';
	buf_clear(&crond.backlog.batch);
	free(run);
	return again.stdout_tail.n;
}

static void errors_of_one_stream(void **state)
{
	struct outcome o = { .result = RESULT_EXIT, .exit_code = 1, .one_stream = true,
		.stdout_tail = slice_of("it said so\n") };
	char errors[64];

	(void)state;
	errors_kept(o, errors, sizeof(errors));
	assert_string_equal(errors, "it said so\n");
	o.stderr_head = slice_of("it began so\n");
	assert_int_equal(errors_kept(o, errors, sizeof(errors)), 0);
	assert_string_equal(errors, "it began so\n");
	o = (struct outcome){ .result = RESULT_EXIT, .exit_code = 1,
		.stdout_tail = slice_of("what it printed\n"), .stderr_tail = slice_of("an error\n") };
	assert_int_equal(errors_kept(o, errors, sizeof(errors)), 0);
	assert_string_equal(errors, "an error\n");
}

static void nothing_on_file(void **state)
{
	(void)state;
	backlog_flush(&crond);
	assert_int_equal(segments_count(), 0);
	assert_null(crond.backlog.batch.data);
}

static void start_and_end(void **state)
{
	struct live_run *run = live("gold-1763668800-1");
	struct found *f;

	(void)state;
	start(run);
	assert_int_equal(segments_count(), 0); /* in memory as yet */
	backlog_flush(&crond);
	end_ok(run);
	backlog_flush(&crond);
	f = read_all();
	assert_int_equal(f->kinds[HISTREC_BOOT], 1);
	assert_int_equal(f->kinds[HISTREC_START], 1);
	assert_int_equal(f->kinds[HISTREC_END], 1);
	assert_string_equal(f->starts, "gold-1763668800-1 ");
	free(run);
}

/* Its start comes from its directory where it is not on record. */
static void end_without_start(void **state)
{
	struct live_run *run = live("late-1763668800-1");
	struct run r = a_run(run->id);
	struct buf record = { 0 };
	struct found *f;

	(void)state;
	run_encode(&r, &record);
	assert_int_equal(rundir_claim(crond.runs, run->id, &record), 0);
	end_ok(run);
	backlog_flush(&crond);
	f = read_all();
	assert_string_equal(f->starts, "late-1763668800-1 ");
	assert_string_equal(f->ends, "late-1763668800-1 ");
	buf_free(&record);
	free(run);
}

static void another_scheduler(void **state)
{
	struct live_run *run = live("a-1-1"), *other = live("b-1-1");
	struct found *f;

	(void)state;
	start(run);
	backlog_flush(&crond);
	scheduler_end();
	scheduler_begin();
	assert_int_equal(segments_count(), 1);
	start(other);
	backlog_flush(&crond);
	assert_int_equal(segments_count(), 2);
	f = read_all();
	assert_int_equal(f->kinds[HISTREC_BOOT], 2);
	assert_string_equal(f->starts, "a-1-1 b-1-1 ");
	free(run);
	free(other);
}

/* What is committed goes, but the one that is being written. */
static void committed(void **state)
{
	struct live_run *run = live("a-1-1");
	const struct segment *last;

	(void)state;
	for (int i = 0; i < 20000; i++)
		start(run);
	backlog_flush(&crond);
	assert_true(segments_count() > 2);
	while (segments_count() > 1) {
		const struct segment *first = TAILQ_FIRST(&crond.backlog.segments);
		size_t before = segments_count();

		backlog_done(&crond, first->number, first->size - 1);
		assert_int_equal(segments_count(), before);
		backlog_done(&crond, first->number, first->size);
		assert_int_equal(segments_count(), before - 1);
	}
	last = TAILQ_FIRST(&crond.backlog.segments);
	backlog_done(&crond, last->number, last->size);
	backlog_done(&crond, last->number, UINT64_MAX);
	backlog_done(&crond, 99999, 1);
	assert_int_equal(segments_count(), 1);
	assert_int_equal(crond.backlog.size, last->size);
	assert_int_equal(last->done, last->size);
	free(run);
}

/* From a bound on runs are left out and counted; the ends of those that are on record are not. */
static void bounded(void **state)
{
	struct live_run *known = live("known-1-1"), *run = live("a-1-1");
	struct found *f;
	int in = 0;

	(void)state;
	start(known);
	crond.backlog.most = 100000;
	for (int i = 0; i < 2000; i++) {
		run->on_record = false;
		start(run);
		in += run->on_record;
		end_ok(run);
	}
	assert_true(in > 100 && in < 1000);
	assert_int_equal(crond.backlog.left_out, 2000 - in);
	end_ok(known);
	backlog_flush(&crond);
	f = read_all();
	assert_int_equal(f->kinds[HISTREC_START], in + 1);
	assert_int_equal(f->kinds[HISTREC_END], in + 1);
	assert_int_equal(f->kinds[HISTREC_GAP], 0);
	crond.backlog.most = 200000; /* there is room again */
	run->on_record = false;
	start(run);
	assert_true(run->on_record);
	backlog_flush(&crond);
	f = read_all();
	assert_int_equal(f->kinds[HISTREC_GAP], 1);
	assert_int_equal(f->left_out, 2000 - in);
	assert_int_equal(crond.backlog.left_out, 0);
	free(known);
	free(run);
}

/* A crond-history at the other end of the wire, which answers by backlog_done() alone. */
static int wire_begin(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	crond.w_history.fd = pair[0];
	crond.history = getpid();
	return pair[1];
}

/* A segment that was committed before it was full is not told of again: it goes all the same. */
static void committed_before_closed(void **state)
{
	struct live_run *run = live("a-1-1");
	int wire = wire_begin();

	(void)state;
	for (int i = 0; i < 3; i++) {
		const struct segment *last;

		do {
			start(run);
			backlog_flush(&crond);
			last = TAILQ_LAST(&crond.backlog.segments, segments);
		} while (last->size < 1 << 20);
		backlog_done(&crond, last->number, last->size);
		history_more(&crond);
		start(run);
		backlog_flush(&crond);
		assert_int_equal(segments_count(), 1);
	}
	assert_true(crond.backlog.size < 1000);
	close(wire);
	free(run);
}

/* Where there is little room a segment that is committed makes some, short as it is. */
static void committed_in_little_room(void **state)
{
	struct live_run *run = live("a-1-1");
	int wire = wire_begin();

	(void)state;
	crond.backlog.most = 50000;
	do {
		run->on_record = false;
		start(run);
		backlog_flush(&crond);
	} while (run->on_record);
	assert_int_equal(crond.backlog.left_out, 0);
	for (int i = 0; i < 10; i++) {
		const struct segment *s = TAILQ_FIRST(&crond.backlog.segments);

		if (s->done < s->size)
			backlog_done(&crond, s->number, s->size);
		history_more(&crond);
	}
	start(run);
	assert_true(run->on_record);
	close(wire);
	free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_on_file, begin, end),
		cmocka_unit_test_setup_teardown(start_and_end, begin, end),
		cmocka_unit_test_setup_teardown(errors_of_one_stream, begin, end),
		cmocka_unit_test_setup_teardown(end_without_start, begin, end),
		cmocka_unit_test_setup_teardown(another_scheduler, begin, end),
		cmocka_unit_test_setup_teardown(committed, begin, end),
		cmocka_unit_test_setup_teardown(committed_before_closed, begin, end),
		cmocka_unit_test_setup_teardown(committed_in_little_room, begin, end),
		cmocka_unit_test_setup_teardown(bounded, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
