/* test_conf: crond.conf's settings, and what each error costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/core/conf.h"
#include "crond/core/defaults.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct world {
	struct conf c;
	struct arena arena;
	struct buf said;
	uint32_t errors;
	int rc;
};

static void say(void *arg, const struct diag *d)
{
	buf_printf(arg, "%u:%u %s;", d->line, d->column, d->text);
}

static struct world parse(const char *file)
{
	struct world w = { 0 };
	struct diag_sink sink = { say, &w.said };

	conf_default(&w.c);
	w.rc = conf_parse(&w.c, slice_of(file), "/etc/crond.conf", &w.arena, &sink, &w.errors);
	return w;
}

static const char *said(struct world *w)
{
	return w->said.len ? buf_text(&w->said) : "";
}

static void done(struct world *w)
{
	buf_free(&w->said);
	arena_free(&w->arena);
}

/* For lines and tasks, each what it may have. */
static void job_defaults(void **state)
{
	struct world w = parse("defaults {\n timeout = 5m\n user = www\n concurrency = forbid\n}\n");
	struct world moved = parse("\ndefaults {\n timeout = 5m\n user = www\n concurrency = forbid\n}\n");
	const struct options *line, *task;
	struct options copy;
	struct arena arena = { 0 };
	char at[64];

	(void)state;
	assert_string_equal(said(&w), "");
	line = w.c.defaults[JOB_LINE];
	task = w.c.defaults[JOB_TASK];
	assert_int_equal(line->timeout_ms, 300000);
	assert_int_equal(task->timeout_ms, 300000);
	assert_null(line->user);
	assert_string_equal(task->user, "www");
	assert_int_equal(line->max, 1); /* follows forbid */
	assert_true(option_given(line, OPTION_TIMEOUT) && !option_own(line, OPTION_TIMEOUT));
	assert_int_not_equal(w.c.defaults_hash, 0);
	assert_int_not_equal(w.c.defaults_hash, moved.c.defaults_hash); /* origins moved */
	assert_int_equal(defaults_copy(&copy, task, &arena), 0);
	copy.file = "/t.conf";
	done(&w);
	assert_string_equal(copy.user, "www");
	option_origin(&copy, OPTION_USER, at, sizeof(at));
	assert_string_equal(at, "/etc/crond.conf:3");
	arena_free(&arena);
	done(&moved);
}

static void bad_job_defaults(void **state)
{
	struct world w = parse("defaults {\n timeout = x\n umsk = 022\n schedule = \"@daily\"\n nice = 5\n}\n"
		"defaults { }\ndefaults \"x\" { }\n");

	(void)state;
	assert_string_equal(said(&w),
		"3:2 unknown option 'umsk', did you mean 'umask'?;"
		"7:1 a second section 'defaults';8:1 a second section 'defaults';");
	assert_int_equal(w.errors, 3);
	done(&w);
	w = parse("defaults {\n timeout = x\n schedule = \"@daily\"\n nice = 5\n}\n");
	assert_string_equal(said(&w),
		"2:2 bad timeout 'x': a duration such as 90s, 15m or 1h30m is needed;"
		"3:2 'schedule' belongs to one job, and has no place in 'defaults';");
	assert_int_equal(w.c.defaults[JOB_TASK]->nice, 5); /* each costs its setting */
	assert_int_equal(w.c.defaults[JOB_LINE]->timeout_ms, 0);
	done(&w);
}

static void defaults(void **state)
{
	struct world w = parse("# nothing\n");

	(void)state;
	assert_int_equal(w.rc, 0);
	assert_string_equal(said(&w), "");
	assert_null(w.c.dialect);
	assert_true(w.c.direct_exec);
	assert_int_equal(w.c.log_level, 6);
	assert_int_equal(w.c.output_max, 10 << 20);
	assert_int_equal(w.c.max_running, 0);
	assert_int_equal(w.c.catchup_max, 10);
	assert_int_equal(w.c.task_dir_count, 1);
	assert_string_equal(w.c.task_dirs[0].path, SYSCONFDIR "/crond.tasks");
	assert_true(w.c.task_dirs[0].watch);
	assert_int_equal(w.c.webhook_count, 0);
	assert_null(w.c.mailer);
	assert_null(w.c.cgroup);
	assert_false(w.c.timeout_counts_suspend);
	assert_null(w.c.run_dir);
	done(&w);
}

