/* job: one line or task that may become due, and what it shares with its neighbours.
 * Flow: load makes jobs from entries and tasks, the table holds them, due orders
 * them, start makes runs of them. */
#ifndef CORE_JOB_H
#define CORE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"
#include "crond/core/crontab.h"
#include "crond/core/options.h"

struct job_file;
struct job_user;
struct timer;
struct zone;

enum { JOB_NAME_MOST = 96 };

/* What a job has in common with those around it: one for each stretch of lines with
 * the same user, environment and options, one for each task. In its file's arena. */
struct job_common {
	struct job_file *file;
	const struct job_user *user;
	const struct crontab_env *env;
	const struct options *options; /* never NULL */
	const struct zone *zone;
	const char *name;        /* of a task; NULL for lines */
	enum job_kind kind;
	bool trusted;            /* of root's file */
	bool system;             /* of a table of the system */
	bool has_options;        /* a task, or a line with #@ */
	bool checked_direct;     /* direct_ok is known */
	bool direct_ok;          /* the environment allows direct execution */
	uint32_t env_of;         /* the user's generation that env_block was made for */
	struct slice env_block;  /* NUL-separated, made at the first start; s NULL before */
};

enum { JOB_QUIET = 1 << 0, JOB_MAIL_ON_FAILURE = 1 << 1, JOB_STAYS = 1 << 2 };

/* Kept at 56 bytes: a table may have a million. */
struct job {
	uint64_t identity;
	const char *command; /* as written; NULL for a task with argv */
	const struct job_common *common;
	struct timer *timer;
	struct job *next, **back; /* in the timer's list */
	uint32_t line;
	uint32_t flags;
};

/* The name it goes by in logs and run ids: a task's name, or USER-HASH. */
void job_name(const struct job *job, const char *user, char out[JOB_NAME_MOST]);
/* Identity over reload and restart: a task's name; for a line its file, user, time
 * fields, command and options. same: how many equal ones stand before it. */
uint64_t job_identity(const char *path, const char *task, struct slice user, struct slice time_text,
	struct slice command, const struct options *options, uint32_t same);

#endif
