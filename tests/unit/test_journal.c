/* test_journal: entries as the journal reads them, decoded here by its own rules. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "crond/journal.h"
#include "crond/log.h"
#include "crond/logline.h"

static char path[108], bytes[256 * 1024];

struct field {
	char name[64];
	const char *value;
	size_t n;
};

/* What a reader of the protocol makes of a datagram: NAME=value to the end of the line, or NAME,
 * a newline, eight bytes of length, so many bytes, a newline. How many fields; -1: not whole. */
static int decode(const char *at, size_t left, struct field *f, int most)
{
	int count = 0;

	while (left) {
		const char *end = memchr(at, '\n', left), *is = end ? memchr(at, '=', (size_t)(end - at)) : NULL;
		size_t line = end ? (size_t)(end - at) + 1 : 0, name;
		uint64_t n = 0;

		if (!end || count == most)
			return -1;
		name = (size_t)((is ? is : end) - at);
		snprintf(f[count].name, sizeof(f[count].name), "%.*s", (int)name, at);
		if (is) {
			f[count].value = is + 1;
			f[count].n = (size_t)(end - is) - 1;
		} else {
			if (left < line + 8)
				return -1;
			for (int i = 7; i >= 0; i--)
				n = n << 8 | (unsigned char)at[line + (size_t)i];
			if (n > left - line - 9 || at[line + 8 + n] != '\n')
				return -1;
			f[count].value = at + line + 8;
			f[count].n = n;
			line += 8 + n + 1;
		}
		count++;
		at += line;
		left -= line;
	}
	return count;
}

static size_t flatten(const struct journal *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->count; i++) {
		assert_true(n + j->parts[i].iov_len <= sizeof(bytes));
		if (j->parts[i].iov_len)
			memcpy(bytes + n, j->parts[i].iov_base, j->parts[i].iov_len);
		n += j->parts[i].iov_len;
	}
	return n;
}

static const struct field *find(const struct field *f, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(f[i].name, name) == 0)
			return &f[i];
	}
	return NULL;
}

static void field_is(const struct field *f, int n, const char *name, const char *value)
{
	const struct field *found = find(f, n, name);

	if (!value) {
		assert_null(found);
		return;
	}
	if (!found || found->n != strlen(value) || memcmp(found->value, value, found->n) != 0)
		fail_msg("%s is not %s", name, value);
}

static const struct log_about about = { .job = "gold", .run = "gold-1763668800-1", .user = "www",
	.result = "exit", .reason = "two\nlines", .command = "a=1\nb=2\033", .exit_code = 3, .attempt = 2,
	.failures = 5, .scheduled = 1763668800 };

static void is_entry(const char *data, size_t size, const char *message)
{
	struct field f[JOURNAL_FIELDS];
	int n = decode(data, size, f, JOURNAL_FIELDS);

	assert_true(n > 0);
	field_is(f, n, "MESSAGE", message);
	field_is(f, n, "PRIORITY", "3");
	field_is(f, n, "SYSLOG_FACILITY", "9");
	field_is(f, n, "SYSLOG_IDENTIFIER", "crond");
	field_is(f, n, "CRON_JOB", "gold");
	field_is(f, n, "CRON_RUN_ID", "gold-1763668800-1");
	field_is(f, n, "CRON_USER", "www");
	field_is(f, n, "CRON_RESULT", "exit");
	field_is(f, n, "CRON_SIGNAL", NULL);
	field_is(f, n, "CRON_REASON", "two\nlines");
	field_is(f, n, "CRON_COMMAND", "a=1\nb=2\033");
	field_is(f, n, "CRON_EXIT_CODE", "3");
	field_is(f, n, "CRON_ATTEMPT", "2");
	field_is(f, n, "CRON_FAILURES", "5");
	field_is(f, n, "CRON_SCHEDULED_AT", "1763668800");
}

static void test_entry(void **state)
{
	struct journal j = { .count = 0 };

	(void)state;
	journal_line(&j, 9 << 3 | 3, "crond", 812, slice_of("FAIL job=gold"), &about);
	is_entry(bytes, flatten(&j), "FAIL job=gold");
}

