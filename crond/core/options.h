/* options: the one vocabulary of task files, #@ comments and defaults.
 * Flow: parsers hand in names and string values, options judge them; the table
 * in options.c is also where the manual's list and cronctl show come from. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct arena;
struct buf;
struct diag;
struct diag_sink;

enum option_id {
	OPTION_SCHEDULE,
	OPTION_SECOND,
	OPTION_NAME,
	OPTION_TYPE,
	OPTION_TIMEZONE,
	OPTION_COMMAND,
	OPTION_ARGV,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_SHELL,
	OPTION_DIR,
	OPTION_UMASK,
	OPTION_ENV,
	OPTION_ENV_FILE,
	OPTION_ENABLED,
	OPTION_HOSTS,
	OPTION_CONCURRENCY,
	OPTION_MAX,
	OPTION_QUEUE_MAX,
	OPTION_POOL,
	OPTION_POOL_MAX,
	OPTION_TIMEOUT,
	OPTION_ON_TIMEOUT,
	OPTION_STOP_SIGNAL,
	OPTION_KILL_AFTER,
	OPTION_LEFTOVERS,
	OPTION_PARENT_DEATH,
	OPTION_RETRIES,
	OPTION_RETRY_DELAY,
	OPTION_RETRY_MAX_DELAY,
	OPTION_SUCCESS_EXIT,
	OPTION_START_DEADLINE,
	OPTION_CATCHUP,
	OPTION_CATCHUP_WINDOW,
	OPTION_GRACE,
	OPTION_JITTER,
	OPTION_RESTART,
	OPTION_RESTART_DELAY,
	OPTION_RESTART_MAX_DELAY,
	OPTION_RESTART_LIMIT,
	OPTION_WATCHDOG,
	OPTION_WATCHDOG_MISS,
	OPTION_NICE,
	OPTION_IONICE,
	OPTION_CPU_AFFINITY,
	OPTION_MEMORY_MAX,
	OPTION_CPU_QUOTA,
	OPTION_TASKS_MAX,
	OPTION_LIMIT_AS, /* the limits stand together, in the order of their names */
	OPTION_LIMIT_CORE,
	OPTION_LIMIT_CPU,
	OPTION_LIMIT_DATA,
	OPTION_LIMIT_FSIZE,
	OPTION_LIMIT_LOCKS,
	OPTION_LIMIT_MEMLOCK,
	OPTION_LIMIT_MSGQUEUE,
	OPTION_LIMIT_NICE,
	OPTION_LIMIT_NOFILE,
	OPTION_LIMIT_NPROC,
	OPTION_LIMIT_RSS,
	OPTION_LIMIT_RTPRIO,
	OPTION_LIMIT_RTTIME,
	OPTION_LIMIT_SIGPENDING,
	OPTION_LIMIT_STACK,
	OPTION_PRE,
	OPTION_POST,
	OPTION_ON_SUCCESS,
	OPTION_ON_FAILURE,
	OPTION_LOG,
	OPTION_LOG_MAX,
	OPTION_ARTIFACTS,
	OPTION_RETENTION,
	OPTION_MAIL,
	OPTION_MAIL_FROM,
	OPTION_ALERT,
	OPTION_ALERT_ON,
	OPTION_ALERT_AFTER,
	OPTION_ALERT_EVERY,
	OPTION_OWNER,
	OPTION_TAGS,
	OPTION_DESCRIPTION,
	OPTIONS
};

enum concurrency {
	CONCURRENCY_ALLOW,
	CONCURRENCY_FORBID,
	CONCURRENCY_REPLACE,
	CONCURRENCY_QUEUE,
};
enum job_type { JOB_TYPE_CRON, JOB_TYPE_DAEMON };
enum on_timeout { ON_TIMEOUT_KILL, ON_TIMEOUT_ALERT };
enum catchup { CATCHUP_NONE, CATCHUP_ONE, CATCHUP_ALL };
enum restart { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };
enum parent_death { PARENT_DEATH_LEAVE, PARENT_DEATH_STOP };
enum leftovers { LEFTOVERS_LEAVE, LEFTOVERS_KILL };
enum job_kind { JOB_LINE, JOB_TASK }; /* a crontab line, a task of a task file */

#define OPTION_NO_UMASK UINT32_MAX
#define OPTION_NO_LIMIT UINT64_MAX /* of a limit: as setrlimit(2) knows it */
enum { OPTION_LIMITS = 16, OPTION_CPU_WHOLE = 10000, OPTION_SETS = (OPTIONS + 63) / 64 };

/* In the limit's own unit, as for setrlimit(2); in force only where the option is given. */
struct option_limit {
	uint64_t soft, hard;
};

/* Where in its file something stands, each from 1; column 0: not known. */
struct option_place {
	uint32_t line, column;
};

/* Where an option was set. */
struct option_origin {
	struct option_origin *next;
	const char *file; /* NULL: the job's own */
	struct option_place place;
	enum option_id id;
};

/* Everything pointed to lives in the arena it was set with. What a job has, it begins with a
 * copy of: the table's defaults, or those of a defaults section (see defaults.h). */
