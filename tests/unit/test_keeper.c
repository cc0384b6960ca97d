/* test_keeper: real jobs through the real launcher: what they see, what comes of them.
 * CRONWARD_LAUNCHER names the program; crond/crond-launcher where it is not set. */
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
#include <unistd.h>

#include "crond/rundir.h"
#include "tests/unit/stage.h"

/* --- how it ends */

static void test_results(void **state)
{
	struct player *p = *state;
	struct run r = player_run("ok-1-1", "echo hello");
	struct outcome o = stage_run(p, &r);

	assert_int_equal(o.result, RESULT_OK);
	assert_int_equal(o.exit_code, 0);
	stage_assert_output(&o, "hello\n");
	assert_int_equal(o.output_bytes, 6);
	assert_true(o.job_pid > 1 && o.took_ns > 0 && o.finished_ns >= o.started_ns);
	r = player_run("exit-1-1", "exit 3");
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_EXIT);
	assert_int_equal(o.exit_code, 3);
	r = player_run("signal-1-1", "kill -USR1 $$");
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_SIGNAL);
	assert_int_equal(o.signal, SIGUSR1);
	assert_int_equal(o.exit_code, -1);
}

static void assert_spawn(struct player *p, const struct run *r, const char *reason)
{
	struct outcome o = stage_run(p, r);

	assert_int_equal(o.result, RESULT_SPAWN);
	assert_non_null(o.reason);
	assert_string_equal(o.reason, reason);
	assert_int_equal(o.job_pid, 0);
}

static void test_spawn_failures(void **state)
{
	struct player *p = *state;
	struct run r = player_run("argv-1-1", "nosuchprogram x");

	r.words = LIST("nosuchprogram\0x");
	r.argv_only = true;
	assert_spawn(p, &r, "cannot execute nosuchprogram: No such file or directory");
	r = player_run("argv-2-1", "/etc/passwd");
	r.words = LIST("/etc/passwd");
	r.argv_only = true;
	assert_spawn(p, &r, "cannot execute /etc/passwd: Permission denied");
	r = player_run("shell-1-1", "true");
	r.shell = "/bin/nosuchshell";
	assert_spawn(p, &r, "cannot execute /bin/nosuchshell: No such file or directory");
	r = player_run("dir-1-1", "true");
	r.dir = "/nosuchdir";
	r.fallback_dir = "/";
	r.flags |= RUN_CHDIR_MUST;
	assert_spawn(p, &r, "cannot enter directory /nosuchdir: No such file or directory");
}

static void test_bad_record(void **state)
{
	struct player *p = *state;
	struct buf junk = { 0 };
	struct outcome o;

	buf_puts(&junk, "this is no record");
	assert_int_equal(rundir_claim(p->runs, "junk-1-1", &junk), 0);
	assert_true(send(p->queue, "junk-1-1", 8, 0) == 8);
	assert_true(player_report(p, REPORT_ENDED, "junk-1-1", SOON_MS));
	assert_int_equal(player_outcome(p, "junk-1-1", &o), 0);
	assert_int_equal(o.result, RESULT_SPAWN);
	assert_string_equal(o.reason, "not a record of this kind");
	assert_true(send(p->queue, "../etc/passwd", 13, 0) == 13);
	assert_true(stage_log_says(p, "bad run id in the queue", SOON_MS));
	buf_free(&junk);
}

/* --- what a job sees */

static void test_environment(void **state)
{
	struct player *p = *state;
	struct run r = player_run("env-1-1", "env");
	struct outcome o;

	r.words = LIST("env");
	r.dir = "/usr";
	o = stage_run(p, &r);
	stage_assert_output(&o, "SHELL=/bin/sh\nHOME=/\nPATH=/usr/bin:/bin\nLOGNAME=tester\n");
	r.id = "env-2-1";
	r.flags |= RUN_DASH_PWD;
	o = stage_run(p, &r);
	stage_assert_output(&o, "SHELL=/bin/sh\nHOME=/\nPATH=/usr/bin:/bin\nLOGNAME=tester\nPWD=/usr\n");
	r.id = "env-3-1"; /* and not in the next one of this keeper */
	r.flags &= ~(uint32_t)RUN_DASH_PWD;
	r.dir = "/nosuchdir";
	r.fallback_dir = "/etc";
	o = stage_run(p, &r);
	stage_assert_output(&o, "SHELL=/bin/sh\nHOME=/\nPATH=/usr/bin:/bin\nLOGNAME=tester\n");
	r = player_run("umask-1-1", "umask; pwd");
	r.dir = "/nosuchdir";
	r.fallback_dir = "/etc";
	r.umask = 0027;
	o = stage_run(p, &r);
	stage_assert_output(&o, "0027\n/etc\n");
}

