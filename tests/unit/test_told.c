/* test_told: who is told what, and once: by alert-after and alert-every, of jobs that are in no
 * file any more, of crond itself; whoever dies meanwhile, at whichever system call. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/mailwait.h"
#include "tests/unit/world.h"

enum { MINUTE = 60, HOUR = 3600 };

static const int64_t june = 2222503200; /* 5 June 2040, 10:00 UTC */

#define ALERT " command = x alert = { mail:a@b.c } "

/* Each of them fails so often in a row, and is well then, twenty minutes apart. */
static const struct {
	const char *job, *results;
	size_t alerts, recovered;
} rows[] = {
	{ "well", "o", 0, 0 },
	{ "once", "xo", 0, 0 },
	{ "twice", "xxo", 0, 0 },
	{ "thrice", "xxxo", 1, 1 },
	{ "seven", "xxxxxxxo", 2, 1 },   /* the third, and one hour later the sixth */
	{ "ten", "xxxxxxxxxxo", 3, 1 },
	{ "again", "xxxoxxxo", 2, 2 },
	{ "broken", "xxoxxoxxo", 0, 0 }, /* a success begins anew */
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct world *rules_open(void)
{
	static struct world_job jobs[ROWS];
	static char text[ROWS * 160];
	struct world *w = world_open(june - 10 * MINUTE);

	text[0] = '\0';
	for (size_t i = 0; i < ROWS; i++) {
		jobs[i] = (struct world_job){ .name = rows[i].job, .results = rows[i].results };
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "task %s {" ALERT
			"schedule = '*/20 * * * *' alert-after = 3 alert-every = 1h }\n", rows[i].job);
	}
	w->jobs = jobs;
	w->job_count = ROWS;
	world_write(w, false, text);
	world_up(w);
	return w;
}

static void rules_check(struct world *w, const char *what)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (world_heard(w, "run.failure", rows[i].job) == rows[i].alerts &&
			world_heard(w, "job.recovered", rows[i].job) == rows[i].recovered)
			continue;
		world_show(w);
		fail_msg("%s: %s: %zu alerts, %zu recoveries", what, rows[i].job,
			world_heard(w, "run.failure", rows[i].job), world_heard(w, "job.recovered", rows[i].job));
	}
	for (size_t i = 0; i < w->told_count; i++) { /* the first of each row says how many there were */
		if (strcmp(w->told[i].job, "thrice") == 0 && strcmp(w->told[i].event, "run.failure") == 0)
			assert_int_equal(w->told[i].failures, 3);
	}
}

static void test_rules(void **state)
{
	struct world *w = rules_open();

	(void)state;
	world_pass(w, 5 * HOUR);
	rules_check(w, "undisturbed");
	world_close(w);
}

/* A scheduler dies between any two runs. */
static void test_rules_over_deaths(void **state)
{
	struct world *w = rules_open();

	(void)state;
	for (int i = 0; i < 30; i++) {
		world_pass(w, 9 * MINUTE + 50);
		world_kill(w);
		world_pass(w, 5);
		world_up(w);
		world_pass(w, 5);
	}
	rules_check(w, "deaths between runs");
	world_close(w);
}


/* It dies at one after the other of the calls by which it takes the ends in, of all jobs at once. */
static void test_rules_at_each_call(void **state)
{
	unsigned call = 1;

	(void)state;
	for (bool died = true; died; call += 1 + call / 6) {
		struct world *w = rules_open();

		for (size_t i = 0; i < ROWS; i++)
			w->jobs[i].lasts_ms = 60000;
		died = false;
		for (int i = 0; i < 12; i++) {
			world_pass(w, i ? 20 * MINUTE : 10 * MINUTE + 30);
			died |= world_die(w, call);
		}
		rules_check(w, "deaths at a call");
		world_close(w);
	}
	assert_true(call > 4 * ROWS); /* it did have something to write */
}

/* --- jobs that go */

#define ONE "task one {" ALERT "schedule = '0 0 * * *' }\n"
#define TWO "task two { command = y alert = { mail:a@b.c } schedule = '0 1 * * *' }\n"
#define LINE "#@ alert=mail:a@b.c\n0 2 * * * root z\n"

static size_t removals(struct world *w)
{
	world_pass(w, 10);
	return world_heard(w, "job.removed", NULL);
}

static void test_removed(void **state)
{
	struct world *w = world_open(june);

	(void)state;
	world_write(w, false, ONE TWO "task plain { command = p schedule = '0 3 * * *' }\n");
	world_write(w, true, LINE);
	world_up(w);
	world_forget(w);
	world_remove(w, false); /* a checkout: gone for a moment */
	world_pass(w, 1);
	world_write(w, false, ONE TWO);
	assert_int_equal(removals(w), 0);
	world_write(w, false, "task other {" ALERT "schedule = '5 0 * * *' }\n" TWO); /* by another name */
	assert_int_equal(removals(w), 0);
	world_write(w, true, "#@ alert=mail:a@b.c\n30 2 * * * root z\n"); /* at another time */
	assert_int_equal(removals(w), 0);
	world_write(w, false, TWO);
	assert_int_equal(removals(w), 1);
	assert_string_equal(w->told[w->told_count - 1].job, "other");
	world_kill(w); /* while nobody looks */
	world_remove(w, false);
	world_up(w);
	assert_int_equal(removals(w), 2);
	assert_int_equal(world_heard(w, "job.removed", "two"), 1);
	world_kill(w);
	world_up(w);
	assert_int_equal(removals(w), 2);
	world_boot(w);
	world_write(w, true, "");
	world_up(w);
	assert_int_equal(removals(w), 3);
	world_close(w);
}

