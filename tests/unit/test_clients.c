/* test_clients: who floods, stalls, lies, sends too much, half a line or descriptors, and goes
 * early, by a clock that is made up. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "crond/base/clients.h"

enum { LINE_MOST = 100, MANY = 100000 };

static struct clients clients;
static char dir[64];
static int dir_fd;
static int64_t now;
static int answers; /* that are under way */

/* "N": so many lines as an answer. */
static void begin(void *arg, struct client *k, struct slice line)
{
	size_t *left = malloc(sizeof(*left));

	assert_ptr_equal(arg, &answers);
	assert_non_null(left);
	assert_null(k->answer);
	*left = 0;
	for (size_t i = 0; i < line.n; i++)
		*left = *left * 10 + (size_t)(line.s[i] - '0');
	k->answer = left;
	answers++;
}

static bool step(void *arg, struct client *k)
{
	size_t *left = k->answer;

	(void)arg;
	if (!*left) {
		buf_puts(&k->out, "end\n");
		return false;
	}
	buf_puts(&k->out, "0123456789012345678901234567890123456789012345678901234567890\n");
	--*left;
	return true;
}

static void over(void *arg, struct client *k)
{
	(void)arg;
	free(k->answer);
	answers--;
}

static void refuse(struct buf *out, enum clients_refusal why)
{
	buf_puts(out, why == CLIENTS_TOO_MANY ? "many\n" : "long\n");
}

static const struct clients_calls calls = { LINE_MOST, begin, step, over, refuse };

static int set_up(void **state)
{
	int fd;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_clients.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = clients_listen(dir_fd, dir, "s");
	now = 1000;
	return fd < 0 ? -1 : clients_open(&clients, fd, &calls, &answers);
}

static int tear_down(void **state)
{
	(void)state;
	clients_close(&clients);
	unlinkat(dir_fd, "s", 0);
	close(dir_fd);
	return rmdir(dir) || answers;
}

