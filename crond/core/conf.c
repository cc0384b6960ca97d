/* conf: crond.conf, read.
 * Flow: bytes in (section.h cuts, libconfuse reads), settings and diagnostics out. */
#include "crond/core/conf.h"

#include <stddef.h>

#include "crond/base/arena.h"
#include "crond/base/text.h"
#include "crond/core/conf_parse.h"
#include "crond/core/defaults.h"
#include "crond/core/section.h"

enum { SHOWN_MOST = 48, LEVEL_FIRST = 3, LEVEL_INFO = 6, COUNT_MOST = 1000000,
	CATCHUP_AT_ONCE = 10 };

#define HISTORY_SIZE_LEAST ((uint64_t)1 << 20)
#define HISTORY_SIZE_MOST ((uint64_t)1 << 40)
#define HISTORY_SIZE_MAX ((uint64_t)1 << 30)
#define HISTORY_RETENTION ((uint64_t)90 * 24 * 3600 * 1000)

enum { METRICS_MS = 15 * 1000, HEARTBEAT_MS = 60 * 1000, HEARTBEAT_TIMEOUT_MS = 10 * 1000 };

#define OUTPUT_MAX ((uint64_t)10 << 20)
#define OUTPUT_LEAST ((uint64_t)1 << 10)
#define OUTPUT_MOST ((uint64_t)1 << 30)

/* A task directory, and which parts of the file named it. */
struct conf_dir {
	struct conf_task_dir dir;
	bool listed, section;
};

static const char *const targets[] = { "syslog", "stderr", "json", "journal", NULL };
static const char *const levels[] = { "err", "warning", "notice", "info", "debug", NULL };

#define AT(field) .at = offsetof(struct conf, field)
#define PATH(name, field) { { name, false }, conf_take_path, AT(field) }
static const struct conf_def defs[] = {
	{ { "dialect", false }, conf_take_dialect, AT(dialect) },
	{ { "mailer", false }, conf_take_mailer, AT(mailer) },
	{ { "direct-exec", false }, conf_take_bool, AT(direct_exec) },
	{ { "log-target", false }, conf_take_word, AT(log_target), .words = targets },
	{ { "log-level", false }, conf_take_level, AT(log_level), .words = levels,
		.least = LEVEL_FIRST },
	PATH("metrics-file", metrics_file),
	{ { "metrics-interval", false }, conf_take_duration, AT(metrics_interval_ms), .least = 100,
		.most = 60 * 60 * 1000 },
	{ { "output-max", false }, conf_take_size, AT(output_max), .least = OUTPUT_LEAST,
		.most = OUTPUT_MOST },
	{ { "max-running", false }, conf_take_count, AT(max_running), .least = 0, .most = COUNT_MOST },
	{ { "catchup-max", false }, conf_take_count, AT(catchup_max), .least = 0, .most = COUNT_MOST },
	{ { "alert", true }, conf_take_targets, AT(alert) },
	{ { "control-group", false }, conf_take_group, AT(control_group) },
	{ { "start-rate", false }, conf_take_count, AT(start_rate), .least = 0, .most = COUNT_MOST },
	{ { "stop-grace", false }, conf_take_duration, AT(stop_grace_ms), .least = 1000,
		.most = 60 * 60 * 1000 },
	{ { "timeout-counts-suspend", false }, conf_take_bool, AT(timeout_counts_suspend) },
	{ { "cgroup", false }, conf_take_cgroup, AT(cgroup) },
	PATH("run-dir", run_dir),
	PATH("state-dir", state_dir),
	PATH("log-dir", log_dir),
	PATH("pid-file", pid_file),
	PATH("spool-dir", spool_dir),
	PATH("system-tab", system_tab),
	PATH("system-dir", system_dir),
	{ .name = { "task-dirs", true } }, /* goes into a list of its own */
	{ .name = { NULL, false } },
};

static const struct conf_def users_defs[] = {
	{ { "notify", false }, conf_take_user, AT(notify_user) },
	{ { "history", false }, conf_take_user, AT(history_user) },
	{ .name = { NULL, false } },
};

static const struct conf_def history_defs[] = {
	{ { "enabled", false }, conf_take_bool, AT(history) },
	{ { "path", false }, conf_take_path, AT(history_dir) },
	{ { "retention", true }, conf_take_retention, AT(history_retention) },
	{ { "size-max", false }, conf_take_size, AT(history_size_max), .least = HISTORY_SIZE_LEAST,
		.most = HISTORY_SIZE_MOST },
	{ .name = { NULL, false } },
};

