/* options: the one vocabulary of task files, #@ comments and defaults.
 * Flow: parsers hand in names and string values, options judge them. */
#include "crond/core/options.h"

#include <stddef.h>
#include <stdlib.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/options_value.h"

enum { VALUES_MOST = 1024 };

/* How a field of struct options is filled. */
enum form {
	FORM_OWN,  /* by the judge */
	FORM_TEXT, /* const char *, a copy */
	FORM_LIST, /* const char *const *, copies */
};

struct option {
	struct option_def def;
	enum form form;
	size_t at; /* of the field in struct options */
	int (*judge)(const struct option_def *def, struct slice value, void *field, struct diag *d);
	bool identity; /* another value makes it another job */
};

#define AT(field) .at = offsetof(struct options, field)
#define BOTH .line = true, .task = true

static const struct option table[OPTIONS] = {
	[OPTION_SCHEDULE] = {
		.def = { OPTION_SCHEDULE, "schedule", .task = true,
			.help = "When: 5 fields, 6 with seconds, 7 with a year, or @daily, @every 90s, @reboot." },
		.form = FORM_TEXT, AT(schedule), .judge = option_judge_command, .identity = true },
	[OPTION_SECOND] = {
		.def = { OPTION_SECOND, "second", .line = true,
			.help = "A seconds field for the line below." },
		.form = FORM_TEXT, AT(second), .judge = option_judge_line, .identity = true },
	[OPTION_TIMEZONE] = {
		.def = { OPTION_TIMEZONE, "timezone", BOTH,
			.help = "Time zone of the schedule; the host's by default." },
		.form = FORM_TEXT, AT(timezone), .judge = option_judge_timezone, .identity = true },
	[OPTION_COMMAND] = {
		.def = { OPTION_COMMAND, "command", .task = true,
			.help = "Text for the shell." },
		.form = FORM_TEXT, AT(command), .judge = option_judge_command, .identity = true },
	[OPTION_ARGV] = {
		.def = { OPTION_ARGV, "argv", .list = true, .task = true,
			.help = "Words to execute without a shell, in place of command." },
		.form = FORM_LIST, AT(argv), .judge = option_judge_any, .identity = true },
	[OPTION_USER] = {
		.def = { OPTION_USER, "user", .task = true,
			.help = "Whom it runs as; by default the user that crond runs as." },
		.form = FORM_TEXT, AT(user), .judge = option_judge_user, .identity = true },
	[OPTION_DIR] = {
		.def = { OPTION_DIR, "dir", BOTH,
			.help = "Working directory, absolute; the user's home by default." },
		.form = FORM_TEXT, AT(dir), .judge = option_judge_dir, .identity = true },
	[OPTION_ENV] = {
		.def = { OPTION_ENV, "env", .list = true, BOTH,
			.help = "NAME=value settings for the job's environment." },
		.form = FORM_LIST, AT(env), .judge = option_judge_env, .identity = true },
	[OPTION_ENABLED] = {
		.def = { OPTION_ENABLED, "enabled", BOTH, .fallback_line = "yes", .fallback_task = "yes",
			.help = "no: never started." },
		AT(enabled), .judge = option_judge_bool },
	[OPTION_HOSTS] = {
		.def = { OPTION_HOSTS, "hosts", .list = true, BOTH,
			.help = "Only where one matches: address, network, interface, name or glob; '!' negates." },
		.form = FORM_LIST, AT(hosts), .judge = option_judge_host, .identity = true },
	[OPTION_MAX] = {
		.def = { OPTION_MAX, "max", BOTH, .fallback_task = "1",
			.help = "Most runs at a time." },
		AT(max), .judge = option_judge_max },
	[OPTION_CONCURRENCY] = {
		.def = { OPTION_CONCURRENCY, "concurrency", BOTH, .fallback_line = "allow",
			.fallback_task = "forbid",
			.help = "What is done when due while running: forbid skips, allow starts another." },
		AT(concurrency), .judge = option_judge_concurrency },
	[OPTION_TIMEOUT] = {
		.def = { OPTION_TIMEOUT, "timeout", BOTH,
			.help = "Longest run; then it is stopped." },
		AT(timeout_ms), .judge = option_judge_timeout },
	[OPTION_KILL_AFTER] = {
		.def = { OPTION_KILL_AFTER, "kill-after", BOTH, .fallback_line = "10s",
			.fallback_task = "10s",
			.help = "From TERM to KILL when a run is stopped." },
		AT(kill_after_ms), .judge = option_judge_duration },
	[OPTION_ALERT] = {
		.def = { OPTION_ALERT, "alert", .list = true, BOTH,
			.help = "Who is told of failures: mail:ADDRESS or webhook:NAME." },
		.form = FORM_LIST, AT(alert), .judge = option_judge_alert },
	[OPTION_DESCRIPTION] = {
		.def = { OPTION_DESCRIPTION, "description", BOTH,
			.help = "What it is for; passed to alerts." },
		.form = FORM_TEXT, AT(description), .judge = option_judge_line },
	[OPTION_OWNER] = {
		.def = { OPTION_OWNER, "owner", BOTH,
			.help = "Who looks after it; passed to alerts." },
		.form = FORM_TEXT, AT(owner), .judge = option_judge_line },
	[OPTION_TAGS] = {
		.def = { OPTION_TAGS, "tags", .list = true, BOTH,
			.help = "Words to sort it by; passed to alerts." },
		.form = FORM_LIST, AT(tags), .judge = option_judge_tag },
};
_Static_assert(OPTIONS <= 32, "options.set has a bit for each");

