/* test_dress: what a run's options ask for beside the job, by real jobs through the real
 * launcher: priorities and limits, settings from a file, hooks. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/core/stop_order.h"
#include "crond/rundir.h"
#include "tests/unit/stage.h"

enum { CORE_MOST = 1024 * 1024 };

static struct run dressed(const char *id, const char *command)
{
	struct run r = player_run(id, command);

	r.dress.given = DRESS_ON;
	r.flags |= RUN_TASK | RUN_TREE;
	return r;
}

static struct outcome run_as(struct player *p, const struct run *r, enum result result)
{
	struct outcome o = stage_run(p, r);

	if (o.result != result)
		print_message("%s: %s (%s)\n", r->id, result_name(o.result), o.reason ? o.reason : "");
	assert_int_equal(o.result, result);
	return o;
}

static void assert_refused(struct player *p, const struct run *r, const char *reason)
{
	struct outcome o = run_as(p, r, RESULT_SPAWN);

	assert_string_equal(o.reason, reason);
	assert_int_equal(o.job_pid, 0);
}

/* --- priorities and limits */

static void test_put_on(void **state)
{
	static const struct dress_limit limits[] = {
		{ .resource = RLIMIT_NOFILE, .soft = 60, .hard = 70 },
		{ .resource = RLIMIT_FSIZE, .soft = 4096, .hard = UINT64_MAX },
		{ .resource = RLIMIT_CORE },
	};
	struct player *p = *state;
	struct run r = dressed("on-1-1", "nice; ionice; umask; ulimit -Sn; ulimit -Hn; ulimit -c;"
		" sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status");
	char cpus[32], want[128];
	cpu_set_t mine;
	int cpu = 0, before = getpriority(PRIO_PROCESS, 0), nice = before < 19 ? before + 1 : 19;
	struct outcome o;

	sched_getaffinity(0, sizeof(mine), &mine);
	while (!CPU_ISSET(cpu, &mine))
		cpu++;
	snprintf(cpus, sizeof(cpus), "%d,8000-8001", cpu); /* what is not there does not count */
	snprintf(want, sizeof(want), "%d\nidle\n0027\n60\n70\n0\n%d\n", nice, cpu);
	r.dress.given |= DRESS_NICE | DRESS_IONICE | DRESS_UMASK;
	r.dress.nice = (uint32_t)nice;
	r.dress.ionice = 3u << 13;
	r.dress.umask = 027;
	r.dress.cpus = cpus;
	r.dress.limits = (struct slice){ (const char *)limits, sizeof(limits) };
	o = run_as(p, &r, RESULT_OK);
	stage_assert_output(&o, want);
	/* and nothing of it is left to the next one of this keeper */
	r = player_run("on-2-1", "nice; umask; ulimit -Sn");
	snprintf(want, sizeof(want), "%d\n0022\n", before);
	o = run_as(p, &r, RESULT_OK);
	assert_true(o.stdout_tail.n > strlen(want) && memcmp(o.stdout_tail.s, want, strlen(want)) == 0);
	assert_null(memmem(o.stdout_tail.s, o.stdout_tail.n, "\n60\n", 4));
}

static void test_refused(void **state)
{
	static const struct dress_limit limit = { .resource = RLIMIT_NOFILE, .soft = 1,
		.hard = (uint64_t)1 << 40 };
	struct dress_limit own = { .resource = RLIMIT_CORE, .own = 1 };
	struct player *p = *state;
	struct run r = dressed("no-1-1", "true");
	struct rlimit core;

	/* one that keepers of root could raise, whatever this machine's are */
	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	core.rlim_max = core.rlim_max > CORE_MOST ? CORE_MOST : core.rlim_max;
	core.rlim_cur = core.rlim_max;
	assert_int_equal(prlimit(p->launcher, RLIMIT_CORE, &core, NULL), 0);
	r.dress.limits = (struct slice){ (const char *)&limit, sizeof(limit) };
	assert_refused(p, &r, "cannot set limit-nofile: Operation not permitted");
	/* what a user asks for raises nothing, though the keeper could */
	own.hard = core.rlim_max + 1;
	r = dressed("no-4-1", "true");
	r.dress.limits = (struct slice){ (const char *)&own, sizeof(own) };
	assert_refused(p, &r, "cannot set limit-core: Operation not permitted");
	own.hard = 0;
	r = dressed("no-6-1", "true");
	r.dress.limits = (struct slice){ (const char *)&own, sizeof(own) };
	run_as(p, &r, RESULT_OK);
	r = dressed("no-5-1", "true");
	r.dress.given |= DRESS_NICE | DRESS_NICE_OWN;
	r.dress.nice = (uint32_t)(getpriority(PRIO_PROCESS, 0) - 1);
	assert_refused(p, &r, "cannot set nice: Operation not permitted");
	r = dressed("no-2-1", "true");
	r.dress.cpus = "8000";
	assert_refused(p, &r, "cannot set cpu-affinity: Invalid argument");
	r = dressed("no-3-1", "true");
	r.dress.given |= DRESS_IONICE;
	r.dress.ionice = 7u << 13;
	assert_refused(p, &r, "cannot set ionice: Invalid argument");
}

