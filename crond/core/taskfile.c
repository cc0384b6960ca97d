/* taskfile: bytes of a task file in, tasks and diagnostics out.
 * Flow: a scanner of ours cuts the bytes into sections, libconfuse reads each, the
 * option table judges the values. */
#include "crond/core/taskfile.h"

#include "crond/base/arena.h"
#include "crond/base/text.h"
#include "crond/core/defaults.h"
#include "crond/core/options_value.h"
#include "crond/core/section.h"
#include "crond/core/section_settings.h"
#include "crond/core/titles.h"

enum { SHOWN_MOST = 64 };

struct parser {
	uint64_t seed_host;
	struct arena *arena;
	const struct taskfile_sink *sink;
	struct taskfile_result *result;
	struct setting_def defs[OPTIONS + 1]; /* by enum option_id */
	struct options defaults; /* what a task begins with */
	bool has_defaults;       /* a section of the file's own was met */
	struct titles titles;
};

/* A task being read. */
struct draft {
	struct parser *parser;
	struct taskfile_task task;
	uint32_t schedule_line, schedule_column;
	bool refused;
};

static void report(struct parser *p, const struct diag *d)
{
	p->result->errors++;
	p->sink->diag(p->sink->arg, d);
}

static void draft_refuse(struct draft *draft, struct diag *d, uint32_t line, uint32_t column)
{
	draft->refused = true;
	d->line = line;
	d->column = column;
	report(draft->parser, d);
}

static void draft_setting(void *arg, const struct setting *s)
{
	struct draft *draft = arg;
	struct parser *p = draft->parser;
	enum option_id id = (enum option_id)s->def;
	struct diag d;

	if (id == OPTION_SCHEDULE) {
		draft->schedule_line = s->line;
		draft->schedule_column = s->column;
	}
	if (options_set(&draft->task.options, p->arena, id, JOB_TASK, s->values, s->count,
		    (struct option_place){ s->line, s->column }, &d))
		draft_refuse(draft, &d, s->line, s->column);
}

static void draft_diag(void *arg, const struct diag *d)
{
	struct draft *draft = arg;

	report(draft->parser, d);
}

/* What can only be said once all options are known. */
static void draft_finish(struct draft *draft, const struct section *s)
{
	struct parser *p = draft->parser;
	struct taskfile_task *task = &draft->task;
	struct slice schedule;
	struct diag d, why;

	if (options_check(&task->options, JOB_TASK, &d)) {
		draft_refuse(draft, &d, d.line ? d.line : s->line, d.line ? d.column : s->column);
		return;
	}
	if (!task->options.schedule)
		return; /* a daemon */
	schedule = slice_of(task->options.schedule);
	if (schedule_parse(&task->schedule, schedule, GRAMMAR_EXTENDED,
		    text_hash(p->seed_host, s->title.s, s->title.n), p->arena, &why) == 0)
		return;
	option_bad("schedule", schedule, why.text, &d);
	draft_refuse(draft, &d, draft->schedule_line, draft->schedule_column);
}

/* 0, also for a task that was refused; -1 when memory is out or the sink said stop. */
static int parse_task(struct parser *p, const struct section *s)
{
	struct draft draft = { .parser = p, .task.line = s->title_line };
	struct settings_sink sink = { draft_setting, draft_diag, &draft };
	int rc;

	draft.task.options = p->defaults;
	rc = section_settings(s, p->defs, "option", &sink);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (!draft.refused)
		draft_finish(&draft, s);
	if (draft.refused)
		return 0;
	draft.task.name = arena_copy(p->arena, s->title.s, s->title.n);
	if (!draft.task.name)
		return -1;
	p->result->tasks++;
	return p->sink->task(p->sink->arg, &draft.task) ? -1 : 0;
}

static int shown(struct slice s)
{
	return s.n < SHOWN_MOST ? (int)s.n : SHOWN_MOST;
}

