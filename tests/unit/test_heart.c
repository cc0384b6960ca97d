/* The watchdog's clock with a time that is made up, what is reported and when, and who is
 * believed. Sockets and real jobs: tests/system/heart_test.py. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/guard.h"
#include "crond/heart.h"
#include "crond/sender.h"

static const int64_t MS = 1000 * 1000, S = INT64_C(1000) * 1000 * 1000;

struct seen {
	int reports;
	struct said last;
};

static void report(void *arg, const struct said *said)
{
	struct seen *seen = arg;

	seen->reports++;
	seen->last = *said;
}

/* One that began at 1000 s, without a socket. */
static struct heart heart_of(const struct run *r, struct seen *seen, struct log *log)
{
	struct heart h = { .fd = 0, .runs = -1, .run = r, .log = log, .tag = "CRON", .report = report,
		.arg = seen, .said.magic = SAID_MAGIC, .alerts_free = 10 };

	log->target = LOG_TO_STDERR;
	log->level = -1; /* nothing is shown */
	heart_begin(&h, 1000 * S);
	return h;
}

static void hear(struct heart *h, const char *text, int64_t now)
{
	struct sdnotify m;

	assert_int_equal(sdnotify_parse(&m, slice_of(text)), 0);
	heart_hear(h, &m, now);
}

static const struct run guarded = { .id = "a-1-1", .job = "a", .user = "root", .watchdog_ms = 500,
	.watchdog_miss = 2 };

static void test_the_clock_starts_when_the_job_is_up(void **state)
{
	static const char *const first[] = { "READY=1", "WATCHDOG=1" };
	struct seen seen;
	struct log log = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct heart h = heart_of(&guarded, &seen, &log);

		assert_int_equal(heart_due(&h), 1090 * S);
		assert_false(heart_missed(&h, 1090 * S - 1));
		assert_true(heart_missed(&h, 1090 * S));
		hear(&h, "STATUS=no heartbeat", 1050 * S);
		assert_true(heart_missed(&h, 1090 * S));
		hear(&h, first[i], 1060 * S);
		assert_false(heart_missed(&h, 1061 * S - 1));
		assert_true(heart_missed(&h, 1061 * S)); /* two of 500 ms */
		hear(&h, "WATCHDOG=1", 1061 * S - 1);
		assert_false(heart_missed(&h, 1062 * S - 2));
		hear(&h, "READY=1", 1061 * S); /* which is no heartbeat then */
		assert_true(heart_missed(&h, 1062 * S - 1));
	}
}

static void test_intervals_of_the_jobs_own(void **state)
{
	struct run r = guarded;
	struct seen seen;
	struct log log = { 0 };
	struct heart h = heart_of(&r, &seen, &log);

	(void)state;
	hear(&h, "READY=1\nWATCHDOG_USEC=3000000", 1000 * S);
	assert_int_equal(heart_due(&h), 1000 * S); /* the report */
	heart_turn(&h, 1000 * S);
	assert_int_equal(heart_due(&h), 1006 * S);
	hear(&h, "WATCHDOG_USEC=18446744073709551615", 1001 * S);
	assert_int_equal(heart_due(&h), INT64_MAX);
	hear(&h, "WATCHDOG_USEC=0", 1001 * S);
	assert_int_equal(heart_due(&h), INT64_MAX);
	hear(&h, "WATCHDOG=trigger", 1002 * S);
	assert_true(heart_missed(&h, 1002 * S));
	r.watchdog_ms = 0; /* without an option of the job's there is no watchdog */
	h = heart_of(&r, &seen, &log);
	hear(&h, "WATCHDOG=1", 1000 * S);
	assert_int_equal(heart_due(&h), INT64_MAX);
	assert_false(heart_missed(&h, 100000 * S));
	r.watchdog_ms = UINT64_MAX;
	h = heart_of(&r, &seen, &log);
	assert_int_equal(heart_due(&h), INT64_MAX);
}

