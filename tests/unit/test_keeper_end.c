/* test_keeper_end: timeouts, trees, deaths and mailers, through the real launcher.
 * CRONWARD_LAUNCHER names the program; crond/crond-launcher where it is not set. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/mailturn.h"
#include "crond/rundir.h"
#include "tests/unit/stage.h"

/* --- time and trees */

static void test_timeout(void **state)
{
	struct player *p = *state;
	struct run r = player_run("timeout-1-1", "sleep 60");
	struct outcome o;

	r.timeout_ms = 200;
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_TIMEOUT);
	assert_int_equal(o.signal, SIGTERM);
	assert_string_equal(o.reason, "ran longer than 200 ms");
	assert_in_range(o.took_ns / 1000000, 200, 30000);
	r.id = "timeout-2-1";
	r.command = "kill -STOP $$";
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_TIMEOUT);
}

static void test_hostile_tree(void **state)
{
	struct player *p = *state;
	char marker[64], command[1024], id[32];
	struct run r;
	struct outcome o;

	snprintf(marker, sizeof(marker), "hostile-%d", (int)getpid());
	snprintf(command, sizeof(command),
		"trap '' TERM; l='trap \"\" TERM; while :; do sleep 0.05; done'\n"
		"setsid sh -c \"$l\" %s & (setsid sh -c \"(sh -c '$l' %s &)\" %s &)\n"
		"sh -c \"kill -STOP \\$\\$; $l\" %s & (sh -c 'while :; do (sh -c \"exit\" %s &); done' %s &)\n"
		"echo going; while :; do sleep 0.05; done", marker, marker, marker, marker, marker, marker);
	r = player_run(id, command);
	r.timeout_ms = 100;
	r.kill_after_ms = 300;
	for (int n = 1, most = 0; most < 5; n++) { /* more time for a machine on which it was not up by then */
		snprintf(id, sizeof(id), "hostile-1-%d", n);
		r.timeout_ms *= 4;
		assert_true(r.timeout_ms < 30000);
		assert_int_equal(player_send(p, &r), 0);
		while ((most = stage_processes(marker)) < 5 && !rundir_has_outcome(p->runs, id))
			poll(NULL, 0, 10);
		assert_true(player_report(p, REPORT_ENDED, id, SOON_MS));
	}
	assert_int_equal(player_outcome(p, r.id, &o), 0);
	assert_int_equal(o.result, RESULT_TIMEOUT);
	assert_int_equal(o.signal, SIGKILL);
	assert_memory_equal(o.stdout_tail.s, "going\n", 6);
	assert_in_range(o.took_ns / 1000000, r.timeout_ms + 300, r.timeout_ms + 30000);
	assert_int_equal(stage_processes(marker), 0);
}

static void test_leftovers(void **state)
{
	struct player *p = *state;
	char command[256] = "", marker[32]; /* of this process: others may run the same test */
	struct run r = player_run("leftovers-1-1", command);
	struct outcome o;

	snprintf(marker, sizeof(marker), "61.%d", (int)getpid());
	snprintf(command, sizeof(command), "(setsid sleep %s &); echo main; exit 4", marker);
	r.flags |= RUN_TREE;
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_EXIT);
	assert_int_equal(o.exit_code, 4);
	assert_int_equal(stage_processes(marker), 0);
	r.id = "leftovers-2-1"; /* a line leaves them; the job's end is the end */
	snprintf(command, sizeof(command),
		"(setsid sh -c 'echo up >%s/.up; kill -STOP $$' %s >/dev/null 2>&1 &)", p->dir, marker);
	r.flags &= ~(uint32_t)RUN_TREE;
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_OK);
	stage_file_wait(stage_file(p, ".up"), 3); /* from then on it is one process, which executes nothing more */
	unlink(stage_file(p, ".up"));
	assert_int_equal(stage_processes_signal(marker, SIGKILL), 1);
}