const struct option_def *option_get(enum option_id id)
{
	return (unsigned)id < OPTIONS ? &table[id].def : NULL;
}

const struct option_def *option_find(struct slice name)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (slice_is(name, table[i].def.name))
			return &table[i].def;
	}
	return NULL;
}

static bool allowed(const struct option_def *def, enum job_kind kind)
{
	return kind == JOB_LINE ? def->line : def->task;
}

const char *option_nearest(struct slice name, enum job_kind kind)
{
	const char *names[OPTIONS + 1];
	size_t n = 0;

	for (size_t i = 0; i < OPTIONS; i++) {
		if (allowed(&table[i].def, kind))
			names[n++] = table[i].def.name;
	}
	names[n] = NULL;
	return text_nearest(name, names);
}

static void *field_of(struct options *o, const struct option *option)
{
	return (char *)o + option->at;
}

void options_default(struct options *o, enum job_kind kind)
{
	*o = (struct options){ 0 };
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option_def *def = &table[i].def;
		const char *value = kind == JOB_LINE ? def->fallback_line : def->fallback_task;

		/* the table's own values are good; the tests see to that */
		if (value)
			(void)table[i].judge(def, slice_of(value), field_of(o, &table[i]), NULL);
	}
}

/* Errors that do not depend on what the option takes. */
static int check_values(const struct option *option, const struct slice *values, size_t n,
	struct diag *d)
{
	const char *name = option->def.name;

	if (n == 0)
		return diag_error(d, 0, 0, "'%s' has no value", name);
	if (n > 1 && !option->def.list)
		return diag_error(d, 0, 0, "'%s' takes one value, not a list of %zu", name, n);
	if (n > VALUES_MOST)
		return diag_error(d, 0, 0, "'%s' has %zu values, the most is %d", name, n, VALUES_MOST);
	for (size_t i = 0; i < n; i++) {
		/* words of a command may be empty, but for the first */
		bool may_be_empty = option->def.id == OPTION_ARGV && i > 0;

		if (values[i].n == 0 && !may_be_empty)
			return diag_error(d, 0, 0, "'%s' is empty", name);
		if (values[i].n && memchr(values[i].s, '\0', values[i].n))
			return diag_error(d, 0, 0, "'%s' has a NUL byte in it", name);
	}
	return 0;
}

static int no_memory(struct diag *d)
{
	return diag_error(d, 0, 0, "out of memory");
}

