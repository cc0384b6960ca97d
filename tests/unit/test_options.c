/* test_options: the vocabulary, its values, and options in crontab comments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/options.h"
#include "crond/core/options_trust.h"

#define HERE ((struct option_place){ 7, 3 })
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct world {
	struct arena arena;
	struct options o;
	struct diag d, lint;
};

static struct world start(enum job_kind kind)
{
	struct world w = { 0 };

	options_default(&w.o, kind);
	return w;
}

static int set(struct world *w, enum job_kind kind, const char *name, const char *value)
{
	const struct option_def *def = option_find(slice_of(name));
	struct slice values[8];
	size_t n = 0;

	assert_non_null(def);
	w->d = (struct diag){ 0 };
	while (def->list && strchr(value, ',')) {
		values[n++] = (struct slice){ value, strcspn(value, ",") };
		value = strchr(value, ',') + 1;
	}
	values[n++] = slice_of(value);
	return options_set(&w->o, &w->arena, def->id, kind, values, n, HERE, &w->d);
}

static bool any_given(const struct options *o)
{
	for (int i = 0; i < OPTIONS; i++) {
		if (option_given(o, (enum option_id)i))
			return true;
	}
	return false;
}

static void table(void **state)
{
	(void)state;
	for (int i = 0; i < OPTIONS; i++) {
		const struct option_def *def = option_get((enum option_id)i);

		assert_int_equal(def->id, i);
		assert_non_null(def->name);
		assert_non_null(def->help);
		assert_true(def->line || def->task);
		assert_ptr_equal(option_find(slice_of(def->name)), def);
	}
	assert_null(option_get(OPTIONS));
	assert_null(option_find(slice_of("timout")));
	assert_null(option_find(slice_of("")));
	assert_string_equal(option_nearest(slice_of("timout"), JOB_TASK), "timeout");
	assert_string_equal(option_nearest(slice_of("schedul"), JOB_TASK), "schedule");
	assert_null(option_nearest(slice_of("schedul"), JOB_LINE)); /* not for lines */
}

/* A fallback is written as people write values, and must be one. */
static void defaults(void **state)
{
	struct options o;

	(void)state;
	for (int i = 0; i < OPTIONS; i++) {
		const struct option_def *def = option_get((enum option_id)i);
		struct world w = start(JOB_TASK);

		if (def->fallback_task)
			assert_int_equal(set(&w, JOB_TASK, def->name, def->fallback_task), 0);
		arena_free(&w.arena);
		w = start(JOB_LINE);
		if (def->fallback_line)
			assert_int_equal(set(&w, JOB_LINE, def->name, def->fallback_line), 0);
		arena_free(&w.arena);
	}
	options_default(&o, JOB_TASK);
	assert_false(any_given(&o));
	assert_true(o.enabled);
	assert_int_equal(o.concurrency, CONCURRENCY_FORBID);
	assert_int_equal(o.max, 1);
	assert_int_equal(o.timeout_ms, 0);
	assert_int_equal(o.kill_after_ms, 10000);
	options_default(&o, JOB_LINE);
	assert_true(o.enabled);
	assert_int_equal(o.concurrency, CONCURRENCY_ALLOW);
	assert_int_equal(o.max, 0);
	assert_int_equal(o.kill_after_ms, 10000);
}

