/* test_lint: what is legal in a job and hardly meant, on a machine that is made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/core/hosts.h"
#include "crond/core/lint.h"
#include "crond/core/taskfile.h"
#include "crond/core/zone.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RUN "command=x\n"

static bool user_there(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "root") == 0 || strcmp(name, "www") == 0;
}

static bool timezone_there(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "Europe/Berlin") == 0;
}

static bool program_there(void *arg, const char *path)
{
	static const char *const all[] = { "/usr/bin/x", "/bin/y", "/opt/z", NULL };

	(void)arg;
	for (const char *const *p = all; *p; p++) {
		if (strcmp(path, *p) == 0)
			return true;
	}
	return false;
}

struct room {
	struct lint_world world;
	struct buf said;
};

static void hear(void *arg, const struct diag *d)
{
	struct room *r = arg;

	assert_int_equal(d->level, DIAG_WARNING);
	buf_printf(&r->said, "%u:%u %s;", d->line, d->column, d->text);
}

static int hear_task(void *arg, const struct taskfile_task *t)
{
	struct room *r = arg;
	struct diag_sink sink = { hear, r };
	struct lint_job job = { .options = &t->options, .schedule = &t->schedule, .line = t->line };

	if (t->options.user)
		job.user = slice_of(t->options.user);
	if (t->options.command)
		job.command = slice_of(t->options.command);
	lint_job(&job, &r->world, &sink);
	return 0;
}

static int hear_entry(void *arg, const struct crontab_entry *e)
{
	struct room *r = arg;
	struct diag_sink sink = { hear, r };
	struct options plain;

	options_default(&plain, JOB_LINE);
	lint_job(&(struct lint_job){ .options = e->options ? e->options : &plain,
		.schedule = &e->schedule, .env = e->env, .user = e->user, .command = e->command,
		.line = e->line }, &r->world, &sink);
	return 0;
}

static struct room room(void)
{
	static const struct hosts_address addresses[] = {
		{ .family = 4, .bytes = { 10, 1, 2, 3 }, .interface = "eth0" } };
	static const struct hosts_self self = { "web-7", "web-7.example.org", addresses, 1 };

	return (struct room){ .world = { .user = user_there,
		.group = user_there, .program = program_there, .timezone = timezone_there, .self = &self,
		.zone = zone_utc(), .dialect = dialect_get(DIALECT_DEBIAN) } };
}

static void leave(struct room *r)
{
	zone_free((struct zone *)r->world.zone);
	buf_free(&r->said);
}

static void tasks(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "schedule=@daily\n" RUN, "" },
		/* when */
		{ "schedule=\"* 5 * * * *\"\n" RUN,
			"2:1 '*' for the second starts it 60 times in each of its minutes; 0 is once;" },
		{ "schedule=\"0-59 5 * * * *\"\n" RUN,
			"2:1 '*' for the second starts it 60 times in each of its minutes; 0 is once;" },
		{ "schedule=\"* * 5 * * *\"\n" RUN, "" },
		{ "schedule=\"*/2 5 * * * *\"\n" RUN, "" },
		{ "schedule=\"* * * * *\"\ntimeout=61s\n" RUN, "3:1 a run may last longer than the 1m to "
			"the next start, which concurrency=forbid then skips;" },
		{ "schedule=\"* * * * *\"\ntimeout=60s\n" RUN, "" },
		{ "schedule=\"* * * * *\"\ntimeout=61s\nmax=2\n" RUN, "" },
		{ "schedule=\"* * * * *\"\ntimeout=61s\nconcurrency=queue\n" RUN, "" },
		{ "schedule=\"0,50 * * * *\"\ntimeout=11m\n" RUN, "3:1 a run may last longer than the 10m "
			"to the next start, which concurrency=forbid then skips;" },
		{ "schedule=\"@every 90s\"\ntimeout=2m\n" RUN, "3:1 a run may last longer than the 90s to "
			"the next start, which concurrency=forbid then skips;" },
		{ "schedule=@reboot\ntimeout=2m\n" RUN, "" },
		{ "schedule=@hourly\njitter=2h\n" RUN,
			"3:1 the delay may be longer than the 1h to the next start;" },
		{ "schedule=@hourly\njitter=1h\n" RUN, "" },
		{ "type=daemon\nschedule=\"* 5 * * * *\"\n" RUN,
			"3:1 'schedule' does nothing: a daemon is kept running;" },
		/* what */
		{ "schedule=@daily\ncommand=\"/opt/z a\"\n", "" },
		{ "schedule=@daily\ncommand=\"/opt/zz a\"\n", "3:1 '/opt/zz' is not there, or no program;" },
		{ "schedule=@daily\ncommand=\"y a\"\n", "" },
		{ "schedule=@daily\ncommand=\"z a\"\n", "3:1 no program 'z' in its PATH, /usr/bin:/bin;" },
		{ "schedule=@daily\ncommand=\"z a\"\nenv=\"PATH=/bin:/opt\"\n", "" },
		{ "schedule=@daily\ncommand=\"z a\"\nenv=\"PATH=/bin:lib\"\n", "" },
		{ "schedule=@daily\ncommand=\"A=1 z a\"\n", "3:1 no program 'z' in its PATH, /usr/bin:/bin;" },
		{ "schedule=@daily\ncommand=\"cd /x && z a\"\n", "" },
		{ "schedule=@daily\ncommand=\"$Z a\"\n", "" },
		{ "schedule=@daily\ncommand=\"./z a\"\n", "" },
		{ "schedule=@daily\ncommand=\"'z' a\"\n", "" },
		{ "schedule=@daily\ncommand=\"~/z a\"\n", "" },
		{ "schedule=@daily\ncommand=\"(z)\"\n", "" },
		{ "schedule=@daily\ncommand=\"z\"\nshell=/bin/bash\n", "" },
		{ "schedule=@daily\ncommand=\"z\"\nenv-file=/x\n", "" },
		{ "schedule=@daily\nargv={z, a}\n", "3:1 no program 'z' in its PATH, /usr/bin:/bin;" },
		{ "schedule=@daily\nargv={cd, a}\n", "3:1 no program 'cd' in its PATH, /usr/bin:/bin;" },
		{ "schedule=@daily\nargv={/opt/z, a}\n", "" },
		/* as whom, and where */
		{ "schedule=@daily\nuser=www\n" RUN, "" },
		{ "schedule=@daily\nuser=wwww\n" RUN, "3:1 user 'wwww' does not exist here;" },
		{ "schedule=@daily\ngroup=www\ntimezone=Europe/Berlin\n" RUN, "" },
		{ "schedule=@daily\ngroup=wwww\n" RUN, "3:1 group 'wwww' does not exist here;" },
		{ "schedule=@daily\ntimezone=Mars/Base\n" RUN, "3:1 time zone 'Mars/Base' is not known "
			"here: the daemon will refuse it;" },
		{ "schedule=@daily\nhosts={10.0.0.0/8}\n" RUN, "" },
		{ "schedule=@daily\nhosts={192.168.0.0/16, eth1, \"db-*\"}\n" RUN, "3:1 it does not run "
			"here: no pattern of 'hosts' matches a name or address of this machine;" },
		{ "schedule=@daily\nhosts=\"!web-7\"\n" RUN, "3:1 it does not run here: no pattern of "
			"'hosts' matches a name or address of this machine;" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct room r = room();
		struct taskfile_sink sink = { hear_task, hear, &r };
		struct taskfile_result result;
		struct arena arena = { 0 };
		struct buf file = { 0 };

		buf_printf(&file, "task a {\n%s}\n", cases[i].text);
		assert_int_equal(taskfile_parse((struct slice){ file.data, file.len }, 1, NULL, &arena, &sink,
			&result), 0);
		if (strcmp(r.said.len ? buf_text(&r.said) : "", cases[i].want) != 0)
			print_error("%s", cases[i].text);
		assert_string_equal(r.said.len ? buf_text(&r.said) : "", cases[i].want);
		assert_int_equal(result.tasks, 1);
		buf_free(&file);
		arena_free(&arena);
		leave(&r);
	}
}

