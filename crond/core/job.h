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
	const char *name;        /* of a task, or of a line that was given one; NULL: none */
	enum job_kind kind;
	bool trusted;            /* of root's file */
	bool system;             /* of a table of the system */
	bool has_options;        /* a task, or a line with #@ */
	bool checked_direct;     /* direct_ok is known */
	bool direct_ok;          /* the environment allows direct execution */
	bool group_known;        /* the id of its group option, */
	uint32_t group, group_of; /* as looked up at that users_epoch */
	uint32_t env_of;         /* the user's generation that env_block was made for */
	struct slice env_block;  /* NUL-separated, made at the first start; s NULL before */
};

enum { JOB_QUIET = 1 << 0, JOB_MAIL_ON_FAILURE = 1 << 1 };

#define JOB_NO_COMMAND UINT32_MAX

/* Kept at 40 bytes: a table may have a million. */
struct job {
	uint64_t identity;
	const struct job_common *common;
	struct job *next, **back; /* in its timer's list; back NULL: it has no timer (@reboot) */
	uint32_t command;         /* where in its file's text, or JOB_NO_COMMAND */
	uint32_t line : 29;
	uint32_t flags : 2;
	uint32_t first : 1;       /* back points into the timer, not into another job */
};

/* As written; NULL for a task with argv. */
const char *job_command(const struct job *job);
/* The name it goes by in logs and run ids: a task's name, or USER-HASH with _ for what may
 * not stand in an id (DOMAIN\user). */
void job_name(const struct job *job, const char *user, char out[JOB_NAME_MOST]);
/* Identity over reload and restart: a name; for a line without one its file and user (its
 * place), time fields, command and options, and how many equal ones stand before it. trusted:
 * of root's files; what is of these and what is of a user's never has the same. */
uint64_t job_identity_name(const char *name, bool trusted);
uint64_t job_identity_place(const char *path, const char *user, bool trusted);
uint64_t job_identity_line(uint64_t place, struct slice time_text, struct slice command,
	const struct options *options);
uint64_t job_identity_again(uint64_t identity, uint32_t same);
bool job_identity_trusted(uint64_t identity);

#endif