static void everything(void **state)
{
	struct world w = parse(
		"dialect = cronie\n"
		"task-dirs = { \"/srv/tasks\", /etc/crond.tasks }\n"
		"task-dir \"/srv/tasks\" { watch = no }\n"
		"task-dir \"/opt/tasks\" { }\n"
		"mailer = /usr/sbin/sendmail\n"
		"direct-exec = no\n"
		"log-target = stderr log-level = debug\n"
		"output-max = 512K\n"
		"max-running = 0200\n"
		"catchup-max = 0\n"
		"timeout-counts-suspend = yes cgroup = off\n"
		"users { notify = crond-notify history = hist }\n"
		"history { enabled = no path = /srv/h retention = { 30d, 500 } size-max = 64M }\n"
		"control-group = operators\n"
		"run-dir = /run/x state-dir = /s pid-file = /p spool-dir = /sp\n"
		"system-tab = /t system-dir = /d\n"
		"webhook \"chat\" { url = \"https://u:p@chat.example.org:8443/x?y=${z}\"\n"
		"  headers = { \"X-Team: a b\", \"Accept:\" } secret-file = /etc/s timeout = 30s\n"
		"  retries = 0 users = yes template = json }\n"
		"metrics-file = /var/lib/node/crond.prom metrics-interval = 500ms\n"
		"heartbeat { url = https://hc.example.org/u interval = 5m }\n"
		"webhook plain { url = http://[::1]:80/ }\n");

	(void)state;
	assert_string_equal(said(&w), "");
	assert_int_equal(w.rc, 0);
	assert_int_equal(w.c.dialect->id, DIALECT_CRONIE);
	assert_int_equal(w.c.task_dir_count, 3);
	assert_string_equal(w.c.task_dirs[0].path, "/srv/tasks");
	assert_false(w.c.task_dirs[0].watch);
	assert_string_equal(w.c.task_dirs[1].path, "/etc/crond.tasks");
	assert_true(w.c.task_dirs[1].watch);
	assert_string_equal(w.c.task_dirs[2].path, "/opt/tasks");
	assert_true(w.c.task_dirs[2].watch);
	assert_string_equal(w.c.mailer, "/usr/sbin/sendmail");
	assert_string_equal(w.c.cgroup, "off");
	assert_true(w.c.timeout_counts_suspend);
	assert_false(w.c.direct_exec);
	assert_string_equal(w.c.log_target, "stderr");
	assert_int_equal(w.c.log_level, 7);
	assert_int_equal(w.c.output_max, 512 << 10);
	assert_int_equal(w.c.max_running, 200);
	assert_int_equal(w.c.catchup_max, 0);
	assert_string_equal(w.c.metrics_file, "/var/lib/node/crond.prom");
	assert_int_equal(w.c.metrics_interval_ms, 500);
	assert_string_equal(w.c.heartbeat.url, "https://hc.example.org/u");
	assert_int_equal(w.c.heartbeat.interval_ms, 300000);
	assert_int_equal(w.c.heartbeat.timeout_ms, 10000);
	assert_string_equal(w.c.notify_user, "crond-notify");
	assert_string_equal(w.c.history_user, "hist");
	assert_false(w.c.history);
	assert_string_equal(w.c.history_dir, "/srv/h");
	assert_int_equal(w.c.history_retention.ms, 30 * 86400 * 1000ull);
	assert_int_equal(w.c.history_retention.count, 500);
	assert_int_equal(w.c.history_size_max, 64 << 20);
	assert_string_equal(w.c.control_group, "operators");
	assert_string_equal(w.c.run_dir, "/run/x");
	assert_string_equal(w.c.state_dir, "/s");
	assert_string_equal(w.c.pid_file, "/p");
	assert_string_equal(w.c.spool_dir, "/sp");
	assert_string_equal(w.c.system_tab, "/t");
	assert_string_equal(w.c.system_dir, "/d");
	assert_int_equal(w.c.webhook_count, 2);
	assert_string_equal(w.c.webhooks[0].name, "chat");
	assert_string_equal(w.c.webhooks[0].url, "https://u:p@chat.example.org:8443/x?y=${z}");
	assert_int_equal(w.c.webhooks[0].template, WEBHOOK_JSON);
	assert_string_equal(w.c.webhooks[0].headers[0], "X-Team: a b");
	assert_string_equal(w.c.webhooks[0].headers[1], "Accept:");
	assert_null(w.c.webhooks[0].headers[2]);
	assert_string_equal(w.c.webhooks[0].secret_file, "/etc/s");
	assert_int_equal(w.c.webhooks[0].timeout_ms, 30000);
	assert_int_equal(w.c.webhooks[0].retries, 0);
	assert_true(w.c.webhooks[0].users);
	assert_string_equal(w.c.webhooks[1].url, "http://[::1]:80/");
	assert_int_equal(w.c.webhooks[1].template, WEBHOOK_JSON);
	assert_int_equal(w.c.webhooks[1].timeout_ms, 0);
	assert_int_equal(w.c.webhooks[1].retries, 4);
	assert_null(w.c.webhooks[1].headers);
	assert_false(w.c.webhooks[1].users);
	done(&w);
}

