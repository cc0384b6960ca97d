/* test_rundir: claims, locks and outcomes in a directory of their own. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/run_first.h"
#include "crond/rundir.h"

static char dir[] = "/tmp/cronward-rundir.XXXXXX";
static int runs;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	runs = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return runs < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	close(runs);
	return rmdir(dir); /* fails, and says so, when a test left something */
}

static const struct buf record = { .data = (char *)(uintptr_t)"record", .len = 6, .cap = 6 };

static void test_claim_once(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(rundir_claim(runs, "a-1-1", &record), 0);
	assert_int_equal(rundir_claim(runs, "a-1-1", &record), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(rundir_read(runs, "a-1-1", "run", &b), 0);
	assert_int_equal(b.len, sizeof(struct run_progress) + 6);
	assert_memory_equal(b.data + sizeof(struct run_progress), "record", 6);
	buf_free(&b);
	rundir_remove(runs, "a-1-1");
	assert_int_equal(rundir_claim(runs, "a-1-1", &record), 0);
	rundir_remove(runs, "a-1-1");
}

/* Nothing of a claim stays when its file cannot be written. */
static void test_claim_fails(void **state)
{
	struct rlimit was, none = { 10, 10 };
	struct buf failed = { .failed = true };

	(void)state;
	assert_int_equal(rundir_claim(runs, "b-1-1", &failed), -1);
	assert_int_equal(errno, ENOMEM);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	none.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none);
	assert_int_equal(rundir_claim(runs, "b-1-1", &record), -1);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(faccessat(runs, "b-1-1", F_OK, 0), -1);
}

