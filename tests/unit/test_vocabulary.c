/* test_vocabulary: every option of the vocabulary: what it takes and refuses, where it goes,
 * how it is shown, whether it makes a job another one. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/options.h"
#include "crond/core/outcome.h"
#include "crond/core/taskfile.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HERE ((struct option_place){ 7, 3 })

/* What a field holds. */
enum holds { TEXT, LIST, FLAG, NUMBER, WIDE, OTHER };

#define AT(field, how, value) offsetof(struct options, field), how, value
#define LIMIT(name, upper, value, number) \
	{ "limit-" name, value, value, AT(limits[RLIMIT_##upper].hard, WIDE, number), false, false, \
		{ "-1", "x", "1:", ":1", "18446744073709551616", "2:1" } }

/* Lists are written with commas between. */
static const struct row {
	const char *name, *good, *shown;
	size_t at;
	enum holds how;
	uint64_t value; /* of numbers */
	bool identity, none;
	const char *bad[8];
} rows[] = {
	{ "schedule", "@daily", "\"@daily\"", AT(schedule, TEXT, 0), true, false, { " " } },
	{ "second", "*/20", "\"*/20\"", AT(second, TEXT, 0), true, false, { "a\nb" } },
	{ "name", "gold.x-1", "\"gold.x-1\"", AT(name, TEXT, 0), true, false,
		{ "../x", "a/b", "a b", "-x", ".x", "a\x01", "a:b" } },
	{ "type", "daemon", "daemon", AT(type, NUMBER, JOB_TYPE_DAEMON), false, false,
		{ "Daemon", "crond", "0" } },
	{ "timezone", "Europe/Berlin", "\"Europe/Berlin\"", AT(timezone, TEXT, 0), true, false,
		{ "/etc/passwd", "../x" } },
	{ "command", "a \"b\"\n$c", "\"a \\\"b\\\"\\x0a$c\"", AT(command, TEXT, 0), true, false,
		{ " \t\n" } },
	{ "argv", "a,,b c", "{ \"a\", \"\", \"b c\" }", AT(argv, LIST, 3), true, false, { "" } },
	{ "user", "www-data", "\"www-data\"", AT(user, TEXT, 0), true, false,
		{ "0", "-x", "a:b", "a/b", "a\nb", "a b" } },
	{ "group", "adm", "\"adm\"", AT(group, TEXT, 0), true, false, { "4", "-x", "a:b", "a\nb" } },
	{ "shell", "/bin/bash", "\"/bin/bash\"", AT(shell, TEXT, 0), true, false,
		{ "bash", "~/bash", "/a\nb" } },
	{ "dir", "/srv", "\"/srv\"", AT(dir, TEXT, 0), true, false, { "srv", "~", "./x" } },
	{ "umask", "027", "027", AT(umask, NUMBER, 027), false, false,
		{ "8", "1000", "00000", "-1", "0x1", "u=rwx" } },
	{ "env", "A=1,B=", "{ \"A=1\", \"B=\" }", AT(env, LIST, 2), true, false,
		{ "A", "1A=x", "=x", "A B=x", "A-B=x" } },
	{ "env-file", "/etc/x", "\"/etc/x\"", AT(env_file, TEXT, 0), true, true, { "x", "~/x" } },
	{ "enabled", "no", "no", AT(enabled, FLAG, 0), false, false, { "never", "2" } },
	{ "hosts", "10.0.0.0/8,!web-*", "{ \"10.0.0.0/8\", \"!web-*\" }", AT(hosts, LIST, 2), true,
		false, { "!", "10.0.0.0/33", "a b" } },
	{ "concurrency", "queue", "queue", AT(concurrency, NUMBER, CONCURRENCY_QUEUE), false, false,
		{ "queued", "Forbid", "1" } },
	{ "max", "010", "10", AT(max, NUMBER, 10), false, true,
		{ "0", "-1", "100001", "1.5", "18446744073709551617", "1 " } },
	{ "queue-max", "7", "7", AT(queue_max, NUMBER, 7), false, false, { "0", "-1", "100001", "none" } },
	{ "pool", "db", "\"db\"", AT(pool, TEXT, 0), false, true, { "a/b", "a b", "" } },
	{ "pool-max", "4", "4", AT(pool_max, NUMBER, 4), false, false, { "0", "-1", "100001", "x" } },
	{ "timeout", "1h30m", "1h30m", AT(timeout_ms, WIDE, 5400000), false, true,
		{ "0", "-1", "soon", "30m1h", "101y", "99999999999999999999", "1 h" } },
	{ "on-timeout", "alert", "alert", AT(on_timeout, NUMBER, ON_TIMEOUT_ALERT), false, false,
		{ "kil", "no" } },
	{ "stop-signal", "SIGINT", "INT", AT(stop_signal, NUMBER, SIGINT), false, false,
		{ "0", "-9", "SIG", "NOPE", "STOP", "CHLD", "99", "SIGSIGINT" } },
	{ "kill-after", "0", "0s", AT(kill_after_ms, WIDE, 0), false, false, { "-1", "x" } },
	{ "leftovers", "leave", "leave", AT(leftovers, NUMBER, LEFTOVERS_LEAVE), false, false, { "stop" } },
	{ "parent-death", "stop", "stop", AT(parent_death, NUMBER, PARENT_DEATH_STOP), false, false,
		{ "kill" } },
	{ "retries", "3", "3", AT(retries, NUMBER, 3), false, false, { "-1", "1001", "x" } },
	{ "retry-delay", "500ms", "500ms", AT(retry_delay_ms, WIDE, 500), false, false, { "x", "-1s" } },
	{ "retry-max-delay", "1d", "1d", AT(retry_max_delay_ms, WIDE, 86400000), false, false, { "x" } },
	{ "success-exit", "0,2-4,255", "{ 0, 2-4, 255 }", AT(success_exit, OTHER, 0), false, false,
		{ "256", "-1", "3-1", "x", "1-" } },
	{ "start-deadline", "90", "1m30s", AT(start_deadline_ms, WIDE, 90000), false, true, { "0", "x" } },
	{ "catchup", "all", "all", AT(catchup, NUMBER, CATCHUP_ALL), false, false, { "two", "yes" } },
	{ "catchup-window", "2d", "2d", AT(catchup_window_ms, WIDE, 172800000), false, true, { "0" } },
	{ "grace", "5m", "5m", AT(grace_ms, WIDE, 300000), false, true, { "0", "x" } },
	{ "jitter", "30s", "30s", AT(jitter_ms, WIDE, 30000), false, true, { "0", "x" } },
	{ "restart", "on-failure", "on-failure", AT(restart, NUMBER, RESTART_ON_FAILURE), false, false,
		{ "no", "on-success" } },
	{ "restart-delay", "2s", "2s", AT(restart_delay_ms, WIDE, 2000), false, false, { "x" } },
	{ "restart-max-delay", "2h", "2h", AT(restart_max_delay_ms, WIDE, 7200000), false, false, { "x" } },
	{ "restart-limit", "3/1m", "3/1m", AT(restart_window_ms, WIDE, 60000), false, true,
		{ "3", "0/1m", "3/0", "/1m", "3/", "x/y", "-1/1m" } },
	{ "watchdog", "30s", "30s", AT(watchdog_ms, WIDE, 30000), false, true, { "0", "9ms", "x" } },
	{ "watchdog-miss", "1", "1", AT(watchdog_miss, NUMBER, 1), false, false, { "0", "-1", "1001" } },
	{ "nice", "-20", "-20", AT(nice, NUMBER, (uint32_t)-20), false, false,
		{ "-21", "20", "+1", "x", "--1", "-" } },
	{ "ionice", "best-effort:7", "best-effort:7", AT(ionice, NUMBER, 2 << 13 | 7), false, false,
		{ "best-effort:8", "idle:1", "be", "realtime:-1", "realtime:", "3" } },
	{ "cpu-affinity", "0,2-3", "\"0,2-3\"", AT(cpu_affinity, TEXT, 0), false, false,
		{ "x", "3-2", "-1", "1,,2", "," } },
	{ "memory-max", "1536M", "1536M", AT(memory_max, WIDE, UINT64_C(1536) << 20), false, true,
		{ "0", "-1", "1T ", "99999999999999999999", "x" } },
	{ "cpu-quota", "12.5%", "12.50%", AT(cpu_quota, WIDE, 1250), false, true,
		{ "12", "0%", "-5%", "1.234%", "%", "x%", "99999999%" } },
	{ "tasks-max", "64", "64", AT(tasks_max, WIDE, 64), false, true, { "0", "-1", "4294967296" } },
	LIMIT("as", AS, "1G", UINT64_C(1) << 30),
	LIMIT("core", CORE, "0", 0),
	LIMIT("cpu", CPU, "10s", 10),
	LIMIT("data", DATA, "4M:8M", 8 << 20),
	LIMIT("fsize", FSIZE, "unlimited", OPTION_NO_LIMIT),
	LIMIT("locks", LOCKS, "9", 9),
	LIMIT("memlock", MEMLOCK, "64K", 65536),
	LIMIT("msgqueue", MSGQUEUE, "800K", 819200),
	LIMIT("nice", NICE, "40", 40),
	LIMIT("nofile", NOFILE, "1024:4096", 4096),
	LIMIT("nproc", NPROC, "100:unlimited", OPTION_NO_LIMIT),
	LIMIT("rss", RSS, "1M", 1 << 20),
	LIMIT("rtprio", RTPRIO, "5", 5),
	LIMIT("rttime", RTTIME, "200ms", 200000),
	LIMIT("sigpending", SIGPENDING, "77", 77),
	LIMIT("stack", STACK, "8M", 8 << 20),
	{ "pre", "a; b", "\"a; b\"", AT(pre, TEXT, 0), false, true, { " " } },
	{ "post", "b", "\"b\"", AT(post, TEXT, 0), false, true, { "\t" } },
	{ "on-success", "c", "\"c\"", AT(on_success, TEXT, 0), false, true, { "\n" } },
	{ "on-failure", "d", "\"d\"", AT(on_failure, TEXT, 0), false, true, { " " } },
	{ "log", "x/%Y.log", "\"x/%Y.log\"", AT(log, TEXT, 0), false, true, { "../x", "a/../b", "x/", "%", "a\nb" } },
	{ "log-max", "512K", "512K", AT(log_max, WIDE, 524288), false, false, { "0", "1023", "x" } },
	{ "artifacts", "yes", "yes", AT(artifacts, FLAG, 1), false, false, { "/dir", "maybe" } },
	{ "retention", "30d,5", "{ 30d, 5 }", AT(retention_ms, WIDE, UINT64_C(2592000000)), false, true,
		{ "0", "0s", "x", "5,6", "1d,2d", "1d,5,6" } },
	{ "mail", "ops@example.org", "\"ops@example.org\"", AT(mail, TEXT, 0), false, false,
		{ "-oQ", "a b", "a\nb", "a;b" } },
	{ "mail-from", "cron@example.org", "\"cron@example.org\"", AT(mail_from, TEXT, 0), false, false,
		{ "-x", "a b", "" } },
	{ "alert", "mail:a@b,webhook:x", "{ \"mail:a@b\", \"webhook:x\" }", AT(alert, LIST, 2), false,
		true, { "a@b", "mail:", "webhook:", "http://x", "webhook:a/b", "mail:-x" } },
	{ "alert-on", "failure,success", "{ success, failure }", AT(alert_on, NUMBER, 1u << RESULT_OK |
		1u << RESULT_EXIT | 1u << RESULT_SIGNAL | 1u << RESULT_OOM | 1u << RESULT_SPAWN), false, false,
		{ "exit", "Failure", "none" } },
	{ "alert-after", "3", "3", AT(alert_after, NUMBER, 3), false, false, { "0", "-1", "100001" } },
	{ "alert-every", "1d", "1d", AT(alert_every_ms, WIDE, 86400000), false, true,
		{ "0", "999ms", "x" } },
	{ "owner", "the team", "\"the team\"", AT(owner, TEXT, 0), false, false, { "a\nb" } },
	{ "tags", "prod,db", "{ \"prod\", \"db\" }", AT(tags, LIST, 2), false, false, { "a b", "a\x7f" } },
	{ "description", "\303\244 \"x\" \\", "\"\303\244 \\\"x\\\" \\\\\"", AT(description, TEXT, 0),
		false, false, { "a\x1b[0m" } },
};

struct world {
	struct arena arena;
	struct options o;
	struct diag d;
	const struct option_def *def;
	enum job_kind kind;
};

static struct world start(const struct row *row)
{
	struct world w = { .def = option_find(slice_of(row->name)) };

	if (!w.def)
		fail_msg("no option '%s'", row->name);
	w.kind = w.def->task ? JOB_TASK : JOB_LINE;
	options_default(&w.o, w.kind);
	return w;
}

static int set(struct world *w, const char *text)
{
	struct slice values[8];
	size_t n = 0;

	w->d = (struct diag){ 0 };
	for (; w->def->list && strchr(text, ','); text = strchr(text, ',') + 1)
		values[n++] = (struct slice){ text, strcspn(text, ",") };
	values[n++] = slice_of(text);
	return options_set(&w->o, &w->arena, w->def->id, w->kind, values, n, HERE, &w->d);
}

static void check_field(const struct row *row, const struct options *o)
{
	const void *field = (const char *)o + row->at;
	size_t n = 0;

	switch (row->how) {
	case TEXT:
		assert_string_equal(*(const char *const *)field, row->good);
		break;
	case LIST:
		while ((*(const char *const *const *)field)[n])
			n++;
		assert_int_equal(n, row->value);
		break;
	case FLAG:
		assert_int_equal(*(const bool *)field, row->value);
		break;
	case NUMBER:
		assert_int_equal(*(const uint32_t *)field, row->value);
		break;
	case WIDE:
		assert_int_equal(*(const uint64_t *)field, row->value);
		break;
	case OTHER:
		break;
	}
}

static void check_shown(const struct options *o, enum option_id id, const char *want)
{
	struct buf out = { 0 };
	char where[64];

	option_print(o, id, &out);
	assert_string_equal(out.len ? buf_text(&out) : "", want);
	buf_free(&out);
	option_origin(o, id, where, sizeof(where));
	assert_string_equal(where, option_given(o, id) ? "line 7" : "default");
}

static void check_again(const struct options *a, const struct options *b, enum option_id id)
{
	struct buf x = { 0 }, y = { 0 };

	option_print(a, id, &x);
	option_print(b, id, &y);
	assert_string_equal(buf_text(&x), buf_text(&y));
	buf_free(&x);
	buf_free(&y);
}

static void every_option_has_a_row(void **state)
{
	bool seen[OPTIONS] = { false };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = start(&rows[i]);

		assert_false(seen[w.def->id]);
		seen[w.def->id] = true;
	}
	for (int i = 0; i < OPTIONS; i++) {
		if (!seen[i])
			fail_msg("'%s' is not tested", option_get((enum option_id)i)->name);
	}
}

static void good(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = start(&rows[i]), other = start(&rows[i]);
		struct buf identity = { 0 };

		if (set(&w, rows[i].good))
			fail_msg("%s: %s", rows[i].name, w.d.text);
		assert_true(option_given(&w.o, w.def->id) && option_own(&w.o, w.def->id));
		check_field(&rows[i], &w.o);
		check_shown(&w.o, w.def->id, rows[i].shown);
		if (options_equal(&w.o, &other.o))
			fail_msg("%s makes no difference", rows[i].name);
		options_identity(&w.o, &identity);
		assert_int_equal(identity.len > 0, rows[i].identity);
		buf_free(&identity);
		assert_int_equal(set(&w, rows[i].good), -1);
		assert_non_null(strstr(w.d.text, "given twice"));
		arena_free(&w.arena);
	}
}

