/* test_stopping: runs that are stopped by order, through the real launcher.
 * CRONWARD_LAUNCHER names the program; crond/crond-launcher where it is not set. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/core/stop_order.h"
#include "crond/rundir.h"
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
	struct run r = player_run("ordered-1-1", "trap 'sleep 0.3; exit 9' TERM; sleep 60 & wait");
	struct outcome o;

	begin(p, &r);
	kill(p->keeper_pid, LAUNCH_LOOK); /* there is no order: nothing comes of it */
	poll(NULL, 0, 100);
	order(p, r.id, STOP_PERSON, "uid 7 (x)");
	poll(NULL, 0, 50);
	kill(p->keeper_pid, LAUNCH_LOOK);
	o = end(p, r.id);
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
}

static void test_signal_handed_on(void **state)
{
	struct player *p = *state;
	struct run r = player_run("signal-1-1", "trap 'echo hup' HUP; trap 'echo usr; exit 3' USR1;"
		" echo up; while :; do sleep 0.05; done");
	struct outcome o;

	begin(p, &r);
	poll(NULL, 0, 200);
	/* one that is meant for another run, one that is nobody's, and the right ones */
	kernel_signal_value(-1, p->keeper_pid, LAUNCH_SIGNAL, run_signal_value("other-1-1", SIGKILL));
	kill(p->keeper_pid, LAUNCH_SIGNAL);
	kernel_signal_value(-1, p->keeper_pid, LAUNCH_SIGNAL, run_signal_value(r.id, SIGHUP));
	poll(NULL, 0, 200);
	kernel_signal_value(p->keeper_pidfd, p->keeper_pid, LAUNCH_SIGNAL, run_signal_value(r.id, SIGUSR1));
	o = end(p, r.id);
	assert_int_equal(o.result, RESULT_EXIT);
	assert_int_equal(o.exit_code, 3);
	assert_int_equal(o.stopped, STOP_NONE);
	stage_assert_output(&o, "up\nhup\nusr\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		STAGE_TEST(test_stopped_by_order),
		STAGE_TEST(test_signal_handed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