static void leave_file(const char *path)
{
	int fd = openat(runs, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* Whoever was killed between the writing of a file and its renaming has left half of it. */
static void test_remove_whole(void **state)
{
	(void)state;
	assert_int_equal(rundir_claim(runs, "w-1-1", &record), 0);
	leave_file("w-1-1/" RUNDIR_SAID);
	leave_file("w-1-1/.tmp-0123456789abcdef");
	leave_file("w-1-1/" RUNDIR_OVERRAN ".new");
	rundir_remove(runs, "w-1-1");
	assert_int_equal(faccessat(runs, "w-1-1", F_OK, 0), -1);
}

static void test_lock(void **state)
{
	struct run_progress p = { .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION,
		.phase = RUN_STARTED, .keeper_pid = 4 }, q;
	struct buf b = { 0 };
	struct diag d;
	int lock;

	(void)state;
	assert_int_equal(rundir_lock(runs, "c-1-1"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(rundir_claim(runs, "c-1-1", &record), 0);
	lock = rundir_lock(runs, "c-1-1");
	assert_true(lock >= 0);
	assert_true(fcntl(lock, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(rundir_lock(runs, "c-1-1"), -1); /* even for the same process */
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(rundir_mark(lock, &p), 0);
	assert_int_equal(rundir_read(runs, "c-1-1", "run", &b), 0);
	assert_int_equal(run_progress_decode(&q, (struct slice){ b.data, b.len }, &d), 0);
	assert_int_equal(q.keeper_pid, 4);
	assert_memory_equal(b.data + sizeof(q), "record", 6);
	close(lock);
	lock = rundir_lock(runs, "c-1-1");
	assert_true(lock >= 0);
	close(lock);
	rundir_remove(runs, "c-1-1");
	buf_free(&b);
}

static const struct run_progress started = { .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION,
	.phase = RUN_STARTED, .keeper_pid = 4 };

static int claim_and_lock(const char *id)
{
	int lock;

	assert_int_equal(rundir_claim(runs, id, &record), 0);
	assert_false(rundir_has_outcome(runs, id));
	lock = rundir_lock(runs, id);
	assert_true(lock >= 0);
	return lock;
}

/* A short one stands in the head of the run file, and what follows it is as it was. */
static void test_outcome(void **state)
{
	struct outcome o = { .result = RESULT_EXIT, .exit_code = 3, .reason = "because" }, again;
	struct run_progress p = started, q;
	struct buf b = { 0 };
	struct diag d;
	int lock = claim_and_lock("d-1-1");

	(void)state;
	assert_int_equal(rundir_finish(runs, "d-1-1", lock, &p, &o), 0);
	assert_true(rundir_has_outcome(runs, "d-1-1"));
	assert_int_equal(faccessat(runs, "d-1-1/outcome", F_OK, 0), -1);
	assert_int_equal(rundir_read(runs, "d-1-1", "run", &b), 0);
	assert_int_equal(run_progress_decode(&q, (struct slice){ b.data, b.len }, &d), 0);
	assert_int_equal(q.phase, RUN_ENDED);
	assert_int_equal(q.keeper_pid, 4);
	assert_int_equal(outcome_decode(&again, (struct slice){ q.outcome, q.outcome_n }, &d), 0);
	assert_int_equal(again.exit_code, 3);
	assert_string_equal(again.reason, "because");
	assert_memory_equal(b.data + sizeof(q), "record", 6);
	buf_free(&b);
	close(lock);
	rundir_remove(runs, "d-1-1");
	assert_int_equal(faccessat(runs, "d-1-1", F_OK, 0), -1);
}

/* A long one beside it, and nobody may take the run even then. */
static void test_outcome_long(void **state)
{
	static char text[300];
	struct outcome o = { .result = RESULT_LOST, .exit_code = -1, .reason = text }, again;
	struct run_progress p = started, q;
	struct buf b = { 0 };
	struct diag d;
	int lock = claim_and_lock("f-1-1");

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	p.phase = RUN_CLAIMED;
	assert_int_equal(rundir_finish(runs, "f-1-1", lock, &p, &o), 0);
	assert_true(rundir_has_outcome(runs, "f-1-1"));
	assert_int_equal(rundir_read(runs, "f-1-1", "outcome", &b), 0);
	assert_int_equal(outcome_decode(&again, (struct slice){ b.data, b.len }, &d), 0);
	assert_string_equal(again.reason, text);
	buf_clear(&b);
	assert_int_equal(rundir_read(runs, "f-1-1", "run", &b), 0);
	assert_int_equal(run_progress_decode(&q, (struct slice){ b.data, b.len }, &d), 0);
	assert_int_equal(q.phase, RUN_STARTED);
	buf_free(&b);
	close(lock);
	rundir_remove(runs, "f-1-1");
	assert_int_equal(faccessat(runs, "f-1-1", F_OK, 0), -1);
}

/* Who has no lock, or a head that is none of ours, writes beside it. */
static void test_outcome_beside(void **state)
{
	struct outcome o = { .result = RESULT_LOST, .exit_code = -1 };
	struct run_progress none = { 0 };
	struct buf b = { 0 };
	int lock = claim_and_lock("g-1-1");

	(void)state;
	assert_int_equal(rundir_finish(runs, "h-1-1", -1, &none, &o), -1); /* no such run */
	assert_int_equal(rundir_finish(runs, "g-1-1", lock, &none, &o), 0);
	assert_true(rundir_has_outcome(runs, "g-1-1"));
	assert_int_equal(rundir_read(runs, "g-1-1", "outcome", &b), 0);
	buf_free(&b);
	close(lock);
	rundir_remove(runs, "g-1-1");
}

/* A full disk leaves no half of an outcome behind. */
static void test_outcome_fails(void **state)
{
	static char text[300];
	struct outcome o = { .result = RESULT_OK, .reason = text };
	struct run_progress p = started;
	struct rlimit was, none = { 10, 10 };
	int lock = claim_and_lock("e-1-1");

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	getrlimit(RLIMIT_FSIZE, &was);
	none.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_FSIZE, &none);
	assert_int_equal(rundir_finish(runs, "e-1-1", lock, &p, &o), -1);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(p.phase, RUN_STARTED);
	assert_false(rundir_has_outcome(runs, "e-1-1"));
	assert_int_equal(faccessat(runs, "e-1-1/outcome.new", F_OK, 0), -1);
	o.reason = NULL; /* what fits in the head needs no room */
	assert_int_equal(rundir_finish(runs, "e-1-1", lock, &p, &o), 0);
	assert_true(rundir_has_outcome(runs, "e-1-1"));
	close(lock);
	rundir_remove(runs, "e-1-1");
}

static struct outcome stands(const char *id)
{
	static struct buf b;
	static struct run_progress p;
	struct outcome o;
	struct diag d;

	buf_clear(&b);
	assert_int_equal(rundir_read(runs, id, "run", &b), 0);
	assert_int_equal(run_progress_decode(&p, (struct slice){ b.data, b.len }, &d), 0);
	if (!p.outcome_n) {
		buf_clear(&b);
		assert_int_equal(rundir_read(runs, id, "outcome", &b), 0);
		assert_int_equal(outcome_decode(&o, (struct slice){ b.data, b.len }, &d), 0);
	} else {
		assert_int_equal(outcome_decode(&o, (struct slice){ p.outcome, p.outcome_n }, &d), 0);
	}
	return o;
}

/* From the head to beside it, there again, and back into a head; a failure changes nothing. */
static void test_outcome_amended(void **state)
{
	static char text[300];
	struct outcome o = { .result = RESULT_OK, .log = "/a" };
	struct run_progress p = started;
	int lock = claim_and_lock("j-1-1");

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(rundir_finish(runs, "j-1-1", lock, &p, &o), 0);
	o.artifacts = "/b";
	assert_int_equal(rundir_amend(runs, "j-1-1", lock, &p, &o), 0);
	assert_string_equal(stands("j-1-1").artifacts, "/b");
	assert_int_equal(mkdirat(runs, "j-1-1/outcome.new", 0700), 0);
	o.artifacts = text;
	assert_int_equal(rundir_amend(runs, "j-1-1", lock, &p, &o), -1);
	assert_string_equal(stands("j-1-1").artifacts, "/b");
	assert_int_equal(unlinkat(runs, "j-1-1/outcome.new", AT_REMOVEDIR), 0);
	assert_int_equal(rundir_amend(runs, "j-1-1", lock, &p, &o), 0);
	assert_string_equal(stands("j-1-1").artifacts, text);
	o.artifacts = NULL;
	assert_int_equal(rundir_amend(runs, "j-1-1", lock, &p, &o), 0);
	assert_null(stands("j-1-1").artifacts);
	assert_true(rundir_has_outcome(runs, "j-1-1"));
	close(lock);
	rundir_remove(runs, "j-1-1");
}

/* Where there is no room beside it, as much of it as the head holds. */
static void test_outcome_shortened(void **state)
{
	static char text[300], tail[500];
	struct outcome o = { .result = RESULT_KILLED, .exit_code = -1, .signal = 9, .reason = text,
		.started_ns = 1, .finished_ns = 2, .took_ns = 3, .cpu_us = 4, .memory_kb = 5,
		.output_bytes = sizeof(tail), .job_pid = 6, .stopped = STOP_PERSON,
		.stdout_tail = { tail, sizeof(tail) } }, again;
	struct run_progress p = started;
	struct diag d;
	int lock = claim_and_lock("i-1-1");

	(void)state;
	snprintf(text, sizeof(text), "stopped by hand: %0250d", 0);
	assert_int_equal(mkdirat(runs, "i-1-1/outcome.new", 0700), 0);
	assert_int_equal(rundir_finish(runs, "i-1-1", lock, &p, &o), 0);
	assert_int_equal(p.phase, RUN_ENDED);
	assert_int_equal(outcome_decode(&again, (struct slice){ p.outcome, p.outcome_n }, &d), 0);
	assert_int_equal(again.result, RESULT_KILLED);
	assert_int_equal(again.stopped, STOP_PERSON);
	assert_int_equal(again.took_ns, 3);
	assert_int_equal(again.stdout_tail.n, 0);
	assert_true(again.truncated);
	assert_memory_equal(again.reason, "stopped by hand: 000", 20);
	assert_int_equal(unlinkat(runs, "i-1-1/outcome.new", AT_REMOVEDIR), 0);
	close(lock);
	rundir_remove(runs, "i-1-1");
}

static struct run_first first_read(const char *id, struct buf *b)
{
	struct run_first first;

	b->len = 0;
	assert_int_equal(rundir_read(runs, id, "run", b), 0);
	assert_true(b->len == sizeof(first) + 6);
	memcpy(&first, b->data, sizeof(first));
	assert_memory_equal(b->data + sizeof(first), "record", 6);
	return first;
}

/* Marks stay as short as its head, and no outcome goes there: its record is not to be harmed. */
static void test_first_version(void **state)
{
	struct run_first first = { .magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_FIRST,
		.phase = RUN_RUNNING, .keeper_pid = 4, .job_pid = 5, .born_after_ns = 6, .started_ns = 7 };
	struct outcome o = { .result = RESULT_LOST };
	struct run_progress p;
	struct buf b = { 0 };
	int fd, lock;

	(void)state;
	assert_int_equal(mkdirat(runs, "k-1-1", 0700), 0);
	fd = openat(runs, "k-1-1/run", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, &first, sizeof(first)), sizeof(first));
	assert_int_equal(write(fd, "record", 6), 6);
	close(fd);
	lock = rundir_lock(runs, "k-1-1");
	first_read("k-1-1", &b);
	assert_int_equal(run_progress_decode(&p, (struct slice){ b.data, b.len }, NULL), 0);
	assert_int_equal(p.version, RUN_PROGRESS_FIRST);
	assert_int_equal(p.keeper_pid, 4);
	assert_int_equal(p.job_pid, 5);
	assert_int_equal(p.born_after_ns, 6);
	assert_int_equal(p.started_ns, 7);
	assert_int_equal(p.pipes[0], -1);
	assert_int_equal(run_record(&p, (struct slice){ b.data, b.len }).n, 6);
	p.phase = RUN_CLAIMED;
	assert_int_equal(rundir_mark(lock, &p), 0);
	assert_int_equal(first_read("k-1-1", &b).phase, RUN_CLAIMED);
	assert_int_equal(rundir_finish(runs, "k-1-1", lock, &p, &o), 0);
	assert_true(rundir_has_outcome(runs, "k-1-1"));
	assert_int_equal(first_read("k-1-1", &b).phase, RUN_STARTED); /* nobody takes it */
	buf_free(&b);
	close(lock);
	rundir_remove(runs, "k-1-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claim_once), cmocka_unit_test(test_claim_fails),
		cmocka_unit_test(test_remove_whole), cmocka_unit_test(test_lock),
		cmocka_unit_test(test_outcome),
		cmocka_unit_test(test_outcome_long), cmocka_unit_test(test_outcome_beside),
		cmocka_unit_test(test_outcome_fails), cmocka_unit_test(test_outcome_amended),
		cmocka_unit_test(test_outcome_shortened), cmocka_unit_test(test_first_version),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