static void test_stopping_and_more_time(void **state)
{
	struct seen seen;
	struct log log = { 0 };
	struct heart h = heart_of(&guarded, &seen, &log);
	char text[100];

	(void)state;
	hear(&h, "EXTEND_TIMEOUT_USEC=120000000", 1080 * S);
	assert_int_equal(h.extend_us, 120000000); /* for the guard */
	assert_int_equal(heart_due(&h), 1200 * S);
	heart_reason(&h, text, sizeof(text));
	assert_non_null(strstr(text, "since the start"));
	hear(&h, "READY=1", 1100 * S);
	hear(&h, "EXTEND_TIMEOUT_USEC=120000000", 1100 * S); /* is about neither phase then */
	assert_true(heart_missed(&h, 1101 * S));
	heart_reason(&h, text, sizeof(text));
	assert_non_null(strstr(text, "none for 2 x 500 ms"));
	hear(&h, "STOPPING=1", 1100 * S);
	hear(&h, "WATCHDOG=1", 1101 * S);
	assert_false(heart_missed(&h, 1190 * S - 1));
	assert_true(heart_missed(&h, 1190 * S));
	heart_reason(&h, text, sizeof(text));
	assert_non_null(strstr(text, "STOPPING=1"));
	heart_give_up(&h);
	assert_false(heart_missed(&h, 2000 * S));
}

static void test_only_news_is_reported_and_not_too_often(void **state)
{
	struct run r = guarded;
	struct seen seen = { 0 };
	struct log log = { 0 };
	struct heart h;

	(void)state;
	r.watchdog_ms = 0;
	h = heart_of(&r, &seen, &log);
	hear(&h, "WATCHDOG=1\nMAINPID=1", 1000 * S);
	assert_int_equal(heart_due(&h), INT64_MAX);
	hear(&h, "READY=1\nSTATUS=one\nX_CRON_BATCH_START=b1", 1000 * S);
	heart_turn(&h, 1000 * S);
	assert_int_equal(seen.reports, 1);
	assert_int_equal(seen.last.flags, SAID_READY);
	assert_string_equal(seen.last.status, "one");
	assert_string_equal(seen.last.batch, "b1");
	hear(&h, "READY=1\nSTATUS=one\nX_CRON_BATCH_START=b1", 1000 * S);
	assert_int_equal(heart_due(&h), INT64_MAX); /* no news */
	hear(&h, "STATUS=two", 1000 * S + 300 * MS);
	hear(&h, "STATUS=three\nX_CRON_BATCH_END=b1", 1000 * S + 600 * MS);
	heart_turn(&h, 1000 * S + 600 * MS);
	assert_int_equal(seen.reports, 1);
	assert_int_equal(heart_due(&h), 1001 * S);
	heart_turn(&h, 1001 * S);
	assert_int_equal(seen.reports, 2);
	assert_string_equal(seen.last.status, "three");
	assert_string_equal(seen.last.batch, "");
	assert_int_equal(seen.last.batches, 1);
	assert_int_equal(heart_due(&h), INT64_MAX);
	hear(&h, "STATUS=", 1005 * S);
	heart_turn(&h, 1005 * S);
	assert_string_equal(seen.last.status, "");
}

static void test_alerts_are_bounded(void **state)
{
	struct seen seen;
	struct log log = { 0 };
	struct heart h = heart_of(&guarded, &seen, &log);

	(void)state;
	for (int i = 0; i < 12; i++)
		hear(&h, "X_CRON_ALERT=x", 1000 * S);
	assert_int_equal(h.alerts_left_out, 2);
	hear(&h, "X_CRON_ALERT=x", 1059 * S);
	assert_int_equal(h.alerts_left_out, 3);
	hear(&h, "X_CRON_ALERT=x", 1060 * S);
	hear(&h, "X_CRON_ALERT=x", 1061 * S);
	assert_int_equal(h.alerts_left_out, 4);
	for (int i = 0; i < 11; i++)
		hear(&h, "X_CRON_ALERT=x", 100000 * S);
	assert_int_equal(h.alerts_left_out, 5);
}

