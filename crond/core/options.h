/* options: the one vocabulary of task files, #@ comments and defaults.
 * Flow: parsers hand in names and string values, options judge them; the table
 * in options.c is also where the manual's list and cronctl show come from. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct arena;
struct diag;

enum option_id {
	OPTION_SCHEDULE,
	OPTION_SECOND,
	OPTION_TIMEZONE,
	OPTION_COMMAND,
	OPTION_ARGV,
	OPTION_USER,
	OPTION_DIR,
	OPTION_ENV,
	OPTION_ENABLED,
	OPTION_HOSTS,
	OPTION_MAX,
	OPTION_CONCURRENCY,
	OPTION_TIMEOUT,
	OPTION_KILL_AFTER,
	OPTION_ALERT,
	OPTION_DESCRIPTION,
	OPTION_OWNER,
	OPTION_TAGS,
	OPTIONS
};

enum concurrency { CONCURRENCY_ALLOW, CONCURRENCY_FORBID };
enum job_kind { JOB_LINE, JOB_TASK }; /* a crontab line, a task of a task file */

/* Everything pointed to lives in the arena it was set with. */
struct options {
	uint32_t set; /* bit for each option_id that was given */
	const char *schedule, *second, *timezone, *command, *user, *dir, *description, *owner;
	const char *const *argv;  /* NULL-terminated; NULL if not given; likewise below */
	const char *const *env;   /* "NAME=value" */
	const char *const *hosts; /* see hosts.h */
	const char *const *alert; /* "mail:ADDRESS", "webhook:NAME" */
	const char *const *tags;
	bool enabled;
	enum concurrency concurrency;
	uint32_t max;             /* 0: no limit; the limit in force: unless given, 1 under
	                             forbid and none under allow */
	uint64_t timeout_ms;      /* 0: none */
	uint64_t kill_after_ms;
};

struct option_def {
	enum option_id id;
	const char *name;  /* as written: "kill-after" */
	bool list;         /* takes several values */
	bool line, task;   /* allowed above a crontab line, in a task */
	const char *fallback_line, *fallback_task; /* defaults, as written; NULL: none */
	const char *help;  /* one line for manuals */
};

/* The definition, or NULL; option_nearest() then gives a name to suggest (or NULL). */
const struct option_def *option_find(struct slice name);
const struct option_def *option_get(enum option_id id);
const char *option_nearest(struct slice name, enum job_kind kind);

void options_default(struct options *o, enum job_kind kind);
/* Judges and takes one option's values. 0, or -1 with *d (text only; where is the
 * caller's). A second setting of the same option is an error. */
int options_set(struct options *o, struct arena *arena, enum option_id id, enum job_kind kind,
	const struct slice *values, size_t n, struct diag *d);
/* Impossible combinations (command and argv, a task without schedule...). 0 or -1. */
int options_check(const struct options *o, enum job_kind kind, struct diag *d);
/* Do both ask for the same, whether by a default or by a word? */
bool options_equal(const struct options *a, const struct options *b);
/* Appends, in a form that is stable enough to be stored, what was given of the options
 * that make a job the job it is: when, what, as whom and where; not how it is guarded
 * or who is told of it. */
struct buf;
void options_identity(const struct options *o, struct buf *out);

enum comment_options { COMMENT_PLAIN, COMMENT_OPTIONS, COMMENT_SECONDS, COMMENT_BAD };
/* A line of a crontab that begins with '#' (blanks before it cut, no newline).
 * COMMENT_PLAIN: a comment as ever (*lint set if it looks like a near miss, with a
 * text to show; else lint->text is empty). COMMENT_OPTIONS: taken into *o.
 * COMMENT_SECONDS: "#@ seconds" alone. COMMENT_BAD: a known option with a bad
 * value; *d says so, and the next entry is a bad line. Values may be quoted with
 * '"' to hold blanks and commas (\" and \\ inside); lists are separated by commas.
 * Columns count from the '#'. lint may be NULL. */
enum comment_options options_comment(struct options *o, struct arena *arena, struct slice line,
	struct diag *d, struct diag *lint);

#endif
