/* rundir: the directory of a run, and its lock.
 * Flow: the claim (scheduler), the take (keeper), the outcome (keeper, or who adopts).
 *
 *   runs/ID/run       struct run_progress and the run's record (core/run.h)
 *   runs/ID/outcome   how it ended, if that is too long for the run file's head; appears by
 *                     rename
 *   runs/ID/logged    empty: its failure has been logged
 *   runs/ID/said      struct said (launch.h); appears by rename
 *   runs/ID/overran   its timeout is over, and it goes on; there until that has been said
 *   runs/ID/stop      why it is to be stopped (core/stop_order); appears by rename
 *
 * The lock is an open-file-description write lock on the whole of runs/ID/run. */
#ifndef CROND_RUNDIR_H
#define CROND_RUNDIR_H

#include <stdbool.h>

#include "crond/core/outcome.h"
#include "crond/core/run.h"

#define RUNDIR_LOGGED "logged"
#define RUNDIR_SAID "said"
#define RUNDIR_OUTBOX "../outbox" /* beside runs/ */
#define RUNDIR_STOP "stop"
#define RUNDIR_OVERRAN "overran"

struct buf;
struct event;

/* mkdir (the claim) and the run file. 0; -1 with errno, EEXIST: claimed before. A
 * directory whose run file could not be written is removed again. */
int rundir_claim(int runs, const char *id, const struct buf *record);
/* The same with another head: a start that waits. */
int rundir_claim_as(int runs, const char *id, const struct run_progress *p,
	const struct buf *record);
/* Opens the run file for reading and writing and tries its lock. The descriptor, or
 * -1 with errno (EAGAIN: somebody holds it, ENOENT: no such run). */
int rundir_lock(int runs, const char *id);
/* In the run file's head or beside it: 1, 0, or -1 with errno: that cannot be seen now. */
int rundir_has_outcome(int runs, const char *id);
/* Marks progress in the locked file. 0 or -1 with errno. */
int rundir_mark(int fd, const struct run_progress *p);
/* Puts the outcome on record, whole or not at all: in *p, as last read or marked, and with
 * it into the locked file; or beside it; where there is no room for that, a shorter one into
 * the locked file. 0 or -1 with errno. */
int rundir_finish(int runs, const char *id, int fd, struct run_progress *p, const struct outcome *o);
/* Another one in the place of the outcome that stands, by who put it there and holds the lock.
 * 0; -1 with errno: the former stands. */
int rundir_amend(int runs, const char *id, int fd, struct run_progress *p, const struct outcome *o);
/* Appends the whole file to out. 0 or -1 with errno. */
int rundir_read(int runs, const char *id, const char *file, struct buf *out);
/* A file beside the run file, whole or not at all. 0 or -1 with errno. */
int rundir_write(int runs, const char *id, const char *file, const struct buf *text);
void rundir_unlink(int runs, const char *id, const char *file);
bool rundir_has(int runs, const char *id, const char *file);
/* Notes that its failure stands in the log: said once, also when the scheduler dies before
 * the directory is gone. 0, 1 (noted before) or -1 with errno. */
int rundir_logged(int runs, const char *id);
/* An event for crond-notify, from who has no wire to it: the scheduler passes it on from
 * RUNDIR_OUTBOX, where it stays until crond-notify has it. Its mode tells whether it is of root's
 * files or of a user's. 0 or -1 with errno. */
enum { RUNDIR_POST_ROOT = 0600, RUNDIR_POST_USER = 0400 };
int rundir_post(int runs, const struct event *e);
/* Is the event of this id still there? */
bool rundir_posted(int runs, const char *event_id);
/* Removes the run's files and directory. */
void rundir_remove(int runs, const char *id);

#endif