static void test_success_exit(void **state)
{
	char success[32] = { 0 };
	struct player *p = *state;
	struct run r = dressed("exit-1-1", "exit 75");

	success[75 / 8] = 1 << 75 % 8;
	r.dress.success = (struct slice){ success, sizeof(success) };
	assert_int_equal(run_as(p, &r, RESULT_OK).exit_code, 75);
	r = dressed("exit-2-1", "exit 0");
	r.dress.success = (struct slice){ success, sizeof(success) };
	assert_int_equal(run_as(p, &r, RESULT_EXIT).exit_code, 0);
	r = dressed("exit-3-1", "kill -KILL $$");
	r.dress.success = (struct slice){ success, sizeof(success) };
	run_as(p, &r, RESULT_SIGNAL);
}

/* --- env-file */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void test_env_file(void **state)
{
	struct player *p = *state;
	struct run r = dressed("env-1-1", "echo \"$A|$PATH|$LOGNAME|$CRON_JOB\"");
	char path[128], want[256];
	struct outcome o;

	snprintf(path, sizeof(path), "%s", stage_file(p, "settings"));
	write_file(path, "# said\nA=\"one two\"\nPATH=/bin:/usr/bin\nLOGNAME=root\nCRON_JOB=other\n");
	r.dress.env_file = path;
	o = run_as(p, &r, RESULT_OK);
	stage_assert_output(&o, "one two|/bin:/usr/bin|tester|\n");
	r = dressed("env-2-1", "true");
	write_file(path, "A=1\n\nnonsense\n");
	r.dress.env_file = path;
	snprintf(want, sizeof(want), "env-file %s:3: no '=' behind the name", path);
	assert_refused(p, &r, want);
	unlink(path);
	r = dressed("env-3-1", "true");
	r.dress.env_file = path;
	snprintf(want, sizeof(want), "env-file %s: No such file or directory", path);
	assert_refused(p, &r, want);
	snprintf(want, sizeof(want), "-%s", path);
	r = dressed("env-4-1", "true");
	r.dress.env_file = want;
	run_as(p, &r, RESULT_OK);
	assert_int_equal(mkfifo(path, 0644), 0); /* nobody waits for one to write to it */
	r = dressed("env-5-1", "true");
	r.dress.env_file = path;
	snprintf(want, sizeof(want), "env-file %s: No such device or address", path);
	assert_refused(p, &r, want);
	unlink(path);
}

/* --- hooks */

#define SAYS(what) "echo " what " $CRON_RESULT $CRON_EXIT_CODE $CRON_SIGNAL"

static struct run hooked(const char *id, const char *command)
{
	struct run r = dressed(id, command);

	r.dress.pre = SAYS("pre");
	r.dress.post = SAYS("post");
	r.dress.on_success = SAYS("success");
	r.dress.on_failure = SAYS("failure");
	return r;
}

/* What they print behind the job is no part of its outcome, but goes where its output goes. */
static void assert_mailed(struct player *p, const char *text)
{
	char found[4096] = "", *path = stage_file(p, "mail");
	int fd;

	stage_file_wait(path, (off_t)strlen(text));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, found, sizeof(found) - 1) > 0);
	close(fd);
	unlink(path);
	if (!strstr(found, text))
		print_message("mail:\n%s\n", found);
	assert_non_null(strstr(found, text));
}

static void mailed(struct player *p, struct run *r)
{
	static char mailer[128];

	snprintf(mailer, sizeof(mailer), "%s", stage_file(p, ".mailer"));
	r->flags |= RUN_MAIL;
	r->flags &= ~(uint32_t)(RUN_TASK | RUN_TREE);
	r->mailer = mailer;
	r->mail_to = "tester";
}

