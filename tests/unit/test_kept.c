/* test_kept: what is kept of real runs: their logs, directories of artifacts, and what of earlier
 * runs goes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/core/logpath.h"
#include "tests/unit/stage.h"

enum { NOBODY = 65534 };

static char top[64]; /* where logs are: not in the player's directory, which is root's */

static int kept_setup(void **state)
{
	snprintf(top, sizeof(top), "/tmp/cronward-kept-XXXXXX");
	if (!mkdtemp(top) || chmod(top, 0755) < 0)
		return -1;
	return stage_setup(state);
}

static int kept_teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) == 0 ? stage_teardown(state) : -1;
}

static struct run logged(const char *id, const char *command, const char *log)
{
	struct run r = player_run(id, command);

	r.job = "gold";
	r.dress.given = DRESS_ON;
	r.dress.log_dir = top;
	r.dress.log = log;
	r.flags |= RUN_TASK | RUN_TREE | RUN_TRUSTED;
	if (geteuid() == 0) {
		r.uid = r.gid = NOBODY;
		r.flags |= RUN_IDENTITY;
	}
	return r;
}

static char *one_path(const char *pattern)
{
	static char path[256];
	char full[256];
	glob_t g = { 0 };

	snprintf(full, sizeof(full), "%s/%s", top, pattern);
	if (glob(full, 0, NULL, &g) != 0 || g.gl_pathc != 1)
		print_message("%s: %zu of them\n", full, (size_t)g.gl_pathc);
	assert_int_equal(g.gl_pathc, 1);
	snprintf(path, sizeof(path), "%s", g.gl_pathv[0]);
	globfree(&g);
	return path;
}

/* The first of it, valid until the next call. */
static const char *content(const char *pattern)
{
	static char text[65536];
	int fd = open(one_path(pattern), O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void assert_file(const char *pattern, const char *text)
{
	assert_string_equal(content(pattern), text);
}

/* A sanitizer's own lines may stand in between. */
static void assert_file_around(const char *pattern, const char *first, const char *last)
{
	const char *text = content(pattern);

	assert_memory_equal(text, first, strlen(first));
	assert_true(strlen(text) >= strlen(last));
	assert_string_equal(text + strlen(text) - strlen(last), last);
}

static void assert_mine(const char *path, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	if (geteuid() == 0)
		assert_int_equal(st.st_uid, NOBODY);
}

static void test_log(void **state)
{
	struct player *p = *state;
	struct run r = logged("gold-1-1", "echo out; sleep 0.05; echo err >&2; sleep 0.05; echo end",
		"gold/" LOGPATH_DEFAULT);
	char link[256] = "", path[256];

	struct outcome o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_OK);
	assert_string_equal(o.log, one_path("gold/[0-9]*/[0-9]*/[0-9]*-gold-1-1.log"));
	assert_file("gold/[0-9]*/[0-9]*/[0-9]*-gold-1-1.log", "out\nstderr: err\nend\n");
	snprintf(path, sizeof(path), "%s", one_path("gold/[0-9]*/[0-9]*/[0-9]*-gold-1-1.log"));
	assert_mine(path, 0640);
	assert_mine(one_path("gold/[0-9]*/[0-9]*"), 0750);
	assert_mine(one_path("gold"), 0750);
	assert_true(readlink(one_path("gold/latest"), link, sizeof(link) - 1) > 0);
	assert_string_equal(link, path + strlen(top) + strlen("/gold/"));
	/* one that never starts has a log that says so */
	r = logged("gold-2-1", "true", "gold/out.log");
	r.dir = "/nosuchdir";
	r.flags |= RUN_CHDIR_MUST;
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_SPAWN);
	assert_string_equal(o.log, one_path("gold/out.log"));
	assert_file_around("gold/out.log", "stderr: crond: cannot enter directory /nosuchdir: "
		"No such file or directory\n", "\n");
	/* a name that is there is written on, and one that is being written to is left alone */
	r = logged("gold-3-1", "echo more", "gold/out.log");
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	snprintf(path, sizeof(path), "%s", one_path("gold/out.log"));
	r = logged("gold-4-1", "echo mine", "gold/out.log");
	int fd = open(path, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_OK);
	close(fd);
	assert_string_equal(o.log, one_path("gold/out.log.gold-4-1"));
	assert_file_around("gold/out.log", "stderr: crond: cannot", "\nmore\n");
	assert_file("gold/out.log.gold-4-1", "mine\n");
}

