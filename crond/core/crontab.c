/* crontab: bytes of a crontab in, entries, environment and diagnostics out.
 * Flow: load reads the bytes, this parses them, load resolves users and fills the
 * table; crontab(1) and crond -t use the same parser. */
#include "crond/core/crontab.h"

#include <stdio.h>

#include "crond/base/arena.h"
#include "crond/base/text.h"
#include "crond/core/crontab_env.h"
#include "crond/core/crontab_line.h"
#include "crond/core/options_trust.h"
#include "crond/core/titles.h"

/* Options from "#@" comments that wait for their entry. */
struct pending {
	uint32_t line; /* of the first such comment; 0: none waits */
	bool bad;
	struct diag fault; /* if bad, with its line */
	struct options options;
};

struct walk {
	struct crontab_reader reader;
	struct crontab_result *result;
	const struct crontab_env *env;
	size_t envs;
	uint32_t line, column; /* of what is looked at */
	bool nul;              /* somewhere in the file */
	bool too_many;         /* a limit of the dialect is passed */
	struct pending pending;
	struct options defaults; /* what options begin with */
	struct titles names;     /* that lines have */
};

static void tell(struct walk *w, const struct diag *d)
{
	const struct crontab_sink *sink = w->reader.sink;

	if (d->level == DIAG_ERROR && w->result->errors++ == 0)
		w->result->first = *d;
	if (sink->diag)
		sink->diag(sink->arg, d);
}

static void tell_error(struct walk *w, const char *text)
{
	struct diag d;

	diag_error(&d, w->line, w->column, "%s", text);
	tell(w, &d);
}

/* --- comments */

static void place(const struct walk *w, struct diag *d)
{
	d->line = w->line;
	d->column = d->column ? w->column + d->column - 1 : w->column;
}

static struct pending *pending_open(struct walk *w)
{
	struct pending *p = &w->pending;

	if (!p->line) {
		p->line = w->line;
		p->bad = false;
		p->options = w->defaults;
	}
	return p;
}

/* The first fault is kept: what follows it is often its consequence. */
static void pending_spoil(struct walk *w, const struct diag *fault)
{
	struct pending *p = pending_open(w);

	if (!p->bad)
		p->fault = *fault;
	p->bad = true;
}

static void lint_comment(struct walk *w, struct diag *lint)
{
	if (!lint->text[0])
		return;
	place(w, lint);
	lint->level = DIAG_WARNING;
	tell(w, lint);
}

/* "#@" and a blank: options, or like them. */
static void walk_options(struct walk *w, struct slice line)
{
	struct diag d = { 0 }, lint = { 0 };
	bool fresh = w->pending.line == 0;
	struct options before = pending_open(w)->options;

	switch (options_comment(&w->pending.options, w->reader.arena, line, w->line, &d, &lint)) {
	case COMMENT_OPTIONS:
		return;
	case COMMENT_BAD:
		place(w, &d);
		pending_spoil(w, &d);
		return;
	case COMMENT_SECONDS:
		w->reader.seconds = true;
		w->reader.last.kept = false;
		break;
	case COMMENT_PLAIN:
		break;
	}
	w->pending.options = before;
	if (fresh)
		w->pending.line = 0;
	lint_comment(w, &lint);
}

/* Nearly all comments are for people: little is done for those. */
static void walk_comment(struct walk *w, struct slice line)
{
	struct diag d, lint = { 0 };

	if (line.n > 1 && line.s[1] == '@' && (line.n == 2 || strchr(" \t\r", line.s[2]))) {
		walk_options(w, line);
	} else {
		options_comment(NULL, NULL, line, w->line, &d, &lint);
		lint_comment(w, &lint);
	}
}

/* A NUL may have hidden anything, so what it may have said about the next entry is
 * not guessed. */
static void walk_nul(struct walk *w, struct slice line)
{
	struct diag d;

	diag_error(&d, w->line, 0, "NUL byte in line");
	tell(w, &d);
	if (line.n > 1 && line.s[0] == '#' && line.s[1] == '@')
		pending_spoil(w, &d);
	else if (line.n && line.s[0] != '#')
		w->pending.line = 0;
}

/* --- settings */

