/* test_service: what a service manager hears, and that it cannot hold the scheduler up. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "crond/crond.h"

static struct crond crond;
static char dir[] = "/tmp/test_service.XXXXXX", path[108];

static int manager(const char *name, size_t n)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(at.sun_path, name, n);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at,
	                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
	        0);
	return fd;
}

static const char *heard(int fd)
{
	static char text[512];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int begin(void **state)
{
	(void)state;
	crond = (struct crond){ .w_later.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) };
	snprintf(path, sizeof(path), "%s/notify", dir);
	unlink(path);
	setenv("NOTIFY_SOCKET", path, 1);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(crond.w_later.fd);
	if (crond.service.fd > 0)
		close(crond.service.fd);
	return 0;
}

static void test_states(void **state)
{
	int fd = manager(path, strlen(path) + 1);

	(void)state;
	service_open(&crond);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_string_equal(heard(fd), "");
	service_tell(&crond, SERVICE_READY);
	assert_string_equal(
	        heard(fd), "READY=1\nSTATUS=0 jobs in force, 0 runs under way\nWATCHDOG=1");
	assert_int_equal(crond.later[LATER_SERVICE], 0);
	crond.running = 1;
	service_alive(&crond);
	assert_string_equal(heard(fd), "STATUS=0 jobs in force, 1 run under way\nWATCHDOG=1");
	crond.running = 3;
	crond.reload.jobs = 1;
	service_alive(&crond);
	assert_string_equal(heard(fd), "STATUS=1 job in force, 3 runs under way\nWATCHDOG=1");
	crond.reload.jobs = 0;
	service_tell(&crond, SERVICE_RELOADING);
	assert_memory_equal(heard(fd), "RELOADING=1\n", 12);
	service_tell(&crond, SERVICE_READY);
	assert_memory_equal(heard(fd), "READY=1\n", 8);
	service_tell(&crond, SERVICE_STOPPING);
	assert_memory_equal(heard(fd), "STOPPING=1\n", 11);
	close(fd);
}

/* By the host's clock, with its date where it is not today's. */
static void test_next(void **state)
{
	struct timer timer = { .next = 1763668805 }, *heap[] = { &timer };
	int fd = manager(path, strlen(path) + 1);

	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	service_open(&crond);
	crond.due.heap = heap;
	crond.due.count = 1;
	crond.clock.real.tv_sec = 1763668800;
	service_tell(&crond, SERVICE_READY);
	assert_non_null(strstr(heard(fd), "STATUS=0 jobs in force, 0 runs under way, next at 20:00:05\n"));
	crond.clock.real.tv_sec -= 86400;
	service_alive(&crond);
	assert_string_equal(heard(fd),
		"STATUS=0 jobs in force, 0 runs under way, next at 2025-11-20 20:00:05\nWATCHDOG=1");
	timer.next = SCHEDULE_NEVER;
	crond.due.count = 0;
	service_alive(&crond);
	assert_string_equal(heard(fd), "STATUS=0 jobs in force, 0 runs under way\nWATCHDOG=1");
	crond.due.heap = NULL;
	close(fd);
}

static void test_reloading_tells_the_time(void **state)
{
	int fd = manager(path, strlen(path) + 1);

	(void)state;
	service_open(&crond);
	service_tell(&crond, SERVICE_RELOADING);
	assert_non_null(strstr(heard(fd), "\nMONOTONIC_USEC="));
	close(fd);
}

static void test_abstract_name(void **state)
{
	char name[64] = "";
	int fd;

	(void)state;
	snprintf(name + 1, sizeof(name) - 1, "cronward-test-%d", (int)getpid());
	fd = manager(name, strlen(name + 1) + 1);
	name[0] = '@';
	setenv("NOTIFY_SOCKET", name, 1);
	service_open(&crond);
	service_tell(&crond, SERVICE_READY);
	assert_memory_equal(heard(fd), "READY=1\n", 8);
	close(fd);
}

static void test_names_that_are_none(void **state)
{
	static const char *const names[] = { "", "/", "@", "notify", "vsock:2:1" };
	char *longest = test_malloc(200);

	(void)state;
	memset(longest, '/', 199);
	longest[199] = '\0';
	for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", i < sizeof(names) / sizeof(names[0]) ? names[i] : longest,
		        1);
		setenv("WATCHDOG_USEC", "1000000", 1);
		service_open(&crond);
		assert_int_equal(crond.service.fd, -1);
		service_tell(&crond, SERVICE_READY);
		service_alive(&crond);
		assert_int_equal(crond.later[LATER_SERVICE], 0);
	}
	test_free(longest);
	unsetenv("NOTIFY_SOCKET");
	service_open(&crond);
	assert_int_equal(crond.service.fd, -1);
}

static void watchdog_is(const char *usec, const char *pid, int64_t ms)
{
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	service_open(&crond);
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
	assert_int_equal(crond.service.every_ms, ms);
	close(crond.service.fd);
	crond.service.fd = -1;
}

static void test_watchdog(void **state)
{
	char own[32];

	(void)state;
	snprintf(own, sizeof(own), "%d", (int)getpid());
	watchdog_is("10000000", NULL, 5000);
	watchdog_is("10000000", own, 5000);
	watchdog_is("10000000", "1", 0);
	watchdog_is("10000000", "x", 0);
	watchdog_is("0", NULL, 0);
	watchdog_is("-1", NULL, 0);
	watchdog_is("1", NULL, 20);
}

static void test_watchdog_goes_on(void **state)
{
	int fd = manager(path, strlen(path) + 1);
	int64_t in;

	(void)state;
	setenv("WATCHDOG_USEC", "10000000", 1);
	service_open(&crond);
	service_tell(&crond, SERVICE_READY);
	in = crond.later[LATER_SERVICE] - wait_now_ms();
	assert_in_range(in, 4900, 5000);
	crond.later[LATER_SERVICE] = 0;
	service_alive(&crond);
	assert_in_range(crond.later[LATER_SERVICE] - wait_now_ms(), 4900, 5000);
	close(fd);
}

/* What was not taken is said again, the state with it. */
static void test_a_manager_that_is_busy(void **state)
{
	int fd, told = 0;
	int64_t before;

	(void)state;
	fd = manager(path, strlen(path) + 1);
	service_open(&crond);
	before = wait_now_ms();
	do
		service_tell(&crond, SERVICE_RELOADING);
	while (crond.service.told && ++told < 100000);
	assert_in_range(wait_now_ms() - before, 0, 5000);
	assert_false(crond.service.told);
	assert_in_range(crond.later[LATER_SERVICE] - wait_now_ms(), 1, 1000);
	service_tell(&crond, SERVICE_READY);
	while (*heard(fd))
		;
	crond.later[LATER_SERVICE] = 0;
	service_alive(&crond);
	assert_memory_equal(heard(fd), "READY=1\n", 8);
	assert_int_equal(crond.later[LATER_SERVICE], 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_states, begin, end),
		cmocka_unit_test_setup_teardown(test_next, begin, end),
		cmocka_unit_test_setup_teardown(test_reloading_tells_the_time, begin, end),
		cmocka_unit_test_setup_teardown(test_abstract_name, begin, end),
		cmocka_unit_test_setup_teardown(test_names_that_are_none, begin, end),
		cmocka_unit_test_setup_teardown(test_watchdog, begin, end),
		cmocka_unit_test_setup_teardown(test_watchdog_goes_on, begin, end),
		cmocka_unit_test_setup_teardown(test_a_manager_that_is_busy, begin, end),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
