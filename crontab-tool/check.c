/* check: a file parsed and linted, without a daemon.
 * Flow: cronctl check hands in each file; the daemon's parsers read it, and what they and
 * the lint find goes to a stream. */
#include "config.h"

#include "crontab-tool/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crond/core/conf.h"
#include "crond/core/crontab.h"
#include "crond/core/lint.h"
#include "crond/core/taskfile.h"
#include "crond/core/template.h"
#include "crontab-tool/world.h"

enum { FILE_MOST = 512 << 20 };

/* A file being checked. */
struct checking {
	const struct check *check;
	const char *path;
	struct arena arena;
	struct world world;
	struct options plain; /* of a line without options */
	size_t errors;
	bool kept; /* from others, who cannot read it */
};

static void say(void *arg, const struct diag *d)
{
	struct checking *c = arg;
	FILE *out = c->check->out;

	c->errors += d->level == DIAG_ERROR;
	fputs(c->path, out);
	if (d->line)
		fprintf(out, ":%u", (unsigned)d->line);
	if (d->line && d->column)
		fprintf(out, ":%u", (unsigned)d->column);
	fprintf(out, ": %s: %s\n", d->level == DIAG_ERROR ? "error" : "warning", d->text);
}

static void fail(struct checking *c, const char *why)
{
	struct diag d;

	diag_error(&d, 0, 0, "%s", why);
	say(c, &d);
}

static void lint(struct checking *c, const struct lint_job *job)
{
	struct diag_sink sink = { say, c };

	lint_job(job, &c->world.lint, &sink);
}

/* --- receivers of alerts */

static bool webhook_known(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->webhook_count; i++)
		if (strcmp(conf->webhooks[i].name, name) == 0)
			return true;
	return false;
}

/* A receiver that is told nothing: better known before it is needed. */
static void check_alerts(struct checking *c, const struct options *o, uint32_t line)
{
	static const char hook[] = "webhook:";
	struct option_place at = option_place(o, OPTION_ALERT);
	struct diag d;

	for (const char *const *to = o->alert; c->check->conf && to && *to; to++) {
		if (strncmp(*to, hook, sizeof(hook) - 1) != 0 ||
			webhook_known(c->check->conf, *to + sizeof(hook) - 1))
			continue;
		diag_warning(&d, at.line ? at.line : line, at.column,
			"'%.72s': no webhook of this name is defined in crond.conf", *to);
		say(c, &d);
	}
}

/* --- the kinds of files */

static int hear_entry(void *arg, const struct crontab_entry *e)
{
	struct checking *c = arg;

	if (e->options)
		check_alerts(c, e->options, e->line);
	lint(c, &(struct lint_job){ .options = e->options ? e->options : &c->plain,
		.schedule = &e->schedule, .env = e->env, .user = e->user, .command = e->command,
		.line = e->line });
	return 0;
}

static void check_crontab(struct checking *c, struct slice bytes, bool system)
{
	struct crontab_rules rules = { .dialect = c->check->dialect, .system = system };
	struct crontab_sink sink = { hear_entry, say, c };
	struct crontab_result result;

	options_default(&c->plain, JOB_LINE);
	if (crontab_parse(bytes, &rules, &c->arena, &sink, &result) < 0)
		fail(c, "out of memory");
}

static int hear_task(void *arg, const struct taskfile_task *t)
{
	struct checking *c = arg;
	const struct options *o = &t->options;
	struct lint_job job = { .options = o, .schedule = &t->schedule, .line = t->line };

	if (o->user)
		job.user = slice_of(o->user);
	if (o->command)
		job.command = slice_of(o->command);
	check_alerts(c, o, t->line);
	lint(c, &job);
	return 0;
}

static void check_tasks(struct checking *c, struct slice bytes)
{
	struct taskfile_sink sink = { hear_task, say, c };
	struct taskfile_result result;

	if (taskfile_parse(bytes, 0, NULL, &c->arena, &sink, &result) < 0)
		fail(c, "out of memory");
	else if (result.broken)
		fail(c, "this task file would not be used");
}

/* An own template file of a webhook. */
static void check_template(struct checking *c, const char *path)
{
	struct checking own = { .check = c->check, .path = path };
	struct buf bytes = { 0 };
	struct stat st;
	struct diag d;
	int fd = file_open(AT_FDCWD, path, 1, &st);

	if (fd >= 0 && file_read(fd, TEMPLATE_MOST, &bytes) == 0) {
		if (template_check((struct slice){ bytes.data, bytes.len }, TEMPLATE_ALL, &d))
			say(&own, &d);
	} else if (fd >= 0 && errno == EFBIG) {
		diag_error(&d, 1, 1, "longer than %d bytes", TEMPLATE_MOST);
		say(&own, &d);
	} else {
		fail(&own, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	buf_free(&bytes);
	c->errors += own.errors;
}

static void check_conf(struct checking *c, struct slice bytes)
{
	struct diag_sink sink = { say, c };
	struct conf conf;
	uint32_t errors;

	conf_default(&conf);
	conf.keeps_secrets = c->kept;
	conf_parse(&conf, bytes, c->path, &c->arena, &sink, &errors);
	for (size_t i = 0; i < conf.webhook_count; i++)
		if (conf.webhooks[i].template == WEBHOOK_OWN)
			check_template(c, conf.webhooks[i].template_file);
}

/* --- which one it is */

static bool ends(const char *path, const char *with)
{
	size_t n = strlen(path), m = strlen(with);

	return n >= m && strcmp(path + n - m, with) == 0;
}

static bool of_system(const struct check *c, const char *path)
{
	size_t n = strlen(c->dialect->system_dir);

	return c->system || strcmp(path, c->dialect->system_tab) == 0 ||
		(strncmp(path, c->dialect->system_dir, n) == 0 && path[n] == '/');
}

static void check_bytes(struct checking *c, struct slice bytes)
{
	if (ends(c->path, "/crond.conf") || strcmp(c->path, "crond.conf") == 0)
		check_conf(c, bytes);
	else if (ends(c->path, ".conf"))
		check_tasks(c, bytes);
	else
		check_crontab(c, bytes, of_system(c->check, c->path));
}

int check_file(const struct check *check, const char *path)
{
	struct checking c = { .check = check, .path = path };
	struct buf bytes = { 0 };
	struct stat st;
	int fd = file_open(AT_FDCWD, path, 1, &st);

	c.kept = fd >= 0 && !(st.st_mode & S_IRWXO);
	world_look(&c.world, check->dialect);
	if (fd < 0 || file_read(fd, FILE_MOST, &bytes) < 0)
		fail(&c, errno == ENXIO ? "not a regular file" : strerror(errno));
	else
		check_bytes(&c, (struct slice){ bytes.data, bytes.len });
	if (fd >= 0)
		close(fd);
	buf_free(&bytes);
	arena_free(&c.arena);
	world_free(&c.world);
	return c.errors ? 1 : 0;
}