/* Nothing of what is refused is left behind. */
static void refused(const struct row *row, const char *value, const struct slice *raw, size_t n)
{
	struct world w = start(row), fresh = start(row);
	int rc = raw ? options_set(&w.o, &w.arena, w.def->id, w.kind, raw, n, HERE, &w.d)
		: set(&w, value);

	if (rc == 0)
		fail_msg("%s takes '%s'", row->name, value);
	assert_true(strlen(w.d.text) > 0);
	assert_non_null(strstr(w.d.text, row->name));
	assert_false(option_given(&w.o, w.def->id));
	assert_true(options_equal(&w.o, &fresh.o));
	check_shown(&w.o, w.def->id, "");
	arena_free(&w.arena);
}

static void bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t k = 0; k < COUNT(rows[i].bad) && rows[i].bad[k]; k++) {
			struct world w = start(&rows[i]);

			if (set(&w, rows[i].bad[k]) == 0)
				fail_msg("%s takes '%s'", rows[i].name, rows[i].bad[k]);
			assert_true(w.d.text[0] != '\0');
			assert_false(option_given(&w.o, w.def->id));
			arena_free(&w.arena);
		}
	}
}

/* Nothing, two for one, too many, too long, with a NUL, from the wrong place. */
static void bad_for_all(void **state)
{
	static struct slice many[1025];
	char *huge = malloc(200 * 1024);

	(void)state;
	memset(huge, 'a', 200 * 1024);
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = slice_of("a");
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice one[2] = { { "\0", 1 }, slice_of("a") }, long_one = { huge, 200 * 1024 };
		struct world w = start(&rows[i]);
		struct diag d;

		if (!w.def->fallback_task && !w.def->fallback_line) {
			refused(&rows[i], "(nothing)", one, 0);
			refused(&rows[i], "(NUL)", one, 1);
			refused(&rows[i], "(too many)", many, COUNT(many));
			refused(&rows[i], "(too long)", &long_one, 1);
			if (!w.def->list)
				refused(&rows[i], "(two)", many, 2);
		}
		if (strcmp(rows[i].name, "mail") != 0)
			assert_int_equal(set(&w, ""), -1);
		if (!w.def->line || !w.def->task) {
			assert_int_equal(options_set(&w.o, &w.arena, w.def->id, w.def->line ? JOB_TASK : JOB_LINE,
				many, 1, HERE, &d), -1);
			assert_non_null(strstr(d.text, "is only for "));
		}
	}
	free(huge);
}