static void test_hooks(void **state)
{
	struct player *p = *state;
	struct run r = hooked("hook-1-1", "echo job");
	char script[256];
	struct outcome o;

	snprintf(script, sizeof(script), "#!/bin/sh\ncat >%s.new\nmv %s.new %s\n", stage_file(p, "mail"),
		stage_file(p, "mail"), stage_file(p, "mail"));
	stage_mailer(p, script);
	mailed(p, &r);
	o = run_as(p, &r, RESULT_OK);
	stage_assert_output(&o, "pre\njob\n");
	assert_mailed(p, "\n\npre\njob\nsuccess ok 0\npost ok 0\n");
	r = hooked("hook-2-1", "exit 3");
	mailed(p, &r);
	o = run_as(p, &r, RESULT_EXIT);
	assert_mailed(p, "\n\npre\nfailure exit 3\npost exit 3\n");
	r = hooked("hook-3-1", "kill -KILL $$");
	mailed(p, &r);
	r.dress.on_failure = "sleep 0.01; " SAYS("late") "; exit 9";
	o = run_as(p, &r, RESULT_SIGNAL);
	assert_mailed(p, "\n\npre\nlate signal KILL\npost signal KILL\n");
	assert_true(stage_log_says(p, "(tester) ERROR (hook-3-1: on-failure: exit status 9)", SOON_MS));
	/* what never starts fails, too */
	r = hooked("hook-4-1", "true");
	mailed(p, &r);
	r.words = LIST("/nosuchprogram");
	r.argv_only = true;
	run_as(p, &r, RESULT_SPAWN);
	assert_mailed(p, "failure spawn\npost spawn\n");
}

static void test_pre_fails(void **state)
{
	struct player *p = *state;
	struct run r = hooked("pre-1-1", "echo job");
	struct outcome o;

	r.dress.pre = "echo no; exit 4";
	r.dress.post = "echo after >&2; touch after";
	r.dir = p->dir;
	o = run_as(p, &r, RESULT_SKIPPED);
	assert_string_equal(o.reason, "pre: exit status 4");
	stage_assert_output(&o, "no\n");
	assert_int_equal(access(stage_file(p, "after"), F_OK), 0);
	unlink(stage_file(p, "after"));
	/* its time is the run's, and its tree ends with it */
	r = hooked("pre-2-1", "echo job");
	r.dress.pre = "trap '' TERM; (setsid sleep 4711) & sleep 4711";
	r.timeout_ms = 200;
	r.kill_after_ms = 100;
	o = run_as(p, &r, RESULT_TIMEOUT);
	assert_string_equal(o.reason, "pre: ran longer than 200 ms");
	assert_int_equal(stage_processes("4711"), 0);
	r = hooked("pre-3-1", "sleep 4712");
	r.dress.pre = "sleep 0.3";
	r.timeout_ms = 500;
	o = run_as(p, &r, RESULT_TIMEOUT);
	assert_in_range(o.took_ns / 1000000, 490, 500 + SOON_MS);
	/* that it cannot begin is no word of its own */
	r = hooked("pre-4-1", "true");
	r.dir = "/nowhere";
	r.flags |= RUN_CHDIR_MUST;
	o = run_as(p, &r, RESULT_SPAWN);
	assert_string_equal(o.reason, "pre: cannot enter directory /nowhere: No such file or directory");
}

/* Once it is the same twice: while the job begins its keeper still closes some. */
#define OPEN_NOW \
	"now() { ls -l /proc/$PPID/fd 2>/dev/null | sed -n 's/.* \\([0-9]* -> [^:]*\\).*/\\1/p' | " \
	"sed 's,[^/]*/run$,run,'; }; a=$(now); " \
	"while sleep 0.1; b=$(now); [ \"$a\" != \"$b\" ]; do a=$b; done; echo \"$b\""

static void send_pre_fails(struct player *p, const char *id, const char *pre)
{
	struct run r = hooked(id, "true");

	r.dress.pre = pre;
	assert_int_equal(player_send(p, &r), 0);
}

/* Some runs that never begin and one that does, in the same keeper: the last one's outcome.
 * False: another keeper was quicker. */
