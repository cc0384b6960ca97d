/* options: the one vocabulary of task files, #@ comments and defaults.
 * Flow: parsers hand in names and string values, options judge them. */
#include "crond/core/options.h"

#include <stdio.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/options_table.h"

/* A value is at most what the kernel passes as one argument; all of an option what any run
 * can be given with the rest. */
enum { VALUES_MOST = 1024, VALUE_MOST = 128 * 1024 - 1, ALL_MOST = 1024 * 1024 };

const struct option_def *option_get(enum option_id id)
{
	return (unsigned)id < OPTIONS ? &option_row(id)->def : NULL;
}

const struct option_def *option_find(struct slice name)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option_def *def = &option_row((enum option_id)i)->def;

		if (slice_is(name, def->name))
			return def;
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
		const struct option_def *def = &option_row((enum option_id)i)->def;

		if (allowed(def, kind))
			names[n++] = def->name;
	}
	names[n] = NULL;
	return text_nearest(name, names);
}

static const char *option_fallback(const struct option_def *def, enum job_kind kind)
{
	return kind == JOB_LINE ? def->fallback_line : def->fallback_task;
}

static void *field_of(struct options *o, const struct option *option)
{
	return (char *)o + option->at;
}

/* The table's own values are good; the tests see to that. */
static void take_fallback(const struct option *option, const char *text, void *field)
{
	while (*text && !(option->none && strcmp(text, "none") == 0)) {
		size_t n = option->def.list ? strcspn(text, ",") : strlen(text);

		(void)option->kind->take(option, (struct slice){ text, n }, field, NULL);
		text += n + (text[n] == ',');
	}
}

void options_default(struct options *o, enum job_kind kind)
{
	*o = (struct options){ .kind = kind, .umask = OPTION_NO_UMASK };
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *option = option_row((enum option_id)i);
		const char *value = option_fallback(&option->def, kind);

		if (value)
			take_fallback(option, value, field_of(o, option));
	}
}

/* Errors that do not depend on what the option takes. */
static int check_values(const struct option *option, const struct slice *values, size_t n,
	struct diag *d)
{
	const char *name = option->def.name;
	size_t all = 0;

	if (n == 0)
		return diag_error(d, 0, 0, "'%s' has no value", name);
	if (n > 1 && !option->def.list)
		return diag_error(d, 0, 0, "'%s' takes one value, not a list of %zu", name, n);
	if (n > VALUES_MOST)
		return diag_error(d, 0, 0, "'%s' has %zu values, the most is %d", name, n, VALUES_MOST);
	for (size_t i = 0; i < n; i++) {
		/* words of a command may be empty, but for the first */
		bool may_be_empty = option->empty && (i > 0 || !option->def.list);

		if (values[i].n == 0 && !may_be_empty)
			return diag_error(d, 0, 0, "'%s' is empty", name);
		if (values[i].n && memchr(values[i].s, '\0', values[i].n))
			return diag_error(d, 0, 0, "'%s' has a NUL byte in it", name);
		if (values[i].n > VALUE_MOST)
			return diag_error(d, 0, 0, "'%s' is longer than %d bytes", name, VALUE_MOST);
		all += values[i].n + 1;
	}
	if (all > ALL_MOST)
		return diag_error(d, 0, 0, "'%s' is longer than %d bytes in all", name, ALL_MOST);
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

/* What goes with something else, as long as it is not given itself. */
static void follow(struct options *o)
{
	bool many = o->concurrency == CONCURRENCY_ALLOW && o->type == JOB_TYPE_CRON;

	if (!option_given(o, OPTION_MAX))
		o->max = many ? 0 : 1;
	if (!option_given(o, OPTION_RETRY_MAX_DELAY) && o->retry_max_delay_ms < o->retry_delay_ms)
		o->retry_max_delay_ms = o->retry_delay_ms;
	if (!option_given(o, OPTION_RESTART_MAX_DELAY) && o->restart_max_delay_ms < o->restart_delay_ms)
		o->restart_max_delay_ms = o->restart_delay_ms;
}

static int judge(const struct option *option, const struct slice *values, size_t n, void *field,
	struct diag *d)
{
	if (option->none && n == 1 && slice_is(values[0], "none")) {
		memset(field, 0, option->kind->size);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (values[i].n && option->kind->take(option, values[i], field, d))
			return -1;
	}
	return 0;
}

/* Fills the field, or leaves it as it was. */
static int fill(const struct option *option, struct options *o, struct arena *arena,
	const struct slice *values, size_t n, struct diag *d)
{
	struct options taken = *o; /* a value that is refused leaves no trace */
	void *field = field_of(&taken, option);
	bool none = option->none && n == 1 && slice_is(values[0], "none");

	if (option->kind->form == FORM_SET)
		memset(field, 0, option->kind->size);
	if (judge(option, values, n, field, d))
		return -1;
	if (option->kind->form == FORM_TEXT && !none && keep_text(field, arena, values[0], d))
		return -1;
	if (option->kind->form == FORM_LIST && !none && keep_list(field, arena, values, n, d))
		return -1;
	memcpy(field_of(o, option), field, option->kind->size);
	return 0;
}

static int note_origin(struct options *o, struct arena *arena, enum option_id id,
	struct option_place place, struct diag *d)
{
	struct option_origin *origin = arena_alloc(arena, sizeof(*origin));