static void levels(void **state)
{
	static const char *const words[] = { "err", "warning", "notice", "info", "debug" };

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		char file[64];
		struct world w;

		snprintf(file, sizeof(file), "log-level = %s", words[i]);
		w = parse(file);
		assert_int_equal(w.c.log_level, i + 3);
		done(&w);
	}
}

/* Behind each error stands a setting that must be in force all the same. */
static void errors(void **state)
{
	static const struct {
		const char *file, *want;
	} cases[] = {
		{ "dialect = vixie", "1:1 bad dialect 'vixie': debian or cronie is needed;" },
		{ " dialec = debian", "1:2 unknown setting 'dialec', did you mean 'dialect'?;" },
		{ "xyzzy = 1", "1:1 unknown setting 'xyzzy';" },
		{ "mailer = \"/bin/x -t\n\"",
			"1:1 bad mailer '/bin/x -t?': a program's absolute path without arguments, or off, "
			"is needed;" },
		{ "mailer = sendmail",
			"1:1 bad mailer 'sendmail': a program's absolute path without arguments, or off, is "
			"needed;" },
		{ "mailer = off mailer = /x", "1:14 'mailer' is given twice, first in line 1;" },
		{ "log-level = loud",
			"1:1 bad log-level 'loud': err, warning, notice, info or debug is needed;" },
		{ "log-target = file", "1:1 bad log-target 'file': syslog, stderr, json or journal is needed;" },
		{ "cgroup = crond", "1:1 bad cgroup 'crond': auto, off or the path of a cgroup is needed;" },
		{ "direct-exec = perhaps", "1:1 bad direct-exec 'perhaps': yes or no is needed;" },
		{ "output-max = 2G",
			"1:1 bad output-max '2G': a size such as 512K or 10M, from 1K to 1G, is needed;" },
		{ "max-running = -1",
			"1:1 bad max-running '-1': a number from 0 to 1000000 is needed;" },
		{ "run-dir = run", "1:1 bad run-dir 'run': an absolute path is needed;" },
		{ "run-dir = {/a, /b}", "1:11 'run-dir' takes one value, not a list;" },
		{ "task-dirs = {}", "1:1 'task-dirs' has no value;" },
		{ "task-dirs = {/a, b}", "1:1 bad task-dirs 'b': an absolute path is needed;" },
		{ "task-dirs = {/a, /a}", "1:1 '/a' is listed twice;" },
		{ "task-dir { watch = no }", "1:1 a task-dir needs an absolute path as its title;" },
		{ "task-dir /a { }\ntask-dir /a { }", "2:10 a second task-dir \"/a\";" },
		{ "task-dir /a { wacth = no }",
			"1:15 unknown setting 'wacth', did you mean 'watch'?;" },
		{ "users { notify = 0 }", "1:9 bad notify '0': a user's name is needed, not a number;" },
		{ "control-group = 10", "1:1 bad control-group '10': a group's name is needed, not a number;" },
		{ "users x { notify = a }", "1:7 'users' takes no title;" },
		{ "history x { }", "1:9 'history' takes no title;" },
		{ "history { retention = 30 retention = 20 }", "1:26 'retention' is given twice, first in line 1;" },
		{ "history { retention = { 30, 20 } }",
			"1:11 bad retention '20': a time such as 30d, a count, both or none are needed;" },
		{ "history { size-max = 1K }",
			"1:11 bad size-max '1K': a size such as 512K or 10M, from 1M to 1024G, is needed;" },
		{ "history { path = h }", "1:11 bad path 'h': an absolute path is needed;" },
		{ "cluster { }", "1:1 unknown section 'cluster';" },
		{ "metrics-interval = 0", "1:1 bad metrics-interval '0': a duration such as 10s, from 100ms to 1h, "
			"is needed;" },
		{ "heartbeat { interval = 5m }", "1:1 'url' is missing;" },
		{ "heartbeat a { url = http://a }", "1:1 'heartbeat' takes no title;" },
		{ "heartbeat { url = http://a }heartbeat { url = http://b }",
			"1:29 a second section 'heartbeat';" },
		{ "heartbeat { url = file:///etc/passwd }",
			"1:13 bad url: http:// or https:// and a host are needed;" },
		{ "webhok a { }", "1:1 unknown section 'webhok', did you mean 'webhook'?;" },
		{ "junk\n", "1:1 text that belongs to nothing: 'junk';" },
		{ "webhook { url = http://a }", "1:1 a webhook without a name;" },
		{ "webhook 'a b' { url = http://a }",
			"1:9 bad name of a webhook 'a b': letters, digits, '.', '_' and '-' are allowed, at "
			"most 64, and a letter or digit comes first;" },
		{ "webhook a { }", "1:1 'url' is missing;" },
		{ "webhook a { url = http://a }webhook a { url = http://b }",
			"1:37 a second webhook 'a';" },
		{ "webhook a { url = http://a\n template = slak }",
			"2:2 bad template 'slak': json, slack, feishu, dingtalk, wecom, healthchecks or a "
			"file's absolute path is needed;" },
		{ "webhook a { url = http://a rate = 1 }",
			"1:28 bad rate '1': a count and a time such as 20/1m, at most 1d, or none, are needed;" },
		{ "webhook a { url = \"http://a/${job}\" }",
			"1:1 bad url: ${job} is taken in link, or where template is healthchecks;" },
		{ "webhook a { url = \"http://a/${jo}\" template = healthchecks }",
			"1:1 bad url: unknown name 'jo', did you mean 'job'?;" },
		{ "webhook a { url = \"http://a/${text}\" template = healthchecks }",
			"1:1 bad url: the name 'text' cannot be used here;" },
		{ "webhook a { url = \"http://${job}/\" template = healthchecks }",
			"1:1 bad url: a '$' in its host;" },
		{ "webhook a { url = http://a link = \"http://b/${job\" }",
			"1:1 bad link: a '${' that is never closed by '}';" },
		{ "webhook a { url = http://a link = \"http://b/${url}\" }",
			"1:1 bad link: the name 'url' cannot be used here;" },
		{ "webhook a { url = http://a link = \"http://b/${job|json}\" }",
			"1:1 bad link: 'json' cannot be used in an address;" },
		{ "webhook a { url = \"http://a/${job|json}\" template = healthchecks }",
			"1:1 bad url: 'json' cannot be used in an address;" },
		{ "webhook a { url = http://a template = wecom secret-file = /x }",
			"1:1 a secret is of no use to wecom: what it knows us by is the key in its url;" },
		{ "webhook a { url = http://a secret = x secret-file = /x }",
			"1:1 'secret' and 'secret-file' exclude each other;" },
		{ "webhook a { url = http://a secret = hunter2 }",
			"1:1 'secret' is refused, since others may read this file: keep it from them (mode 0600 "
			"or 0640), or use 'secret-file';" },
		{ "webhook a { url = http://a timeout = 0 }",
			"1:28 bad timeout '0': a duration such as 10s, from 1s to 2m, is needed;" },
		{ "webhook a { url = http://a retries = 99 }",
			"1:28 bad retries '99': a number from 0 to 20 is needed;" },
		{ "webhook a { url = http://a rats = 1 }",
			"1:28 unknown setting 'rats', did you mean 'rate'?;" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char file[512];
		struct world w;

		snprintf(file, sizeof(file), "%s\nsystem-tab = /good\n", cases[i].file);
		w = parse(file);
		assert_string_equal(said(&w), cases[i].want);
		assert_int_equal(w.rc, 0);
		assert_int_equal(w.errors, 1);
		assert_string_equal(w.c.system_tab, "/good");
		assert_true(w.c.webhook_count <= 1);
		done(&w);
	}
}

static void broken(void **state)
{
	struct world w = parse("system-tab = /good\nmailer = \"x\n");

	(void)state;
	assert_int_equal(w.rc, -1);
	assert_int_equal(w.errors, 1);
	assert_string_equal(said(&w), "2:10 a quote (\") that is never closed;");
	assert_null(w.c.system_tab); /* as it was */
	done(&w);
}

/* No secret of an address or a header is repeated. */
static void urls(void **state)
{
	static const struct {
		const char *value;
		int good;
	} cases[] = {
		{ "url = \"http://a\"", 1 }, { "url = \"https://a.b:1/c\"", 1 },
		{ "url = \"http://u:hunter2@a\"", 1 }, { "url = \"http://a?x\"", 1 },
		{ "url = \"hunter2\"", 0 }, { "url = \"ftp://hunter2\"", 0 },
		{ "url = \"http://\"", 0 }, { "url = \"http:///hunter2\"", 0 },
		{ "url = \"https://hunter2@\"", 0 }, { "url = \"https://u:hunter2@:80/\"", 0 },
		{ "url = \"http://a:hunter2/\"", 0 }, { "url = \"http://a:0/\"", 0 },
		{ "url = \"http://a:70000/\"", 0 }, { "url = \"http://[]/hunter2\"", 0 },
		{ "url = \"http://[::1/hunter2\"", 0 }, { "url = \"http://[::1]hunter2\"", 0 },
		{ "url = \"http://a/\\n hunter2\"", 0 }, { "url = \"http://a/hunter2 \"", 0 },
		{ "url = \"\"", 0 }, { "url = file:///hunter2", 0 },
		{ "url = http://a headers = { \"Authorization hunter2\" }", 0 },
		{ "url = http://a headers = { \"X: a\\r\\nhunter2: b\" }", 0 },
		{ "url = http://a headers = { \": hunter2\" }", 0 },
		{ "url = http://a headers = { \"hunter2 b: c\" }", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char file[256];
		struct world w;

		snprintf(file, sizeof(file), "webhook a { %s }", cases[i].value);
		w = parse(file);
		if (w.c.webhook_count != (size_t)cases[i].good)
			fail_msg("%s: %s", cases[i].value, said(&w));
		assert_int_equal(w.errors, !cases[i].good);
		assert_null(strstr(said(&w), "hunter2"));
		done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(job_defaults),
		cmocka_unit_test(bad_job_defaults),
		cmocka_unit_test(everything),
		cmocka_unit_test(levels),
		cmocka_unit_test(errors),
		cmocka_unit_test(broken),
		cmocka_unit_test(urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