static void values(void **state)
{
	static const struct {
		const char *name, *value;
		int rc;
	} cases[] = {
		{ "timeout", "1h30m", 0 }, { "timeout", "0", -1 }, { "timeout", "soon", -1 },
		{ "kill-after", "0", 0 }, { "kill-after", "10 s", -1 },
		{ "max", "010", 0 }, { "max", "0", -1 }, { "max", "100001", -1 }, { "max", "none", 0 },
		{ "max", "100000", 0 }, { "max", "-1", -1 },
		{ "enabled", "no", 0 }, { "enabled", "never", -1 },
		{ "concurrency", "allow", 0 }, { "concurrency", "queued", -1 },
		{ "user", "www-data", 0 }, { "user", "0day", 0 }, { "user", "0", -1 },
		{ "user", "1000", -1 }, { "user", "a:b", -1 }, { "user", "a b", -1 },
		{ "user", "../x", -1 }, { "user", "-x", -1 }, { "user", "a\nb", -1 },
		{ "dir", "/srv", 0 }, { "dir", "srv", -1 }, { "dir", "~/x", -1 }, { "dir", "", -1 },
		{ "env", "A=b c", 0 }, { "env", "_1=", 0 }, { "env", "1A=b", -1 }, { "env", "A", -1 },
		{ "env", "=b", -1 }, { "env", "A B=c", -1 }, { "env", "A-B=c", -1 },
		{ "alert", "mail:ops@example.org", 0 }, { "alert", "webhook:feishu", 0 },
		{ "alert", "mail:", -1 }, { "alert", "mail:-oQ/tmp", -1 }, { "alert", "webhook:", -1 },
		{ "alert", "mail:a@b,c@d", -1 }, { "alert", "ops@example.org", -1 },
		{ "alert", "http://x/", -1 }, { "alert", "mail:a b", -1 },
		{ "timezone", "Europe/Berlin", 0 }, { "timezone", "/etc/passwd", -1 },
		{ "command", "a\nb", 0 }, { "command", " \t\n", -1 }, { "command", "", -1 },
		{ "description", "\303\244 text", 0 }, { "description", "a\nb", -1 },
		{ "tags", "prod", 0 }, { "tags", "a,b", 0 }, { "tags", "a b", -1 },
		{ "hosts", "10.0.0.0/8", 0 }, { "hosts", "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = start(JOB_TASK);
		int rc = set(&w, JOB_TASK, cases[i].name, cases[i].value);

		if (rc != cases[i].rc)
			print_error("%s = '%s': %s\n", cases[i].name, cases[i].value, w.d.text);
		assert_int_equal(rc, cases[i].rc);
		assert_int_equal(w.d.text[0] != '\0', rc != 0);
		assert_int_equal(any_given(&w.o), rc == 0);
		arena_free(&w.arena);
	}
}

/* What cronctl shows of a value, and what is refused by values that it shows otherwise. */
static void printed(void **state)
{
	static const struct {
		const char *name, *value, *shown; /* NULL: refused */
	} cases[] = {
		{ "umask", "27", "027" }, { "umask", "0", "000" }, { "umask", "0777", "777" },
		{ "umask", "8", NULL }, { "umask", "1000", NULL }, { "umask", "", NULL },
		{ "nice", "-20", "-20" }, { "nice", "19", "19" }, { "nice", "-21", NULL },
		{ "nice", "20", NULL }, { "nice", "-", NULL },
		{ "ionice", "idle", "idle" }, { "ionice", "best-effort:0", "best-effort:0" },
		{ "ionice", "realtime:7", "realtime:7" }, { "ionice", "realtime:8", NULL },
		{ "ionice", "idle:1", NULL }, { "ionice", "lazy", NULL }, { "ionice", "", NULL },
		{ "cpu-quota", "150%", "150%" }, { "cpu-quota", "12.5%", "12.50%" },
		{ "cpu-quota", "12.345%", NULL }, { "cpu-quota", "150", NULL }, { "cpu-quota", "0%", NULL },
		{ "limit-nofile", "64", "64" }, { "limit-nofile", "64:128", "64:128" },
		{ "limit-nofile", "128:64", NULL }, { "limit-nofile", "many", NULL },
		{ "limit-core", "unlimited", "unlimited" },
		{ "kill-after", "90s", "1m30s" }, { "max", "none", "none" }, { "max", "3", "3" },
		{ "stop-signal", "INT", "INT" }, { "stop-signal", "STOP", NULL },
		{ "memory-max", "1024M", "1G" }, { "memory-max", "x", NULL },
		{ "concurrency", "queue", "queue" }, { "enabled", "no", "no" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = start(JOB_TASK);
		struct buf out = { 0 };
		int rc = set(&w, JOB_TASK, cases[i].name, cases[i].value);

		if (rc != (cases[i].shown ? 0 : -1))
			fail_msg("%s = '%s': %d, %s", cases[i].name, cases[i].value, rc, w.d.text);
		if (!rc) {
			option_print(&w.o, option_find(slice_of(cases[i].name))->id, &out);
			if (strcmp(buf_text(&out), cases[i].shown) != 0)
				fail_msg("%s = '%s' is shown as '%s'", cases[i].name, cases[i].value, buf_text(&out));
		}
		buf_free(&out);
		arena_free(&w.arena);
	}
}

static void fields(void **state)
{
	struct slice argv[] = { slice_of("/bin/x"), slice_of(""), slice_of("a b") };
	struct world w = start(JOB_TASK);

	(void)state;
	assert_int_equal(options_set(&w.o, &w.arena, OPTION_ARGV, JOB_TASK, argv, 3, HERE, &w.d), 0);
	assert_string_equal(w.o.argv[0], "/bin/x");
	assert_string_equal(w.o.argv[1], "");
	assert_string_equal(w.o.argv[2], "a b");
	assert_null(w.o.argv[3]);
	assert_int_equal(set(&w, JOB_TASK, "timeout", "10m"), 0);
	assert_int_equal(w.o.timeout_ms, 600000);
	assert_int_equal(set(&w, JOB_TASK, "enabled", "no"), 0);
	assert_false(w.o.enabled);
	assert_int_equal(set(&w, JOB_TASK, "description", "a text"), 0);
	assert_string_equal(w.o.description, "a text");
	for (int i = 0; i < OPTIONS; i++)
		assert_int_equal(option_given(&w.o, (enum option_id)i), i == OPTION_ARGV ||
			i == OPTION_TIMEOUT || i == OPTION_ENABLED || i == OPTION_DESCRIPTION);
	arena_free(&w.arena);
}

static void messages(void **state)
{
	struct slice two[] = { slice_of("a"), slice_of("b") };
	struct slice nul = { "a\0b", 3 };
	struct world w = start(JOB_TASK);

	(void)state;
	assert_int_equal(set(&w, JOB_TASK, "timeout", "soon"), -1);
	assert_string_equal(w.d.text, "bad timeout 'soon': a duration such as 90s, 15m or 1h30m is needed");
	assert_int_equal(set(&w, JOB_TASK, "max", "3"), 0);
	assert_int_equal(set(&w, JOB_TASK, "max", "3"), -1);
	assert_string_equal(w.d.text, "'max' is given twice");
	assert_int_equal(options_set(&w.o, &w.arena, OPTION_USER, JOB_TASK, two, 2, HERE, &w.d), -1);
	assert_string_equal(w.d.text, "'user' takes one value, not a list of 2");
	assert_int_equal(options_set(&w.o, &w.arena, OPTION_TAGS, JOB_TASK, two, 0, HERE, &w.d), -1);
	assert_string_equal(w.d.text, "'tags' has no value");
	assert_int_equal(options_set(&w.o, &w.arena, OPTION_COMMAND, JOB_TASK, &nul, 1, HERE, &w.d), -1);
	assert_string_equal(w.d.text, "'command' has a NUL byte in it");
	assert_int_equal(set(&w, JOB_TASK, "second", "*"), -1);
	assert_string_equal(w.d.text, "'second' is only for crontab lines");
	assert_int_equal(set(&w, JOB_LINE, "command", "x"), -1);
	assert_string_equal(w.d.text, "'command' is only for task files");
	assert_int_equal(set(&w, JOB_TASK, "env", "PASSWORD VALUE=hunter2"), -1);
	assert_null(strstr(w.d.text, "hunter2"));
	assert_int_equal(set(&w, JOB_TASK, "env", "hunter2"), -1);
	assert_null(strstr(w.d.text, "hunter2"));
	arena_free(&w.arena);
}

static void max_follows_concurrency(void **state)
{
	struct world w = start(JOB_LINE);

	(void)state;
	assert_int_equal(set(&w, JOB_LINE, "concurrency", "forbid"), 0);
	assert_int_equal(w.o.max, 1);
	assert_int_equal(set(&w, JOB_LINE, "max", "3"), 0);
	assert_int_equal(w.o.max, 3);
	arena_free(&w.arena);
	w = start(JOB_TASK);
	assert_int_equal(set(&w, JOB_TASK, "max", "4"), 0);
	assert_int_equal(set(&w, JOB_TASK, "concurrency", "allow"), 0);
	assert_int_equal(w.o.max, 4);
	arena_free(&w.arena);
	w = start(JOB_TASK);
	assert_int_equal(set(&w, JOB_TASK, "concurrency", "allow"), 0);
	assert_int_equal(w.o.max, 0);
	arena_free(&w.arena);
}

static void combinations(void **state)
{
	struct world w = start(JOB_TASK);

	(void)state;
	assert_int_equal(options_check(&w.o, JOB_LINE, &w.d), 0);
	assert_int_equal(options_check(&w.o, JOB_TASK, &w.d), -1);
	assert_string_equal(w.d.text, "'schedule' is missing");
	assert_int_equal(set(&w, JOB_TASK, "schedule", "* * * * *"), 0);
	assert_int_equal(options_check(&w.o, JOB_TASK, &w.d), -1);
	assert_string_equal(w.d.text, "'command' or 'argv' is missing");
	assert_int_equal(set(&w, JOB_TASK, "command", "x"), 0);
	assert_int_equal(options_check(&w.o, JOB_TASK, &w.d), 0);
	assert_int_equal(set(&w, JOB_TASK, "argv", "x"), 0);
	assert_int_equal(options_check(&w.o, JOB_TASK, &w.d), -1);
	assert_string_equal(w.d.text, "'command' and 'argv' exclude each other");
	arena_free(&w.arena);
}

static void hear(void *arg, const struct diag *d)
{
	assert_int_equal(d->level, DIAG_WARNING);
	assert_int_equal(d->line, 7);
	assert_int_equal(d->column, 3);
	buf_printf(arg, "%s;", d->text);
}

/* "NAME=VALUE" settings, ended by NULL. */
static struct world told(enum job_kind kind, const char *const *settings)
{
	struct world w = start(kind);

	for (; *settings; settings++) {
		char name[64];
		size_t n = strcspn(*settings, "=");

		memcpy(name, *settings, n);
		name[n] = '\0';
		assert_int_equal(set(&w, kind, name, *settings + n + 1), 0);
	}
	return w;
}

/* What cannot be, and what is in vain: each once by itself. */
static void together(void **state)
{
	static const struct {
		enum job_kind kind;
		const char *settings[6], *error, *lint;
	} cases[] = {
		{ JOB_TASK, { "type=daemon", "command=x" }, "", "" },
		{ JOB_TASK, { "type=daemon", "command=x", "concurrency=allow" }, "",
			"'concurrency' does nothing: a daemon has 'max' copies;" },
		{ JOB_TASK, { "type=daemon", "command=x", "max=none" },
			"'max' of a daemon is how many are kept running: a number is needed", "" },
		{ JOB_TASK, { "type=daemon", "command=x", "restart-delay=10m" }, "", "" },
		{ JOB_TASK, { "type=daemon", "command=x", "restart-delay=10m", "restart-max-delay=1m" },
			"'restart-max-delay' is below 'restart-delay'", "" },
		{ JOB_TASK, { "type=daemon", "command=x", "schedule=@daily" }, "",
			"'schedule' does nothing: a daemon is kept running;" },
		{ JOB_TASK, { "type=daemon", "command=x", "timezone=UTC", "retries=1" }, "",
			"'timezone' does nothing: a daemon has no schedule;"
			"'retries' does nothing: a daemon has 'restart';" },
		{ JOB_TASK, { "type=daemon", "command=x", "start-deadline=1m", "catchup=one", "grace=1m" }, "",
			"'start-deadline' does nothing: a daemon has no schedule;"
			"'catchup' does nothing: a daemon has no schedule;"
			"'grace' does nothing: a daemon has no schedule;" },
		{ JOB_TASK, { "type=daemon", "command=x", "jitter=1m" }, "",
			"'jitter' does nothing: a daemon has no schedule;" },
		{ JOB_LINE, { "retry-delay=10m", "retries=2" }, "", "" },
		{ JOB_LINE, { "retry-delay=10m", "retries=2", "retry-max-delay=9m" },
			"'retry-max-delay' is below 'retry-delay'", "" },
		{ JOB_LINE, { "retry-delay=1m", "retry-max-delay=9m" }, "",
			"'retry-delay' does nothing without 'retries';"
			"'retry-max-delay' does nothing without 'retries';" },
		{ JOB_LINE, { "queue-max=2" }, "", "'queue-max' does nothing without concurrency=queue;" },
		{ JOB_LINE, { "queue-max=2", "concurrency=queue" }, "", "" },
		{ JOB_LINE, { "pool-max=2" }, "", "'pool-max' does nothing without 'pool';" },
		{ JOB_LINE, { "pool-max=2", "pool=db" }, "", "" },
		{ JOB_LINE, { "on-timeout=alert" }, "", "'on-timeout' does nothing without 'timeout';" },
		{ JOB_LINE, { "catchup-window=1d" }, "", "'catchup-window' does nothing without 'catchup';" },
		{ JOB_LINE, { "watchdog-miss=2" }, "", "'watchdog-miss' does nothing without 'watchdog';" },
		{ JOB_LINE, { "alert-on=lost", "alert-after=2", "alert-every=1h" }, "",
			"'alert-on' does nothing without 'alert';'alert-after' does nothing without 'alert';"
			"'alert-every' does nothing without 'alert';" },
		{ JOB_LINE, { "mail-from=a@b" }, "", "" },
		{ JOB_TASK, { "mail-from=a@b", "command=x", "schedule=@daily" }, "",
			"'mail-from' does nothing without 'mail';" },
		{ JOB_TASK, { "command=x", "schedule=@daily", "restart=never", "restart-delay=1s" }, "",
			"'restart' is only for daemons;'restart-delay' is only for daemons;" },
		{ JOB_TASK, { "command=x", "schedule=@daily", "restart-max-delay=1h", "restart-limit=1/1m" },
			"", "'restart-max-delay' is only for daemons;'restart-limit' is only for daemons;" },
		{ JOB_LINE, { "concurrency=forbid", "max=none" }, "",
			"'concurrency' does nothing while 'max' is none;" },
		{ JOB_LINE, { "success-exit=3" }, "",
			"'success-exit' does not name 0: a run that ends well counts as failed;" },
		{ JOB_LINE, { "success-exit=0,3" }, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = told(cases[i].kind, cases[i].settings);
		struct buf said = { 0 };
		struct diag_sink sink = { hear, &said };

		w.d = (struct diag){ 0 };
		assert_int_equal(options_check(&w.o, cases[i].kind, &w.d), cases[i].error[0] ? -1 : 0);
		assert_string_equal(w.d.text, cases[i].error);
		if (!cases[i].error[0]) {
			options_lint(&w.o, &sink);
			assert_string_equal(said.len ? buf_text(&said) : "", cases[i].lint);
		}
		buf_free(&said);
		arena_free(&w.arena);
	}
}

/* Each cell of the table: what only root's files may ask for. */
static void trust(void **state)
{
	static const struct {
		const char *settings[3], *why;
	} cases[] = {
		{ { "nice=5" }, "" },
		{ { "nice=0" }, "" },
		{ { "nice=-1" }, "only root's files may have 'nice' below 0" },
		{ { "ionice=idle" }, "" },
		{ { "ionice=best-effort:0" }, "" },
		{ { "ionice=realtime:7" }, "only root's files may have 'ionice' of class realtime" },
		{ { "limit-nofile=1024" }, "" },
		{ { "limit-nofile=100:1025" },
			"only root's files may have 'limit-nofile' above the limit that the daemon itself has" },
		{ { "limit-nofile=unlimited" },
			"only root's files may have 'limit-nofile' above the limit that the daemon itself has" },
		{ { "limit-core=unlimited" }, "" },
		{ { "limit-cpu=10m" }, "" },
		{ { "limit-cpu=11m" }, "only root's files may have 'limit-cpu' above the 10m of crond.conf" },
		{ { "memory-max=1G" }, "" },
		{ { "memory-max=1025M" }, "only root's files may have 'memory-max' above the 1G of crond.conf" },
		{ { "memory-max=none" }, "only root's files may have 'memory-max' above the 1G of crond.conf" },
		{ { "cpu-quota=50%" }, "" },
		{ { "cpu-quota=50.01%" }, "only root's files may have 'cpu-quota' above the 50% of crond.conf" },
		{ { "tasks-max=20" }, "" }, /* crond.conf says nothing of it */
		{ { "pool=p", "retries=3", "timeout=1h" }, "" },
		{ { "watchdog=1m", "hosts=x", "pre=x" }, "" },
	};
	static const char *const given[] = { "memory-max=1G", "cpu-quota=50%", "limit-cpu=10m", NULL };
	struct world conf = told(JOB_LINE, given);
	struct options_caps caps = { .defaults = &conf.o };

	(void)state;
	for (int i = 0; i < OPTION_LIMITS; i++)
		caps.limits[i] = option_of_limit(i) == OPTION_LIMIT_NOFILE ? 1024 : OPTION_NO_LIMIT;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *settings[4] = { NULL };
		struct world w;

		memcpy(settings, cases[i].settings, sizeof(cases[i].settings));
		w = told(JOB_LINE, settings);
		w.d = (struct diag){ 0 };
		assert_int_equal(options_trust(&w.o, &caps, &w.d), cases[i].why[0] ? -1 : 0);
		assert_string_equal(w.d.text, cases[i].why);
		/* what crond.conf itself gives is root's word */
		memset(w.o.own, 0, sizeof(w.o.own));
		assert_int_equal(options_trust(&w.o, &caps, NULL), 0);
		arena_free(&w.arena);
	}
	arena_free(&conf.arena);
}

static void identity(void **state)
{
	struct slice env[] = { slice_of("A=1"), slice_of("B=") };
	struct world w = start(JOB_LINE);
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(options_set(&w.o, &w.arena, OPTION_ENV, JOB_LINE, env, 2, HERE, &w.d), 0);
	assert_int_equal(set(&w, JOB_LINE, "second", "*/20"), 0);
	assert_int_equal(set(&w, JOB_LINE, "timeout", "5m"), 0); /* how it is guarded, not what it is */
	options_identity(&w.o, &b);
	assert_string_equal(buf_text(&b), "second=4:*/20\nenv=3:A=12:B=\n");
	buf_free(&b);
	arena_free(&w.arena);
}

static enum comment_options comment(struct world *w, const char *line)
{
	w->d = (struct diag){ 0 };
	memset(&w->lint, 'x', sizeof(w->lint));
	return options_comment(&w->o, &w->arena, slice_of(line), 3, &w->d, &w->lint);
}

static void comment_options(void **state)
{
	struct world w = start(JOB_LINE);

	(void)state;
	assert_int_equal(comment(&w, "#@ timeout=10m max=1"), COMMENT_OPTIONS);
	assert_string_equal(w.lint.text, "");
	assert_int_equal(w.o.timeout_ms, 600000);
	assert_int_equal(w.o.max, 1);
	assert_int_equal(comment(&w, "#@\tdescription=\"two \\\"words\\\" \\x\"\ttags=a,b hosts=web-*,!web-3 \r"),
		COMMENT_OPTIONS);
	assert_string_equal(w.o.description, "two \"words\" \\x");
	assert_string_equal(w.o.tags[0], "a");
	assert_string_equal(w.o.tags[1], "b");
	assert_null(w.o.tags[2]);
	assert_string_equal(w.o.hosts[1], "!web-3");
	assert_int_equal(comment(&w, "#@ env=\"A=1,2 3\",B=4"), COMMENT_OPTIONS);
	assert_string_equal(w.o.env[0], "A=1,2 3");
	assert_string_equal(w.o.env[1], "B=4");
	assert_null(w.o.env[2]);
	assert_int_equal(comment(&w, "#@ second=*/20"), COMMENT_OPTIONS);
	assert_string_equal(w.o.second, "*/20");
	assert_int_equal(comment(&w, "#@ seconds"), COMMENT_SECONDS);
	assert_int_equal(comment(&w, "#@ seconds \t"), COMMENT_SECONDS);
	arena_free(&w.arena);
}

static void equal(void **state)
{
	static const char *const others[] = { "#@ timeout=5m max=2 tags=a,b", "#@ max=2 tags=a",
		"#@ timeout=5m max=2 tags=a", "#@ timeout=5m tags=a,c max=1", "#@ enabled=no",
		"#@ kill-after=3s timeout=5m max=1 tags=a,b", "#@ alert=mail:x@y timeout=5m max=1 tags=a,b",
		"#@ description=x timeout=5m max=1 tags=a,b", "# none" };
	struct world w = start(JOB_LINE), same = start(JOB_LINE);

	(void)state;
	assert_int_equal(comment(&w, "#@ timeout=5m max=1 tags=a,b"), COMMENT_OPTIONS);
	assert_int_equal(comment(&same, "#@ tags=\"a\",b timeout=300s max=1"), COMMENT_OPTIONS);
	assert_true(options_equal(&w.o, &same.o));
	for (size_t i = 0; i < COUNT(others); i++) {
		struct world other = start(JOB_LINE);

		comment(&other, others[i]);
		assert_false(options_equal(&w.o, &other.o));
		assert_false(options_equal(&other.o, &w.o));
		arena_free(&other.arena);
	}
	arena_free(&same.arena);
	arena_free(&w.arena);
}

static void comment_bad(void **state)
{
	static const struct {
		const char *line;
		unsigned column;
		const char *text;
	} cases[] = {
		{ "#@ timeout=soon", 4,
			"bad timeout 'soon': a duration such as 90s, 15m or 1h30m is needed" },
		{ "#@ max=1 timeout=", 10, "'timeout' is empty" },
		{ "#@ max=1 timout=5m", 10, "unknown option 'timout', did you mean 'timeout'?" },
		{ "#@ max=x please", 4, "bad max 'x': a number from 1 to 100000 is needed" },
		{ "#@ max=1 max=2", 10, "'max' is given twice" },
		{ "#@ description=\"abc", 16, "a '\"' that is never closed" },
		{ "#@ user=www", 4, "'user' is only for task files" },
		{ "#@ tags=a,,b", 4, "'tags' is empty" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = start(JOB_LINE);

		assert_int_equal(comment(&w, cases[i].line), COMMENT_BAD);
		assert_string_equal(w.d.text, cases[i].text);
		assert_int_equal(w.d.column, cases[i].column);
		arena_free(&w.arena);
	}
}

static void comment_plain(void **state)
{
	static const struct {
		const char *line, *lint;
	} cases[] = {
		{ "#", "" },
		{ "# a comment", "" },
		{ "#@ max=1 please", "only a comment: no option 'please'" },
		{ "#@ timeout=10 m", "only a comment: no option 'm'" },
		{ "#@ max=1 timeout", "only a comment: the option 'timeout' has no '=value'" },
		{ "#@", "" },
		{ "#@ ", "" },
		{ "# timeout=10m", "" },
		{ "# @daily x", "" },
		{ "#@reboot cmd", "only a comment: options need a blank after '#@'" },
		{ "#@timeout=10m", "only a comment: options need a blank after '#@'" },
		{ "# @ timeout=10m", "only a comment: options need '#@' without a blank in it" },
		{ "# @timeout=10m", "only a comment: options need '#@' without a blank in it" },
		{ "#@ timout=10m", "only a comment: unknown option 'timout', did you mean 'timeout'?" },
		{ "#@ FOO=bar", "only a comment: unknown option 'FOO'" },
		{ "#@ 0 5 * * * cmd", "only a comment: no option '0'" },
		{ "#@ timeout 10m", "only a comment: the option 'timeout' has no '=value'" },
		{ "#@ seconds please", "only a comment: 'seconds' must stand alone" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = start(JOB_LINE);

		assert_int_equal(comment(&w, cases[i].line), COMMENT_PLAIN);
		assert_string_equal(w.lint.text, cases[i].lint);
		assert_false(any_given(&w.o));
		assert_string_equal(w.d.text, "");
		arena_free(&w.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(defaults),
		cmocka_unit_test(values), cmocka_unit_test(printed),
		cmocka_unit_test(fields),
		cmocka_unit_test(messages),
		cmocka_unit_test(max_follows_concurrency),
		cmocka_unit_test(combinations), cmocka_unit_test(together),
		cmocka_unit_test(trust),
		cmocka_unit_test(identity),
		cmocka_unit_test(comment_options),
		cmocka_unit_test(equal),
		cmocka_unit_test(comment_bad),
		cmocka_unit_test(comment_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
