/* test_control: clients that take their time, by a clock that is made up; limits and turns. */
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
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "crond/core/ctlmsg.h"
#include "crond/control.h"
#include "crond/core/outcome.h"

#define LIST "{\"version\":1,\"verb\":\"list\"}\n"
#define ENDED "{\"version\":1,\"end\":true,\"ok\":true,\"changed\":false}\n"

static struct crond crond;
static struct control_client *last_heard;

static int begin(void **state)
{
	static char dir[PATH_MAX];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_control.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	crond = (struct crond){ .epoll = epoll_create1(EPOLL_CLOEXEC),
		.run_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .runs = -1, .files_hard = 1024,
		.w_later.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK) };
	crond.set.root = geteuid() == 0;
	crond.set.dialect = dialect_get(DIALECT_DEBIAN);
	memcpy(crond.set.run_dir, dir, sizeof(dir));
	control_open(&crond);
	return crond.control ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	control_close(&crond);
	wait_tidy(&crond);
	close(crond.epoll);
	close(crond.w_later.fd);
	close(crond.run_fd);
	return rmdir(crond.set.run_dir);
}

static int client(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(strlen(crond.set.run_dir) + sizeof(CTLMSG_SOCKET) < sizeof(at.sun_path));
	strcat(strcat(strcpy(at.sun_path, crond.set.run_dir), "/"), CTLMSG_SOCKET);
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* The loop's part, without a turn: true where something was heard. */
static bool hear(void)
{
	struct epoll_event events[64];
	int n;

	control_rested(&crond); /* time for that has passed */
	n = epoll_wait(crond.epoll, events, 64, 0);

	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		if (w->kind == WATCH_CONTROL)
			control_accept(&crond);
		if (w->kind == WATCH_CLIENT && w->client) {
			last_heard = w->client;
			control_heard(&crond, w->client, events[i].events);
		}
	}
	return n > 0;
}

static void serve(void)
{
	while (hear() || control_busy(&crond))
		control_turn(&crond);
	wait_tidy(&crond);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What there is to read now; "gone" at the end. */
static const char *heard(int fd)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n == 0)
		return "gone";
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void an_answer(void **state)
{
	int fd = client();

	(void)state;
	say(fd, LIST);
	serve();
	assert_string_equal(heard(fd), ENDED);
	say(fd, "{\"version\":1,");
	serve();
	assert_string_equal(heard(fd), "");
	say(fd, "\"verb\":\"list\"}\n" LIST);
	serve();
	assert_string_equal(heard(fd), ENDED ENDED);
	close(fd);
	serve();
}

/* Who has said all is still answered; half a line is nothing. */
static void a_half_line(void **state)
{
	int a = client(), b = client();

	(void)state;
	say(a, LIST "{\"version\":1,\"ver");
	shutdown(a, SHUT_WR);
	say(b, LIST);
	close(b);
	serve();
	assert_string_equal(heard(a), ENDED);
	assert_string_equal(heard(a), "gone");
	close(a);
}

static void a_slow_request(void **state)
{
	int64_t now = wait_now_ms();
	int fd = client();

	(void)state;
	say(fd, "{\"version\":1,");
	serve();
	control_expire(&crond, now + 9000);
	assert_string_equal(heard(fd), "");
	say(fd, "\"verb\":"); /* another byte gives no more time */
	serve();
	control_expire(&crond, now + 11000);
	serve();
	assert_string_equal(heard(fd), "gone");
	close(fd);
}