/* Who takes a dead keeper's run in names the same files. */
static void assert_lost_finds(const struct run *r, const struct outcome *o)
{
	struct buf log = { 0 }, artifacts = { 0 };
	time_t at = (time_t)(o->started_ns / 1000000000);
	struct tm tm;

	localtime_r(&at, &tm);
	logpath_of_lost(r, o->started_ns, (int32_t)tm.tm_gmtoff, &log, &artifacts);
	assert_string_equal(buf_text(&log), o->log);
	assert_string_equal(buf_text(&artifacts), o->artifacts);
	buf_free(&log);
	buf_free(&artifacts);
}

static void test_lost_finds(void **state)
{
	struct player *p = *state;
	struct run r = logged("gold-1-1", "echo x", "gold/" LOGPATH_DEFAULT);
	struct buf log = { 0 }, artifacts = { 0 };
	struct outcome o = stage_run(p, &r);
	char path[256];

	snprintf(path, sizeof(path), "%s/gold/artifacts/gold-1-1", top);
	o.artifacts = path; /* nothing was in it */
	r.dress.given |= DRESS_ARTIFACTS;
	r.dress.home = "gold";
	assert_lost_finds(&r, &o);
	r.dress.log = "/a/%i";
	r.dress.given = DRESS_ON;
	logpath_of_lost(&r, o.started_ns, 0, &log, &artifacts);
	assert_string_equal(buf_text(&log), "/a/gold-1-1");
	assert_int_equal(artifacts.len, 0);
	buf_free(&log);
	buf_free(&artifacts);
}

/* A job runs without its log, and the log of the system says once why. */
static void test_no_log(void **state)
{
	struct player *p = *state;
	struct run r = logged("gold-1-1", "echo runs", "gold/x.log");
	char path[256];

	snprintf(path, sizeof(path), "%s/gold", top);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	assert_true(stage_log_says(p, "(tester) ERROR (gold-1-1: log ", SOON_MS));
	unlink(path);
	r = logged("gold-2-1", "true", "/dev/null");
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	assert_true(stage_log_says(p, "(gold-2-1: log /dev/null: No such device or address)", SOON_MS));
	r = logged("gold-3-1", "true", "/tmp/nowhere.log");
	r.flags &= ~(uint32_t)RUN_TRUSTED;
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	assert_true(stage_log_says(p, "gold-3-1: log /tmp/nowhere.log: Operation not permitted", SOON_MS));
}

