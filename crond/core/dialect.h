/* dialect: what Debian's cron and cronie do differently, as one table.
 * Flow: chosen at start (configure, name called by, crond.conf), asked by
 * parsers, loader, keeper's spec and crontab(1). */
#ifndef CORE_DIALECT_H
#define CORE_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

#include "crond/base/slice.h"
#include "crond/core/schedule.h"

enum dialect_id { DIALECT_DEBIAN, DIALECT_CRONIE, DIALECTS };

struct dialect {
	enum dialect_id id;
	const char *name;       /* "debian", "cronie" */
	enum grammar grammar;
	/* crontab lines */
	bool bad_line_drops_file;    /* else only the line */
	bool no_newline_drops_file;  /* last line without newline: else only that line */
	bool command_may_be_empty;
	bool command_keeps_blanks;   /* those after the user, but for the first */
	bool empty_value_is_error;   /* FOO= */
	bool trim_value;             /* trailing blanks go, even inside quotes */
	bool backslash_pair_halved;  /* \\ in a command is \ */
	bool dash_flag;              /* -n before a command; - at a line's start */
	bool cron_tz, random_delay;  /* CRON_TZ=, RANDOM_DELAY= mean something */
	size_t entries_most, envs_most; /* a file; 0: no limit */
	/* places */
	const char *spool_dir, *system_tab, *system_dir, *reboot_lock, *allow, *deny;
	unsigned spool_mode;     /* of a spool that the daemon has to make */
	const char *spool_group; /* whose it then is; NULL: root's */
	/* who may use crontab when neither allow nor deny stands */
	bool everyone_without_lists;
	/* a user's table: exactly these bits, else refused */
	unsigned table_mode_mask, table_mode;
	bool table_symlinks;    /* followed */
	/* the same for tables of the system */
	unsigned system_mode_mask, system_mode;
	bool system_links_count; /* a second name, a symlink of somebody else's: refused */
	/* jobs */
	const char *path;       /* default PATH */
	bool env_user;          /* USER beside LOGNAME */
	bool chdir_must_work;
	const char *pam_service;
	bool pam_for_system_root; /* also for root's lines in tables of the system */
	const char *const *inherited; /* variables of the daemon that jobs get; NULL: none */
	/* mail */
	const char *mail_letters; /* in an address, beside letters and digits; not its first */
	bool expands_addresses;   /* $NAME in MAILTO and MAILFROM is the daemon's variable */
	/* the command line */
	const char *letters;      /* options of this dialect alone or also; ours are others */
	/* log */
	const char *daemon_tag, *job_tag; /* "cron", "CRON" */
	unsigned log_mask;        /* what is logged of each job: 1 start, 2 end, 4 failed, 8 pids */
};

const struct dialect *dialect_get(enum dialect_id id);
/* By name ("debian", "cronie"); NULL if there is no such. */
const struct dialect *dialect_find(struct slice name);
/* Is this file name in the system directory (/etc/cron.d) one to read? lsb: as Debian's
 * -l has it. */
bool dialect_system_name_ok(const struct dialect *d, const char *name, bool lsb);
/* Is this file name in the spool that of a user's table? */
bool dialect_spool_name_ok(const struct dialect *d, const char *name);
/* May somebody be written to at this address? Nothing in it is an option or a list of
 * words to a mailer. */
bool dialect_address_ok(const struct dialect *d, struct slice address);

#endif
