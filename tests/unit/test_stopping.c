/* test_stopping: runs that are stopped by order, through the real launcher.
 * CRONWARD_LAUNCHER names the program; crond/crond-launcher where it is not set. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/cgroup.h"
#include "crond/core/stop_order.h"
#include "crond/crond.h"
#include "crond/rundir.h"
#include "crond/tree.h"
#include "tests/unit/nasty.h"
#include "tests/unit/stage.h"

/* --- orders */

static void test_order(void **state)
{
	struct stop_order o, again;
	struct buf b = { 0 };
	char said[256];

	(void)state;
	stop_order_set(&o, STOP_PERSON, "uid 1000 (al\nice)");
	stop_order_encode(&o, &b);
	assert_string_equal(buf_text(&b) ? b.data : "", "person uid 1000 (al ice)\n");
	assert_int_equal(stop_order_decode(&again, (struct slice){ b.data, b.len }), 0);
	assert_int_equal(again.why, STOP_PERSON);
	stop_order_say(&again, said, sizeof(said));
	assert_string_equal(said, "stopped by hand: uid 1000 (al ice)");
	assert_int_equal(stop_order_decode(&again, (struct slice){ b.data, b.len - 1 }), -1);
	assert_int_equal(stop_order_decode(&again, slice_of("")), -1);
	assert_int_equal(stop_order_decode(&again, slice_of("none \n")), -1);
	assert_int_equal(stop_order_decode(&again, slice_of("whim x\n")), -1);
	assert_int_equal(stop_order_decode(&again, slice_of("replace \n")), 0);
	stop_order_say(&again, said, sizeof(said));
	assert_string_equal(said, "replaced by a later start");
	buf_free(&b);
}

static void order(struct player *p, const char *id, enum stop_reason why, const char *text)
{
	struct stop_order o;
	struct buf b = { 0 };

	stop_order_set(&o, why, text);
	stop_order_encode(&o, &b);
	assert_int_equal(rundir_write(p->runs, id, RUNDIR_STOP, &b), 0);
	buf_free(&b);
	kill(p->keeper_pid, LAUNCH_LOOK);
}

static void begin(struct player *p, const struct run *r)
{
	assert_int_equal(player_send(p, r), 0);
	assert_true(player_report(p, REPORT_TAKEN, r->id, SOON_MS));
}

static struct outcome end(struct player *p, const char *id)
{
	struct outcome o = { 0 };

	assert_true(player_report(p, REPORT_ENDED, id, SOON_MS));
	assert_int_equal(player_outcome(p, id, &o), 0);
	return o;
}

/* An order holds for its own run; told twice it is no more hurried than told once. */
static void test_stopped_by_order(void **state)
{
	struct player *p = *state;
	struct run r = player_run("ordered-1-1", "");
	struct outcome o;
	char command[256];

	snprintf(command, sizeof(command), "trap 'sleep 0.3; exit 9' TERM; echo up >%s/.up; sleep 60 & wait", p->dir);
	r.command = command;
	begin(p, &r);
	stage_file_wait(stage_file(p, ".up"), 3);
	kill(p->keeper_pid, LAUNCH_LOOK); /* there is no order: nothing comes of it */
	poll(NULL, 0, 100);
	order(p, r.id, STOP_PERSON, "uid 7 (x)");
	poll(NULL, 0, 50);
	kill(p->keeper_pid, LAUNCH_LOOK);
	o = end(p, r.id);
	unlink(stage_file(p, ".up"));
	assert_int_equal(o.result, RESULT_KILLED);
	assert_int_equal(o.stopped, STOP_PERSON);
	assert_string_equal(o.reason, "stopped by hand: uid 7 (x)");
	assert_int_equal(o.exit_code, -1);
	assert_int_equal(o.signal, 0); /* it ended by itself when it was asked to */
	r = player_run("ordered-2-1", "sleep 60");
	begin(p, &r);
	order(p, r.id, STOP_WATCHDOG, "3 of 10 s");
	o = end(p, r.id);
	assert_int_equal(o.result, RESULT_WATCHDOG);
	assert_int_equal(o.stopped, STOP_WATCHDOG);
	assert_string_equal(o.reason, "no heartbeat: 3 of 10 s");
	/* where there was no room for the order's file */
	r = player_run("ordered-3-1", "sleep 60");
	begin(p, &r);
	kernel_signal_value(-1, p->keeper_pid, LAUNCH_SIGNAL,
		run_signal_value("ordered-2-1", RUN_SIGNAL_STOP + STOP_SHUTDOWN));
	kernel_signal_value(-1, p->keeper_pid, LAUNCH_SIGNAL,
		run_signal_value(r.id, RUN_SIGNAL_STOP + STOP_PERSON));
	o = end(p, r.id);
	assert_int_equal(o.stopped, STOP_PERSON);
	assert_string_equal(o.reason, "stopped by hand");
}

