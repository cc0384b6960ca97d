/* A job's environment: order, last value wins, what cannot be set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/core/jobenv.h"

/* Settings as a file has them, from first to last. */
static const struct crontab_env *chain(struct crontab_env *room, const char *const *lines)
{
	const struct crontab_env *last = NULL;

	for (size_t i = 0; lines[i]; i++) {
		room[i] = (struct crontab_env){ .before = last, .assignment = lines[i],
			.name_length = (uint32_t)strcspn(lines[i], "=") };
		last = &room[i];
	}
	return last;
}

/* What the daemon gives to jobs. */
static struct slice daemons;

/* The block with '|' behind each. */
static const char *shown(enum dialect_id dialect, const char *const *lines, const char *const *list)
{
	static char text[1 << 18];
	static struct crontab_env room[10240];
	struct buf b = { 0 };
	size_t n = 0;

	jobenv_build(&b, &(struct jobenv_of){ .dialect = dialect_get(dialect),
		.settings = lines ? chain(room, lines) : NULL, .own = list, .inherited = daemons,
		.user = "alice", .home = "/home/alice" });
	assert_false(b.failed);
	assert_true(b.len < sizeof(text));
	for (; n < b.len; n++)
		text[n] = b.data[n] ? b.data[n] : '|';
	text[n] = '\0';
	buf_free(&b);
	return text;
}

static void test_plain(void **state)
{
	(void)state;
	assert_string_equal(shown(DIALECT_DEBIAN, NULL, NULL),
		"SHELL=/bin/sh|HOME=/home/alice|PATH=/usr/bin:/bin|LOGNAME=alice|");
	assert_string_equal(shown(DIALECT_CRONIE, NULL, NULL),
		"SHELL=/bin/sh|HOME=/home/alice|PATH=/usr/bin:/bin:/usr/sbin:/sbin|LOGNAME=alice|USER=alice|");
}

static void test_settings(void **state)
{
	static const char *const lines[] = { "A=1", "HOME=/srv", "A=2", "AB=3", "SHELL=/bin/bash", NULL };

	(void)state;
	assert_string_equal(shown(DIALECT_DEBIAN, lines, NULL),
		"A=2|HOME=/srv|AB=3|SHELL=/bin/bash|PATH=/usr/bin:/bin|LOGNAME=alice|");
}

static void test_identity_cannot_be_set(void **state)
{
	static const char *const lines[] = { "LOGNAME=root", "USER=root", NULL };

	(void)state;
	assert_string_equal(shown(DIALECT_DEBIAN, lines, NULL),
		"LOGNAME=alice|USER=root|SHELL=/bin/sh|HOME=/home/alice|PATH=/usr/bin:/bin|");
	assert_string_equal(shown(DIALECT_CRONIE, lines, NULL),
		"LOGNAME=alice|USER=alice|SHELL=/bin/sh|HOME=/home/alice|"
		"PATH=/usr/bin:/bin:/usr/sbin:/sbin|");
	assert_null(strstr(shown(DIALECT_DEBIAN, NULL, lines), "LOGNAME=root"));
}

static void test_inherited(void **state)
{
	static const char *const lines[] = { "A=1", "LANG=de", "LANG=fr", NULL };
	static const char from[] = "LANG=C\0RANDOM_DELAY=5";

	(void)state;
	daemons = (struct slice){ from, sizeof(from) };
	assert_string_equal(shown(DIALECT_CRONIE, lines, NULL),
		"LANG=fr|RANDOM_DELAY=5|A=1|SHELL=/bin/sh|HOME=/home/alice|"
		"PATH=/usr/bin:/bin:/usr/sbin:/sbin|LOGNAME=alice|USER=alice|");
	daemons = (struct slice){ NULL, 0 };
}

static void test_task_list(void **state)
{
	static const char *const list[] = { "PATH=/opt/bin", "X=", NULL };

	(void)state;
	assert_string_equal(shown(DIALECT_DEBIAN, NULL, list),
		"PATH=/opt/bin|X=|SHELL=/bin/sh|HOME=/home/alice|LOGNAME=alice|");
}

/* More than are sorted at once: each name still once, with its last value. */
static void test_many(void **state)
{
	static char text[900][16];
	const char *lines[901];
	const char *out;

	(void)state;
	for (int i = 0; i < 900; i++) {
		snprintf(text[i], sizeof(text[i]), "V%d=%d", i % 450, i);
		lines[i] = text[i];
	}
	lines[900] = NULL;
	out = shown(DIALECT_DEBIAN, lines, NULL);
	assert_non_null(strstr(out, "V0=450|"));
	assert_null(strstr(out, "V0=0|"));
	assert_non_null(strstr(out, "V449=899|"));
	assert_null(strstr(out, "V449=449|"));
	lines[899] = "LOGNAME=root";
	lines[898] = "PATH=/opt";
	lines[897] = "V=1";
	out = shown(DIALECT_CRONIE, lines, (const char *const[]){ "V8=own", NULL });
	assert_non_null(strstr(out, "LOGNAME=alice|"));
	assert_null(strstr(out, "LOGNAME=root|"));
	assert_non_null(strstr(out, "|PATH=/opt|"));
	assert_null(strstr(out, "|PATH=/usr"));
	assert_non_null(strstr(out, "|V=1|"));
	assert_memory_equal(out, "V8=own|", 7);
	assert_null(strstr(out, "|V8="));
	assert_non_null(strstr(out, "V449=449|"));
}

/* Every job of a table that sets as many as there may be waits for its own. */
static void test_as_many_as_may_be(void **state)
{
	enum { MANY = 10000 };
	static char text[MANY][16];
	static const char *lines[MANY + 1];
	clock_t began = clock();

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(text[i], sizeof(text[i]), "V%d=x", i);
		lines[i] = text[i];
	}
	assert_non_null(strstr(shown(DIALECT_DEBIAN, lines, NULL), "V9999=x|"));
	assert_in_range(clock() - began, 0, CLOCKS_PER_SEC / 5);
}

static void test_value(void **state)
{
	static const char block[] = "AB=1\0A=2\0C=";
	const struct slice env = { block, sizeof(block) };

	(void)state;
	assert_string_equal(jobenv_value(env, "A"), "2");
	assert_string_equal(jobenv_value(env, "C"), "");
	assert_null(jobenv_value(env, "B"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain), cmocka_unit_test(test_settings),
		cmocka_unit_test(test_identity_cannot_be_set), cmocka_unit_test(test_task_list),
		cmocka_unit_test(test_many), cmocka_unit_test(test_as_many_as_may_be), cmocka_unit_test(test_inherited), cmocka_unit_test(test_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
