/* test_follow: a log is shown whole while it grows and is cut, and a terminal obeys nothing of
 * it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/core/logmark.h"
#include "crond/runlog.h"
#include "crontab-tool/follow.h"

static void read_all(struct follow *f, struct buf *out)
{
	int more;

	while ((more = follow_next(f, out)) > 0)
		;
	assert_int_equal(more, 0);
}

/* What is shown, and what the marks in it stand for, is what was written. */
static void assert_accounts(const struct buf *shown, const struct buf *all)
{
	uint64_t left_out;
	size_t at = 0, marks = 0;

	for (size_t i = 0; i < shown->len;) {
		char text[LOGMARK_MOST];

		if (logmark_read(shown->data + i, shown->len - i, &left_out)) {
			at += left_out;
			i += logmark(left_out, text);
			marks++;
		} else if (at >= all->len || shown->data[i++] != all->data[at++]) {
			fail_msg("differs at byte %zu, behind %zu marks", at, marks);
		}
	}
	assert_int_equal(at, all->len);
}

/* Numbered lines, in pieces of up to `piece` bytes, looked at after every so many of them. */
static void follow_with(unsigned piece, unsigned every, uint64_t most, unsigned late)
{
	struct runlog l = { .fd = memfd_create("log", 0), .most = most };
	struct follow f = { .fd = l.fd };
	struct buf all = { 0 }, shown = { 0 };
	unsigned looks = 0;

	for (int i = 0; i < 20000; i++)
		buf_printf(&all, "line %d\n", i);
	for (size_t at = 0, n; at < all.len; at += n) {
		n = 1 + (size_t)rand() % piece;
		n = all.len - at < n ? all.len - at : n;
		runlog_add(&l, 0, all.data + at, n);
		if (looks++ >= late && looks % every == 0)
			read_all(&f, &shown);
	}
	read_all(&f, &shown);
	follow_end(&f, &shown);
	assert_accounts(&shown, &all);
	if (every == 1 && piece < most / 8) /* nothing passed unseen */
		assert_int_equal(shown.len, all.len);
	buf_free(&all);
	buf_free(&shown);
	runlog_close(&l);
}

static void test_cuts(void **state)
{
	(void)state;
	srand(1);
	follow_with(100, 1, 0, 0);
	follow_with(100, 1, 10000, 0);
	follow_with(1000, 3, 10000, 0);
	follow_with(3000, 7, 40000, 0);
	follow_with(50000, 1, 1024, 0);
	follow_with(500, 2, 20000, 300); /* from the middle on: it was cut before */
}

static void test_emptied(void **state)
{
	struct runlog l = { .fd = memfd_create("log", 0) };
	struct follow f = { .fd = l.fd };
	struct buf shown = { 0 };

	(void)state;
	runlog_add(&l, 0, "one\ntwo\n", 8);
	read_all(&f, &shown);
	assert_int_equal(ftruncate(l.fd, 0), 0);
	assert_int_equal(pwrite(l.fd, "new\n", 4, 0), 4);
	read_all(&f, &shown);
	assert_string_equal(buf_text(&shown), "one\ntwo\nnew\n");
	buf_free(&shown);
	runlog_close(&l);
}

static void assert_shown(const char *text, size_t n, size_t piece, const char *want)
{
	struct runlog l = { .fd = memfd_create("log", 0) };
	struct follow f = { .fd = l.fd, .harmless = true };
	struct buf shown = { 0 };

	for (size_t at = 0; at < n; at += piece) {
		runlog_add(&l, 0, text + at, n - at < piece ? n - at : piece);
		read_all(&f, &shown);
	}
	follow_end(&f, &shown);
	assert_string_equal(buf_text(&shown), want);
	buf_free(&shown);
	runlog_close(&l);
}

static void test_terminal(void **state)
{
	static const char hostile[] = "a\tb\r\n\x1b]0;title\a\x1b[2J\0end\x7f\n\rover\xc2\x9b" "31m";
	static const char text[] = "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \xff\xc3(\xe2\x82";

	(void)state;
	for (size_t piece = 1; piece < 40; piece++) {
		assert_shown(hostile, sizeof(hostile) - 1, piece, "a\tb\r\n\\x1b]0;title\\x07\\x1b[2J\\x00end"
			"\\x7f\n\\x0dover\\xc2\\x9b31m");
		assert_shown(text, sizeof(text) - 1, piece,
			"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80 \\xff\\xc3(\\xe2\\x82");
	}
	assert_shown("bare\r", 5, 5, "bare\\x0d");
}

static void test_mark(void **state)
{
	char text[LOGMARK_MOST];
	uint64_t left_out;

	(void)state;
	assert_int_equal(logmark(7, text), strlen("\n[...            7 bytes left out ...]\n"));
	assert_string_equal(text, "\n[...            7 bytes left out ...]\n");
	assert_true(logmark_read(text, strlen(text), &left_out) && left_out == 7);
	assert_false(logmark_read(text, strlen(text) - 1, &left_out));
	assert_true(logmark_read(text, logmark(UINT64_C(12345678901234), text), &left_out));
	assert_int_equal(left_out, UINT64_C(12345678901234));
	assert_false(logmark_read("\n[... 7 bytes left out ...]\n" "          ", 40, &left_out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_emptied),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_mark),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