static bool after_refused(struct player *p, int round, struct outcome *o)
{
	const uint32_t most = STARTS_PER_CPU * (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	char ids[4][32];
	pid_t keeper;
	struct run r;

	for (int i = 0; i < 4; i++)
		snprintf(ids[i], sizeof(ids[i]), "left-%d-%d", round, i + 1);
	kill(p->launcher, SIGSTOP);
	r = hooked(ids[0], "true"); /* refused before anything is prepared */
	r.notify = "/nowhere/socket";
	r.watchdog_ms = 1000;
	assert_int_equal(player_send(p, &r), 0);
	send_pre_fails(p, ids[1], "sleep 0.2; false");
	atomic_store(&p->shared->starting, most - 1); /* no more than one keeper may start */
	kill(p->launcher, SIGCONT);
	assert_true(player_report(p, REPORT_ENDED, ids[0], SOON_MS));
	keeper = p->keeper_pid;
	kill(p->launcher, SIGSTOP);
	send_pre_fails(p, ids[2], "false");
	r = player_run(ids[3], OPEN_NOW);
	assert_int_equal(player_send(p, &r), 0);
	poll(NULL, 0, 300);
	kill(p->launcher, SIGCONT);
	assert_true(player_report(p, REPORT_ENDED, ids[3], SOON_MS));
	assert_int_equal(player_outcome(p, ids[3], o), 0);
	return p->keeper_pid == keeper;
}

/* What never began leaves nothing open in its keeper, and closes nothing of it. */
static void test_refused_leave_nothing(void **state)
{
	struct player *p = *state;
	struct run r = player_run("fresh-1-1", OPEN_NOW);
	struct outcome o = run_as(p, &r, RESULT_OK);
	char fresh[OUTCOME_TAIL + 1];
	int round = 1;

	snprintf(fresh, sizeof(fresh), "%.*s", (int)o.stdout_tail.n, o.stdout_tail.s);
	assert_memory_equal(fresh, "0 -> ", 5);
	while (!after_refused(p, round, &o))
		assert_true(round++ < 10);
	stage_assert_output(&o, fresh);
}

/* One behind the job that does not end is ended; the run lasts until then. */
static void test_post_hangs(void **state)
{
	struct player *p = *state;
	struct run r = hooked("post-1-1", "true");

	r.dress.on_success = NULL;
	r.dress.post = "trap '' TERM; (setsid sleep 4713) & sleep 4713";
	r.timeout_ms = 200;
	r.kill_after_ms = 50;
	run_as(p, &r, RESULT_OK);
	assert_int_equal(stage_processes("4713"), 0);
	assert_true(stage_log_says(p, "(post-1-1: post: ran longer than 200 ms)", SOON_MS));
}

/* At shutdown only what tidies up, and not for long. */
static void test_shutdown(void **state)
{
	struct player *p = *state;
	struct run r = hooked("down-1-1", "touch up; sleep 4714");
	struct outcome o;

	r.dir = p->dir;
	r.dress.on_failure = "touch failure";
	r.dress.post = "touch post; sleep 4714";
	r.kill_after_ms = 100;
	assert_int_equal(player_send(p, &r), 0);
	assert_true(player_report(p, REPORT_TAKEN, r.id, SOON_MS));
	stage_file_wait(stage_file(p, "up"), 0);
	kill(p->keeper_pid, SIGTERM);
	assert_true(player_report(p, REPORT_ENDED, r.id, SOON_MS));
	assert_int_equal(player_outcome(p, r.id, &o), 0);
	assert_int_equal(o.result, RESULT_KILLED);
	assert_int_equal(access(stage_file(p, "post"), F_OK), 0);
	assert_int_equal(access(stage_file(p, "failure"), F_OK), -1);
	assert_int_equal(stage_processes("4714"), 0);
	unlink(stage_file(p, "post"));
	unlink(stage_file(p, "up"));
}

/* A scheduler that comes back says again what it has said before: that is done, and the
 * hooks are no part of it. */
static void test_stopped(void **state)
{
	struct player *p = *state;
	struct run r = hooked("stop-1-1", "sleep 60");
	struct stop_order order;
	struct buf b = { 0 };
	struct outcome o;

	r.dir = p->dir;
	r.dress.on_failure = "touch failing; while ! test -e go; do sleep 0.02; done; touch failed";
	assert_int_equal(player_send(p, &r), 0);
	assert_true(player_report(p, REPORT_TAKEN, r.id, SOON_MS));
	stop_order_set(&order, STOP_PERSON, "uid 7 (x)");
	stop_order_encode(&order, &b);
	assert_int_equal(rundir_write(p->runs, r.id, RUNDIR_STOP, &b), 0);
	buf_free(&b);
	kill(p->keeper_pid, LAUNCH_LOOK);
	stage_file_wait(stage_file(p, "failing"), 0);
	kill(p->keeper_pid, LAUNCH_LOOK);
	usleep(100000);
	write_file(stage_file(p, "go"), "");
	assert_true(player_report(p, REPORT_ENDED, r.id, SOON_MS));
	assert_int_equal(player_outcome(p, r.id, &o), 0);
	assert_int_equal(o.result, RESULT_KILLED);
	assert_int_equal(access(stage_file(p, "failed"), F_OK), 0);
	assert_null(strstr(stage_log(p), "ERROR"));
	unlink(stage_file(p, "failing"));
	unlink(stage_file(p, "go"));
	unlink(stage_file(p, "failed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_put_on),
		STAGE_TEST(test_refused),
		STAGE_TEST(test_success_exit),
		STAGE_TEST(test_env_file),
		STAGE_TEST(test_hooks),
		STAGE_TEST(test_pre_fails),
		STAGE_TEST(test_refused_leave_nothing),
		STAGE_TEST(test_post_hangs),
		STAGE_TEST(test_shutdown),
		STAGE_TEST(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