static void test_process(void **state)
{
	struct player *p = *state;
	struct run r = player_run("fds-1-1", "ls /proc/self/fd");
	struct outcome o;

	r.words = LIST("ls\0/proc/self/fd");
	o = stage_run(p, &r);
	stage_assert_output(&o, "0\n1\n2\n3\n"); /* 3: the directory that ls reads */
	r = player_run("signals-1-1", "grep");
	r.words = LIST("grep\0-E\0Sig(Blk|Ign)\0/proc/self/status");
	o = stage_run(p, &r);
	stage_assert_output(&o, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	r = player_run("session-1-1", "read a b c d pgrp session rest </proc/$$/stat;"
		" test $$ = $pgrp && test $$ = $session && echo yes");
	o = stage_run(p, &r);
	stage_assert_output(&o, "yes\n");
	r = player_run("stdin-1-1", "readlink /proc/self/fd/0 | cut -d: -f1; cat; echo end");
	o = stage_run(p, &r);
	stage_assert_output(&o, "pipe\nend\n");
}

static void test_shell_behind_words(void **state)
{
	struct player *p = *state;
	struct run r = player_run("shell-2-1", "exit 7");
	struct outcome o;

	r.words = LIST("exit\0007"); /* no program of that name: the shell knows it */
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_EXIT);
	assert_int_equal(o.exit_code, 7);
}

static void test_input(void **state)
{
	enum { MUCH = 200 * 1024 };
	struct player *p = *state;
	char *much = malloc(MUCH);
	struct run r = player_run("input-1-1", "wc -c");
	struct outcome o;

	assert_non_null(much);
	memset(much, 'x', MUCH);
	r.input = (struct slice){ much, MUCH };
	o = stage_run(p, &r);
	stage_assert_output(&o, "204800\n");
	r.id = "input-2-1";
	r.command = "sleep 0.3; echo done";
	o = stage_run(p, &r);
	stage_assert_output(&o, "done\n");
	r.id = "input-3-1";
	r.command = "exec <&-; sleep 0.1; echo closed";
	o = stage_run(p, &r);
	stage_assert_output(&o, "closed\n");
	free(much);
}

static void test_identity(void **state)
{
	static const uint32_t groups[] = { 65534, 7, 42 };
	struct player *p = *state;
	struct run r = player_run("id-1-1", "id -u; id -g; id -G; kill -KILL $PPID || echo refused");
	struct outcome o;

	if (geteuid() != 0) {
		print_message("only root can change to another user: not tested\n");
		skip();
	}
	r.flags |= RUN_IDENTITY;
	r.uid = r.gid = 65534;
	r.groups = groups;
	r.group_count = 3;
	r.env = LIST("PATH=/usr/bin:/bin");
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_OK);
	assert_memory_equal(o.stdout_tail.s, "65534\n65534\n65534 7 42\n", 23);
	assert_non_null(memmem(o.stdout_tail.s, o.stdout_tail.n, "refused\n", 8));
}

/* --- output */

static void test_streams(void **state)
{
	struct player *p = *state;
	struct run r = player_run("streams-1-1", "echo out; echo err >&2");
	struct outcome o;

	r.flags |= RUN_TASK | RUN_ECHO;
	o = stage_run(p, &r);
	stage_assert_output(&o, "out\n");
	assert_true(slice_is(o.stderr_tail, "err\n"));
	assert_true(stage_log_says(p, "streams-1-1 stdout: out\n", SOON_MS));
	assert_true(stage_log_says(p, "streams-1-1 stderr: err\n", SOON_MS));
	r = player_run("merged-1-1", "echo out; echo err >&2; printf 'no\\033\\tend'");
	r.flags |= RUN_ECHO;
	o = stage_run(p, &r);
	stage_assert_output(&o, "out\nerr\nno\033\tend");
	assert_true(stage_log_says(p, "merged-1-1 output: no\\x1b\tend\n", SOON_MS));
}