enum { MANY = 100 };

/* Jobs that are in no file any more are told of a few at a time: starts come between. */
static void test_removed_many(void **state)
{
	struct world *w = world_open(june);
	char text[MANY * 64] = "";
	size_t first;

	(void)state;
	for (int i = 0; i < MANY; i++)
		sprintf(text + strlen(text), "#@ alert=mail:a@b.c\n0 0 1 1 * root x %d\n", i);
	world_write(w, true, text);
	world_up(w);
	world_pass(w, 1);
	world_forget(w);
	world_write(w, true, "# none\n");
	w->real_ns += INT64_C(3000000000);
	w->mono_ns += INT64_C(3000000000);
	w->boot_ns += INT64_C(3000000000);
	removed_due(w->c);
	world_see(w);
	first = world_heard(w, "job.removed", NULL);
	assert_true(first > 0 && first < MANY / 2);
	world_pass(w, 5);
	assert_int_equal(world_heard(w, "job.removed", NULL), MANY);
	world_close(w);
}

/* It dies before the moment is over: who comes after it tells. */
static void test_removed_over_a_death(void **state)
{
	struct world *w = world_open(june);

	(void)state;
	world_write(w, false, ONE);
	world_up(w);
	world_write(w, false, "");
	world_kill(w);
	world_up(w);
	assert_int_equal(removals(w), 1);
	world_kill(w);
	world_up(w);
	assert_int_equal(removals(w), 1);
	world_close(w);
}

/* --- crond itself */

static const char *last_reason(struct world *w, const char *event)
{
	for (size_t i = w->told_count; i > 0; i--) {
		if (strcmp(w->told[i - 1].event, event) == 0)
			return w->told[i - 1].reason;
	}
	fail_msg("no %s", event);
	return "";
}

static void test_crond(void **state)
{
	struct world *w = world_open(june);

	(void)state;
	world_up(w);
	assert_non_null(strstr(last_reason(w, "crond.started"), "first start since the system was booted"));
	world_pass(w, 1);
	world_kill(w);
	world_up(w);
	assert_non_null(strstr(last_reason(w, "crond.started"), "after it had died"));
	world_pass(w, 1);
	world_stop(w);
	assert_string_equal(last_reason(w, "crond.stopped"), "no job was running");
	world_up(w);
	assert_non_null(strstr(last_reason(w, "crond.started"), "after it had been stopped"));
	assert_int_equal(world_heard(w, "crond.started", NULL), 3);
	world_pass(w, 1);
	world_boot(w);
	world_up(w);
	assert_non_null(strstr(last_reason(w, "crond.started"), "first start since"));
	world_close(w);
}

/* Once for what stands in the file, however often it is looked at. */
static void test_faults(void **state)
{
	struct world *w = world_open(june);
	const char *reason;

	(void)state;
	world_write(w, false, ONE "task bad { command = x schedule = '61 * * * *' }\ntask worse { }\n");
	world_up(w);
	assert_int_equal(world_heard(w, "config.error", NULL), 1);
	reason = last_reason(w, "config.error");
	assert_non_null(strstr(reason, "/f.conf:2:"));
	assert_non_null(strstr(reason, "minute"));
	assert_non_null(strstr(reason, "(and 1 more)"));
	for (int i = 0; i < 3; i++) {
		reload_asked(w->c, "test", NULL);
		world_pass(w, 90);
	}
	assert_int_equal(world_heard(w, "config.error", NULL), 1);
	world_write(w, false, ONE "task bad { command = x schedule = '62 * * * *' }\n");
	world_pass(w, 1);
	assert_int_equal(world_heard(w, "config.error", NULL), 2);
	world_write(w, false, ONE);
	world_pass(w, 1);
	assert_int_equal(world_heard(w, "config.error", NULL), 2);
	world_close(w);
}

/* A mail that waits for another try is lost with its keeper: once. */
static void test_mails(void **state)
{
	static const char lost[] = "(alice) MAIL (given up: the keeper of run m-1-1 died; 6 bytes of output lost)";
	struct world *w = world_open(june);
	int fd, other;

	(void)state;
	world_up(w);
	fd = mailwait_begin(w->c->runs, "m-1-1", "alice", 6);
	other = mailwait_begin(w->c->runs, "m-2-1", "alice", 6);
	assert_true(fd >= 0 && other >= 0);
	mails_look(w->c);
	assert_true(w->c->later[LATER_MAILS] != 0);
	mailwait_end(w->c->runs, "m-2-1", other);
	close(fd); /* killed */
	world_kill(w);
	world_up(w);
	assert_int_equal(world_said(w, lost), 1);
	mails_look(w->c);
	world_kill(w);
	world_up(w);
	assert_int_equal(world_said(w, lost), 1);
	assert_int_equal(world_said(w, "MAIL"), 1);
	assert_true(w->c->later[LATER_MAILS] == 0);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_rules_over_deaths),
		cmocka_unit_test(test_rules_at_each_call),
		cmocka_unit_test(test_removed), cmocka_unit_test(test_removed_many),
		cmocka_unit_test(test_removed_over_a_death),
		cmocka_unit_test(test_crond),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_mails),
	};

	setenv("TZ", "UTC0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
