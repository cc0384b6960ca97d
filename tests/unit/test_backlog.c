/* test_backlog: records of runs on file, whole and in their order, bounded, and gone once they
 * are committed. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/core/ctlmsg.h"
#include "crond/core/histrec.h"
#include "crond/crond.h"
#include "crond/rundir.h"

static struct crond crond;
static char dir[PATH_MAX];

/* A scheduler whose crond-history is there and is not started: what stands on file is seen. */
static void scheduler_made(void)
{
	int log = open("/dev/null", O_WRONLY | O_CLOEXEC);

	crond = (struct crond){ .epoll = epoll_create1(EPOLL_CLOEXEC),
		.run_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.w_later.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.w_history.fd = -1, .w_history_asked.fd = -1, .log.fd = log, .log.level = -1 };
	crond.runs = openat(crond.run_fd, "runs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	crond.set.dialect = dialect_get(DIALECT_DEBIAN);
	conf_default(&crond.set.conf);
	crond.set.conf.history = true;
	snprintf(crond.set.run_dir, sizeof(crond.set.run_dir), "%s", dir);
	snprintf(crond.set.state_dir, sizeof(crond.set.state_dir), "%s", dir);
	snprintf(crond.set.helpers, sizeof(crond.set.helpers), "%s", dir);
	snprintf(crond.fqdn, sizeof(crond.fqdn), "h.example.org");
}

static void scheduler_open(void)
{
	scheduler_made();
	backlog_open(&crond);
}

static void scheduler_begin(void)
{
	scheduler_open();
	assert_true(crond.backlog.on);
}

static void scheduler_end(void)
{
	struct segment *s;

	crond.history = 0;
	history_close(&crond);
	while ((s = TAILQ_FIRST(&crond.backlog.segments))) {
		TAILQ_REMOVE(&crond.backlog.segments, s, link);
		free(s);
	}
	buf_free(&crond.backlog.batch);
	close(crond.backlog.fd);
	close(crond.backlog.dir);
	close(crond.epoll);
	close(crond.run_fd);
	close(crond.runs);
	close(crond.w_later.fd);
}

static int begin(void **state)
{
	char path[PATH_MAX + 16];
	int fd;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_backlog.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/crond-history", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	close(fd);
	snprintf(path, sizeof(path), "%s/runs", dir);
	mkdir(path, 0700);
	scheduler_begin();
	return 0;
}

static int end(void **state)
{
	char command[PATH_MAX + 32];

	(void)state;
	scheduler_end();
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* --- what stands on file */

struct found {
	int kinds[HISTREC_KINDS];
	uint64_t left_out;
	char starts[4096], ends[4096]; /* ids with a blank behind each */
	struct histrec last;
	struct buf bytes;
};

static void frames_read(struct slice rest, struct found *f)
{
	struct histrec h;
	struct diag d;
	int32_t n;

	while ((n = histrec_frame(rest)) > 0) {
		assert_int_equal(histrec_decode(&h, (struct slice){ rest.s, (size_t)n }, &d), 0);
		f->kinds[h.kind]++;
		f->left_out += h.count;
		f->last = h;
		if (h.kind == HISTREC_START && strlen(f->starts) < 3000)
			strcat(strcat(f->starts, h.run_id), " ");
		if (h.kind == HISTREC_END && strlen(f->ends) < 3000)
			strcat(strcat(f->ends, h.run_id), " ");
		rest = (struct slice){ rest.s + n, rest.n - (size_t)n };
	}
	assert_int_equal(n, 0);
	assert_int_equal(rest.n, 0);
}

static void read_one(const char *path, struct found *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct slice all;
	struct diag d;

	buf_clear(&f->bytes);
	assert_true(fd >= 0 && file_read(fd, UINT32_MAX, &f->bytes) == 0);
	close(fd);
	all = (struct slice){ f->bytes.data, f->bytes.len };
	assert_int_equal(histrec_open(all, &d), 0);
	frames_read((struct slice){ all.s + HISTREC_HEAD, all.n - HISTREC_HEAD }, f);
}

/* All segments that the scheduler knows of, in its order. */
static struct found *read_all(void)
{
	static struct found f;
	char path[PATH_MAX + 32];
	struct segment *s;

	f = (struct found){ 0 };
	TAILQ_FOREACH(s, &crond.backlog.segments, link) {
		snprintf(path, sizeof(path), "%s/backlog/%" PRIu32, dir, s->number);
		read_one(path, &f);
	}
	buf_free(&f.bytes);
	return &f;
}

static size_t segments_count(void)
{
	struct segment *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &crond.backlog.segments, link)
		n++;
	return n;
}

/* --- runs */

static struct run a_run(const char *id)
{
	return (struct run){ .id = id, .identity = 7, .job = "gold", .user = "www", .uid = 33,
		.scheduled = 1763668800, .attempt = 1, .place = "/etc/crontab:1", .dir = "/",
		.shell = "/bin/sh", .command = "true" };
}

static struct live_run *live(const char *id)
{
	struct live_run *run = calloc(1, sizeof(*run) + strlen(id) + 1);

	assert_non_null(run);
	strcpy(run->id, id);
	run->scheduled = 1763668800;
	run->attempt = 1;
	return run;
}

static void start(struct live_run *run)
{
	struct run r = a_run(run->id);

	backlog_start(&crond, run, &r, START_DUE);
}

static void end_ok(struct live_run *run)
{
	struct outcome o = { .result = RESULT_OK };
	struct buf b = { 0 };

	outcome_encode(&o, &b);
	backlog_end(&crond, run, (struct slice){ b.data, b.len });
	buf_free(&b);
}

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

/* --- tests */

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

/* Where it cannot be seen what one before us has left nothing is written in front of it, and
 * nothing is lost. */
static void unseen_at_first(void **state)
{
	struct live_run *run = live("a-1-1"), *other = live("b-1-1");
	struct rlimit was, few;
	struct found *f;
	int next;

	(void)state;
	start(run);
	backlog_flush(&crond);
	scheduler_end();
	scheduler_made();
	next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit){ (rlim_t)next + 1, was.rlim_max }; /* its directory, and no more */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	backlog_open(&crond);
	backlog_begin(&crond);
	start(other);
	backlog_flush(&crond);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_true(crond.backlog.on && crond.later[LATER_BACKLOG] > 0);
	assert_int_equal(segments_count(), 0);
	backlog_flush(&crond);
	assert_int_equal(segments_count(), 2);
	f = read_all();
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

/* A file system that takes no more: what was written in part is made whole later. */
static void no_room_on_file(void **state)
{
	struct rlimit was, most = { 5000, RLIM_INFINITY };
	struct live_run *run = live("a-1-1");
	struct found *f;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	most.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
	for (int i = 0; i < 100; i++) {
		start(run);
		backlog_flush(&crond);
	}
	assert_true(crond.backlog.failing);
	assert_true(crond.backlog.batch.len > 0);
	assert_true(crond.later[LATER_BACKLOG] > 0); /* tried again, if nothing else happens, too */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	backlog_flush(&crond);
	assert_false(crond.backlog.failing);
	assert_int_equal(crond.backlog.batch.len, 0);
	f = read_all();
	assert_int_equal(f->kinds[HISTREC_START], 100);
	free(run);
}

/* Without room for records of ours those of before are read, and people who ask get answers. */
static void asked_without_room(void **state)
{
	struct rlimit was, most = { 0, RLIM_INFINITY };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	most.rlim_max = was.rlim_max;
	crond.working = true;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
	history_asked(&crond);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_true(crond.history > 0);
	assert_int_equal(waitpid(crond.history, NULL, 0), crond.history);
	history_ended(&crond);
	assert_int_equal(crond.history, 0);
}

/* What somebody removed is missing, and nothing else. */
static void removed_by_hand(void **state)
{
	struct live_run *run = live("a-1-1");
	struct segment *s;
	char path[PATH_MAX + 32];

	(void)state;
	start(run);
	backlog_flush(&crond);
	s = TAILQ_FIRST(&crond.backlog.segments);
	snprintf(path, sizeof(path), "%s/backlog/%" PRIu32, dir, s->number);
	assert_int_equal(unlink(path), 0);
	backlog_missing(&crond, s);
	assert_int_equal(segments_count(), 0);
	assert_int_equal(crond.backlog.size, 0);
	start(run);
	backlog_flush(&crond);
	assert_string_equal(read_all()->starts, "a-1-1 ");
	free(run);
}

static void switched_off(void **state)
{
	struct live_run *run = live("a-1-1");
	char path[PATH_MAX + 32];

	(void)state;
	start(run);
	snprintf(path, sizeof(path), "%s/" CTLMSG_SOCKET_HISTORY, dir);
	assert_int_equal(access(path, F_OK), 0);
	crond.set.conf.history = false;
	backlog_config(&crond);
	assert_false(crond.backlog.on);
	assert_int_equal(access(path, F_OK), -1);
	start(run);
	end_ok(run);
	backlog_flush(&crond);
	assert_null(crond.backlog.batch.data);
	crond.set.conf.history = true;
	backlog_config(&crond);
	assert_true(crond.backlog.on);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(read_all()->kinds[HISTREC_START], 1); /* what was on file is */
	free(run);
}

/* Where its directory cannot be made at first, it is made once that is possible. */
static void no_place_at_first(void **state)
{
	struct live_run *run = live("a-1-1");
	char path[PATH_MAX + 16];
	int fd;

	(void)state;
	scheduler_end();
	snprintf(path, sizeof(path), "%s/backlog", dir);
	assert_int_equal(rmdir(path), 0);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	scheduler_begin();
	start(run);
	backlog_flush(&crond);
	assert_true(crond.later[LATER_BACKLOG] > 0);
	backlog_begin(&crond);
	assert_false(crond.backlog.begun);
	assert_int_equal(unlink(path), 0);
	backlog_flush(&crond);
	assert_true(crond.backlog.begun);
	assert_int_equal(crond.backlog.batch.len, 0);
	assert_string_equal(read_all()->starts, "a-1-1 ");
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
		cmocka_unit_test_setup_teardown(unseen_at_first, begin, end),
		cmocka_unit_test_setup_teardown(committed, begin, end),
		cmocka_unit_test_setup_teardown(committed_before_closed, begin, end),
		cmocka_unit_test_setup_teardown(committed_in_little_room, begin, end),
		cmocka_unit_test_setup_teardown(bounded, begin, end),
		cmocka_unit_test_setup_teardown(no_room_on_file, begin, end),
		cmocka_unit_test_setup_teardown(asked_without_room, begin, end),
		cmocka_unit_test_setup_teardown(removed_by_hand, begin, end),
		cmocka_unit_test_setup_teardown(switched_off, begin, end),
		cmocka_unit_test_setup_teardown(no_place_at_first, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
