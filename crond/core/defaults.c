/* defaults: a section `defaults { }` of crond.conf or of a task file.
 * Flow: before any job is read; what it says is what the jobs' options begin with. */
#include "crond/core/defaults.h"

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/options_table.h"
#include "crond/core/section.h"

struct reading {
	struct options *line, *task;
	struct arena *arena;
	const struct diag_sink *sink;
	uint32_t *errors;
};

void defaults_settings(struct setting_def defs[OPTIONS + 1])
{
	for (unsigned i = 0; i < OPTIONS; i++) {
		const struct option_def *def = option_get((enum option_id)i);

		defs[i] = (struct setting_def){ def->name, def->list };
	}
	defs[OPTIONS] = (struct setting_def){ NULL, false };
}

static void tell(struct reading *r, const struct diag *d)
{
	++*r->errors;
	r->sink->report(r->sink->arg, d);
}

static int set(struct reading *r, const struct setting *s, struct diag *d)
{
	enum option_id id = (enum option_id)s->def;
	const struct option_def *def = option_get(id);
	struct option_place place = { s->line, s->column };

	if (def->single)
		return diag_error(d, 0, 0, "'%s' belongs to one job, and has no place in 'defaults'",
			def->name);
	if (r->line && def->line && options_set(r->line, r->arena, id, JOB_LINE, s->values, s->count,
		place, d))
		return -1;
	if ((def->task || !r->line) && options_set(r->task, r->arena, id, JOB_TASK, s->values, s->count,
		place, d))
		return -1;
	return 0;
}

static void take_setting(void *arg, const struct setting *s)
{
	struct reading *r = arg;
	struct diag d;

	if (set(r, s, &d) == 0)
		return;
	d.line = s->line;
	d.column = s->column;
	tell(r, &d);
}

static void take_diag(void *arg, const struct diag *d)
{
	tell(arg, d);
}

int defaults_read(const struct section *section, struct options *line, struct options *task,
	struct arena *arena, const struct diag_sink *sink, uint32_t *errors)
{
	struct reading r = { line, task, arena, sink, errors };
	struct settings_sink settings = { take_setting, take_diag, &r };
	struct setting_def defs[OPTIONS + 1];
	struct diag d;

	if (section->title.s) {
		diag_error(&d, section->title_line, section->title_column, "'defaults' takes no title");
		tell(&r, &d);
		return 0;
	}
	defaults_settings(defs);
	return section_settings(section, defs, "option", &settings) < 0 ? -1 : 0;
}

void defaults_settle(struct options *o, const char *file)
{
	memset(o->own, 0, sizeof(o->own));
	for (struct option_origin *at = o->origins; at; at = at->next) {
		if (!at->file)
			at->file = file;
	}
}

static int copy_list(const char *const **field, struct arena *arena)
{
	const char *const *from = *field;
	size_t n = 0;
	const char **list;

	while (from[n])
		n++;
	list = arena_alloc(arena, (n + 1) * sizeof(*list));
	if (!list)
		return -1;
	for (size_t i = 0; i < n; i++) {
		list[i] = arena_copy(arena, from[i], strlen(from[i]));
		if (!list[i])
			return -1;
	}
	list[n] = NULL;
	*field = list;
	return 0;
}

static int copy_field(const struct option *option, char *field, struct arena *arena)
{
	if (option->kind->form == FORM_LIST && *(const char *const **)(void *)field)
		return copy_list((const char *const **)(void *)field, arena);
	if (option->kind->form == FORM_TEXT && *(const char **)(void *)field) {
		const char **text = (const char **)(void *)field;

		*text = arena_copy(arena, *text, strlen(*text));
		return *text ? 0 : -1;
	}
	return 0;
}

static int copy_origins(struct options *o, struct arena *arena)
{
	struct option_origin **link = &o->origins;
	const char *from = NULL, *file = NULL; /* nearly always one */

	for (; *link; link = &(*link)->next) {
		struct option_origin *copy = arena_alloc(arena, sizeof(*copy));

		if (!copy)
			return -1;
		*copy = **link;
		if (copy->file && copy->file != from) {
			from = copy->file;
			file = arena_copy(arena, from, strlen(from));
			if (!file)
				return -1;
		}
		if (copy->file)
			copy->file = file;
		*link = copy;
	}
	return 0;
}

int defaults_copy(struct options *to, const struct options *from, struct arena *arena)
{
	*to = *from;
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *option = option_row((enum option_id)i);

		if (copy_field(option, (char *)to + option->at, arena))
			return -1;
	}
	return copy_origins(to, arena);
}

uint64_t defaults_hash(uint64_t seed, const struct options *o)
{
	char where[256];
	struct buf b = { 0 };

	for (unsigned i = 0; i < OPTIONS; i++) {
		if (!option_given(o, (enum option_id)i))
			continue;
		option_origin(o, (enum option_id)i, where, sizeof(where));
		buf_printf(&b, "%u %s ", i, where);
		option_print(o, (enum option_id)i, &b);
		buf_putc(&b, '\n');
	}
	seed = text_hash(seed, b.data ? b.data : "", b.len);
	buf_free(&b);
	return seed;
}