/* Who has that file open. */
static pid_t holder(const char *path)
{
	char link[512];
	pid_t pid = 0;
	glob_t g = { 0 };

	glob("/proc/[0-9]*/fd/*", 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc && !pid; i++) {
		ssize_t n = readlink(g.gl_pathv[i], link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		if (strcmp(link, path) == 0)
			pid = atoi(g.gl_pathv[i] + strlen("/proc/"));
	}
	globfree(&g);
	return pid;
}

/* Who writes the log stands still, as it would in a call to a dead disk: the run does not. */
static void test_dead_disk(void **state)
{
	struct player *p = *state;
	char command[256] = "", path[256];
	struct run r = logged("gold-1-1", command, "gold/log");
	struct outcome o;
	pid_t scribe = 0;

	snprintf(command, sizeof(command), "echo first; while ! test -e %s/go; do sleep 0.02; done;"
		" seq 200000; sleep 0.1; echo last >&2", top);
	assert_int_equal(player_send(p, &r), 0);
	snprintf(path, sizeof(path), "%s/gold/log", top);
	for (int ms = 0; ms < SOON_MS && !scribe; ms += 10, usleep(10000))
		scribe = access(path, F_OK) == 0 ? holder(path) : 0;
	assert_true(scribe > 0);
	assert_int_equal(kill(scribe, SIGSTOP), 0);
	snprintf(path, sizeof(path), "%s/go", top);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_true(player_report(p, REPORT_ENDED, "gold-1-1", 3 * SOON_MS));
	assert_int_equal(player_outcome(p, "gold-1-1", &o), 0);
	assert_int_equal(o.result, RESULT_OK);
	assert_int_equal(o.output_bytes, 6 + 1288895 + 5);
	assert_true(slice_is(o.stderr_tail, "last\n"));
	snprintf(path, sizeof(path), "(gold-1-1: log gold/log: %s)", strerror(ETIMEDOUT));
	assert_true(stage_log_says(p, path, SOON_MS));
	assert_int_equal(kill(scribe, SIGCONT), 0);
	for (int ms = 0; ms < SOON_MS && kill(scribe, 0) == 0 && holder(one_path("gold/log")); ms += 10)
		usleep(10000);
	assert_memory_equal(content("gold/log"), "first\n1\n2\n", 10);
}

/* A child of the keeper ends while it waits for its scribe: it goes on waiting, and nothing is lost. */
static void test_a_child_ends_while_it_waits(void **state)
{
	struct player *p = *state;
	char command[256] = "", path[256];
	struct run r = logged("gold-1-1", command, "gold/log");
	struct stat st;
	pid_t scribe = 0;

	snprintf(command, sizeof(command), "while ! test -e %s/go; do sleep 0.02; done; seq 200000", top);
	assert_int_equal(player_send(p, &r), 0);
	assert_true(player_report(p, REPORT_TAKEN, "gold-1-1", SOON_MS));
	snprintf(path, sizeof(path), "%s/gold/log", top);
	for (int ms = 0; ms < SOON_MS && !scribe; ms += 10, usleep(10000))
		scribe = access(path, F_OK) == 0 ? holder(path) : 0;
	assert_true(scribe > 0);
	assert_int_equal(kill(scribe, SIGSTOP), 0);
	snprintf(path, sizeof(path), "%s/go", top);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	usleep(200 * 1000);
	assert_int_equal(kill(p->keeper_pid, SIGCHLD), 0);
	usleep(50 * 1000);
	assert_int_equal(kill(scribe, SIGCONT), 0);
	assert_true(player_report(p, REPORT_ENDED, "gold-1-1", 3 * SOON_MS));
	assert_int_equal(stat(one_path("gold/log"), &st), 0);
	assert_int_equal(st.st_size, 1288895);
}

/* Links are the user's to place, and lead where his rights do. */
static void test_rights(void **state)
{
	struct player *p = *state;
	struct run r = logged("gold-1-1", "echo x", "gold/a/secret.log");
	char path[256], secret[128];
	struct stat st;

	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		skip();
	}
	snprintf(secret, sizeof(secret), "%s/secret.log", p->dir); /* root's, 0700 above it */
	close(open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
	snprintf(path, sizeof(path), "%s/gold", top);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	snprintf(path, sizeof(path), "%s/gold/a", top);
	assert_int_equal(symlink(p->dir, path), 0);
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	assert_true(stage_log_says(p, "gold-1-1: log ", SOON_MS));
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_size, 0);
	/* of a user's own file: below root's directory of users, where nobody takes another's place */
	r = logged("gold-2-1", "echo x", "users/tester/gold/y.log");
	r.flags &= ~(uint32_t)RUN_TRUSTED;
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	assert_file("users/tester/gold/y.log", "x\n");
	assert_int_equal(stat(one_path("users"), &st), 0);
	assert_true(st.st_uid == 0 && (st.st_mode & 07777) == 0755);
	assert_mine(one_path("users/tester"), 0750);
	/* where root's place is not root's alone nothing is put */
	assert_int_equal(chmod(top, 0777), 0);
	r = logged("gold-3-1", "echo x", "other/z.log");
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	assert_true(stage_log_says(p, "gold-3-1: log ", SOON_MS));
	snprintf(path, sizeof(path), "%s/other", top);
	assert_int_equal(access(path, F_OK), -1);
	unlink(secret);
}

static struct run with_artifacts(const char *id, const char *command)
{
	struct run r = logged(id, command, NULL);

	r.dress.given |= DRESS_ARTIFACTS;
	r.dress.home = "gold";
	return r;
}

static void test_artifacts(void **state)
{
	struct player *p = *state;
	struct run r = with_artifacts("gold-1-1", "test -d $CRON_ARTIFACTS && pwd && stat -c %a $CRON_ARTIFACTS");
	char path[256];
	struct outcome o = stage_run(p, &r);

	assert_int_equal(o.result, RESULT_OK);
	stage_assert_output(&o, "/\n700\n");
	assert_null(o.artifacts);
	snprintf(path, sizeof(path), "%s/gold/history", top); /* nothing was in it */
	assert_int_equal(access(path, F_OK), -1);
	r = with_artifacts("gold-2-1", "mkdir $CRON_ARTIFACTS/d; echo x >$CRON_ARTIFACTS/d/file");
	r.dress.post = "echo y >$CRON_ARTIFACTS/post"; /* it is there for hooks, too */
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_OK);
	assert_string_equal(o.artifacts, one_path("gold/history/[0-9]*/[0-9]*_[0-9]*"));
	assert_file("gold/history/[0-9]*/[0-9]*_[0-9]*/d/file", "x\n");
	assert_file("gold/history/[0-9]*/[0-9]*_[0-9]*/post", "y\n");
	assert_mine(one_path("gold/history/[0-9]*/[0-9]*_[0-9]*"), 0700);
	/* one that is removed, or put elsewhere, by the job itself is no error */
	r = with_artifacts("gold-3-1", "rmdir $CRON_ARTIFACTS");
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	assert_null(strstr(stage_log(p), "ERROR"));
	/* without the directory that it asks for it does not run */
	snprintf(path, sizeof(path), "%s/gold/artifacts/gold-4-1", top);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	r = with_artifacts("gold-4-1", "true");
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_SPAWN);
	snprintf(path, sizeof(path), "cannot make the directory of artifacts %s/gold/artifacts/gold-4-1: "
		"File exists", top);
	assert_string_equal(o.reason, path);
}

