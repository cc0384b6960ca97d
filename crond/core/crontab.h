/* crontab: bytes of a crontab in, entries, environment and diagnostics out.
 * Flow: load reads the bytes, this parses them, load resolves users and fills the
 * table; crontab(1) and crond -t use the same parser. */
#ifndef CORE_CRONTAB_H
#define CORE_CRONTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/diag.h"
#include "crond/base/slice.h"
#include "crond/core/dialect.h"
#include "crond/core/options.h"
#include "crond/core/schedule.h"

struct arena;
struct options_caps;

/* The longest command and the longest "NAME=value" that are taken, in bytes: what the
 * kernel passes as one argument, less its NUL. */
enum { CRONTAB_TEXT_MOST = 128 * 1024 - 1 };

/* One setting; those before it in the file hang behind it, so that every entry
 * shares what it can. The first hit of a name is the one in force. */
struct crontab_env {
	const struct crontab_env *before;
	const char *assignment; /* "NAME=value" */
	uint32_t name_length;
};

/* Valid during the call only, but for what lives in the arena (env, options' texts
 * and schedule.extra do). */
struct crontab_entry {
	uint32_t line;            /* from 1 */
	struct schedule schedule;
	struct slice time_text;   /* the time fields as written, for identity */
	struct slice user;        /* system tables; else empty */
	struct slice command;     /* as written, "%" and backslashes untouched */
	const struct crontab_env *env; /* NULL: none */
	const struct options *options; /* in the arena; NULL: a plain line */
	bool quiet;               /* '-' at the start of the line */
	bool mail_on_failure;     /* -n */
};

struct crontab_rules {
	const struct dialect *dialect;
	bool system;     /* lines have a user column */
	bool install;    /* judged as crontab(1) judges what is to be installed: what the
	                    daemon takes with a warning (deviation 2) is an error here */
	bool unprivileged; /* the table's owner is not root: in dialect cronie a '-' at
	                      the start of a line is then an error ("bad option") */
	uint64_t seed;   /* for `~`; the line's own text is mixed in */
	const struct options *defaults; /* what options begin with; NULL: the vocabulary's */
	const struct options_caps *caps; /* of an unprivileged owner's options; NULL: not known */
	const char *file; /* its name, for the origin of options; NULL: not known */
};

struct crontab_sink {
	/* Each good entry. Non-zero stops the parser (memory). */
	int (*entry)(void *arg, const struct crontab_entry *e);
	/* Errors and warnings, in order; errors carry the classic words first ("bad
	 * minute"), so that callers can print them in the dialect's form. */
	void (*diag)(void *arg, const struct diag *d);
	void *arg;
};

/* Of a table whose owner is not root; more makes it none. */
enum { CRONTAB_USER_LINES = 32768 };

struct crontab_result {
	uint32_t entries, errors, lines;
	bool unfinished; /* no newline behind a last line that is no comment; also told as an
	                    error of that line: "missing newline before EOF", in dialect
	                    cronie with rules.install "premature EOF" */
	bool rejected;   /* by the dialect's policy the whole file is not to be used */
	struct diag first; /* the first error */
};

/* Parses it all (policy on errors is reported, entries are delivered as they come:
 * a caller drops what it got when rejected). 0, or -1 when memory was out or a
 * sink said stop. */
int crontab_parse(struct slice bytes, const struct crontab_rules *rules, struct arena *arena,
	const struct crontab_sink *sink, struct crontab_result *result);

/* The value of NAME in force, or NULL. */
const char *crontab_env_get(const struct crontab_env *env, const char *name);

/* Splits a command at its first unescaped '%' as the dialect does: *command gets the
 * shell's text, *input what is written to its standard input (further '%' are
 * newlines, a final newline is added); input->s is NULL when there is no '%'.
 * Both are put in the arena. 0 or -1 when memory is out. */
int crontab_split(struct slice text, const struct dialect *dialect, struct arena *arena,
	const char **command, struct slice *input);

#endif
