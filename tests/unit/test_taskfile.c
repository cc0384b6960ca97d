/* test_taskfile: tasks and errors of a task file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/taskfile.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GOOD "schedule = \"*/20 * * * * *\"\ncommand = x\n"

struct heard {
	struct buf text;
	struct taskfile_task last;
	int stop_at;
	int tasks;
};

static int hear_task(void *arg, const struct taskfile_task *t)
{
	struct heard *h = arg;

	buf_printf(&h->text, "%s@%u;", t->name, t->line);
	h->last = *t;
	return ++h->tasks == h->stop_at;
}

static void hear_diag(void *arg, const struct diag *d)
{
	struct heard *h = arg;

	assert_int_equal(d->level, DIAG_ERROR);
	buf_printf(&h->text, "E%u:%u %s;", d->line, d->column, d->text);
}

static struct taskfile_result parse(struct heard *h, struct arena *arena, struct slice file)
{
	struct taskfile_sink sink = { hear_task, hear_diag, h };
	struct taskfile_result result;

	assert_int_equal(taskfile_parse(file, 1, NULL, arena, &sink, &result), 0);
	return result;
}

static void design_example(void **state)
{
	static const char file[] =
		"task \"gold\" {\n"
		"  schedule    = \"*/20 * * * * *\"\n"
		"  command     = \"/srv/gold/run.sh\"\n"
		"  user        = \"www\"\n"
		"  hosts       = { \"10.0.0.0/8\", \"web-*\" }\n"
		"  max         = 1\n"
		"  concurrency = forbid\n"
		"  timeout     = \"10m\"\n"
		"  alert       = { \"mail:ops@example.org\", \"webhook:feishu\" }\n"
		"}\n";
	struct heard h = { 0 };
	struct arena arena = { 0 };
	struct taskfile_result r = parse(&h, &arena, slice_of(file));
	const struct options *o = &h.last.options;

	(void)state;
	assert_string_equal(buf_text(&h.text), "gold@1;");
	assert_int_equal(r.tasks, 1);
	assert_int_equal(r.errors, 0);
	assert_false(r.broken);
	assert_string_equal(h.last.name, "gold");
	assert_string_equal(o->command, "/srv/gold/run.sh");
	assert_string_equal(o->schedule, "*/20 * * * * *");
	assert_string_equal(o->user, "www");
	assert_string_equal(o->hosts[1], "web-*");
	assert_int_equal(o->max, 1);
	assert_int_equal(o->timeout_ms, 600000);
	assert_string_equal(o->alert[1], "webhook:feishu");
	assert_true(h.last.schedule.second == (1ULL | 1ULL << 20 | 1ULL << 40));
	assert_true(h.last.schedule.flags & SCHEDULE_SECONDS);
	buf_free(&h.text);
	arena_free(&arena);
}

static void where(const struct options *o, enum option_id id, const char *want)
{
	char at[64];

	option_origin(o, id, at, sizeof(at));
	assert_string_equal(at, want);
}

/* For tasks above and below them; a task's own word replaces them. */
static void file_defaults(void **state)
{
	static const char file[] =
		"task a {" GOOD "}\n"
		"defaults {\n timeout = 5m\n max = 3\n env = 'A=1'\n user = www\n}\n"
		"task b {" GOOD "timeout = 7m\n}\n";
	struct heard h = { 0 };
	struct arena arena = { 0 };
	struct taskfile_result r;

	(void)state;
	h.stop_at = 0;
	r = parse(&h, &arena, (struct slice){ file, strlen(file) - strlen("task b {" GOOD
		"timeout = 7m\n}\n") });
	assert_int_equal(r.tasks, 1);
	assert_int_equal(h.last.options.timeout_ms, 300000);
	assert_int_equal(h.last.options.max, 3);
	assert_string_equal(h.last.options.user, "www");
	assert_string_equal(h.last.options.env[0], "A=1");
	assert_true(option_given(&h.last.options, OPTION_TIMEOUT));
	assert_false(option_own(&h.last.options, OPTION_TIMEOUT));
	r = parse(&h, &arena, slice_of(file));
	assert_int_equal(r.errors, 0);
	assert_string_equal(h.last.name, "b");
	assert_int_equal(h.last.options.timeout_ms, 420000);
	assert_int_equal(h.last.options.max, 3);
	h.last.options.file = "/f.conf";
	where(&h.last.options, OPTION_TIMEOUT, "/f.conf:12");
	where(&h.last.options, OPTION_MAX, "/f.conf:6");
	where(&h.last.options, OPTION_SCHEDULE, "/f.conf:10");
	where(&h.last.options, OPTION_DIR, "default");
	buf_free(&h.text);
	arena_free(&arena);
}

