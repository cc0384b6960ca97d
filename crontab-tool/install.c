/* install: a new table is judged and put in place.
 * Flow: the daemon's own parser judges, with the rules for what is new; a table with
 * an error never reaches the spool. */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/core/crontab.h"
#include "crond/core/lint.h"
#include "crontab-tool/audit.h"
#include "crontab-tool/backup.h"
#include "crontab-tool/header.h"
#include "crontab-tool/install.h"
#include "crontab-tool/spool.h"
#include "crontab-tool/words.h"
#include "crontab-tool/world.h"

struct listener {
	const char *file;
	bool warn; /* somebody is there to read it */
	struct options plain; /* of a line without options */
	struct world world;
	bool told; /* the first error is out: the classic program stops there */
};

/* The parser may say more; what scripts compare are the classic words alone. */
static int classic_length(const char *text)
{
	static const char *const classic[] = { "bad minute", "bad hour", "bad day-of-month",
		"bad month", "bad day-of-week", "bad command", "bad time specifier", "bad username",
		"command too long" };

	for (size_t i = 0; i < sizeof(classic) / sizeof(classic[0]); i++) {
		size_t n = strlen(classic[i]);
		if (strncmp(text, classic[i], n) == 0)
			return (int)n;
	}
	return (int)strlen(text);
}

/* A missing newline has words of its own in Debian's dialect: they come at the end. */
static void hear(void *arg, const struct diag *d)
{
	struct listener *l = arg;

	if (d->level == DIAG_WARNING) {
		if (l->warn)
			fprintf(stderr, "\"%s\":%u: warning: %s\n", l->file, d->line, d->text);
		return;
	}
	if (l->told || strncmp(d->text, "missing newline", 15) == 0)
		return;
	fprintf(stderr, "\"%s\":%u: %.*s\n", l->file, d->line, classic_length(d->text), d->text);
	l->told = true;
}

/* Somebody is there to read what is legal and yet hardly meant. */
static int hear_entry(void *arg, const struct crontab_entry *e)
{
	struct listener *l = arg;
	struct diag_sink sink = { hear, l };

	lint_job(&(struct lint_job){ .options = e->options ? e->options : &l->plain,
		.schedule = &e->schedule, .env = e->env, .command = e->command, .line = e->line },
		&l->world.lint, &sink);
	return 0;
}

/* Says why not. */
static bool check(const struct request *r, const char *file, struct slice table, bool judged)
{
	const struct words *words = words_get(r->dialect->id);
	struct listener listener = { .file = file, .warn = isatty(STDERR_FILENO) };
	struct crontab_sink sink = { .entry = listener.warn ? hear_entry : NULL, .diag = hear,
		.arg = &listener };
	struct crontab_rules rules = { .dialect = r->dialect, .install = true };
	struct crontab_result result;
	struct arena arena = { 0 };

	rules.unprivileged = r->uid != 0;
	if (listener.warn) {
		options_default(&listener.plain, JOB_LINE);
		world_look(&listener.world, r->dialect);
	}
	int rc = crontab_parse(table, &rules, &arena, &sink, &result);
	world_free(&listener.world);
	arena_free(&arena);
	if (rc != 0) {
		fputs("crontab: Cannot allocate memory.\n", stderr);
		return false;
	}
	if (!result.rejected && result.errors == 0)
		return true;
	if (judged && words->bad)
		fputs(words->bad, stderr);
	else
		fputs(result.unfinished && !listener.told ? words->unfinished : words->errors,
		        stderr);
	return false;
}

/* A table of which no copy can be made for want of room or rights goes all the same; one
 * that cannot even be read does not. */
static bool kept(const struct request *r, const struct spool *s)
{
	if (r->dialect->id != DIALECT_CRONIE || r->no_backup)
		return true;
	return backup_table(r, s) != BACKUP_UNREADABLE;
}

enum install_result install_table(
        const struct request *r, const struct spool *s, const char *file, struct slice table)
{
	bool judged = r->dry_run || r->operation == OP_TEST;
	struct buf whole = { 0 };

	if (!check(r, file, table, judged))
		return INSTALL_BAD;
	if (judged) {
		fputs(words_get(r->dialect->id)->good, stderr);
		return INSTALL_DONE;
	}
	if (words_get(r->dialect->id)->header)
		header_put(&whole, file, time(NULL));
	buf_append(&whole, table.s, table.n);
	if (whole.failed) {
		fputs("crontab: Cannot allocate memory.\n", stderr);
		buf_free(&whole);
		return INSTALL_FAILED;
	}
	if (!kept(r, s)) {
		buf_free(&whole);
		return INSTALL_FAILED;
	}
	identity_own(&r->identity);
	int rc = spool_put(s, r, r->user, (struct slice){ whole.data, whole.len });
	identity_done(&r->identity, rc);
	buf_free(&whole);
	if (rc != 0)
		return INSTALL_FAILED;
	audit_log(r->caller, "REPLACE", r->user);
	return INSTALL_DONE;
}