static void test_signal_handed_on(void **state)
{
	struct player *p = *state;
	struct run r = player_run("signal-1-1", "");
	struct outcome o;
	char command[256];

	snprintf(command, sizeof(command), "trap 'echo hup' HUP; trap 'echo usr; exit 3' USR1;"
		" echo up | tee %s/.up; while :; do sleep 0.05; done", p->dir);
	r.command = command;
	begin(p, &r);
	stage_file_wait(stage_file(p, ".up"), 3);
	/* one that is meant for another run, one that is nobody's, and the right ones */
	kernel_signal_value(-1, p->keeper_pid, LAUNCH_SIGNAL, run_signal_value("other-1-1", SIGKILL));
	kill(p->keeper_pid, LAUNCH_SIGNAL);
	kernel_signal_value(-1, p->keeper_pid, LAUNCH_SIGNAL, run_signal_value(r.id, SIGHUP));
	poll(NULL, 0, 200);
	kernel_signal_value(p->keeper_pidfd, p->keeper_pid, LAUNCH_SIGNAL, run_signal_value(r.id, SIGUSR1));
	o = end(p, r.id);
	unlink(stage_file(p, ".up"));
	assert_int_equal(o.result, RESULT_EXIT);
	assert_int_equal(o.exit_code, 3);
	assert_int_equal(o.stopped, STOP_NONE);
	stage_assert_output(&o, "up\nhup\nusr\n");
}

/* --- the end of a tree that does all it can: this program, called as --nasty MARKER */

enum { TIMEOUT_MS = 600, KILL_AFTER_MS = 200 };

static struct run nasty_run(const char *id, char marker[64])
{
	static char command[PATH_MAX + 128], self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct run r;

	assert_true(n > 0);
	self[n] = '\0';
	snprintf(marker, 64, "nasty-%d-%s", (int)getpid(), id);
	snprintf(command, sizeof(command), "exec '%s' --nasty %s", self, marker);
	r = player_run(id, command);
	r.timeout_ms = TIMEOUT_MS;
	r.kill_after_ms = KILL_AFTER_MS;
	r.flags |= RUN_TREE;
	return r;
}

/* All of it is there before its time is over; more time for a machine on which it was not. */
static void nasty_begin(struct player *p, struct run *r, const char *marker)
{
	static char id[32];

	for (int up = 0, n = 1; up < 5; n++) {
		if (n > 1) {
			end(p, r->id);
			r->timeout_ms *= 4;
			assert_true(r->timeout_ms < 60000);
			snprintf(id, sizeof(id), "nasty-%d-%d", n * 100, n);
			r->id = id;
		}
		begin(p, r);
		while ((up = stage_processes(marker)) < 5 && !rundir_has_outcome(p->runs, r->id))
			poll(NULL, 0, 10);
	}
}

/* It was stopped in its time: a second later nothing is there, or where the machine may stand
 * still a while later. */
static void nasty_in_time(const struct run *r, const struct outcome *o)
{
	uint64_t least = r->timeout_ms + KILL_AFTER_MS;

	assert_int_equal(o->result, RESULT_TIMEOUT);
	assert_in_range(o->took_ns / 1000000, least, least + 1000 + 4000 * (stage_slowness() - 1));
}

/* Nothing of it is left, whatever the test found. */
static int nasty_teardown(void **state)
{
	char all[64];

	snprintf(all, sizeof(all), "nasty-%d-", (int)getpid());
	for (int i = 0; i < 5000 && stage_processes_signal(all, SIGKILL); i++)
		;
	return stage_teardown(state);
}