/* All tasks may rely on them: with an error there the file is not used. */
static void bad_file_defaults(void **state)
{
	static const struct {
		const char *file, *want;
	} cases[] = {
		{ "defaults {\n timeout = soon\n}", "E2:2 bad timeout 'soon': a duration such as 90s, 15m or "
			"1h30m is needed;" },
		{ "defaults {\n timout = 5m\n}", "E2:2 unknown option 'timout', did you mean 'timeout'?;" },
		{ "defaults { command = x }", "E1:12 'command' belongs to one job, and has no place in "
			"'defaults';" },
		{ "defaults { second = 1 }", "E1:12 'second' belongs to one job, and has no place in "
			"'defaults';" },
		{ "defaults { max = 1 max = 2 }", "E1:20 'max' is given twice, first in line 1;" },
		{ "defaults { max = 1 }\ndefaults { }", "E2:1 a second section 'defaults';" },
		{ "defaults x { max = 1 }", "E1:10 'defaults' takes no title;" },
		{ "defaults { max }", "E1:12 something is missing behind 'max';" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct heard h = { 0 };
		struct arena arena = { 0 };
		struct taskfile_result r = parse(&h, &arena, slice_of(cases[i].file));

		assert_string_equal(buf_text(&h.text), cases[i].want);
		assert_true(r.broken);
		assert_int_equal(r.errors, 1);
		buf_free(&h.text);
		arena_free(&arena);
	}
}

/* Each error costs its task and no other, and says where it is. */
static void errors(void **state)
{
	static const struct {
		const char *file, *want;
	} cases[] = {
		{ "", "" },
		{ "# nothing\n", "" },
		{ "task a {" GOOD "}", "a@1;" },
		{ "task a {" GOOD "timout = 5m\n}task b {" GOOD "}",
			"E3:1 unknown option 'timout', did you mean 'timeout'?;b@4;" },
		{ "task a {" GOOD "timeout = soon\n  max = 0\n}task b {" GOOD "}",
			"E3:1 bad timeout 'soon': a duration such as 90s, 15m or 1h30m is needed;"
			"E4:3 bad max '0': a number from 1 to 100000 is needed;b@5;" },
		{ "task a {" GOOD "}\ntask b {" GOOD "}\ntask \"a\" {" GOOD "}\n",
			"a@1;b@4;E7:6 a second task 'a', the first is in line 1;" },
		{ "task a { max = x }\ntask a {" GOOD "}",
			"E1:10 bad max 'x': a number from 1 to 100000 is needed;"
			"E2:6 a second task 'a', the first is in line 1;" },
		{ "task {" GOOD "} task b {" GOOD "}", "E1:1 a task without a name;b@3;" },
		{ "task \"a b\" {" GOOD "}",
			"E1:6 bad name of a task 'a b': letters, digits, '.', '_' and '-' are allowed, "
			"at most 64, and a letter or digit comes first;" },
		{ "task a { }", "E1:1 'schedule' is missing;" },
		{ "task a { schedule = @daily }", "E1:1 'command' or 'argv' is missing;" },
		{ "task a {" GOOD " argv = { x } }", "E3:2 'command' and 'argv' exclude each other;" },
		{ "task a {\n  command = x\n  schedule = \"\"\n}", "E3:3 'schedule' is empty;" },
		{ "task a {" GOOD "command = y\n}",
			"E3:1 'command' is given twice, first in line 2;" },
		{ "task a {" GOOD "second = '*'\n}", "E3:1 'second' is only for crontab lines;" },
		{ "task a {" GOOD "timezone = '../x'\n}",
			"E3:1 bad timezone '../x': a zone's name such as Europe/Berlin or UTC is needed;" },
		{ "task a {" GOOD "hosts = { ok, 10.0.0.1/33 }\n}",
			"E3:1 bad hosts '10.0.0.1/33': the length of a network is 0 to 32;" },
		{ "task a {" GOOD "} junk\ntask b {" GOOD "}",
			"a@1;E3:3 text that belongs to nothing: 'junk';b@4;" },
		{ "max = 3\ntask b {" GOOD "}", "E1:1 'max' is set outside of a task;b@2;" },
		{ "taks a {" GOOD "}task b {" GOOD "}",
			"E1:1 unknown section 'taks', did you mean 'task'?;b@3;" },
		{ "webhook a {" GOOD "}", "E1:1 unknown section 'webhook';" },
		{ "task a\n" GOOD "task b {" GOOD "}",
			"E1:1 a section without its '{': 'task';E2:1 'schedule' is set outside of a task;"
			"E3:1 'command' is set outside of a task;b@4;" },
		{ "task a {\r\n  command = x\r\n  schedule = @daily\r\n}\r\n", "a@1;" },
		{ "task a {" GOOD "description = \"\xff\xfe\"\n}", "a@1;" },
		{ "task a {" GOOD "dir = \"${HOME}\"\n}",
			"E3:1 bad dir '${HOME}': an absolute path is needed;" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct heard h = { 0 };
		struct arena arena = { 0 };
		struct taskfile_result r = parse(&h, &arena, slice_of(cases[i].file));

		assert_string_equal(h.text.len ? buf_text(&h.text) : "", cases[i].want);
		assert_int_equal(r.errors != 0, strstr(cases[i].want, "E") != NULL);
		assert_int_equal(r.tasks, h.tasks);
		assert_false(r.broken);
		buf_free(&h.text);
		arena_free(&arena);
	}
}

/* What is wrong with a schedule is said in its parser's words. */
static void bad_schedule(void **state)
{
	static const char want[] = "E3:3 bad schedule '61 * * * *': bad minute";
	struct heard h = { 0 };
	struct arena arena = { 0 };

	(void)state;
	parse(&h, &arena, slice_of("task a {\n  command = x\n  schedule = \"61 * * * *\"\n}"));
	assert_non_null(buf_text(&h.text));
	assert_memory_equal(h.text.data, want, sizeof(want) - 1);
	buf_free(&h.text);
	arena_free(&arena);
}

static void broken(void **state)
{
	static const struct {
		struct slice file;
		const char *want;
	} cases[] = {
#define FILE_(s) { s, sizeof(s) - 1 }
		{ FILE_("task a {" GOOD "}\ntask b {" GOOD), "a@1;E4:8 a '{' that is never closed;" },
		{ FILE_("task a {" GOOD "}}"), "a@1;E3:2 a '}' that closes nothing;" },
		{ FILE_("task a { command = \"x\n}"), "E1:20 a quote (\") that is never closed;" },
		{ FILE_("/* task a { command = x }"), "E1:1 a comment that is never closed;" },
		{ FILE_("task a {" GOOD "}\n\0"), "E4:1 a NUL byte in the file;" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct heard h = { 0 };
		struct arena arena = { 0 };
		struct taskfile_result r = parse(&h, &arena, cases[i].file);

		assert_true(r.broken);
		assert_int_equal(r.errors, 1);
		assert_string_equal(buf_text(&h.text), cases[i].want);
		buf_free(&h.text);
		arena_free(&arena);
	}
}

static void values(void **state)
{
	static const char file[] =
		"task a {\n argv = { '/bin/x', \"\", \"a b\" }\n schedule = '@every 90s'\n"
		" env = { \"A=${HOME}\", \"B=\" }\n enabled = no\n concurrency = allow\n"
		" kill-after = 0\n tags = prod\n timezone = Asia/Shanghai\n}\n"
		"task b {\n schedule = '0 0 * * *'\n command = \"one\ntwo\"\n}\n";
	struct heard h = { .stop_at = 0 };
	struct arena arena = { 0 };
	const struct options *o = &h.last.options;
	struct slice all = slice_of(file);

	(void)state;
	parse(&h, &arena, (struct slice){ all.s, (size_t)(strstr(all.s, "task b") - all.s) });
	assert_string_equal(buf_text(&h.text), "a@1;");
	assert_string_equal(o->argv[1], "");
	assert_string_equal(o->argv[2], "a b");
	assert_null(o->argv[3]);
	assert_string_equal(o->env[0], "A=${HOME}");
	assert_false(o->enabled);
	assert_int_equal(o->max, 0);
	assert_int_equal(o->kill_after_ms, 0);
	assert_string_equal(o->tags[0], "prod");
	assert_null(o->tags[1]);
	assert_int_equal(h.last.schedule.every, 90);
	parse(&h, &arena, all);
	assert_string_equal(buf_text(&h.text), "a@1;a@1;b@11;");
	assert_string_equal(o->command, "one\ntwo");
	assert_int_equal(o->max, 1);
	buf_free(&h.text);
	arena_free(&arena);
}

static void sink_stops(void **state)
{
	struct heard h = { .stop_at = 2 };
	struct arena arena = { 0 };
	struct taskfile_sink sink = { hear_task, hear_diag, &h };
	struct taskfile_result r;
	struct slice file = slice_of("task a {" GOOD "}task b {" GOOD "}task c {" GOOD "}");

	(void)state;
	assert_int_equal(taskfile_parse(file, 1, NULL, &arena, &sink, &r), -1);
	assert_string_equal(buf_text(&h.text), "a@1;b@3;");
	buf_free(&h.text);
	arena_free(&arena);
}

/* `~` picks by host and name, and the same each time. */
static void seeds(void **state)
{
	static const char *const files[] = {
		"task a { schedule = '~ ~ * * *' command = x }",
		"task b { schedule = '~ ~ * * *' command = x }",
	};
	struct schedule got[4];
	struct arena arena = { 0 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct heard h = { 0 };
		struct taskfile_sink sink = { hear_task, hear_diag, &h };
		struct taskfile_result r;

		assert_int_equal(taskfile_parse(slice_of(files[i == 1]), i == 2 ? 2 : 1, NULL, &arena, &sink,
			&r), 0);
		assert_int_equal(r.tasks, 1);
		got[i] = h.last.schedule;
		buf_free(&h.text);
	}
	assert_false(schedule_equal(&got[0], &got[1]));
	assert_false(schedule_equal(&got[0], &got[2]));
	assert_true(schedule_equal(&got[0], &got[3]));
	arena_free(&arena);
}

static double took(size_t tasks)
{
	struct buf file = { 0 };
	struct heard h = { 0 };
	struct arena arena = { 0 };
	struct timespec from, to;
	struct taskfile_result r;

	for (size_t i = 0; i < tasks; i++)
		buf_printf(&file, "task t%zu {" GOOD "timeout = 5m\nhosts = { \"web-*\", 10.0.0.0/8 }\n}\n", i);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	r = parse(&h, &arena, (struct slice){ file.data, file.len });
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	assert_int_equal(r.tasks, tasks);
	assert_int_equal(r.errors, 0);
	buf_free(&file);
	buf_free(&h.text);
	arena_free(&arena);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* Ten times the tasks may not take much more than ten times as long. */
static void many(void **state)
{
	double few = took(1000);
	double all = took(10000);

	(void)state;
	print_message("1,000 tasks: %.3f s, 10,000 tasks: %.3f s\n", few, all);
	assert_true(all < few * 30 + 0.5);
}

static void names(void **state)
{
	(void)state;
	assert_true(taskfile_name_ok(slice_of("gold")));
	assert_true(taskfile_name_ok(slice_of("0-a_b.C")));
	assert_true(taskfile_name_ok(slice_of(
		"0123456789012345678901234567890123456789012345678901234567890123")));
	assert_false(taskfile_name_ok(slice_of(
		"01234567890123456789012345678901234567890123456789012345678901234")));
	assert_false(taskfile_name_ok(slice_of("")));
	assert_false(taskfile_name_ok(slice_of(".a")));
	assert_false(taskfile_name_ok(slice_of("-a")));
	assert_false(taskfile_name_ok(slice_of("a/b")));
	assert_false(taskfile_name_ok(slice_of("a b")));
	assert_false(taskfile_name_ok(slice_of("\303\244")));
	assert_false(taskfile_name_ok((struct slice){ "a\0b", 3 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(design_example), cmocka_unit_test(file_defaults),
		cmocka_unit_test(bad_file_defaults),
		cmocka_unit_test(errors),
		cmocka_unit_test(bad_schedule),
		cmocka_unit_test(broken),
		cmocka_unit_test(values),
		cmocka_unit_test(sink_stops),
		cmocka_unit_test(seeds),
		cmocka_unit_test(many),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