static int come(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%.60s/s", dir);
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* What a helper's loop does, until there is nothing to do at this moment. */
static void serve(void)
{
	for (;;) {
		struct pollfd p = { clients_wait_fd(&clients, now), POLLIN, 0 };

		if (p.fd < 0)
			now = clients_due(&clients, now); /* they rest */
		else if (poll(&p, 1, 0) == 0 && clients_due(&clients, now) > now)
			return;
		clients_step(&clients, now);
	}
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What there is to read now; "gone" at the end. */
static const char *heard(int fd)
{
	static char text[1 << 16];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n == 0)
		return "gone";
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void lines_are_answered(void **state)
{
	int fd = come();

	(void)state;
	say(fd, "0\n");
	serve();
	assert_string_equal(heard(fd), "end\n");
	say(fd, "0");
	serve();
	assert_string_equal(heard(fd), "");
	say(fd, "\n0\n\n0");
	shutdown(fd, SHUT_WR); /* who has said all is still answered; half a line is nothing */
	serve();
	assert_string_equal(heard(fd), "end\nend\nend\n");
	assert_string_equal(heard(fd), "gone");
	close(fd);
	assert_int_equal(clients.count, 0);
	assert_true(clients_due(&clients, now) == INT64_MAX);
}

static void who_goes_early(void **state)
{
	int a = come(), b = come(), c = come();

	(void)state;
	say(a, "1000\n");
	close(a);
	say(b, "100000\n");
	clients_step(&clients, now);
	clients_step(&clients, now);
	close(b);
	close(c);
	serve();
	assert_int_equal(clients.count, 0);
	assert_int_equal(answers, 0);
}

/* Who reads nothing gets no more than fits, and holds nobody else up. */
static void who_reads_nothing(void **state)
{
	int a = come(), b = come();
	const struct client *k;

	(void)state;
	say(a, "100000\n");
	serve();
	k = TAILQ_FIRST(&clients.all);
	assert_true(k->out.cap <= 4 * CLIENTS_OUT_ENOUGH);
	say(b, "0\n");
	serve();
	assert_string_equal(heard(b), "end\n");
	now += CLIENTS_STALL_MS - 1;
	serve();
	assert_int_equal(clients.count, 2);
	assert_true(strlen(heard(a)) > 1000); /* it has read something: its time begins anew */
	serve();
	now += CLIENTS_STALL_MS - 1;
	serve();
	assert_int_equal(clients.count, 1);
	now += 1;
	serve();
	assert_int_equal(clients.count, 0);
	close(a);
	close(b);
}

static void half_a_line(void **state)
{
	int fd = come();

	(void)state;
	say(fd, "1");
	serve();
	now += CLIENTS_IDLE_MS - 1;
	say(fd, "1"); /* a byte now and then is no more time */
	serve();
	assert_int_equal(clients.count, 1);
	assert_true(clients_due(&clients, now) == now + 1);
	now++;
	serve();
	assert_string_equal(heard(fd), "gone");
	close(fd);
}

static void too_much(void **state)
{
	static char lot[1 << 16];
	int a = come(), b = come(), sent = 0;

	(void)state;
	memset(lot, '1', sizeof(lot));
	for (ssize_t n = 1; n > 0 && sent < MANY; sent++) {
		n = send(a, lot, sizeof(lot), MSG_DONTWAIT | MSG_NOSIGNAL);
		clients_step(&clients, now);
	}
	assert_true(sent < MANY); /* nobody goes on listening */
	serve();
	assert_string_equal(heard(a), "long\n");
	lot[LINE_MOST + 1] = '\n'; /* a line that is whole, and too long */
	assert_int_equal(send(b, lot, LINE_MOST + 2, MSG_NOSIGNAL), LINE_MOST + 2);
	serve();
	assert_string_equal(heard(b), "long\n");
	assert_int_equal(clients.count, 0);
	close(a);
	close(b);
}

static size_t descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void descriptors_that_nobody_asked_for(void **state)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET,
		              .cmsg_type = SCM_RIGHTS,
		              .cmsg_len = CMSG_LEN(3 * sizeof(int)) } };
	struct iovec bytes = { (char[]){ "0\n" }, 2 };
	struct msghdr m = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int a = come();
	size_t before;

	(void)state;
	serve();
	before = descriptors();
	memcpy(CMSG_DATA(&control.head), (int[]){ a, dir_fd, 2 }, 3 * sizeof(int));
	for (int i = 0; i < 50; i++) {
		assert_int_equal(sendmsg(a, &m, MSG_NOSIGNAL), 2);
		serve();
		assert_string_equal(heard(a), "end\n");
	}
	assert_int_equal(descriptors(), before);
	close(a);
	serve();
	assert_int_equal(clients.count, 0);
}

/* So many in all, or of one user. */
static void a_crowd(void **state)
{
	int fds[CLIENTS_MOST + 1];
	size_t most = geteuid() == 0 ? CLIENTS_MOST : CLIENTS_EACH;

	(void)state;
	for (size_t i = 0; i < most; i++) {
		fds[i] = come();
		serve();
	}
	assert_int_equal(clients.count, most);
	fds[most] = come();
	serve();
	assert_string_equal(heard(fds[most]), "many\n");
	assert_string_equal(heard(fds[most]), "gone");
	say(fds[0], "0\n");
	serve();
	assert_string_equal(heard(fds[0]), "end\n");
	for (size_t i = 0; i <= most; i++)
		close(fds[i]);
	serve();
	assert_int_equal(clients.count, 0);
}

/* Of another user so many that he fills nobody's place but his own. */
static void a_crowd_of_somebody(void **state)
{
	int fds[CLIENTS_EACH + 2];

	(void)state;
	if (geteuid() != 0)
		return; /* nobody else can be played */
	assert_int_equal(chmod(dir, 0711), 0);
	assert_int_equal(seteuid(65534), 0);
	for (int i = 0; i <= CLIENTS_EACH; i++) {
		fds[i] = come();
		serve();
	}
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(clients.count, CLIENTS_EACH);
	assert_string_equal(heard(fds[CLIENTS_EACH]), "many\n");
	fds[CLIENTS_EACH + 1] = come();
	say(fds[CLIENTS_EACH + 1], "0\n");
	serve();
	assert_string_equal(heard(fds[CLIENTS_EACH + 1]), "end\n");
	for (int i = 0; i < CLIENTS_EACH + 2; i++)
		close(fds[i]);
	serve();
	assert_int_equal(clients.count, 0);
}