static int walk_setting(struct walk *w, const struct crontab_setting *s)
{
	const struct dialect *dialect = w->reader.rules->dialect;
	const struct crontab_env *e;
	struct diag d;

	if (dialect->envs_most && w->envs >= dialect->envs_most) {
		if (!w->too_many)
			tell_error(w, "too many environment settings");
		w->too_many = true;
		return 0;
	}
	e = crontab_env_push(w->env, s, w->reader.arena, &d);
	if (!e && !d.text[0])
		return -1;
	if (!e) {
		tell_error(w, d.text);
		return 0;
	}
	w->env = e;
	w->envs++;
	return 0;
}

/* --- entries */

static int apply_second(struct walk *w, struct crontab_entry *e, struct diag *d)
{
	const char *second = w->pending.options.second;
	const struct crontab_rules *rules = w->reader.rules;
	const char *from = e->time_text.s;
	size_t n = (size_t)(e->command.s + e->command.n - from);

	if (!second)
		return 0;
	if (e->schedule.flags & (SCHEDULE_REBOOT | SCHEDULE_EVERY))
		return diag_error(d, 0, 0, "second cannot be given for @%s",
			e->schedule.flags & SCHEDULE_REBOOT ? "reboot" : "every");
	if (e->schedule.flags & SCHEDULE_SECONDS)
		return diag_error(d, 0, 0, "second is given, and a field for seconds too");
	/* No old table holds this field, so it need not be read as loosely as Debian reads. */
	if (schedule_set_second(&e->schedule, slice_of(second), GRAMMAR_CRONIE,
			text_hash(rules->seed, from, n), d) < 0)
		return diag_error(d, 0, 0, "bad second '%.40s': a field with values from 0 to 59 is needed",
			second);
	return 0;
}

/* Is what stands above the entry in line good in itself? Tells what is not. */
static bool pending_good(struct walk *w, uint32_t line)
{
	const struct pending *p = &w->pending;
	struct diag d;

	if (!p->line || !p->bad)
		return true;
	diag_error(&d, p->fault.line, p->fault.column, "bad option for line %u: %s", line,
		p->fault.text);
	tell(w, &d);
	return false;
}

/* The line's name is its identity: one of that name. 0, or -1 with *d. */
static int apply_name(struct walk *w, const struct crontab_entry *e, struct diag *d)
{
	const char *name = w->pending.options.name;
	int64_t before = name ? titles_before(&w->names, slice_of(name), e->line) : 0;

	if (before < 0)
		return diag_error(d, 0, 0, "out of memory");
	if (before)
		return diag_error(d, 0, 0, "a second job '%s', the first is in line %u", name,
			(unsigned)before);
	return 0;
}

/* 0; 1 when the entry is bad by its options (told); -1 when memory is out. */
static int apply_options(struct walk *w, struct crontab_entry *e)
{
	const struct crontab_rules *rules = w->reader.rules;
	struct pending *p = &w->pending;
	struct options *o;
	struct diag d = { 0 }, told;

	if (!p->line)
		return 0;
	if (apply_second(w, e, &d) < 0 || options_check(&p->options, JOB_LINE, &d) < 0 ||
		(rules->unprivileged && options_trust(&p->options, rules->caps, &d) < 0) ||
		apply_name(w, e, &d) < 0) {
		diag_error(&told, d.line ? d.line : p->line, d.line ? d.column : 0,
			"bad option for line %u: %s", e->line, d.text);
		tell(w, &told);
		return 1;
	}
	o = arena_alloc(w->reader.arena, sizeof(*o));
	if (!o)
		return -1;
	*o = p->options;
	e->options = o;
	return 0;
}

static int walk_entry(struct walk *w, struct slice line)
{
	const struct crontab_sink *sink = w->reader.sink;
	const struct dialect *dialect = w->reader.rules->dialect;
	struct crontab_entry e = { .line = w->line, .env = w->env };
	struct diag d = { 0 };
	bool good = pending_good(w, w->line);
	int rc;

	if (crontab_line_read(&w->reader, line, w->column, &e, &d) < 0) {
		tell(w, &d);
		good = false;
	}
	rc = good ? apply_options(w, &e) : 0;
	w->pending.line = 0;
	if (!good || rc)
		return rc < 0 ? -1 : 0;
	if (dialect->entries_most && w->result->entries >= dialect->entries_most) {
		if (!w->too_many)
			tell_error(w, "too many entries");
		w->too_many = true;
		return 0;
	}
	w->result->entries++;
	return sink->entry && sink->entry(sink->arg, &e) ? -1 : 0;
}