static const struct conf_def heartbeat_defs[] = {
	{ { "url", false }, conf_take_url, .at = offsetof(struct heartbeat, url) },
	{ { "interval", false }, conf_take_duration, .at = offsetof(struct heartbeat, interval_ms),
		.least = 100, .most = UINT64_C(24) * 60 * 60 * 1000 },
	{ { "timeout", false }, conf_take_duration, .at = offsetof(struct heartbeat, timeout_ms),
		.least = 1000, .most = 120 * 1000 },
	{ .name = { NULL, false } },
};

static const struct conf_def dir_defs[] = {
	{ { "watch", false }, conf_take_bool, .at = offsetof(struct conf_task_dir, watch) },
	{ .name = { NULL, false } },
};

static const struct conf_task_dir default_dir = { SYSCONFDIR "/crond.tasks", true };

void conf_default(struct conf *c)
{
	*c = (struct conf){ .direct_exec = true, .log_level = LEVEL_INFO, .output_max = OUTPUT_MAX,
		.catchup_max = CATCHUP_AT_ONCE,
		.task_dirs = &default_dir, .task_dir_count = 1, .history = true,
		.history_retention = { .ms = HISTORY_RETENTION },
		.history_size_max = HISTORY_SIZE_MAX, .metrics_interval_ms = METRICS_MS };
}

bool conf_task_dirs_named(const struct conf *c)
{
	return c->task_dirs != &default_dir;
}

void conf_report(struct conf_parser *p, struct diag *d, uint32_t line, uint32_t column)
{
	d->line = line;
	d->column = column;
	p->errors++;
	p->sink->report(p->sink->arg, d);
}

/* A section being read. */
struct reading {
	struct conf_parser *parser;
	const struct conf_def *defs;
	void *into;
	bool refused;
};

static int take(struct reading *r, const struct conf_def *def, const struct setting *s, struct diag *d)
{
	if (s->count == 0)
		return diag_error(d, 0, 0, "'%s' has no value", def->name.name);
	return def->take(def, s, r->parser->arena, (char *)r->into + def->at, d);
}

static void read_setting(void *arg, const struct setting *s)
{
	struct reading *r = arg;
	struct diag d;

	if (take(r, &r->defs[s->def], s, &d)) {
		r->refused = true;
		conf_report(r->parser, &d, s->line, s->column);
	}
}

static void read_diag(void *arg, const struct diag *d)
{
	struct reading *r = arg;
	struct diag copy = *d;

	conf_report(r->parser, &copy, d->line, d->column);
}

int conf_read(struct conf_parser *p, const struct section *s, const struct conf_def *section_defs,
	void *into)
{
	struct reading r = { p, section_defs, into, false };
	struct settings_sink sink = { read_setting, read_diag, &r };
	struct setting_def names[CONF_DEFS_MOST + 1];
	size_t n = 0;
	int rc;

	for (; n < CONF_DEFS_MOST && section_defs[n].name.name; n++)
		names[n] = section_defs[n].name;
	names[n] = (struct setting_def){ NULL, false };
	rc = section_settings(s, names, "setting", &sink);
	if (rc < 0)
		p->no_memory = true;
	return rc || r.refused ? 1 : 0;
}

/* --- task directories */

static struct conf_dir *dirs_of(const struct conf_parser *p, size_t *n)
{
	*n = p->task_dirs.len / sizeof(struct conf_dir);
	return (struct conf_dir *)(void *)p->task_dirs.data;
}

/* The directory's place in the list, made if need be; NULL when memory is out. */
static struct conf_dir *dir_get(struct conf_parser *p, struct slice path)
{
	struct conf_dir new = { .dir.watch = true };
	size_t n;
	struct conf_dir *dirs = dirs_of(p, &n);

	for (size_t i = 0; i < n; i++) {
		if (slice_is(path, dirs[i].dir.path))
			return &dirs[i];
	}
	new.dir.path = arena_copy(p->arena, path.s, path.n);
	if (new.dir.path)
		buf_append(&p->task_dirs, &new, sizeof(new));
	if (!new.dir.path || p->task_dirs.failed) {
		p->no_memory = true;
		return NULL;
	}
	dirs = dirs_of(p, &n);
	return &dirs[n - 1];
}