static void a_stalled_reader(void **state)
{
	int fd = client();
	size_t asked = 0;
	int64_t now;

	(void)state;
	for (;; asked++) { /* until neither side's socket has room */
		if (send(fd, LIST, sizeof(LIST) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(LIST) - 1) {
			serve();
			if (send(fd, LIST, sizeof(LIST) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
				break;
		}
		assert_true(asked < 1000000);
	}
	now = wait_now_ms();
	control_expire(&crond, now + 25000);
	assert_true(recv(fd, &asked, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
	control_expire(&crond, now + 31000);
	serve();
	while (recv(fd, &asked, sizeof(asked), MSG_DONTWAIT) > 0)
		;
	assert_true(send(fd, LIST, 1, MSG_NOSIGNAL) < 0);
	close(fd);
}

static void too_long(void **state)
{
	char *junk = malloc(200000);
	int fd = client();

	(void)state;
	memset(junk, 'x', 200000);
	(void)!send(fd, junk, 200000, MSG_DONTWAIT | MSG_NOSIGNAL);
	serve();
	assert_non_null(strstr(heard(fd), "longer than 65536"));
	free(junk);
	close(fd);
}

static void too_many(void **state)
{
	const int most = geteuid() == 0 ? 128 : 16;
	int fds[140];

	(void)state;
	for (int i = 0; i < 140; i++) {
		fds[i] = client();
		serve();
	}
	for (int i = 0; i < 140; i++) {
		const char *text = heard(fds[i]);

		if (i < most)
			assert_string_equal(text, "");
		else
			assert_non_null(strstr(text, "\"code\":\"busy\""));
	}
	close(fds[0]);
	serve();
	close(fds[139]);
	fds[0] = client();
	say(fds[0], LIST);
	serve();
	assert_string_equal(heard(fds[0]), ENDED);
	for (int i = 0; i < 139; i++)
		close(fds[i]);
	serve();
}

/* Who asks for much waits for much; the others do not. */
static void turns(void **state)
{
	static char many[1000 * sizeof(LIST)];
	int greedy = client(), modest = client();

	(void)state;
	for (int i = 0; i < 1000; i++)
		strcpy(many + i * strlen(LIST), LIST);
	say(greedy, many);
	while (hear())
		;
	say(modest, LIST);
	hear();
	for (int i = 0; i < 4; i++) {
		control_turn(&crond);
		hear();
	}
	assert_string_equal(heard(modest), ENDED);
	assert_true(strlen(heard(greedy)) < 10 * strlen(ENDED));
	close(greedy);
	close(modest);
	serve();
}

/* Who waits for the end of a run waits as long as that takes. */
static void a_wait(void **state)
{
	struct live_run *run = calloc(1, sizeof(*run) + RUN_ID_MOST);
	struct outcome ended = { .result = RESULT_EXIT, .exit_code = 3, .took_ns = 5000000 };
	int64_t now = wait_now_ms();
	int fd = client();

	(void)state;
	say(fd, LIST);
	serve();
	assert_string_equal(heard(fd), ENDED);
	strcpy(run->id, "gold-1-1");
	strcpy(last_heard->run, run->id);
	last_heard->verb = control_verb_get(CTLMSG_RUN);
	control_heard(&crond, last_heard, 0);
	serve();
	control_expire(&crond, now + 3600000);
	serve();
	assert_string_equal(heard(fd), "");
	control_run_over(&crond, run, &ended);
	serve();
	assert_string_equal(heard(fd), "{\"run\":\"gold-1-1\",\"result\":\"exit\",\"code\":3,"
	                               "\"took_ms\":5}\n{\"version\":1,\"end\":true,\"ok\":true}\n");
	control_expire(&crond, now + 7200000);
	serve();
	assert_string_equal(heard(fd), "gone");
	close(fd);
	free(run);
}

/* Nobody there, nothing set: no wake-up. */
static void quiet(void **state)
{
	int fd = client();

	(void)state;
	serve();
	assert_true(crond.later[LATER_CONTROL] != 0);
	close(fd);
	serve();
	assert_true(crond.later[LATER_CONTROL] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer), cmocka_unit_test(a_half_line),
		cmocka_unit_test(a_slow_request), cmocka_unit_test(a_stalled_reader),
		cmocka_unit_test(too_long), cmocka_unit_test(too_many), cmocka_unit_test(turns),
		cmocka_unit_test(quiet), cmocka_unit_test(a_wait),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