static void lines(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "* * * * * x\n", "" },
		{ "#@ second=*\n5 * * * * x\n",
			"1:4 '*' for the second starts it 60 times in each of its minutes; 0 is once;" },
		{ "#@ second=*\n* * * * * x\n", "" },
		{ "#@ seconds\n* 5 * * * * x\n",
			"2:0 '*' for the second starts it 60 times in each of its minutes; 0 is once;" },
		{ "#@ max=1 concurrency=forbid timeout=2h\n@hourly x\n", "1:29 a run may last longer than "
			"the 1h to the next start, which concurrency=forbid then skips;" },
		{ "#@ queue-max=3\n@hourly x\n", "1:4 'queue-max' does nothing without concurrency=queue;" },
		{ "@hourly z\n", "1:0 no program 'z' in its PATH, /usr/bin:/bin;" },
		{ "PATH=/opt\n@hourly z\n", "" },
		{ "SHELL=/bin/bash\n@hourly z\n", "" },
		{ "#@reboot cmd\n@hourly x\n", "1:2 only a comment: options need a blank after '#@';" },
		{ "#@ timout=5m\n@hourly x\n",
			"1:4 only a comment: unknown option 'timout', did you mean 'timeout'?;" },
		{ "#@ hosts=db-1\n@hourly x\n", "1:4 it does not run here: no pattern of 'hosts' matches a "
			"name or address of this machine;" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct room r = room();
		struct crontab_rules rules = { .dialect = r.world.dialect };
		struct crontab_sink sink = { hear_entry, hear, &r };
		struct crontab_result result;
		struct arena arena = { 0 };

		assert_int_equal(crontab_parse(slice_of(cases[i].text), &rules, &arena, &sink, &result), 0);
		if (strcmp(r.said.len ? buf_text(&r.said) : "", cases[i].want) != 0)
			print_error("%s", cases[i].text);
		assert_string_equal(r.said.len ? buf_text(&r.said) : "", cases[i].want);
		assert_int_equal(result.errors, 0);
		arena_free(&arena);
		leave(&r);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = { cmocka_unit_test(tasks), cmocka_unit_test(lines) };

	return cmocka_run_group_tests(all, NULL, NULL);
}
