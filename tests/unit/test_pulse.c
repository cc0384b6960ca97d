/* test_pulse: a helper that was sent something and keeps silent is asked, and killed where it neither
 * answers nor works. The clock is made up, the helpers are processes. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/moment.h"
#include "crond/crond.h"

static struct crond crond;
static int64_t ahead_s;
static int there; /* the helper's end of its wire */

int clock_gettime(clockid_t id, struct timespec *t)
{
	if (syscall(SYS_clock_gettime, id, t) < 0)
		return -1;
	if (id == CLOCK_MONOTONIC)
		t->tv_sec += ahead_s;
	return 0;
}

static pid_t helper(bool works)
{
	pid_t pid = fork();

	while (pid == 0)
		if (!works)
			pause();
	return pid;
}

static void begin(bool works)
{
	int pair[2];

	crond = (struct crond){ .w_later.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.set.dialect = dialect_get(DIALECT_DEBIAN), .log.fd = -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	crond.w_notify.fd = pair[0];
	there = pair[1];
	crond.w_history.fd = -1;
	crond.notify = helper(works);
}

static void end(void)
{
	close(crond.w_later.fd);
	close(crond.w_notify.fd);
	close(there);
	kill(crond.notify, SIGKILL);
	while (waitpid(crond.notify, NULL, 0) < 0 && errno == EINTR)
		;
}

/* When it is looked next, in seconds; -1: never. */
static int64_t due_s(void)
{
	int64_t in = crond.later[LATER_PULSE] - wait_now_ms();

	return crond.later[LATER_PULSE] ? (in + 500) / 1000 : -1;
}

/* So much later, what is due is done. */
static void pass(int64_t seconds)
{
	ahead_s += seconds;
	if (wait_expired(&crond) & 1u << LATER_PULSE)
		pulse_look(&crond);
}

static bool was_asked(void)
{
	char c = 0;

	return recv(there, &c, 1, MSG_DONTWAIT) == 1 && c == NOTICE_PULSE;
}

static bool lives(void)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)crond.notify, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid;
}

static void test_answers(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(due_s(), -1);
	pulse_sent(&crond, &crond.notify_pulse);
	assert_int_equal(due_s(), 60);
	pass(40);
	pulse_sent(&crond, &crond.notify_pulse);
	assert_int_equal(due_s(), 20);
	assert_false(was_asked());
	pass(21);
	assert_true(was_asked());
	assert_int_equal(due_s(), 5);
	pulse_felt(&crond.notify_pulse);
	pass(6);
	assert_false(was_asked());
	assert_int_equal(due_s(), -1); /* an idle helper costs no wake-up */
	assert_true(lives());
	pulse_sent(&crond, &crond.notify_pulse); /* heard before the minute is over: not asked */
	pulse_felt(&crond.notify_pulse);
	pass(61);
	assert_false(was_asked());
	assert_int_equal(due_s(), -1);
	end();
}

static void test_stands_still(void **state)
{
	siginfo_t info = { 0 };

	(void)state;
	begin(false);
	kill(crond.notify, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)crond.notify, &info, WSTOPPED), 0);
	pulse_sent(&crond, &crond.notify_pulse);
	pass(61);
	assert_true(was_asked());
	assert_true(lives());
	pass(6);
	assert_int_equal(waitid(P_PID, (id_t)crond.notify, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(info.si_status, SIGKILL);
	assert_int_equal(due_s(), -1);
	end();
}

/* The helper has had a processor since it had used so much: on a busy machine that takes a while. */
static bool has_worked(int64_t used_ns)
{
	struct timespec some = { 0, 50 * 1000 * 1000 };
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(crond.notify, &clock), 0);
	for (int tries = 0; tries < 1200 && moment_ns(clock) == used_ns; tries++)
		nanosleep(&some, NULL);
	return moment_ns(clock) != used_ns;
}

/* A database that takes long to look through. */
static void test_works(void **state)
{
	int64_t used;

	(void)state;
	begin(true);
	pulse_sent(&crond, &crond.notify_pulse);
	pass(61);
	for (int i = 0; i < 3; i++) {
		used = crond.notify_pulse.used_ns;
		assert_true(has_worked(used));
		pass(61);
		assert_true(lives());
		assert_int_not_equal(crond.notify_pulse.used_ns, used);
		assert_int_equal(due_s(), 60);
	}
	end();
}

/* Its lines are no emergency, whatever it says, and not what it has no digit for. */
static void test_what_it_says(void **state)
{
	static const char *const said[][2] = { { "l0all is lost", "<75>" }, { "l2critical", "<75>" },
		{ "l3an error", "<75>" }, { "l4a warning", "<76>" }, { "l7debug", "<79>" }, { "l9what", "<75>" },
		{ "l\xff", "<75>" } };
	char line[512];
	int log[2];

	(void)state;
	begin(false);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, log), 0);
	crond.log = (struct log){ .target = LOG_TO_SYSLOG, .level = LOG_DEBUG, .fd = log[0], .path = "/dev/log" };
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		assert_true(send(there, said[i][0], strlen(said[i][0]), 0) > 0);
		alert_ready(&crond, EPOLLIN);
		assert_true(recv(log[1], line, sizeof(line), MSG_DONTWAIT) > 0);
		assert_memory_equal(line, said[i][1], 4);
	}
	assert_int_equal(send(there, "l", 1, 0), 1);
	alert_ready(&crond, EPOLLIN);
	assert_int_equal(recv(log[1], line, sizeof(line), MSG_DONTWAIT), -1);
	close(log[0]);
	close(log[1]);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_stands_still),
		cmocka_unit_test(test_works),
		cmocka_unit_test(test_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