	if (!origin)
		return no_memory(d);
	*origin = (struct option_origin){ .next = o->origins, .place = place, .id = id };
	o->origins = origin;
	return 0;
}

int options_set(struct options *o, struct arena *arena, enum option_id id, enum job_kind kind,
	const struct slice *values, size_t n, struct option_place place, struct diag *d)
{
	const struct option *option = option_row(id);

	if (!allowed(&option->def, kind))
		return diag_error(d, 0, 0, "'%s' is only for %s", option->def.name,
			kind == JOB_LINE ? "task files" : "crontab lines");
	if (option_own(o, id))
		return diag_error(d, 0, 0, "'%s' is given twice", option->def.name);
	if (check_values(option, values, n, d) || fill(option, o, arena, values, n, d) ||
		note_origin(o, arena, id, place, d))
		return -1;
	o->set[id / 64] |= UINT64_C(1) << id % 64;
	o->own[id / 64] |= UINT64_C(1) << id % 64;
	follow(o);
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

static bool same_field(const struct option *option, const void *a, const void *b)
{
	if (option->kind->form == FORM_TEXT)
		return same_text(*(const char *const *)a, *(const char *const *)b);
	if (option->kind->form == FORM_LIST)
		return same_list(*(const char *const *const *)a, *(const char *const *const *)b);
	return memcmp(a, b, option->kind->size) == 0;
}

bool options_equal(const struct options *a, const struct options *b)
{
	if (a == b)
		return true;
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *option = option_row((enum option_id)i);

		if (!same_field(option, (const char *)a + option->at, (const char *)b + option->at))
			return false;
	}
	/* of these, nothing that is written stands for "not given" */
	for (enum option_id id = OPTION_NICE; id <= OPTION_LIMIT_STACK; id++) {
		if (option_given(a, id) != option_given(b, id))
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
		const struct option *option = option_row((enum option_id)i);
		const char *field = (const char *)o + option->at;

		if (!option->identity || !option_own(o, option->def.id))
			continue;
		buf_printf(out, "%s=", option->def.name);
		if (option->kind->form == FORM_LIST)
			for (const char *const *p = *(const char *const *const *)field; p && *p; p++)
				put_value(out, *p);
		else if (*(const char *const *)field)
			put_value(out, *(const char *const *)field);
		buf_putc(out, '\n');
	}
}

enum option_id option_of_limit(int resource)
{
	for (enum option_id id = OPTION_LIMIT_AS; id <= OPTION_LIMIT_STACK; id++) {
		if (option_row(id)->at == offsetof(struct options, limits) +
			(size_t)resource * sizeof(struct option_limit))
			return id;
	}
	return OPTIONS;
}

static bool is_zero(const char *field, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (field[i])
			return false;
	}
	return true;
}

void option_print(const struct options *o, enum option_id id, struct buf *out)
{
	const struct option *option = option_row(id);
	const char *field = (const char *)o + option->at;
	const char *fallback = option_fallback(&option->def, o->kind);

	if (!option_given(o, id) && !fallback)
		return;
	if (option->none && is_zero(field, option->kind->size))
		buf_puts(out, "none");
	else
		option->kind->print(option, field, out);
}

struct option_place option_place(const struct options *o, enum option_id id)
{
	const struct option_origin *at = o->origins;

	while (at && (at->id != id || at->file))
		at = at->next;
	return at ? at->place : (struct option_place){ 0, 0 };
}

void option_origin(const struct options *o, enum option_id id, char *out, size_t n)
{
	const struct option_origin *at = o->origins;

	while (at && at->id != id)
		at = at->next;
	if (!at)
		snprintf(out, n, "default");
	else if (at->file || o->file)
		snprintf(out, n, "%s:%u", at->file ? at->file : o->file, (unsigned)at->place.line);
	else
		snprintf(out, n, "line %u", (unsigned)at->place.line);
}