/* Where the tail is all there is it stands for itself. */
static void test_stderr_head(void **state)
{
	struct player *p = *state;
	struct run r = player_run("head-1-1", "echo out; seq 300 >&2");
	struct outcome o;

	r.flags |= RUN_TASK;
	o = stage_run(p, &r);
	assert_int_equal(o.stderr_head.n, 0);
	assert_int_equal(o.stderr_tail.n, 9 * 2 + 90 * 3 + 201 * 4);
	assert_false(o.one_stream);
	assert_memory_equal(outcome_errors(&o).s + outcome_errors(&o).n - 5, "\n200\n", 5);
	r = player_run("head-2-1", "seq 3000 >&2");
	r.flags |= RUN_TASK;
	o = stage_run(p, &r);
	assert_memory_equal(o.stderr_head.s, "1\n2\n3\n", 6);
	assert_memory_equal(o.stderr_head.s + o.stderr_head.n - 5, "\n200\n", 5);
	assert_memory_equal(o.stderr_tail.s + o.stderr_tail.n - 5, "3000\n", 5);
	r = player_run("head-3-1", "printf %0100000d 7 >&2"); /* one long line, one stream for both */
	o = stage_run(p, &r);
	assert_int_equal(o.stderr_head.n, OUTCOME_TAIL);
	assert_int_equal(o.stderr_tail.n, 0);
	assert_true(o.one_stream);
}

static void test_tail_at_character(void **state)
{
	struct player *p = *state;
	struct run r = player_run("utf8-1-1", "i=0; while [ $i -lt 3000 ]; do printf '\\303\\251'; "
		"i=$((i+1)); done; printf x");
	struct outcome o = stage_run(p, &r);

	assert_int_equal(o.output_bytes, 6001);
	assert_true(o.truncated);
	assert_int_equal(o.stdout_tail.n, OUTCOME_TAIL - 1);
	assert_memory_equal(o.stdout_tail.s, "\303\251", 2);
}

static void test_much_output(void **state)
{
	struct player *p = *state;
	struct run r = player_run("much-1-1", "head -c 100000000 /dev/zero | tr '\\0' a; echo END");
	char script[256], result[128] = "";
	struct outcome o;
	int fd;

	snprintf(script, sizeof(script), "#!/bin/sh\nwc -c >%s/.count.new; mv %s/.count.new %s/.count\n",
		p->dir, p->dir, p->dir);
	stage_mailer(p, script);
	r.mailer = strdup(stage_file(p, ".mailer"));
	r.mail_to = "root";
	r.flags |= RUN_MAIL;
	o = stage_run(p, &r);
	assert_int_equal(o.output_bytes, 100000004);
	assert_true(o.truncated);
	assert_memory_equal(o.stdout_tail.s + o.stdout_tail.n - 5, "aEND\n", 5);
	stage_file_wait(stage_file(p, ".count"), 1);
	fd = open(stage_file(p, ".count"), O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, result, sizeof(result) - 1) > 0);
	close(fd);
	assert_in_range(atoi(result), 1 << 20, (1 << 20) + 4096);
	unlink(stage_file(p, ".count"));
	unlink(stage_file(p, ".mailer"));
	free((char *)(uintptr_t)r.mailer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_results),
		STAGE_TEST(test_spawn_failures),
		STAGE_TEST(test_bad_record),
		STAGE_TEST(test_environment),
		STAGE_TEST(test_process),
		STAGE_TEST(test_shell_behind_words),
		STAGE_TEST(test_input),
		STAGE_TEST(test_identity),
		STAGE_TEST(test_streams),
		STAGE_TEST(test_stderr_head), STAGE_TEST(test_tail_at_character),
		STAGE_TEST(test_much_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
