/* test_runlog: the bytes of a run's log: two streams as one, what is cut out of the middle, and a disk
 * that is full. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crond/core/logmark.h"
#include "crond/runlog.h"

static char *content(int fd)
{
	static char text[65536];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void say(struct runlog *l, int stream, const char *text)
{
	runlog_add(l, stream, text, strlen(text));
}

static void test_streams(void **state)
{
	struct runlog l = { .fd = memfd_create("log", 0), .apart = true };

	(void)state;
	say(&l, 0, "one\ntw");
	say(&l, 0, "o\n");
	say(&l, 1, "bad\nworse");
	say(&l, 1, " still\n");
	say(&l, 0, "half");
	say(&l, 1, "cut in");
	say(&l, 0, "rest\n\n");
	assert_string_equal(content(l.fd), "one\ntwo\nstderr: bad\nstderr: worse still\nhalf\n"
		"stderr: cut in\nrest\n\n");
	runlog_close(&l);
	l = (struct runlog){ .fd = memfd_create("log", 0) };
	say(&l, 0, "as it\nis");
	assert_string_equal(content(l.fd), "as it\nis");
	runlog_close(&l);
}

/* Numbered lines in pieces of any size: the first and the last of them stay, and what is
 * between is counted. */
static void cut_with(size_t piece, uint64_t most, uint64_t before)
{
	struct runlog l = { .fd = memfd_create("log", 0), .most = most, .base = before };
	static char all[20 * 3000 + 1], kept[40000];
	unsigned long long left_out;
	size_t n = 0, head;
	char *text, *mark;

	for (int i = 0; i < 3000; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "line %d\n", i);
	assert_int_equal(ftruncate(l.fd, (off_t)before), 0);
	for (size_t at = 0; at < n; at += piece) {
		runlog_add(&l, 0, all + at, n - at < piece ? n - at : piece);
		assert_true(l.len <= most + 64); /* at any time */
	}
	text = content(l.fd) + before;
	mark = strstr(text, "\n[... ");
	assert_non_null(mark);
	head = (size_t)(mark - text);
	assert_true(head == most / 2 && memcmp(text, all, head) == 0);
	assert_int_equal(sscanf(mark, "\n[... %llu bytes left out ...]\n", &left_out), 1);
	snprintf(kept, sizeof(kept), "%s", strchr(mark + 1, '\n') + 1);
	assert_int_equal(head + left_out + strlen(kept), n);
	assert_string_equal(kept, all + head + left_out);
	assert_in_range(strlen(kept), most / 4, most / 2);
	runlog_close(&l);
}

static void test_cut(void **state)
{
	(void)state;
	cut_with(1, 512, 0);
	cut_with(7, 1000, 0);
	cut_with(16384, 1024, 0);
	cut_with(4096, 10001, 123);
	cut_with(100000, 2048, 5);
}

static void test_disk_full(void **state)
{
	struct runlog l = { .fd = open("/dev/full", O_RDWR) };

	(void)state;
	say(&l, 0, "x");
	assert_int_equal(l.error, ENOSPC);
	assert_int_equal(l.fd, -1);
	say(&l, 0, "y");
}

/* A limit of its size stands for a disk: full, with some room again, full again. */
static void test_disk_full_for_a_while(void **state)
{
	static char piece[1001];
	struct runlog l = { .fd = memfd_create("log", 0), .most = 12000 };
	struct rlimit was, now;
	unsigned long long left_out;
	char *text, *mark;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < 40; i++) {
		now = was;
		now.rlim_cur = i < 5 || (i >= 20 && i < 30) || i >= 35 ? was.rlim_cur : 5000;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
		memset(piece, 'a' + i % 26, 1000);
		if (i == 3) /* a cut may have been before */
			assert_int_equal(l.left_out, 0);
		runlog_add(&l, 0, piece, 1000);
		assert_true(l.fd >= 0 && l.len <= 12000 + LOGMARK_MOST);
	}
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(l.error, EFBIG);
	text = content(l.fd);
	mark = strstr(text, "\n[... ");
	assert_non_null(mark);
	assert_int_equal(sscanf(mark, "\n[... %llu bytes left out ...]\n", &left_out), 1);
	assert_null(strstr(mark + 1, "\n[... ")); /* one for all */
	mark[0] = '\0';
	mark = strchr(mark + 1, '\n') + 1;
	assert_int_equal(strlen(text) + left_out + strlen(mark), 40000);
	assert_true(text[0] == 'a' && text[strlen(text) - 1] <= 'e');
	assert_int_equal(strlen(mark), 5000); /* what came when there was room at last */
	assert_true(mark[0] == 'a' + 35 % 26 && mark[4999] == 'a' + 39 % 26);
	runlog_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_disk_full_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