static void test_holder_of_output(void **state)
{
	struct player *p = *state;
	struct run r = player_run("holder-1-1", "");
	char command[256];
	struct outcome o;

	snprintf(command, sizeof(command),
		"(until [ -e %s/.go ]; do sleep 0.1; done; head -c 300000 /dev/zero && echo written >%s/.late) &"
		" echo main", p->dir, p->dir);
	r.command = command;
	o = stage_run(p, &r);
	stage_assert_output(&o, "main\n");
	stage_file_make(stage_file(p, ".go"));
	stage_file_wait(stage_file(p, ".late"), 8); /* neither blocked nor killed by the closed pipe */
	unlink(stage_file(p, ".late"));
	unlink(stage_file(p, ".go"));
}

static void test_told_to_end(void **state)
{
	struct player *p = *state;
	struct run r = player_run("term-1-1", "trap '' TERM; sleep 60 & wait; wait; sleep 60");
	struct outcome o;

	r.kill_after_ms = 200;
	assert_int_equal(player_send(p, &r), 0);
	assert_true(player_report(p, REPORT_TAKEN, r.id, SOON_MS));
	poll(NULL, 0, 200);
	kill(p->keeper_pid, SIGTERM);
	assert_true(player_report(p, REPORT_ENDED, r.id, SOON_MS));
	assert_int_equal(player_outcome(p, r.id, &o), 0);
	assert_int_equal(o.result, RESULT_KILLED);
	assert_string_equal(o.reason, "shutdown");
}

/* --- deaths */

static void test_keeper_killed(void **state)
{
	struct player *p = *state;
	struct run r = player_run("orphan-1-1", "");
	char command[256];
	int lock;

	snprintf(command, sizeof(command), "until [ -e %s/.go ]; do sleep 0.1; done; echo survived >%s/.orphan",
		p->dir, p->dir);
	r.command = command;
	assert_int_equal(player_send(p, &r), 0);
	assert_true(player_report(p, REPORT_TAKEN, r.id, SOON_MS));
	assert_int_equal(rundir_lock(p->runs, r.id), -1);
	assert_int_equal(errno, EAGAIN);
	poll(NULL, 0, 200);
	kill(p->keeper_pid, SIGKILL);
	assert_int_equal(poll(&(struct pollfd){ .fd = p->keeper_pidfd, .events = POLLIN }, 1, SOON_MS), 1);
	lock = rundir_lock(p->runs, r.id);
	assert_true(lock >= 0);
	close(lock);
	assert_false(rundir_has_outcome(p->runs, r.id));
	stage_file_make(stage_file(p, ".go"));
	stage_file_wait(stage_file(p, ".orphan"), 9);
	unlink(stage_file(p, ".orphan"));
	unlink(stage_file(p, ".go"));
	r = player_run("after-1-1", "echo after"); /* and starts go on */
	stage_run(p, &r);
}

static void test_scheduler_gone(void **state)
{
	struct player *p = *state;
	struct run r = player_run("alone-1-1", "sleep 0.5; echo done");
	struct outcome o;

	assert_int_equal(player_send(p, &r), 0);
	r.id = "alone-2-1";
	r.command = "echo second";
	assert_int_equal(player_send(p, &r), 0);
	close(p->queue);
	close(p->report);
	close(p->queue_theirs);
	close(p->report_theirs);
	for (int ms = 0; ms < SOON_MS && (!rundir_has_outcome(p->runs, "alone-1-1") ||
		!rundir_has_outcome(p->runs, "alone-2-1")); ms += 10)
		poll(NULL, 0, 10);
	assert_int_equal(player_outcome(p, "alone-1-1", &o), 0);
	stage_assert_output(&o, "done\n");
	assert_int_equal(player_outcome(p, "alone-2-1", &o), 0);
	stage_assert_output(&o, "second\n");
	p->queue = p->report = p->queue_theirs = p->report_theirs = -1;
}

/* Nobody hears that the run is over: the keeper's end says so, whoever holds its output. */
static void test_holder_without_scheduler(void **state)
{
	struct player *p = *state;
	struct run r = player_run("unheard-1-1", "");
	char command[256];

	snprintf(command, sizeof(command),
		"(until [ -e %s/.go ]; do sleep 0.1; done; head -c 300000 /dev/zero && echo written >%s/.late) &"
		" sleep 0.3", p->dir, p->dir);
	r.command = command;
	assert_int_equal(player_send(p, &r), 0);
	assert_true(player_report(p, REPORT_TAKEN, r.id, SOON_MS));
	close(p->report);
	p->report = -1;
	assert_int_equal(poll(&(struct pollfd){ .fd = p->keeper_pidfd, .events = POLLIN }, 1, SOON_MS), 1);
	assert_true(rundir_has_outcome(p->runs, r.id));
	stage_file_make(stage_file(p, ".go"));
	stage_file_wait(stage_file(p, ".late"), 8); /* which comes to no harm by it */
	unlink(stage_file(p, ".late"));
	unlink(stage_file(p, ".go"));
}