#define NASTY_TEST(f) cmocka_unit_test_setup_teardown(f, stage_setup, nasty_teardown)

static void none_left(const char *marker)
{
	assert_int_equal(stage_processes(marker), 0);
	poll(NULL, 0, 50);
	assert_int_equal(stage_processes(marker), 0);
}

static void nasty_ends(struct player *p, struct run *r, const char *marker)
{
	struct outcome o;

	nasty_begin(p, r, marker);
	o = end(p, r->id);
	nasty_in_time(r, &o);
	assert_int_equal(o.signal, SIGKILL);
	stage_assert_output(&o, "up\n");
	assert_true(o.cpu_us > 0);
	none_left(marker);
}

static void test_nasty_tree(void **state)
{
	char marker[64];
	struct run r = nasty_run("nasty-1-1", marker);

	nasty_ends(*state, &r, marker);
}

/* Where scheduler and launcher are gone, keepers go on. */
static void test_nasty_tree_alone(void **state)
{
	struct player *p = *state;
	char marker[64];
	struct run r = nasty_run("nasty-2-1", marker);
	struct outcome o;

	nasty_begin(p, &r, marker);
	kill(p->launcher, SIGKILL);
	close(p->report);
	close(p->report_theirs);
	p->report = p->report_theirs = -1;
	assert_int_equal(poll(&(struct pollfd){ .fd = p->keeper_pidfd, .events = POLLIN }, 1, SOON_MS), 1);
	assert_int_equal(player_outcome(p, r.id, &o), 0);
	nasty_in_time(&r, &o);
	none_left(marker);
}

/* --- cgroups: of this machine where it lets us, and otherwise in what looks like one */

/* A cgroup for this test's own; NULL, after saying why, where none can be had. */
static const char *cgroup_room(void)
{
	static struct crond c;
	static char room[PATH_MAX + 32];

	cgroup_place(&c);
	snprintf(room, sizeof(room), "%s/cronward-test-%d", c.cgroup, (int)getpid());
	if (c.cgroup[0] && mkdir(room, 0755) == 0)
		return room;
	print_message("no cgroup can be made here (%s): the way without is tested\n",
		c.cgroup[0] ? strerror(errno) : "none that we may write to");
	return NULL;
}

static void test_nasty_tree_in_cgroup(void **state)
{
	const char *room = cgroup_room();
	char marker[64], own[PATH_MAX + 64];
	struct run r = nasty_run("nasty-3-1", marker);

	r.cgroup = room ? room : "/nonexistent"; /* it does without: none of its limits is asked for */
	nasty_ends(*state, &r, marker);
	if (!room)
		return;
	snprintf(own, sizeof(own), "%s/%s", room, r.id);
	for (int ms = 0; ms < SOON_MS && access(own, F_OK) == 0; ms += 10)
		poll(NULL, 0, 10);
	assert_int_equal(rmdir(room), 0); /* it has left nothing */
}

/* Its keeper is killed: its cgroup and its session tell who belongs to it. */
static void test_nasty_orphan(void **state)
{
	struct player *p = *state;
	const char *room = cgroup_room();
	char marker[64];
	struct run r = nasty_run("nasty-4-1", marker);
	struct run_progress progress;
	struct tree tree;
	struct buf b = { 0 };

	r.cgroup = room ? room : "/nonexistent";
	r.flags |= RUN_PARENT_DEATH;
	r.timeout_ms = 60000;
	nasty_begin(p, &r, marker);
	assert_int_equal(rundir_read(p->runs, r.id, "run", &b), 0);
	assert_int_equal(run_progress_decode(&progress, (struct slice){ b.data, b.len }, NULL), 0);
	kill(p->keeper_pid, SIGKILL);
	assert_int_equal(poll(&(struct pollfd){ .fd = p->keeper_pidfd, .events = POLLIN }, 1, SOON_MS), 1);
	for (int ms = 0; ms < SOON_MS && kill(progress.job_pid, 0) == 0; ms += 10)
		poll(NULL, 0, 10); /* by itself */
	assert_true(stage_processes(marker) > 0);
	tree = (struct tree){ progress.job_pid, cgroup_find(&r) };
	assert_int_equal(tree.cgroup >= 0, room != NULL);
	for (int i = 0; i < 3000 && tree_kill_left(&tree, progress.born_after_ns, progress.born_before_ns); i++)
		poll(NULL, 0, 10);
	if (room) {
		none_left(marker);
		close(tree.cgroup);
		cgroup_remove(&r);
		assert_int_equal(rmdir(room), 0);
	}
	buf_free(&b);
}