/* Anything at the top level that is no task. */
static void refuse_part(struct parser *p, const struct section *s)
{
	static const char *const types[] = { "task", "defaults", NULL };
	const char *near = text_nearest(s->type, types);
	struct diag d;

	if (s->wrong)
		diag_error(&d, s->line, s->column, "%s: '%.*s'", s->wrong, shown(s->type), s->type.s);
	else if (s->setting)
		diag_error(&d, s->line, s->column, "'%.*s' is set outside of a task", shown(s->type),
			s->type.s);
	else
		diag_error(&d, s->line, s->column, "unknown section '%.*s'%s%s%s", shown(s->type),
			s->type.s, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
	report(p, &d);
}

static bool is_defaults(const struct section *s)
{
	return !s->wrong && !s->setting && slice_is(s->type, "defaults");
}

/* A section `task`: what is wrong with its title, if anything. 1 if so; -1 when memory
 * is out. */
static int refuse_title(struct parser *p, const struct section *s)
{
	struct diag d;
	int64_t before;

	if (!s->title.s) {
		diag_error(&d, s->line, s->column, "a task without a name");
		report(p, &d);
		return 1;
	}
	if (!taskfile_name_ok(s->title)) {
		option_bad("name of a task", s->title, "letters, digits, '.', '_' and '-' are allowed, "
			"at most 64, and a letter or digit comes first", &d);
		d.line = s->title_line;
		d.column = s->title_column;
		report(p, &d);
		return 1;
	}
	before = titles_before(&p->titles, s->title, s->title_line);
	if (before <= 0)
		return before < 0 ? -1 : 0;
	diag_error(&d, s->title_line, s->title_column,
		"a second task '%.*s', the first is in line %u", shown(s->title), s->title.s,
		(unsigned)before);
	report(p, &d);
	return 1;
}

/* 0, or -1 when memory is out or the sink said stop. */
static int parse_part(struct parser *p, const struct section *s)
{
	int rc;

	if (is_defaults(s))
		return 0; /* taken before any task was */
	if (s->wrong || s->setting || !slice_is(s->type, "task")) {
		refuse_part(p, s);
		return 0;
	}
	rc = refuse_title(p, s);
	if (rc)
		return rc < 0 ? -1 : 0;
	return parse_task(p, s);
}

static int parse_defaults(struct parser *p, const struct section *s)
{
	struct diag_sink sink = { p->sink->diag, p->sink->arg };
	struct diag d;
	uint32_t errors = 0;
	int rc = 0;

	if (p->has_defaults)
		diag_error(&d, s->line, s->column, "a second section 'defaults'");
	else
		rc = defaults_read(s, NULL, &p->defaults, p->arena, &sink, &errors);
	if (p->has_defaults)
		report(p, &d);
	p->result->errors += errors;
	/* what every task may rely on is not left out in silence */
	if (errors || p->has_defaults)
		p->result->broken = true;
	p->has_defaults = true;
	return rc;
}

/* They hold for tasks above them too. 0, or -1 when memory is out. */
static int find_defaults(struct parser *p, struct slice bytes)
{
	struct section_scanner scanner;
	struct section section;
	struct diag d;
	int rc = 0;

	section_start(&scanner, bytes);
	while (rc == 0 && section_next(&scanner, &section, &d) > 0) {
		if (is_defaults(&section))
			rc = parse_defaults(p, &section);
	}
	defaults_settle(&p->defaults, NULL);
	return rc;
}

static int parse_all(struct parser *p, struct slice bytes)
{
	struct section_scanner scanner;
	struct section section;
	struct diag d;
	int rc;

	section_start(&scanner, bytes);
	while ((rc = section_next(&scanner, &section, &d)) > 0) {
		if (parse_part(p, &section))
			return -1;
	}
	if (rc < 0) {
		p->result->broken = true;
		report(p, &d);
	}
	return 0;
}

int taskfile_parse(struct slice bytes, uint64_t seed_host, const struct options *defaults,
	struct arena *arena, const struct taskfile_sink *sink, struct taskfile_result *result)
{
	struct parser p = { .seed_host = seed_host, .arena = arena, .sink = sink, .result = result };
	int rc;

	*result = (struct taskfile_result){ 0 };
	defaults_settings(p.defs);
	if (defaults)
		p.defaults = *defaults;
	else
		options_default(&p.defaults, JOB_TASK);
	rc = find_defaults(&p, bytes);
	if (rc == 0)
		rc = parse_all(&p, bytes);
	titles_free(&p.titles);
	return rc;
}