static void test_taken_twice(void **state)
{
	struct player *p = *state;
	pid_t first = p->launcher, second = player_launch(p, stage_launcher());
	char command[256], id[32], text[512] = "";
	int fd;

	snprintf(command, sizeof(command), "echo x >>%s/.count", p->dir);
	for (int i = 0; i < 20; i++) {
		struct run r;

		snprintf(id, sizeof(id), "twice-%d-1", i);
		r = player_run(id, command);
		assert_int_equal(player_send(p, &r), 0);
		for (int k = 0; k < 5; k++)
			assert_true(send(p->queue, id, strlen(id), 0) > 0);
		assert_true(player_report(p, REPORT_ENDED, id, SOON_MS));
	}
	poll(NULL, 0, 300);
	fd = open(stage_file(p, ".count"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 40);
	close(fd);
	unlink(stage_file(p, ".count"));
	kill(second, SIGTERM);
	waitpid(second, NULL, 0);
	p->launcher = first;
}

static void test_stale_count(void **state)
{
	struct player *p = *state;
	struct run r = player_run("stale-1-1", "echo started");

	atomic_store(&p->shared->starting, 100000);
	stage_run(p, &r);
	r.id = "stale-2-1";
	atomic_store(&p->shared->starting, 100000);
	stage_run(p, &r);
}

/* --- log and mail */

static void test_log_lines(void **state)
{
	struct player *p = *state;
	struct run r = player_run("log-1-1", "exit 3");
	char line[128];
	struct outcome o;

	r.flags |= RUN_LOG_START;
	o = stage_run(p, &r);
	snprintf(line, sizeof(line), "CRON[%d]: (tester) CMD (exit 3)\n", o.job_pid);
	assert_true(stage_log_says(p, line, SOON_MS));
	r.id = "log-2-1";
	r.flags |= RUN_LOG_END | RUN_LOG_FAILED | RUN_LOG_PID;
	o = stage_run(p, &r);
	snprintf(line, sizeof(line), "CRON[%d]: (tester) CMD ([%d] exit 3)\n", (int)p->keeper_pid,
		o.job_pid);
	assert_true(stage_log_says(p, line, SOON_MS));
	snprintf(line, sizeof(line), "CRON[%d]: (tester) END ([%d] exit 3)\n", (int)p->keeper_pid,
		o.job_pid);
	assert_true(stage_log_says(p, line, SOON_MS));
	snprintf(line, sizeof(line), "(CRON) error (grandchild #%d failed with exit status 3)\n",
		o.job_pid);
	assert_true(stage_log_says(p, line, SOON_MS));
	r = player_run("log-3-1", "true");
	r.dialect = 1;
	r.flags |= RUN_LOG_START | RUN_LOG_END;
	stage_run(p, &r);
	assert_true(stage_log_says(p, "]: (tester) CMDEND (true)\n", SOON_MS));
	assert_non_null(strstr(stage_log(p), " CROND["));
}

static void test_mail(void **state)
{
	struct player *p = *state;
	struct run r = player_run("mail-1-1", "echo hello; exit 1");
	char script[512], text[4096] = "";
	int fd;

	snprintf(script, sizeof(script),
		"#!/bin/sh\n(echo \"$0 $*\" | sed 's/.*mailer/M/'; cat) >%s/.new; mv %s/.new %s/.mail\n",
		p->dir, p->dir, p->dir);
	stage_mailer(p, script);
	r.mailer = strdup(stage_file(p, ".mailer"));
	r.mail_to = "ops@example.org";
	r.flags |= RUN_MAIL | RUN_MAIL_ON_FAILURE;
	stage_run(p, &r);
	stage_file_wait(stage_file(p, ".mail"), 10);
	fd = open(stage_file(p, ".mail"), O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_string_equal(text,
		"M -FCronDaemon -i -B8BITMIME -oem ops@example.org\n"
		"From: root (Cron Daemon)\nTo: ops@example.org\n"
		"Subject: Cron <tester@testhost> echo hello; exit 1\nMIME-Version: 1.0\n"
		"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
		"X-Cron-Env: <SHELL=/bin/sh>\nX-Cron-Env: <HOME=/>\n"
		"X-Cron-Env: <PATH=/usr/bin:/bin>\nX-Cron-Env: <LOGNAME=tester>\n\nhello\n");
	unlink(stage_file(p, ".mail"));
	r.id = "mail-2-1"; /* a success is not mailed then */
	r.command = "echo fine";
	stage_run(p, &r);
	poll(NULL, 0, 200);
	assert_int_equal(access(stage_file(p, ".mail"), F_OK), -1);
	unlink(stage_file(p, ".mailer"));
	free((char *)(uintptr_t)r.mailer);
}

static void test_bad_mailers(void **state)
{
	struct player *p = *state;
	struct run r = player_run("mail-3-1", "head -c 500000 /dev/zero");
	char *path;

	r.flags |= RUN_MAIL;
	r.mail_to = "root";
	r.mailer = "/nosuchmailer";
	stage_run(p, &r);
	assert_true(stage_log_says(p, "(CRON) info (No MTA installed, discarding output)\n", SOON_MS));
	r.id = "mail-4-1";
	r.mail_to = "-oQ/tmp";
	stage_run(p, &r);
	assert_true(stage_log_says(p, "(tester) UNSAFE MAIL (-oQ/tmp)\n", SOON_MS));
	stage_mailer(p, "#!/bin/sh\nexec <&-; exit 3\n");
	path = strdup(stage_file(p, ".mailer"));
	r.id = "mail-5-1";
	r.mail_to = "root";
	r.mailer = path;
	stage_run(p, &r);
	assert_true(stage_log_says(p, "bytes of output but got status 0x0003 from MTA)\n", SOON_MS));
	unlink(path);
	free(path);
}

static void mails_wait(struct player *p, const struct run *r, uint32_t count)
{
	_Atomic uint32_t *waiting = &p->shared->mails_waiting[r->uid % MAIL_USERS];

	for (int ms = 0; ms < SOON_MS && atomic_load(waiting) != count; ms += 5)
		poll(NULL, 0, 5);
	assert_int_equal(atomic_load(waiting), count);
}

/* A mailer that says so, or is gone for the moment, is asked again; at the end it is said. */
static void test_mailer_tries(void **state)
{
	struct player *p = *state;
	struct run r = player_run("mail-8-1", "echo hello");
	char script[512], text[1024] = "", *path = strdup(stage_file(p, ".mailer"));
	int fd;

	p->shared->mail_unit_ms = 1;
	snprintf(script, sizeof(script), "#!/bin/sh\necho x >>%s.tries\n"
		"[ $(wc -l <%s.tries) -ge 3 ] || exit 75\ncat >%s.mail\n", path, path, path);
	stage_mailer(p, script);
	r.flags |= RUN_MAIL;
	r.mail_to = "root";
	r.mailer = path;
	stage_run(p, &r);
	assert_true(stage_log_says(p, "(tester) MAIL (mailed at try 3)\n", SOON_MS));
	fd = open(stage_file(p, ".mailer.mail"), O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	assert_non_null(strstr(text, "To: root\n"));
	assert_non_null(strstr(text, "\n\nhello\n"));
	stage_mailer(p, "#!/bin/sh\nexit 75\n");
	r.id = "mail-9-1";
	stage_run(p, &r);
	assert_true(stage_log_says(p, "(tester) MAIL (given up at try 5: the mailer cannot take it; 6 bytes of output lost)\n", SOON_MS));
	unlink(path);
	r.id = "mail-10-1";
	p->shared->mail_unit_ms = 200 * stage_slowness(); /* five of them until it has a mailer */
	stage_run(p, &r);
	mails_wait(p, &r, 1);
	stage_mailer(p, "#!/bin/sh\ncat >/dev/null\n");
	assert_true(stage_log_says(p, "(tester) MAIL (mailed at try 2)\n", SOON_MS));
	unlink(path);
	r.id = "mail-11-1";
	r.mailer = "/nosuchmailer";
	p->shared->mail_unit_ms = 1000;
	stage_run(p, &r);
	mails_wait(p, &r, 1);
	kill(p->keeper_pid, SIGTERM); /* nothing is waited for any more */
	assert_true(stage_log_says(p, "(tester) MAIL (given up at try 1: told to end;", SOON_MS));
	assert_true(stage_log_says(p, "(CRON) info (No MTA installed, discarding output)\n", SOON_MS));
	unlink(stage_file(p, ".mailer.mail"));
	unlink(stage_file(p, ".mailer.tries"));
	free(path);
}

/* No more mailers than a few are at work for one user; the others' mails wait, and come. */
static void test_mailers_at_once(void **state)
{
	enum { MAILS = MAILERS_MOST + 4 };
	struct player *p = *state;
	char script[512], id[32], *path = strdup(stage_file(p, ".mailer"));
	struct run r = player_run("crowd-1-1", "echo hello");
	struct stat st;

	r.flags |= RUN_MAIL;
	r.mailer = path;
	snprintf(script, sizeof(script), "#!/bin/sh\ncat >/dev/null\necho x >>%s.all\n"
		"until [ -e %s.go ]; do sleep 0.1; done\necho x >>%s.done\n", path, path, path);
	stage_mailer(p, script);
	for (int i = 1; i <= MAILS; i++) {
		snprintf(id, sizeof(id), "crowd-%d-1", i);
		r.id = id;
		stage_run(p, &r);
	}
	stage_file_wait(stage_file(p, ".mailer.all"), MAILERS_MOST * 2);
	mails_wait(p, &r, 4);
	assert_int_equal(stat(stage_file(p, ".mailer.all"), &st), 0);
	assert_int_equal(st.st_size, MAILERS_MOST * 2);
	stage_file_make(stage_file(p, ".mailer.go"));
	stage_file_wait(stage_file(p, ".mailer.done"), MAILS * 2);
	mails_wait(p, &r, 0);
	unlink(path);
	unlink(stage_file(p, ".mailer.go"));
	unlink(stage_file(p, ".mailer.all"));
	unlink(stage_file(p, ".mailer.done"));
	free(path);
}

/* The run is over for everybody else while its mailer hangs. */
static void test_hung_mailer(void **state)
{
	struct player *p = *state;
	struct run r = player_run("mail-6-1", "head -c 500000 /dev/zero; (sleep 0.3; echo later) &");
	pid_t keeper;

	stage_mailer(p, "#!/bin/sh\nexec sleep 1000.125\n");
	r.flags |= RUN_MAIL;
	r.mailer = strdup(stage_file(p, ".mailer"));
	stage_run(p, &r);
	keeper = p->keeper_pid;
	r.id = "mail-7-1";
	r.command = "true";
	stage_run(p, &r);
	assert_int_not_equal(p->keeper_pid, keeper);
	assert_int_equal(kill(keeper, 0), 0);
	for (int ms = 0; ms < SOON_MS && stage_processes("1000.125") == 0; ms += 10)
		poll(NULL, 0, 10);
	kill(keeper, SIGKILL);
	assert_int_equal(stage_processes_signal("1000.125", SIGKILL), 1);
	unlink(stage_file(p, ".mailer"));
	free((char *)(uintptr_t)r.mailer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_timeout),
		STAGE_TEST(test_hostile_tree),
		STAGE_TEST(test_leftovers),
		STAGE_TEST(test_holder_of_output),
		STAGE_TEST(test_told_to_end),
		STAGE_TEST(test_keeper_killed),
		STAGE_TEST(test_scheduler_gone),
		STAGE_TEST(test_holder_without_scheduler),
		STAGE_TEST(test_taken_twice),
		STAGE_TEST(test_stale_count),
		STAGE_TEST(test_log_lines),
		STAGE_TEST(test_mail),
		STAGE_TEST(test_bad_mailers),
		STAGE_TEST(test_mailer_tries),
		STAGE_TEST(test_mailers_at_once),
		STAGE_TEST(test_hung_mailer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