static int keep_text(void *field, struct arena *arena, struct slice value, struct diag *d)
{
	const char *copy = arena_copy(arena, value.s, value.n);

	if (!copy)
		return no_memory(d);
	*(const char **)field = copy;
	return 0;
}

static int keep_list(void *field, struct arena *arena, const struct slice *values, size_t n,
	struct diag *d)
{
	const char **list = arena_alloc(arena, (n + 1) * sizeof(*list));

	if (!list)
		return no_memory(d);
	for (size_t i = 0; i < n; i++) {
		list[i] = arena_copy(arena, values[i].s, values[i].n);
		if (!list[i])
			return no_memory(d);
	}
	list[n] = NULL;
	*(const char *const **)field = list;
	return 0;
}

/* The limit that goes with a policy, as long as none is given. */
static void follow_concurrency(struct options *o)
{
	if (!(o->set & 1U << OPTION_MAX))
		o->max = o->concurrency == CONCURRENCY_FORBID ? 1 : 0;
}

int options_set(struct options *o, struct arena *arena, enum option_id id, enum job_kind kind,
	const struct slice *values, size_t n, struct diag *d)
{
	const struct option *option = &table[id];
	void *field = field_of(o, option);

	if (!allowed(&option->def, kind))
		return diag_error(d, 0, 0, "'%s' is only for %s", option->def.name,
			kind == JOB_LINE ? "task files" : "crontab lines");
	if (o->set & 1U << id)
		return diag_error(d, 0, 0, "'%s' is given twice", option->def.name);
	if (check_values(option, values, n, d))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (option->judge(&option->def, values[i], field, d))
			return -1;
	}
	if (option->form == FORM_TEXT && keep_text(field, arena, values[0], d))
		return -1;
	if (option->form == FORM_LIST && keep_list(field, arena, values, n, d))
		return -1;
	o->set |= 1U << id;
	if (id == OPTION_CONCURRENCY)
		follow_concurrency(o);
	return 0;
}

int options_check(const struct options *o, enum job_kind kind, struct diag *d)
{
	if (kind == JOB_LINE)
		return 0;
	if (!o->schedule)
		return diag_error(d, 0, 0, "'schedule' is missing");
	if (!o->command && !o->argv)
		return diag_error(d, 0, 0, "'command' or 'argv' is missing");
	if (o->command && o->argv)
		return diag_error(d, 0, 0, "'command' and 'argv' exclude each other");
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_list(const char *const *a, const char *const *b)
{
	if (!a || !b)
		return a == b;
	while (*a && *b && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return !*a && !*b;
}

static bool same_form(const struct option *option, const void *a, const void *b)
{
	if (option->form == FORM_TEXT)
		return same_text(*(const char *const *)a, *(const char *const *)b);
	if (option->form == FORM_LIST)
		return same_list(*(const char *const *const *)a, *(const char *const *const *)b);
	return true; /* options_equal has those */
}

bool options_equal(const struct options *a, const struct options *b)
{
	if (a == b)
		return true;
	if (a->enabled != b->enabled || a->concurrency != b->concurrency || a->max != b->max ||
		a->timeout_ms != b->timeout_ms || a->kill_after_ms != b->kill_after_ms)
		return false;
	for (size_t i = 0; i < OPTIONS; i++) {
		if (!same_form(&table[i], (const char *)a + table[i].at, (const char *)b + table[i].at))
			return false;
	}
	return true;
}

static void put_value(struct buf *out, const char *value)
{
	buf_printf(out, "%zu:%s", strlen(value), value);
}

/* NAME=LENGTH:VALUE..., so that no value can be taken for another's beginning. */
void options_identity(const struct options *o, struct buf *out)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		const char *field = (const char *)o + table[i].at;

		if (!table[i].identity || !(o->set & 1U << i))
			continue;
		buf_printf(out, "%s=", table[i].def.name);
		if (table[i].form == FORM_TEXT)
			put_value(out, *(const char *const *)field);
		else
			for (const char *const *p = *(const char *const *const *)field; *p; p++)
				put_value(out, *p);
		buf_putc(out, '\n');
	}
}