/* --- the file */

static int walk_line(struct walk *w, struct slice line)
{
	struct crontab_setting setting;
	const char *start = line.s;

	while (line.n && (*line.s == ' ' || *line.s == '\t')) {
		line.s++;
		line.n--;
	}
	w->column = (uint32_t)(line.s - start) + 1;
	if (!line.n)
		return 0;
	if (w->nul && memchr(line.s, '\0', line.n)) {
		walk_nul(w, line);
		return 0;
	}
	if (*line.s == '#') {
		walk_comment(w, line);
		return 0;
	}
	if (crontab_setting_read(&setting, line, w->reader.rules->dialect))
		return walk_setting(w, &setting);
	return walk_entry(w, line);
}

/* A last line without a newline may be half of one. Both families mind it where it would
 * do something; a comment or blanks they let pass. */
static void walk_unfinished(struct walk *w, struct slice line)
{
	const struct crontab_rules *rules = w->reader.rules;
	size_t i = 0;

	while (i < line.n && (line.s[i] == ' ' || line.s[i] == '\t'))
		i++;
	if (i == line.n || line.s[i] == '#')
		return;
	w->column = 0;
	w->result->unfinished = true;
	tell_error(w,
		rules->install && !rules->dialect->no_newline_drops_file
			? "premature EOF"
			: "missing newline before EOF");
}

static void walk_end(struct walk *w)
{
	const struct crontab_rules *rules = w->reader.rules;
	const struct dialect *dialect = rules->dialect;
	struct crontab_result *r = w->result;
	struct diag d;

	if (w->pending.line) {
		const struct pending *p = &w->pending;

		diag_warning(&d, p->line, 0, "options without an entry below them%s%s",
			p->bad ? ": " : "", p->bad ? p->fault.text : "");
		tell(w, &d);
	}
	r->lines = w->line;
	if (rules->install || dialect->bad_line_drops_file)
		r->rejected = r->errors > 0;
	if (w->too_many || (r->unfinished && dialect->no_newline_drops_file))
		r->rejected = true;
}

/* Whoever reads it has other things to do, at their second. */
static void walk_too_long(struct walk *w)
{
	char text[80];

	snprintf(text, sizeof(text), "crontab is too long; maximum number of lines is %d",
		CRONTAB_USER_LINES);
	w->column = 0;
	tell_error(w, text);
	w->too_many = true;
}

/* 0, or -1 when memory was out or a sink said stop. */
static int walk_all(struct walk *w, struct slice bytes)
{
	while (bytes.n) {
		const char *end = memchr(bytes.s, '\n', bytes.n);
		struct slice line = { bytes.s, end ? (size_t)(end - bytes.s) : bytes.n };

		w->line++;
		if (w->line > CRONTAB_USER_LINES && w->reader.rules->unprivileged) {
			walk_too_long(w);
			break;
		}
		if (!end)
			walk_unfinished(w, line);
		else if (walk_line(w, line) < 0)
			return -1;
		bytes.s += line.n + (end ? 1 : 0);
		bytes.n -= line.n + (end ? 1 : 0);
	}
	walk_end(w);
	return 0;
}

int crontab_parse(struct slice bytes, const struct crontab_rules *rules, struct arena *arena,
	const struct crontab_sink *sink, struct crontab_result *result)
{
	struct walk w = { .reader = { .rules = rules, .arena = arena, .sink = sink },
		.result = result };
	int rc;

	memset(result, 0, sizeof(*result));
	if (rules->defaults)
		w.defaults = *rules->defaults;
	else
		options_default(&w.defaults, JOB_LINE);
	w.defaults.file = rules->file;
	w.nul = bytes.n && memchr(bytes.s, '\0', bytes.n);
	rc = walk_all(&w, bytes);
	titles_free(&w.names);
	return rc;
}
