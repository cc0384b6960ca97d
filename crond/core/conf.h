/* conf: crond.conf, read.
 * Flow: bytes in (section.h cuts, libconfuse reads), settings and diagnostics out. */
#ifndef CORE_CONF_H
#define CORE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/diag.h"
#include "crond/core/dialect.h"
#include "crond/core/event.h"
#include "crond/core/options.h"

struct arena;

struct conf_task_dir {
	const char *path;
	bool watch;
};

struct conf_retention {
	uint64_t ms;    /* 0: no limit by age; likewise: */
	uint32_t count;
};

/* An outgoing sign of life. */
struct heartbeat {
	const char *url; /* NULL: none */
	uint64_t interval_ms, timeout_ms;
};

/* Everything pointed to lives in the arena or for ever. NULL: not set, the place it is
 * used in has the default. */
struct conf {
	const struct dialect *dialect;
	const struct conf_task_dir *task_dirs; /* in force: without any in the file, the default one */
	size_t task_dir_count;
	bool keeps_secrets;         /* set before parsing: nobody else can read the file, so it may hold some */
	struct webhook *webhooks;
	size_t webhook_count;
	const char *mailer;         /* absolute path, or "off" */
	const struct options *defaults[2]; /* what jobs begin with, by enum job_kind */
	uint64_t defaults_hash;     /* of these; 0: there is no such section */
	bool direct_exec;           /* default yes */
	const char *log_target;     /* "syslog", "stderr", "json", "journal"; NULL: as it comes */
	int log_level;              /* syslog priority, default LOG_INFO's number */
	uint64_t output_max;        /* bytes of a run's output kept for mail; default 10M */
	uint64_t stop_grace_ms;     /* 0: as it is by default */
	bool timeout_counts_suspend; /* default no */
	const char *cgroup;         /* "auto", "off" or a path; NULL: auto */
	const char *metrics_file;   /* NULL: none */
	uint64_t metrics_interval_ms;
	struct heartbeat heartbeat;
	uint32_t max_running;       /* 0: no limit */
	uint32_t start_rate;        /* starts a second; 0: no limit */
	uint32_t catchup_max;       /* runs that make up for something at once; 0: no limit */
	const char *notify_user, *history_user;
	bool history;               /* default yes */
	const char *history_dir;    /* NULL: below the state directory */
	struct conf_retention history_retention; /* of jobs that do not say; default 90 days */
	uint64_t history_size_max; /* bytes of the database; default 1G */
	const char *const *alert;   /* whom crond tells of itself, as in struct options; NULL: nobody */
	const char *control_group;  /* whose members may see and steer all jobs; NULL: root alone */
	/* places; NULL: as configured */
	const char *run_dir, *state_dir, *log_dir, *pid_file, *spool_dir, *system_tab, *system_dir;
};

void conf_default(struct conf *c);
/* Does the configuration name its task directories? */
bool conf_task_dirs_named(const struct conf *c);
/* Adds to *c, which conf_default() has filled. 0 and *errors counted, or -1 when memory
 * is out or the file is broken: reported too, and *c is as it was. Each error costs its
 * setting or section only. The sink gets the place with each. path: the
 * file's, for the origins of defaults; it lives as long as the arena. */
int conf_parse(struct conf *c, struct slice bytes, const char *path, struct arena *arena,
	const struct diag_sink *sink, uint32_t *errors);

#endif