static CONF_TAKE(take_dirs)
{
	struct conf_parser *p = field;

	for (size_t i = 0; i < s->count; i++) {
		struct setting one = { .values = &s->values[i], .count = 1 };
		const char *path;
		struct conf_dir *dir;

		if (conf_take_path(def, &one, arena, &path, d))
			return -1;
		dir = dir_get(p, s->values[i]);
		if (dir && dir->listed)
			return diag_error(d, 0, 0, "'%s' is listed twice", path);
		if (dir)
			dir->listed = true;
	}
	return 0;
}

static void parse_task_dirs(struct conf_parser *p, const struct section *s)
{
	static const struct conf_def only[] = {
		{ { "task-dirs", true }, take_dirs, .at = 0 },
		{ .name = { NULL, false } },
	};

	conf_read(p, s, only, p);
}

static void parse_task_dir(struct conf_parser *p, const struct section *s)
{
	struct conf_task_dir read = { .watch = true };
	struct conf_dir *dir;
	struct diag d;

	if (!s->title.s || s->title.n == 0 || s->title.s[0] != '/' ||
		memchr(s->title.s, '\\', s->title.n)) {
		diag_error(&d, 0, 0, "a task-dir needs an absolute path as its title");
		conf_report(p, &d, s->line, s->column);
		return;
	}
	if (conf_read(p, s, dir_defs, &read))
		return;
	dir = dir_get(p, s->title);
	if (!dir)
		return;
	if (dir->section) {
		diag_error(&d, 0, 0, "a second task-dir \"%s\"", dir->dir.path);
		conf_report(p, &d, s->title_line, s->title_column);
		return;
	}
	dir->section = true;
	dir->dir.watch = read.watch;
}

/* --- heartbeat */

static void parse_heartbeat(struct conf_parser *p, const struct section *s)
{
	struct heartbeat h = { .interval_ms = HEARTBEAT_MS, .timeout_ms = HEARTBEAT_TIMEOUT_MS };
	struct diag d;

	if (s->title.s)
		diag_error(&d, 0, 0, "'heartbeat' takes no title");
	else if (p->conf.heartbeat.url)
		diag_error(&d, 0, 0, "a second section 'heartbeat'");
	else if (conf_read(p, s, heartbeat_defs, &h))
		return;
	else if (!h.url)
		diag_error(&d, 0, 0, "'url' is missing");
	else {
		p->conf.heartbeat = h;
		return;
	}
	conf_report(p, &d, s->line, s->column);
}

/* --- defaults */

static void parse_defaults(struct conf_parser *p, const struct section *s)
{
	struct diag d;

	if (p->defaults) {
		diag_error(&d, 0, 0, "a second section 'defaults'");
		conf_report(p, &d, s->line, s->column);
		return;
	}
	p->defaults = arena_alloc(p->arena, 2 * sizeof(*p->defaults));
	if (!p->defaults) {
		p->no_memory = true;
		return;
	}
	options_default(&p->defaults[JOB_LINE], JOB_LINE);
	options_default(&p->defaults[JOB_TASK], JOB_TASK);
	if (defaults_read(s, &p->defaults[JOB_LINE], &p->defaults[JOB_TASK], p->arena, p->sink,
		&p->errors))
		p->no_memory = true;
}

static void finish_defaults(struct conf_parser *p)
{
	uint64_t hash = 1;

	for (unsigned kind = JOB_LINE; p->defaults && kind <= JOB_TASK; kind++) {
		defaults_settle(&p->defaults[kind], p->path);
		p->conf.defaults[kind] = &p->defaults[kind];
		hash = defaults_hash(hash, &p->defaults[kind]);
		p->conf.defaults_hash = hash;
	}
}

/* A section that is one of its kind: its settings are fields of the configuration. */
static void parse_only(struct conf_parser *p, const struct section *s, const char *type,
	const struct conf_def *its)
{
	struct diag d;

	if (!s->title.s) {
		conf_read(p, s, its, &p->conf);
		return;
	}
	diag_error(&d, 0, 0, "'%s' takes no title", type);
	conf_report(p, &d, s->title_line, s->title_column);
}

static void parse_users(struct conf_parser *p, const struct section *s)
{
	parse_only(p, s, "users", users_defs);
}

static void parse_history(struct conf_parser *p, const struct section *s)
{
	parse_only(p, s, "history", history_defs);
}

/* --- the top level */