/* One after the other, whoever asks for more; another user comes before the next of the same. */
static void turns_are_fair(void **state)
{
	int fds[4];
	struct client *k, *of[4];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		fds[i] = come();
		say(fds[i], i == 3 ? "1\n" : "20\n");
	}
	clients_step(&clients, now);
	TAILQ_FOREACH(k, &clients.all, link)
	{
		k->uid = n < 3 ? 1001 : 1002;
		of[n++] = k;
	}
	assert_int_equal(n, 4);
	clients.served = 1001;
	clients_step(&clients, now);
	assert_int_equal(clients.served, 1002);
	clients_step(&clients, now);
	assert_int_equal(clients.served, 1001);
	clients_step(&clients, now);
	assert_int_equal(clients.served, 1002); /* its second piece is its last */
	of[2]->uid = 0;
	for (int i = 0; i < 3; i++) {
		clients_step(&clients, now);
		assert_int_equal(clients.served, 0);
	}
	serve();
	for (size_t i = 0; i < 4; i++) {
		assert_non_null(strstr(heard(fds[i]), "end\n"));
		close(fds[i]);
	}
	serve();
}

/* Work beyond a burst is paid for by as much rest. */
static void they_rest(void **state)
{
	int fd = come();

	(void)state;
	say(fd, "0\n");
	clients_step(&clients, now);
	clients.worked_us = 300000;
	assert_int_equal(clients_wait_fd(&clients, now), -1);
	assert_int_equal(clients_due(&clients, now), now + 101);
	clients_step(&clients, now + 50);
	assert_int_equal(answers, 0);
	now += 101;
	assert_true(clients_wait_fd(&clients, now) >= 0);
	serve();
	assert_string_equal(heard(fd), "end\n");
	close(fd);
	serve();
}

static void who_may(void **state)
{
	int fd = come();
	struct client *k;

	(void)state;
	clients_step(&clients, now);
	k = TAILQ_FIRST(&clients.all);
	assert_int_equal(k->uid, geteuid());
	assert_int_equal(clients_all(&clients, k), geteuid() == 0);
	k->uid = 1001;
	k->gid = 1001;
	assert_false(clients_all(&clients, k));
	clients.owner = 1001;
	assert_true(clients_all(&clients, k));
	clients.owner = (uid_t)-1;
	clients.group = 1001;
	assert_false(clients_all(&clients, k));
	clients.group_known = true;
	assert_true(clients_all(&clients, k));
	clients.group = 77777;
	assert_false(clients_all(&clients, k));
	k->uid = (uid_t)-1;
	assert_false(clients_all(&clients, k));
	close(fd);
	serve();
}

static void a_long_path(void **state)
{
	char name[91], path[PATH_MAX];
	int at, fd;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(mkdirat(dir_fd, name, 0700), 0);
	at = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (int i = 0; i < 2; i++) { /* the second takes an old one's place */
		fd = clients_listen(at, path, "s");
		assert_true(fd >= 0);
		close(fd);
	}
	assert_int_equal(unlinkat(at, "s", 0), 0);
	assert_int_equal(clients_listen(-1, path, "s"), -1);
	close(at);
	assert_int_equal(unlinkat(dir_fd, name, AT_REMOVEDIR), 0);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(lines_are_answered),
		WITH(who_goes_early),
		WITH(who_reads_nothing),
		WITH(half_a_line),
		WITH(too_much),
		WITH(descriptors_that_nobody_asked_for),
		WITH(a_crowd),
		WITH(a_crowd_of_somebody),
		WITH(turns_are_fair),
		WITH(they_rest),
		WITH(who_may),
		WITH(a_long_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