/* "none" takes back what a default gave. */
static void none(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = start(&rows[i]);

		if (!rows[i].none)
			continue;
		assert_int_equal(set(&w, rows[i].good), 0);
		memset(w.o.own, 0, sizeof(w.o.own)); /* as a defaults section's */
		assert_int_equal(set(&w, "none"), 0);
		check_shown(&w.o, w.def->id, "none");
		if (rows[i].how == TEXT || rows[i].how == LIST)
			assert_null(*(const void *const *)((const char *)&w.o + rows[i].at));
		arena_free(&w.arena);
	}
}

static void defaults_are_shown(void **state)
{
	static const struct {
		const char *name, *line, *task;
	} cases[] = {
		{ "enabled", "yes", "yes" }, { "concurrency", "allow", "forbid" }, { "max", "none", "1" },
		{ "queue-max", "1", "1" }, { "pool-max", "1", "1" }, { "on-timeout", "kill", "kill" },
		{ "stop-signal", "TERM", "TERM" }, { "kill-after", "10s", "10s" },
		{ "leftovers", "leave", "kill" }, { "parent-death", "leave", "leave" },
		{ "retries", "0", "0" }, { "retry-delay", "10s", "10s" }, { "retry-max-delay", "5m", "5m" },
		{ "success-exit", "{ 0 }", "{ 0 }" }, { "catchup", "none", "none" }, { "type", "", "cron" },
		{ "restart", "", "always" }, { "restart-delay", "", "1s" }, { "restart-max-delay", "", "5m" },
		{ "restart-limit", "", "5/10m" }, { "watchdog-miss", "3", "3" }, { "log-max", "1M", "1M" },
		{ "artifacts", "no", "no" }, { "alert-after", "1", "1" }, { "alert-every", "1h", "1h" },
		{ "alert-on", "{ failure, timeout, watchdog, missed, lost }",
			"{ failure, timeout, watchdog, missed, lost }" },
		{ "timeout", "", "" }, { "nice", "", "" }, { "umask", "", "" }, { "limit-core", "", "" },
		{ "log", "", "" }, { "mail", "", "" }, { "user", "", "" },
	};
	struct options line, task;

	(void)state;
	options_default(&line, JOB_LINE);
	options_default(&task, JOB_TASK);
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum option_id id = option_find(slice_of(cases[i].name))->id;

		check_shown(&line, id, cases[i].line);
		check_shown(&task, id, cases[i].task);
	}
}