/* At its start the scheduler takes away what runs have left that are long over, and nothing
 * else. */
/* From its first moment on, when nobody could tell its pid yet. */
static void test_daemon_dies_with_its_keeper(void **state)
{
	struct player *p = *state;
	struct run r = player_run("daemon-1-1", "exec sleep 4715");

	r.flags |= RUN_DAEMON;
	begin(p, &r);
	kill(p->keeper_pid, SIGKILL);
	for (int ms = 0; ms < SOON_MS && stage_processes("4715"); ms += 10)
		poll(NULL, 0, 10);
	assert_int_equal(stage_processes("4715"), 0);
}

static void test_sweep(void **state)
{
	static const char *const names[] = { "a-b-1700000000-1", "old-1700000000-12", "full-1700000000-1",
		"new-99999999999-1", "init.scope", "tests-12345", "-1700000000-1x" };
	static struct crond c;
	struct player *p = *state;
	char *base = strdup(stage_file(p, ".sweep")), path[PATH_MAX];

	assert_int_equal(mkdir(base, 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", base, names[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	snprintf(path, sizeof(path), "%s/full-1700000000-1/x", base);
	assert_int_equal(mkdir(path, 0755), 0);
	c.set.conf.cgroup = base;
	cgroup_place(&c);
	assert_string_equal(c.cgroup, base);
	assert_int_equal(rmdir(path), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", base, names[i]);
		assert_int_equal(rmdir(path), i < 2 ? -1 : 0);
	}
	c.set.conf.cgroup = "off";
	cgroup_place(&c);
	assert_string_equal(c.cgroup, "");
	assert_int_equal(rmdir(base), 0);
	free(base);
}

static void put(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void assert_refused(const struct run *r, const char *why)
{
	char reason[256];

	assert_int_equal(cgroup_make(r, reason, sizeof(reason)), -1);
	if (!strstr(reason, why))
		fail_msg("'%s' has no '%s'", reason, why);
}

static void test_limits_refused(void **state)
{
	struct player *p = *state;
	char *base = strdup(stage_file(p, ".cgroup"));
	static const char *const files[] = { "cgroup.controllers", "cgroup.subtree_control",
		"cgroup.procs", "cgroup.events" };
	struct run r = player_run("limits-1-1", "true");
	struct outcome o;

	r.memory_max = 1 << 20;
	assert_refused(&r, "memory-max needs a cgroup v2, and there is none");
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_SPAWN);
	assert_non_null(strstr(o.reason, "memory-max needs a cgroup v2"));
	assert_int_equal(mkdir(base, 0755), 0);
	r.cgroup = base;
	put(base, files[0], "cpu pids\n");
	put(base, files[1], "\n");
	put(base, files[2], "1\n");
	put(base, files[3], "populated 1\n");
	assert_refused(&r, "memory-max needs the memory controller of cgroup v2, which ");
	put(base, files[0], "cpu memory pids\n");
	assert_refused(&r, "it has processes of its own");
	put(base, files[2], "");
	assert_refused(&r, "memory-max: memory.max cannot be set: "); /* it is none */
	r.memory_max = 0;
	r.tasks_max = 3;
	assert_refused(&r, "tasks-max: pids.max cannot be set: ");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", base, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(base), 0);
	free(base);
}

/* What is written and read; and a kernel that has no cgroup.kill: its members are killed one
 * by one. */
static void test_cgroup_files(void **state)
{
	struct player *p = *state;
	static const struct {
		const char *file, *value;
	} limits[] = { { "memory.max", "3000000" }, { "cpu.max", "2500 100000" }, { "pids.max", "7" },
		{ "memory.oom.group", "1" } };
	char *dir = strdup(stage_file(p, ".members")), text[32], path[PATH_MAX];
	struct run r = player_run("limits-2-1", "true");
	uint64_t value = 0;
	pid_t pid = fork(), seen[4];
	int fd, status;

	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(mkdir(dir, 0755), 0);
	snprintf(text, sizeof(text), "0\n%d\n", (int)pid);
	put(dir, "cgroup.procs", text);
	for (size_t i = 0; i < 4; i++)
		put(dir, limits[i].file, "max\n");
	put(dir, "memory.peak", "2097152\n");
	put(dir, "cpu.stat", "usage_usec 1234\nuser_usec 1000\n");
	put(dir, "memory.events", "low 0\noom 1\noom_kill 2\n");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(cgroup_members(fd, seen, 4), 1);
	assert_int_equal(seen[0], pid);
	assert_int_equal(cgroup_oom_kills(fd), 2);
	assert_true(cgroup_cpu(fd, &value));
	assert_int_equal(value, 1234);
	assert_true(cgroup_memory(fd, true, &value));
	assert_int_equal(value, 2048);
	assert_false(cgroup_memory(fd, false, &value));
	r.memory_max = 3000000;
	r.cpu_quota = 250; /* 2.5% */
	r.tasks_max = 7;
	assert_int_equal(cgroup_limit(fd, &r, text, sizeof(text)), 0);
	for (size_t i = 0; i < 4; i++) {
		char got[32] = "";
		int file = openat(fd, limits[i].file, O_RDONLY | O_CLOEXEC);

		assert_true(read(file, got, sizeof(got) - 1) >= (ssize_t)strlen(limits[i].value));
		assert_memory_equal(got, limits[i].value, strlen(limits[i].value));
		close(file);
	}
	cgroup_kill(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(fd);
	for (const char *const *f = (const char *const[]){ "cgroup.procs", "cpu.stat", "memory.events",
			"memory.peak", "memory.max", "cpu.max", "pids.max", "memory.oom.group", NULL };
		*f; f++) {
		snprintf(path, sizeof(path), "%s/%s", dir, *f);
		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
	free(dir);
}

/* --- its own wishes */

static void test_stop_signal(void **state)
{
	struct player *p = *state;
	struct run r = player_run("wish-1-1", "trap '' TERM; trap 'echo int; exit 5' INT; sleep 60 & wait");
	static const char *const ids[] = { "wish-1-1", "wish-1-2", "wish-1-3", "wish-1-4" };
	struct outcome o;
	int n = 0;

	r.stop_signal = SIGINT;
	r.timeout_ms = 50;
	do { /* more time for a machine on which its trap was not set by then */
		r.timeout_ms *= 4;
		r.id = ids[n++];
		o = stage_run(p, &r);
		assert_int_equal(o.result, RESULT_TIMEOUT);
	} while (!o.stdout_tail.n && n < 4);
	stage_assert_output(&o, "int\n");
	r = player_run("wish-2-1", "sleep 0.5; exit 6"); /* it goes on; and on the other clock */
	r.timeout_ms = 200;
	r.flags |= RUN_TIMEOUT_ALERT | RUN_COUNT_SUSPEND;
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_EXIT);
	assert_int_equal(o.exit_code, 6);
	r = player_run("wish-3-1", "sleep 60");
	r.timeout_ms = 200;
	r.flags |= RUN_COUNT_SUSPEND;
	o = stage_run(p, &r);
	assert_int_equal(o.result, RESULT_TIMEOUT);
	assert_in_range(o.took_ns / 1000000, 200, 30000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		STAGE_TEST(test_stopped_by_order),
		STAGE_TEST(test_signal_handed_on),
		NASTY_TEST(test_nasty_tree),
		NASTY_TEST(test_nasty_tree_alone),
		NASTY_TEST(test_nasty_tree_in_cgroup),
		NASTY_TEST(test_nasty_orphan),
		STAGE_TEST(test_daemon_dies_with_its_keeper),
		STAGE_TEST(test_sweep),
		STAGE_TEST(test_limits_refused),
		STAGE_TEST(test_cgroup_files),
		STAGE_TEST(test_stop_signal),
	};

	if (argc == 3 && strcmp(argv[1], "--nasty") == 0)
		nasty();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
