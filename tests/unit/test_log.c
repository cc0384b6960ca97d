/* test_log: lines as readers get them, and what happens when nobody reads. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/crond.h"
#include "crond/debug.h"
#include "crond/log.h"
#include "crond/logline.h"

static char path[108];

static int reader(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	memcpy(at.sun_path, path, strlen(path) + 1);
	unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	return fd;
}

/* A line without its time, which is checked to look like one; and the sender's pid. */
static const char *line_read(int fd, pid_t *from)
{
	static char line[4096];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { line, sizeof(line) - 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	struct ucred who;
	char *head;

	if (n < 0)
		return NULL;
	line[n] = '\0';
	memcpy(&who, CMSG_DATA(&control.head), sizeof(who));
	*from = who.pid;
	head = strchr(line, '>');
	assert_non_null(head);
	assert_true(head[4] == ' ' && head[7] == ' ' && head[10] == ':' && head[16] == ' ');
	memmove(head + 1, head + 17, strlen(head + 17) + 1);
	return line;
}

static struct log logger(_Atomic uint64_t *lost)
{
	struct log l;

	log_open(&l, LOG_TO_SYSLOG, 6, lost);
	log_close(&l);
	l.path = path;
	l.tried = 0;
	return l;
}

static void test_lines(void **state)
{
	_Atomic uint64_t lost = 0;
	int fd = reader();
	struct log l = logger(&lost);
	pid_t from;

	(void)state;
	log_line(&l, 3, "crond", 812, 0, "FAIL job=%s", "gold");
	assert_string_equal(line_read(fd, &from), "<75>crond[812]: FAIL job=gold");
	assert_int_equal(from, getpid());
	log_line(&l, 7, "crond", 812, 0, "above the level");
	assert_null(line_read(fd, &from));
	log_classic(&l, "CRON", 9, 0, "root", "CMD", "a\tb\033 \303\251");
	assert_string_equal(line_read(fd, &from), "<78>CRON[9]: (root) CMD (a^Ib^[ \\303\\251)");
	log_line(&l, 3, "crond", 1, 0, "a\nb\033c\177d\te\302\233f\233g\303\251h\351i");
	assert_string_equal(line_read(fd, &from), "<75>crond[1]: a?b?c?d\te??f?g\303\251h\351i");
	if (geteuid() == 0) {
		log_line(&l, 6, "CRON", getppid(), getppid(), "x");
		assert_non_null(line_read(fd, &from));
		assert_int_equal(from, getppid());
	}
	assert_int_equal(lost, 0);
	log_close(&l);
	close(fd);
}

static void test_long(void **state)
{
	static char much[5000];
	int fd = reader();
	struct log l = logger(NULL);
	const char *line;
	pid_t from;

	(void)state;
	memset(much, 'x', sizeof(much) - 1);
	log_classic(&l, "CRON", 9, 0, "root", "CMD", much);
	line = line_read(fd, &from);
	assert_non_null(line);
	assert_int_equal(strspn(strchr(line, 'x'), "x"), 1000);
	assert_string_equal(line + strlen(line) - 2, "x)");
	log_close(&l);
	close(fd);
}

static void test_nobody(void **state)
{
	_Atomic uint64_t lost = 0;
	struct log l;
	pid_t from;
	int fd;

	(void)state;
	unlink(path);
	l = logger(&lost);
	log_line(&l, 6, "crond", 1, 0, "one");
	log_line(&l, 6, "crond", 1, 0, "two");
	assert_int_equal(lost, 2);
	fd = reader(); /* found again, but not before a second has passed */
	l.tried = 0;
	log_line(&l, 6, "crond", 1, 0, "three");
	assert_string_equal(line_read(fd, &from), "<78>crond[1]: three");
	close(fd);
	fd = reader(); /* the reader was started again: no line is lost */
	l.tried = 0;
	log_line(&l, 6, "crond", 1, 0, "four");
	assert_string_equal(line_read(fd, &from), "<78>crond[1]: four");
	assert_int_equal(lost, 2);
	log_close(&l);
	close(fd);
}

/* A reader that stands still costs lines, not time. */
static void test_full(void **state)
{
	_Atomic uint64_t lost = 0;
	int fd = reader(), got = 0;
	struct log l = logger(&lost);
	pid_t from;

	(void)state;
	for (int i = 0; i < 5000; i++)
		log_line(&l, 6, "crond", 1, 0, "line %d", i);
	while (line_read(fd, &from))
		got++;
	assert_true(got > 0 && lost > 0);
	assert_int_equal((uint64_t)got + lost, 5000);
	log_close(&l);
	close(fd);
}

static void test_stream(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	_Atomic uint64_t lost = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct log l;

	(void)state;
	memcpy(at.sun_path, path, strlen(path) + 1);
	unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	l = logger(&lost);
	log_line(&l, 6, "crond", 1, 0, "x");
	assert_int_equal(lost, 1);
	close(fd);
}

static void test_stderr(void **state)
{
	int fd[2], saved = dup(2);
	_Atomic uint64_t lost = 0;
	char text[256] = "", *tag;
	struct log l;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(dup2(fd[1], 2), 2);
	log_open(&l, LOG_TO_STDERR, 7, &lost);
	log_line(&l, 7, "crond", 5, 0, "hello");
	dup2(saved, 2);
	assert_true(read(fd[0], text, sizeof(text) - 1) > 0);
	assert_int_equal(strlen(text), strlen("2025-11-21 06:13:51.123 crond[5]: hello\n"));
	tag = text + 24;
	assert_string_equal(tag, "crond[5]: hello\n");
	for (int i = 0; i < 20000; i++) /* nobody reads: the pipe fills, we go on */
		log_line(&l, 7, "crond", 5, 0, "hello");
	assert_true(lost > 0);
	log_close(&l);
	close(fd[0]);
	close(fd[1]);
	close(saved);
}

/* What a job's output becomes, its head and end taken off. */
static const char *job_line(bool json, struct slice text, bool more, size_t *taken)
{
	static const char head[] = ",\"level\":\"info\",\"job\":\"j\",\"run\":\"j-1-1\",\"stream\":\"stdout\","
		"\"msg\":\"";
	struct logline who = { .priority = 6, .job = "j", .run = "j-1-1", .stream = "stdout",
		.json = json, .more = more };
	static char out[LOGLINE_MOST + 1];
	size_t n = logline_put(out, &who, text, taken), skip;

	assert_in_range(n, 1, LOGLINE_MOST);
	assert_int_equal(out[n - 1], '\n');
	assert_null(memchr(out, '\n', n - 1));
	out[--n] = '\0';
	if (!json) {
		skip = strlen("2025-11-21 06:13:51.123 j-1-1 stdout: ");
		assert_string_equal(strncmp(out + 24, "j-1-1 stdout: ", 14) ? out : "", "");
		return out + skip;
	}
	skip = strlen("{\"time\":\"2025-11-21T06:13:51.123Z\"");
	assert_memory_equal(out + skip, head, sizeof(head) - 1);
	assert_string_equal(out + n - 2, "\"}");
	out[n - 2] = '\0';
	return out + skip + sizeof(head) - 1;
}

#define TEXT(literal) ((struct slice){ literal, sizeof(literal) - 1 })

static void test_job_lines(void **state)
{
	struct slice odd = TEXT("a\tb\033[1m \"q\" \\ \0 \177 \303\251 \302\233 \377\303"), half = TEXT("x\342\202");
	size_t taken;

	(void)state;
	assert_string_equal(job_line(false, odd, false, &taken),
		"a\tb\\x1b[1m \"q\" \\ \\x00 \\x7f \303\251 \\u009b \\xff\\xc3");
	assert_int_equal(taken, odd.n);
	assert_string_equal(job_line(true, odd, false, &taken),
		"a\\u0009b\\u001b[1m \\\"q\\\" \\\\ \\u0000 \\u007f \303\251 \\u009b \\\\xff\\\\xc3");
	assert_int_equal(taken, odd.n);
	assert_string_equal(job_line(true, half, true, &taken), "x"); /* its end is on the way */
	assert_int_equal(taken, 1);
	assert_string_equal(job_line(true, half, false, &taken), "x\\\\xe2\\\\x82");
	assert_string_equal(job_line(true, TEXT(""), false, &taken), "");
}

/* Whatever comes, a pipe takes the line whole, and what did not fit is not lost. */
static void test_job_line_too_long(void **state)
{
	static char much[LOGLINE_MOST * 2];

	(void)state;
	for (int json = 0; json < 2; json++) {
		for (int c = 0; c < 256; c += 3) {
			struct slice left = { much, sizeof(much) };
			size_t taken, lines = 0;

			memset(much, c == '\n' ? 0 : c, sizeof(much));
			while (left.n) {
				job_line(json, left, false, &taken);
				assert_in_range(taken, 600, left.n < 600 ? 600 : left.n);
				left.s += taken;
				left.n -= taken;
				lines++;
				if (left.n < 600)
					break;
			}
			assert_in_range(lines, 2, 14);
		}
	}
}

static void test_json(void **state)
{
	int fd[2], saved = dup(2);
	_Atomic uint64_t lost = 0;
	char text[256] = "";
	struct log l;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(dup2(fd[1], 2), 2);
	log_open(&l, LOG_TO_JSON, 7, &lost);
	dup2(saved, 2);
	log_line(&l, 3, "crond", 5, 0, "say \"%s\"", "hello");
	assert_true(read(fd[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text + strlen("{\"time\":\"2025-11-21T06:13:51.123Z\""),
		",\"level\":\"err\",\"tag\":\"crond\",\"pid\":5,\"msg\":\"say \\\"hello\\\"\"}\n");
	close(fd[0]);
	log_line(&l, 3, "crond", 5, 0, "nobody reads");
	assert_int_equal(lost, 1);
	log_close(&l);
	close(fd[1]);
	close(saved);
}

/* Whatever wakes the scheduler has a word. */
static void test_woken(void **state)
{
	static struct crond c;
	char text[512];
	ssize_t n;

	(void)state;
	c.log = (struct log){ .target = LOG_TO_STDERR, .level = LOG_DEBUG, .fd = -1,
		.err = memfd_create("log", MFD_CLOEXEC) };
	c.set.dialect = dialect_get(DIALECT_DEBIAN);
	for (int i = 0; i < WATCHES + LATERS; i++) {
		struct watch w = { .kind = (enum watch_kind)i };
		off_t from = lseek(c.log.err, 0, SEEK_END);

		if (i < WATCHES)
			debug_woken(&c, &(struct epoll_event){ .data = { .ptr = &w } }, 1);
		else
			debug_expired(&c, 1u << (i - WATCHES));
		n = pread(c.log.err, text, sizeof(text) - 1, from);
		text[n > 0 ? n : 0] = '\0';
		if (i == WATCH_LATER)
			assert_string_equal(text, "");
		else if (!strstr(text, "DEBUG woken by=") || strstr(text, "by=?"))
			fail_msg("%d: %s", i, text);
	}
	close(c.log.err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_long), cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_full), cmocka_unit_test(test_stream), cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_job_lines), cmocka_unit_test(test_job_line_too_long),
		cmocka_unit_test(test_json), cmocka_unit_test(test_woken),
	};
	char dir[] = "/tmp/cronward-log.XXXXXX";
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/log", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