static void plant(const char *path)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && mkdir -p \"$(dirname %s)\" && echo x >%s && "
		"if test $(id -u) = 0; then chown -R %d:%d .; chown 0:0 .; fi", top, path, path, NOBODY, NOBODY);
	assert_int_equal(system(command), 0);
}

static bool there(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return access(path, F_OK) == 0;
}

static void test_retention(void **state)
{
	struct player *p = *state;
	struct run r = logged("gold-9-1", "echo now", "gold/" LOGPATH_DEFAULT);
	char used[256];
	int lock;

	plant("gold/200001/02/030405-gold-946782245-1.log");
	plant("gold/200001/02/030405-silver-946782245-1.log"); /* another job's */
	plant("gold/200001/03/notes.txt");
	plant("gold/200002/01/000000-gold-949363200-1.log");
	plant("gold/209901/02/030405-gold-4071006245-1.log");
	plant("gold/209901/02/030406-gold-4071006246-1.log");
	plant("gold/history/200001/02_030405/deep/file");
	plant("gold/history/200001/02_030405_2/file");
	plant("gold/history/200001/02_0304/file");
	plant("gold/artifacts/gold-1046782245-1/deep/file"); /* whose keepers were killed */
	plant("gold/artifacts/gold-1046782246-1/file");
	plant("gold/artifacts/gold-4071006245-1/file");
	plant("gold/artifacts/silver-1046782245-1/file");
	snprintf(used, sizeof(used), "%s/gold/artifacts/gold-1046782246-1", top);
	lock = open(used, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(lock, LOCK_SH), 0); /* as one that lasts */
	r.dress.given |= DRESS_ARTIFACTS;
	r.dress.home = "gold";
	r.dress.retention_ms = UINT64_C(86400000);
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	for (int ms = 0; ms < SOON_MS && there("gold/artifacts/gold-1046782245-1"); ms += 10)
		usleep(10000);
	assert_false(there("gold/200001/02/030405-gold-946782245-1.log"));
	assert_true(there("gold/200001/02/030405-silver-946782245-1.log"));
	assert_true(there("gold/200001/03/notes.txt"));
	assert_false(there("gold/200002")); /* it was the last one there */
	assert_true(there("gold/209901/02/030405-gold-4071006245-1.log"));
	assert_false(there("gold/history/200001/02_030405"));
	assert_false(there("gold/history/200001/02_030405_2"));
	assert_true(there("gold/history/200001/02_0304/file"));
	assert_false(there("gold/artifacts/gold-1046782245-1"));
	assert_true(there("gold/artifacts/gold-1046782246-1/file"));
	assert_true(there("gold/artifacts/gold-4071006245-1/file"));
	assert_true(there("gold/artifacts/silver-1046782245-1/file"));
	close(lock);
	assert_file("gold/[0-9]*/[0-9]*/[0-9]*-gold-9-1.log", "now\n");
	/* by number: the newest stay, whatever their age */
	r = logged("gold-10-1", "echo now", "gold/" LOGPATH_DEFAULT);
	r.dress.retention_count = 2;
	assert_int_equal(stage_run(p, &r).result, RESULT_OK);
	for (int ms = 0; ms < SOON_MS && there("gold/latest") && access(one_path("gold/latest"), F_OK) == 0;
		ms += 10)
		usleep(10000);
	assert_true(there("gold/209901/02/030405-gold-4071006245-1.log"));
	assert_true(there("gold/209901/02/030406-gold-4071006246-1.log"));
	assert_true(there("gold/200001/02/030405-silver-946782245-1.log"));
}

#define KEPT_TEST(f) cmocka_unit_test_setup_teardown(f, kept_setup, kept_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEPT_TEST(test_log),
		KEPT_TEST(test_lost_finds),
		KEPT_TEST(test_no_log),
		KEPT_TEST(test_dead_disk),
		KEPT_TEST(test_a_child_ends_while_it_waits),
		KEPT_TEST(test_rights),
		KEPT_TEST(test_artifacts),
		KEPT_TEST(test_retention),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
