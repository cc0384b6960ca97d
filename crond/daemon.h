/* daemon: jobs that are kept running (type=daemon).
 * Flow: load says which there are, daemon.c keeps as many copies of each running as its file
 * wants, outcome_in tells of each that ended; core/restart says what follows. */
#ifndef CROND_DAEMON_H
#define CROND_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/tree.h>

#include "crond/core/outcome.h"
#include "crond/core/restart.h"
#include "crond/core/run.h"

struct crond;
struct diag;
struct job;
struct job_file;
struct job_state;
struct live_run;

/* One of a daemon's copies, as it is on file for a scheduler after us. */
struct daemon_copy {
	struct restart_state state;
	int64_t started;       /* monotonic ms */
	uint64_t definition;   /* what it was started as */
	uint64_t terms;        /* when it was to be started again, by then */
	uint32_t place;        /* of its record in the file, from 1; 0: it has none */
	char run[RUN_ID_MOST]; /* the one that is up, else the last one; "": none yet */
};

struct daemon {
	RB_ENTRY(daemon) link;
	uint64_t identity;
	const struct job *job;  /* NULL: no file has it any more */
	uint64_t definition, terms; /* by its file; likewise */
	uint64_t file;          /* hash of the path that had it last; 0: not known */
	int64_t gone_since;     /* monotonic ms; where job is NULL */
	int64_t next;           /* monotonic ms: when it is to be looked at; INT64_MAX: not by time */
	size_t count;
	struct daemon_copy *copies;
};
RB_HEAD(daemon_tree, daemon);
RB_PROTOTYPE(daemon_tree, daemon, link, daemon_order)

/* What an earlier scheduler of this boot knew; before anything is loaded. */
void daemon_open(struct crond *c);
/* Runs that were found under way are copies of theirs; before the first check. */
void daemon_adopt(struct crond *c);
/* A file's jobs are in force; a file's jobs are about to go. */
void daemon_file_in(struct crond *c, const struct job_file *file);
void daemon_file_out(struct crond *c, const struct job_file *file);
/* Is any copy up? */
bool daemon_runs(struct crond *c);
/* Something that may matter to them has changed: addresses, a pause. Checked soon. */
void daemon_look(struct crond *c);
void daemon_look_at(struct crond *c, struct daemon *d); /* to this one alone */
/* A run has ended: one that waits for a limit may start. */
void daemon_room(struct crond *c);
/* Starts and stops what is to be started and stopped now. */
void daemon_check(struct crond *c);
/* A copy has ended, and counts no more. o NULL: how is not known. taken: a keeper had it. */
void daemon_ended(struct crond *c, const struct live_run *run, uint64_t identity,
	const struct outcome *o, bool taken);
/* Copies that are to run on this host now. */
size_t daemon_wanted(struct crond *c, const struct daemon *d);
/* What is known of it has changed: on file, and told to state.c. */
void daemon_copy_changed(struct crond *c, const struct daemon *d, struct daemon_copy *copy);
void daemon_copy_stop(struct crond *c, const struct daemon_copy *copy, enum stop_reason why,
	const char *text);

/* daemon_ask.c. By hand, and logged by who hands it on; by: who asked, as the outcome of what is
 * stopped is to say it. 0, or -1 with why not in *d.
 * run: starts those copies that do not run. restart: stops all that run and starts all. kill:
 * stops all, and starts none until one of the other two. */
int daemon_run(struct crond *c, const struct job *job, struct diag *d);
int daemon_restart(struct crond *c, const struct job *job, const char *by, struct diag *d);
int daemon_kill(struct crond *c, const struct job *job, const char *by, struct diag *d);

/* How its copies are, to be shown. */
struct daemon_view {
	size_t wanted;                 /* copies that its file asks for on this host */
	size_t phases[RESTART_PHASES]; /* how many are so */
	uint32_t restarts;             /* of the windows that run */
	int64_t next_ms;               /* until the next start of one that waits; -1: none */
	bool changed;                  /* one runs that was started as something else */
};
/* false: it is not known (no daemon, say). */
bool daemon_show(struct crond *c, uint64_t identity, struct daemon_view *v);

/* daemon_job.c: by its file. How many copies it is to have where it belongs; when they are to be
 * started again (job is not NULL). */
size_t daemon_max(const struct daemon *d);
struct restart_policy daemon_policy(const struct daemon *d);
/* What its file says cannot be told now: the file has errors, or its directory is not there.
 * A slip in a file ends nothing that runs. */
bool daemon_in_doubt(struct crond *c, const struct daemon *d);

/* daemon_say.c. previous: the run before the one that the copy is now. */
void daemon_say_restarted(struct crond *c, const struct daemon *d, const struct daemon_copy *copy,
	const char *previous);
/* One line, and one event to whom its job names. */
void daemon_say_given_up(struct crond *c, const struct daemon *d, const struct daemon_copy *copy,
	enum result result);
/* All copies have been up for a while: failures before that are over and done with. */
void daemon_say_recovered(struct crond *c, const struct daemon *d, struct job_state *s);

/* daemon_file.c: what is on file in the run-time directory. */
/* Puts a copy's record there, whole. */
void daemon_copy_save(struct crond *c, const struct daemon *d, struct daemon_copy *copy);
void daemon_copy_drop(struct crond *c, struct daemon_copy *copy); /* its record */

/* The daemon; NULL: none. Made if new; NULL: memory. With at least so many copies: 0 or -1. */
struct daemon *daemon_find(struct crond *c, uint64_t identity);
struct daemon *daemon_get(struct crond *c, uint64_t identity);
int daemon_copies(struct daemon *d, size_t count);

#endif