struct options {
	enum job_kind kind;
	uint64_t set[OPTION_SETS]; /* ask option_given() */
	uint64_t own[OPTION_SETS]; /* those of them that no defaults section gave */
	struct option_origin *origins;
	const char *file;          /* the job's, for option_origin(); NULL: not known */
	const char *schedule, *second, *name, *timezone, *command, *user, *group, *shell, *dir,
		*env_file, *pool, *cpu_affinity, *pre, *post, *on_success, *on_failure, *log, *mail,
		*mail_from, *owner, *description;
	const char *const *argv;   /* NULL-terminated; NULL if not given; likewise below */
	const char *const *env;    /* "NAME=value" */
	const char *const *hosts;  /* see hosts.h */
	const char *const *alert;  /* "mail:ADDRESS", "webhook:NAME" */
	const char *const *tags;
	uint64_t timeout_ms;       /* 0: none; likewise below where nothing else is said */
	uint64_t kill_after_ms;    /* 0: KILL follows at once */
	uint64_t retry_delay_ms, retry_max_delay_ms;
	uint64_t start_deadline_ms, catchup_window_ms, grace_ms, jitter_ms;
	uint64_t restart_delay_ms, restart_max_delay_ms;
	uint64_t restart_window_ms; /* the count must follow: one option sets both, likewise below */
	uint32_t restart_count;     /* restarts in that window; 0: no limit */
	uint64_t retention_ms;
	uint32_t retention_count;
	uint64_t watchdog_ms, alert_every_ms;
	uint64_t memory_max;       /* bytes */
	uint64_t cpu_quota;        /* OPTION_CPU_WHOLE: all of one processor */
	uint64_t tasks_max;
	uint64_t log_max;          /* bytes */
	struct option_limit limits[OPTION_LIMITS]; /* by RLIMIT_*; see option_of_limit() */
	uint32_t umask;            /* OPTION_NO_UMASK: not given */
	uint32_t max;              /* 0: no limit; the limit in force: unless given, none under
	                              allow, 1 otherwise */
	uint32_t queue_max, pool_max, retries, watchdog_miss, alert_after;
	uint32_t alert_on;         /* 1u << enum result */
	int32_t nice;              /* in force only where given, as is: */
	uint32_t ionice;           /* class << 13 | level, as ioprio_set(2) takes it */
	int32_t stop_signal;
	enum concurrency concurrency;
	enum job_type type;
	enum on_timeout on_timeout;
	enum catchup catchup;
	enum restart restart;
	enum parent_death parent_death;
	enum leftovers leftovers;
	bool enabled, artifacts;
	uint8_t success_exit[32];  /* a bit for each exit code */
};

/* Was it given, by the job's own words or by a defaults section? */
static inline bool option_given(const struct options *o, enum option_id id)
{
	return o->set[id / 64] >> id % 64 & 1;
}

/* By the job's own words? */
static inline bool option_own(const struct options *o, enum option_id id)
{
	return o->own[id / 64] >> id % 64 & 1;
}

static inline bool option_exit_succeeds(const struct options *o, unsigned code)
{
	return code < 256 && o->success_exit[code / 8] >> code % 8 & 1;
}

struct option_def {
	enum option_id id;
	const char *name;  /* as written: "kill-after" */
	bool list;         /* takes several values */
	bool line, task;   /* allowed above a crontab line, in a task */
	bool single;       /* says which job it is: not for a defaults section */
	const char *fallback_line, *fallback_task; /* defaults, as written; NULL: none */
	const char *help;  /* one line for manuals */
};

/* The definition, or NULL; option_nearest() then gives a name to suggest (or NULL). */
const struct option_def *option_find(struct slice name);
const struct option_def *option_get(enum option_id id);
const char *option_nearest(struct slice name, enum job_kind kind);

void options_default(struct options *o, enum job_kind kind);
/* Judges and takes one option's values; place: for option_origin(). 0, or -1 with *d (text
 * only; where is the caller's). A second setting of the same option is an error; one
 * that a defaults section gave is replaced. */
int options_set(struct options *o, struct arena *arena, enum option_id id, enum job_kind kind,
	const struct slice *values, size_t n, struct option_place place, struct diag *d);
/* Impossible combinations (command and argv, a task without schedule...). 0, or -1 with *d:
 * line 0 where it is about no one option of the job's own. */
int options_check(const struct options *o, enum job_kind kind, struct diag *d);
/* Warns of what the job's own words ask for in vain: retry-delay without retries. */
void options_lint(const struct options *o, const struct diag_sink *sink);
/* Do both ask for the same, whether by a default or by a word? */
bool options_equal(const struct options *a, const struct options *b);
/* Appends, in a form that is stable enough to be stored, what was given of the options
 * that make a job the job it is: when, what, as whom and where; not how it is guarded
 * or who is told of it. */
void options_identity(const struct options *o, struct buf *out);

/* The limit's option by its RLIMIT_*, or OPTIONS. */
enum option_id option_of_limit(int resource);
/* Appends the value in force as a task file would have it ("10m", { "a", "b" }); nothing
 * for one that is not given and has no default. */
void option_print(const struct options *o, enum option_id id, struct buf *out);
/* Where the job's file has it; line 0: it does not. */
struct option_place option_place(const struct options *o, enum option_id id);
/* "FILE:LINE" of the place that set it, or "default". */
void option_origin(const struct options *o, enum option_id id, char *out, size_t n);

enum comment_options { COMMENT_PLAIN, COMMENT_OPTIONS, COMMENT_SECONDS, COMMENT_BAD };
/* A line of a crontab that begins with '#' (blanks before it cut, no newline).
 * COMMENT_PLAIN: a comment as ever (*lint set if it looks like a near miss, with a
 * text to show; else lint->text is empty). COMMENT_OPTIONS: taken into *o.
 * COMMENT_SECONDS: "#@ seconds" alone. COMMENT_BAD: a known option with a bad
 * value; *d says so, and the next entry is a bad line. Values may be quoted with
 * '"' to hold blanks and commas (\" and \\ inside); lists are separated by commas.
 * Columns count from the '#'; number is the line's. lint may be NULL. */
enum comment_options options_comment(struct options *o, struct arena *arena, struct slice line,
	uint32_t number, struct diag *d, struct diag *lint);

#endif