static const struct {
	const char *type;
	void (*parse)(struct conf_parser *p, const struct section *s);
} sections[] = {
	{ "defaults", parse_defaults },
	{ "task-dir", parse_task_dir },
	{ "webhook", conf_webhook },
	{ "history", parse_history },
	{ "users", parse_users },
	{ "heartbeat", parse_heartbeat },
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))
#define DEFS (sizeof(defs) / sizeof(defs[0]))

static size_t find_def(struct slice name)
{
	size_t i = 0;

	while (defs[i].name.name && !slice_is(name, defs[i].name.name))
		i++;
	return i;
}

/* A name that is none; also a section written as a setting, and the other way round. */
static void refuse(struct conf_parser *p, const struct section *s)
{
	const char *names[DEFS + SECTIONS + 1];
	int shown = s->type.n < SHOWN_MOST ? (int)s->type.n : SHOWN_MOST;
	const char *near;
	struct diag d;
	size_t n = 0;

	for (size_t i = 0; s->setting && defs[i].name.name; i++)
		names[n++] = defs[i].name.name;
	for (size_t i = 0; !s->setting && i < SECTIONS; i++)
		names[n++] = sections[i].type;
	names[n] = NULL;
	near = text_nearest(s->type, names);
	if (s->wrong)
		diag_error(&d, 0, 0, "%s: '%.*s'", s->wrong, shown, s->type.s);
	else
		diag_error(&d, 0, 0, "unknown %s '%.*s'%s%s%s", s->setting ? "setting" : "section", shown,
			s->type.s, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
	conf_report(p, &d, s->line, s->column);
}

/* seen: the lines in which settings were given. */
static void parse_setting(struct conf_parser *p, const struct section *s, uint32_t seen[DEFS])
{
	size_t i = find_def(s->type);
	struct diag d;

	if (!defs[i].name.name) {
		refuse(p, s);
		return;
	}
	if (seen[i]) {
		diag_error(&d, 0, 0, "'%s' is given twice, first in line %u", defs[i].name.name, seen[i]);
		conf_report(p, &d, s->line, s->column);
		return;
	}
	seen[i] = s->line;
	if (defs[i].take)
		conf_read(p, s, defs, &p->conf);
	else
		parse_task_dirs(p, s);
}

static void parse_part(struct conf_parser *p, const struct section *s, uint32_t seen[DEFS])
{
	if (s->wrong) {
		refuse(p, s);
	} else if (s->setting) {
		parse_setting(p, s, seen);
	} else {
		for (size_t i = 0; i < SECTIONS; i++) {
			if (slice_is(s->type, sections[i].type)) {
				sections[i].parse(p, s);
				return;
			}
		}
		refuse(p, s);
	}
}

/* What was collected goes into the arena and the configuration. */
static int finish(struct conf_parser *p)
{
	struct conf *c = &p->conf;
	struct conf_task_dir *list;
	size_t n;
	const struct conf_dir *dirs = dirs_of(p, &n);

	if (p->no_memory || p->hooks.failed || p->task_dirs.failed)
		return -1;
	finish_defaults(p);
	c->webhook_count = p->hooks.len / sizeof(*c->webhooks);
	if (c->webhook_count) {
		c->webhooks = arena_alloc(p->arena, p->hooks.len);
		if (!c->webhooks)
			return -1;
		memcpy(c->webhooks, p->hooks.data, p->hooks.len);
	}
	if (n == 0)
		return 0;
	list = arena_alloc(p->arena, n * sizeof(*list));
	if (!list)
		return -1;
	for (size_t i = 0; i < n; i++)
		list[i] = dirs[i].dir;
	c->task_dirs = list;
	c->task_dir_count = n;
	return 0;
}

int conf_parse(struct conf *c, struct slice bytes, const char *path, struct arena *arena,
	const struct diag_sink *sink, uint32_t *errors)
{
	struct conf_parser p = { .conf = *c, .arena = arena, .sink = sink, .path = path };
	uint32_t seen[DEFS] = { 0 };
	struct section_scanner scanner;
	struct section section;
	struct diag d;
	int rc;

	section_start(&scanner, bytes);
	while ((rc = section_next(&scanner, &section, &d)) > 0)
		parse_part(&p, &section, seen);
	if (rc == 0 && finish(&p))
		rc = diag_error(&d, 0, 0, "out of memory");
	if (rc < 0)
		conf_report(&p, &d, d.line, d.column);
	if (rc == 0)
		*c = p.conf;
	*errors = p.errors;
	buf_free(&p.hooks);
	buf_free(&p.task_dirs);
	return rc;
}