static int keep_task(void *arg, const struct taskfile_task *t)
{
	*(struct options *)arg = t->options;
	return 0;
}

static void no_diag(void *arg, const struct diag *d)
{
	(void)arg;
	fail_msg("%u:%u %s", d->line, d->column, d->text);
}

/* What is shown is what a task file would have: read again, it means the same. */
static void shown_is_read_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = start(&rows[i]);
		struct options again = { 0 };
		struct taskfile_sink sink = { keep_task, no_diag, &again };
		struct taskfile_result result;
		struct buf file = { 0 };
		bool what = w.def->id == OPTION_COMMAND || w.def->id == OPTION_ARGV;

		if (!w.def->task)
			continue;
		assert_int_equal(set(&w, rows[i].good), 0);
		buf_printf(&file, "task x { %s %s %s = ", what ? "" : "command = x",
			w.def->id == OPTION_SCHEDULE ? "" : "schedule = @daily", w.def->name);
		option_print(&w.o, w.def->id, &file);
		buf_puts(&file, " }");
		assert_int_equal(taskfile_parse((struct slice){ file.data, file.len }, 1, NULL, &w.arena,
			&sink, &result), 0);
		assert_int_equal(result.tasks, 1);
		check_field(&rows[i], &again);
		check_again(&w.o, &again, w.def->id);
		buf_free(&file);
		arena_free(&w.arena);
	}
}

