/* feeder: stands for the scheduler before crond-history: a backlog, the wire, and what is in the
 * database in the end. */
#ifndef TESTS_FEEDER_H
#define TESTS_FEEDER_H

#include "crond/base/buf.h"
#include "crond/history/history.h"

struct feeder {
	char dir[32];
	struct history h;
	int wire;            /* the scheduler's end */
	int segment;         /* the file that is written, and for reading: */
	int reading;
	uint32_t number;
	uint64_t size;       /* of that segment */
	bool sent;           /* the helper has it */
	struct buf pending;
	int64_t now;
	/* what it said */
	char said[16384];
	uint64_t done;
	unsigned done_messages, done_segments;
};

/* A directory, a segment with a head, and history with its configuration (boot-1). */
void feeder_begin(struct feeder *f);
void feeder_finish(struct feeder *f);
/* The records; NULL: boot-1. Written and told of by feeder_send(). */
void feeder_start(struct feeder *f, const char *id, const char *boot);
void feeder_start_kept(
        struct feeder *f, const char *id, int64_t scheduled, uint64_t ms, uint32_t count);
void feeder_end(struct feeder *f, const char *id, const struct outcome *o);
void feeder_end_raw(struct feeder *f, const char *id, const char *outcome, size_t n);
void feeder_none(struct feeder *f, const char *id, enum result result, const char *reason);
void feeder_boot(struct feeder *f, const char *boot);
void feeder_gap(struct feeder *f, uint64_t count);
void feeder_raw(struct feeder *f, const void *bytes, size_t n);
void feeder_send(struct feeder *f);
/* The segment is over; another is begun. */
void feeder_close(struct feeder *f);
void feeder_segment(struct feeder *f);
void feeder_config(struct feeder *f, uint64_t retention_ms, uint32_t retention_count);
/* A second goes by: the helper does what there is to do. */
void feeder_turn(struct feeder *f);
/* Of the last segment. */
uint64_t feeder_done(const struct feeder *f);
/* The only row of a query, columns with '|' between. */
void feeder_row(struct feeder *f, const char *sql, const char *wanted);
/* The database's file. */
const char *feeder_file(const struct feeder *f);
/* The helper as a process of its own, told of the whole segment. */
pid_t feeder_child(struct feeder *f);
/* One more, which comes to the end of it and is let go. */
void feeder_child_finish(struct feeder *f);

#endif