/* The guard's part of it. */
static void test_more_time_has_its_bounds(void **state)
{
	const int64_t now = guard_now();
	struct guard g = { .stage = GUARD_RUNNING };

	(void)state;
	guard_extend(&g, 1000000);
	assert_int_equal(g.deadline_ns, 0); /* there is no timeout: none is made */
	g.deadline_ns = now + 10 * S;
	guard_extend(&g, 1000000);
	assert_int_equal(g.deadline_ns, now + 10 * S);
	guard_extend(&g, 3600000000);
	assert_true(g.deadline_ns >= now + 3600 * S);
	guard_extend(&g, UINT64_MAX);
	assert_true(g.deadline_ns > now + 3600 * S * 1000);
	g.stage = GUARD_ASKED;
	g.deadline_ns = now + 10 * S;
	g.kill_most_ns = now + 600 * S;
	guard_extend(&g, 20000000);
	assert_true(g.deadline_ns >= now + 20 * S && g.deadline_ns < now + 60 * S);
	guard_extend(&g, UINT64_MAX);
	assert_int_equal(g.deadline_ns, now + 600 * S);
	g.stage = GUARD_KILLING;
	g.deadline_ns = now;
	guard_extend(&g, 20000000);
	assert_int_equal(g.deadline_ns, now);
}

static pid_t child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A process that is not below us says so, each time that it is asked to by a byte. */
static void stranger(const int ask[2], int speak)
{
	pid_t between = fork();
	char byte;

	if (between == 0) {
		if (fork() > 0)
			_exit(0);
		close(ask[0]);
		while (read(ask[1], &byte, 1) == 1 && send(speak, "STATUS=alien", 12, 0) == 12 &&
			write(ask[1], &byte, 1) == 1)
			;
		_exit(0);
	}
	assert_true(between > 0);
	assert_int_equal(waitpid(between, NULL, 0), between);
}

/* As many as make a flood of the job's own, from somebody who is not of the run. */
static void test_strangers_take_no_turn(void **state)
{
	static const char beat[] = "WATCHDOG=1\nSTATUS=here";
	static const int on = 1;
	struct run r = guarded;
	struct seen seen = { 0 };
	struct log log = { 0 };
	struct heart h = heart_of(&r, &seen, &log);
	int ends[2], ask[2];
	char byte = 0;
	pid_t child;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	h.fd = ends[0];
	r.uid = getuid();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ask), 0);
	stranger(ask, ends[1]);
	close(ask[1]);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(write(ask[0], &byte, 1), 1);
		assert_int_equal(read(ask[0], &byte, 1), 1);
		heart_read(&h, 1000 * S);
	}
	close(ask[0]);
	assert_string_equal(h.said.status, "");
	child = fork();
	if (child == 0)
		_exit(send(ends[1], beat, sizeof(beat) - 1, 0) < 0);
	assert_true(child > 0);
	assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	heart_read(&h, 1000 * S);
	assert_string_equal(h.said.status, "here");
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	close(ends[1]);
}

static void test_who_is_believed(void **state)
{
	pid_t ours = child(), gone = child();
	uid_t me = getuid(), other = 4711;

	(void)state;
	/* a child of ours, whether it is the job or another */
	assert_true(sender_belongs(ours, me, ours, me));
	assert_true(sender_belongs(ours, me, 1 << 30, me));
	/* its pid, but not its user: another process had that pid */
	assert_false(sender_belongs(ours, other, ours, me));
	/* it runs as another than the run began as */
	assert_int_equal(sender_belongs(ours, me, ours, other), true);
	/* neither below us nor of the job */
	assert_false(sender_belongs(1, me, ours, me));
	assert_false(sender_belongs(1, 0, ours, 0));
	assert_false(sender_belongs(getppid(), me, ours, me));
	/* gone: the run's user, or root */
	end(gone);
	assert_true(sender_belongs(gone, other, ours, other));
	assert_true(sender_belongs(gone, 0, ours, other));
	assert_false(sender_belongs(gone, other, ours, other + 1));
	assert_false(sender_belongs(0, other, ours, other + 1)); /* of another pid namespace */
	end(ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_clock_starts_when_the_job_is_up),
		cmocka_unit_test(test_intervals_of_the_jobs_own),
		cmocka_unit_test(test_stopping_and_more_time),
		cmocka_unit_test(test_only_news_is_reported_and_not_too_often),
		cmocka_unit_test(test_alerts_are_bounded),
		cmocka_unit_test(test_more_time_has_its_bounds),
		cmocka_unit_test(test_strangers_take_no_turn), cmocka_unit_test(test_who_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