/* Whatever the values are, what comes out is what went in, up to what there is room for. */
static void test_random(void **state)
{
	static char pool[JOURNAL_VALUE_MOST * 2];

	(void)state;
	srandom(7);
	for (int round = 0; round < 3000; round++) {
		struct field f[JOURNAL_FIELDS];
		struct slice put[JOURNAL_FIELDS];
		struct journal j = { .count = 0 };
		int fields = (int)(random() % (JOURNAL_FIELDS + 4)), n = 0;

		for (size_t i = 0; i < 512; i++) /* mostly what matters to the protocol */
			pool[(size_t)random() % sizeof(pool)] = "\n=A\0\b\xff"[random() % 6];
		for (int i = 0; i < fields; i++) {
			size_t most = random() % 8 ? 64 : sizeof(pool), at = (size_t)random() % (sizeof(pool) / 2);
			struct slice value = { pool + at, (size_t)random() % most % (sizeof(pool) - at) };

			if (i < JOURNAL_FIELDS) {
				static const char *const names[] = { "F0", "F1", "F2", "F3", "F4", "F5", "F6",
					"F7", "F8", "F9", "F10", "F11", "F12", "F13", "F14", "F15" };

				assert_true(journal_put(&j, names[i], value));
				put[n++] = value;
			} else {
				assert_false(journal_put(&j, "OVER", value));
			}
		}
		assert_int_equal(decode(bytes, flatten(&j), f, JOURNAL_FIELDS), n);
		for (int i = 0; i < n; i++) {
			size_t want = put[i].n < JOURNAL_VALUE_MOST ? put[i].n : JOURNAL_VALUE_MOST;

			assert_int_equal(f[i].n, want);
			assert_memory_equal(f[i].value, put[i].s, want);
		}
	}
}

static int reader(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(at.sun_path, path, strlen(path) + 1);
	unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* By way of the log: control bytes of the message become plain, and nobody waits for a reader. */
static void test_log(void **state)
{
	_Atomic uint64_t lost = 0;
	int fd = reader();
	struct log l;
	ssize_t n;

	(void)state;
	log_open(&l, LOG_TO_STDERR, 6, &lost);
	log_close(&l);
	l.target = LOG_TO_JOURNAL;
	l.path = path;
	log_about(&l, &about, 3, "crond", "FAIL job=%s\nMESSAGE=forged\033", "gold");
	n = recv(fd, bytes, sizeof(bytes), 0);
	assert_true(n > 0);
	is_entry(bytes, (size_t)n, "FAIL job=gold?MESSAGE=forged?");
	l.about = &about;
	log_line(&l, 3, "crond", 9, 0, "by the keeper");
	n = recv(fd, bytes, sizeof(bytes), 0);
	assert_true(n > 0);
	is_entry(bytes, (size_t)n, "by the keeper");
	log_about(&l, &about, 7, "crond", "above the level");
	assert_int_equal(recv(fd, bytes, sizeof(bytes), 0), -1);
	for (int i = 0; i < 100000 && !lost; i++)
		log_about(&l, &about, 3, "crond", "nobody reads");
	assert_true(lost > 0);
	log_close(&l);
	close(fd);
}

/* In JSON there are fields, too. */
static void test_json(void **state)
{
	struct logline who = { .priority = 3, .tag = "crond", .pid = 812, .about = &about, .json = true };
	char out[LOGLINE_MOST];
	size_t taken, n = logline_put(out, &who, slice_of("FAIL \"x\""), &taken);
	static const char want[] = ",\"level\":\"err\",\"tag\":\"crond\",\"pid\":812,\"job\":\"gold\","
		"\"run\":\"gold-1763668800-1\",\"result\":\"exit\",\"msg\":\"FAIL \\\"x\\\"\"}\n";

	(void)state;
	assert_true(n > sizeof(want) && n < sizeof(out));
	out[n] = '\0';
	assert_string_equal(out + n - (sizeof(want) - 1), want);
}

static void test_names(void **state)
{
	struct log l;

	(void)state;
	for (enum log_target t = 0; t < LOG_TARGETS; t++)
		assert_int_equal(log_target_find(log_target_name(t)), t);
	assert_int_equal(log_target_find("nowhere"), LOG_TARGETS);
	log_open(&l, LOG_TO_JOURNAL, 6, NULL);
	/* where the journal is not there the log goes where it would go without it */
	assert_string_equal(l.path, l.target == LOG_TO_JOURNAL ? "/run/systemd/journal/socket" : "/dev/log");
	log_close(&l);
}

int main(void)
{
	static char dir[] = "/tmp/test_journal.XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_names),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
