/* backlog: records of runs that crond-history does not have in its database yet.
 * Flow: start, outcome_in and missed say what became of runs -> a batch in memory, written once
 * a turn of the loop, behind all that is due -> segments RUN_DIR/backlog/NUMBER, which
 * crond-history reads (history_wire) and which go when it has committed them.
 *
 * Nobody's death loses a record: what is in the batch is on file before the second that it is
 * of is stamped and before its run's directory is removed; a scheduler that starts again finds
 * the directories, says all that is in them once more, and offers all segments once more. */
#ifndef CROND_BACKLOG_H
#define CROND_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "crond/base/buf.h"
#include "crond/base/slice.h"
#include "crond/core/admit.h"
#include "crond/core/outcome.h"

struct crond;
struct job;
struct live_run;
struct run;
struct run_records;

struct segment {
	TAILQ_ENTRY(segment) link;
	uint32_t number;
	bool offered, closed; /* the crond-history that runs now has it; knows that it does not grow */
	uint64_t size;        /* bytes on file; of these: */
	uint64_t told, done;  /* that it knows of; that it has committed */
};
TAILQ_HEAD(segments, segment);

struct backlog {
	bool on;                  /* records are made */
	bool begun;               /* ours is the last segment, which is open */
	bool unseen;              /* what a scheduler before us has left is not known yet, or not all */
	int dir, fd;              /* of the segments; the one that is written */
	struct segments segments; /* in their order */
	struct buf batch;         /* frames that are on no file yet */
	uint64_t size, most;      /* bytes of all segments; from here on runs are left out */
	uint64_t left_out;        /* runs that are on no record, since: */
	int64_t left_out_ns;      /* realtime */
	bool failing;             /* the last write failed, and that was said */
	char boot[64];            /* names this boot */
};

/* Finds what a scheduler before us has left. */
void backlog_open(struct crond *c);
/* crond.conf was read again. */
void backlog_config(struct crond *c);
/* It is being sent to the launcher. */
void backlog_start(struct crond *c, struct live_run *run, const struct run *r, enum start_cause cause);
/* The same with what is in its directory: it waited there, or a scheduler before us sent it. */
void backlog_start_late(struct crond *c, struct live_run *run);
/* How it ended: an encoded outcome; or all that is on record of it. */
void backlog_end(struct crond *c, struct live_run *run, struct slice outcome);
void backlog_end_records(struct crond *c, struct live_run *run, const struct run_records *r);
/* It is over, and nobody will know how. */
void backlog_end_lost(struct crond *c, struct live_run *run, const char *why);
/* A start that came to nothing and has no directory, or a time that was missed. */
void backlog_none(struct crond *c, const struct job *job, const char *run_id, int64_t scheduled,
	enum start_cause cause, enum result result, const char *reason);
/* Bytes that crond-history has not committed yet. */
uint64_t backlog_waits(const struct crond *c);
/* Writes the batch. */
void backlog_flush(struct crond *c);
/* There is a segment of ours, if there was nothing to be written, too; but where there is no room
 * those of before are all that is read. */
void backlog_begin(struct crond *c);
/* So much of a segment is committed: it goes if that is all, and it does not grow. */
void backlog_done(struct crond *c, uint32_t number, uint64_t size);
/* Somebody removed it: another one is begun in its place. */
void backlog_missing(struct crond *c, struct segment *s);
/* We end: what goes with us goes. */
void backlog_close(struct crond *c);

/* --- history_wire.c: crond-history, which reads them */

/* There is more to be read than before. */
void history_more(struct crond *c);
void history_config(struct crond *c);
void history_ready(struct crond *c, uint32_t events); /* of the wire */
void history_asked(struct crond *c);                  /* somebody connects while it does not run */
void history_again(struct crond *c);                  /* it may be started again */
void history_ended(struct crond *c);                  /* as a child */
/* Is it there? */
bool history_installed(const struct crond *c);
/* RUN_DIR/history.sock, while records are made. */
void history_listen(struct crond *c);
void history_close(struct crond *c);

#endif