/* A manual page's text: $srcdir/man/NAME. */
static char *manual(const char *name)
{
	char path[512];
	char *text = calloc(1, 1 << 20);
	FILE *f;

	snprintf(path, sizeof(path), "%s/man/%s", TOP_SRCDIR, name);
	f = fopen(path, "r");
	if (!f || fread(text, 1, (1 << 20) - 1, f) == 0)
		fail_msg("cannot read %s", path);
	fclose(f);
	return text;
}

/* Each option has a paragraph: .It Cm NAME, alone or among others. */
static bool has_item(const char *page, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++) {
		const char *end = strchr(at + 1, '\n');

		for (const char *p = at + 7; (p = strstr(p, name)) && p < end; p += n) {
			if (p[-1] == ' ' && strchr(" ,\n", p[n]))
				return true;
		}
	}
	return false;
}

static void manuals(void **state)
{
	char *page = manual("crond.conf.5");

	(void)state;
	for (int i = 0; i < OPTIONS; i++) {
		const struct option_def *def = option_get((enum option_id)i);

		if (def->task && !has_item(page, def->name))
			fail_msg("crond.conf(5) lacks '%s'", def->name);
	}
	free(page);
	page = manual("crontab.5");
	for (int i = 0; i < OPTIONS; i++) {
		const struct option_def *def = option_get((enum option_id)i);

		if (def->line && !strstr(page, def->name))
			fail_msg("crontab(5) lacks '%s'", def->name);
	}
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_a_row), cmocka_unit_test(good), cmocka_unit_test(bad),
		cmocka_unit_test(bad_for_all), cmocka_unit_test(none), cmocka_unit_test(defaults_are_shown),
		cmocka_unit_test(shown_is_read_again), cmocka_unit_test(manuals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
