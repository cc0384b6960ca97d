/* runlog: what a run prints, in a file of its own that can be read meanwhile.
 * Flow: the scribe hands on what the keeper has read from the job's pipes; beyond the limit
 * the head and the tail stay, and the cut is marked. */
#ifndef CROND_RUNLOG_H
#define CROND_RUNLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RUNLOG_LEAST = 512 }; /* a smaller limit is this one */

/* Begins as { .fd = ... }, with what the caller fills. */
struct runlog {
	int fd;        /* for reading and writing; -1: none */
	uint64_t base; /* where ours begins: there may be something of earlier runs */
	uint64_t most; /* bytes beside the mark, 0: no limit */
	bool apart;    /* lines of standard error are marked */
	/* the log's own */
	uint64_t len; /* behind base */
	uint64_t left_out, head; /* head: where the mark stands, once there is one */
	int last; /* the stream that wrote last */
	bool midline;
	int error; /* errno of what ended it, or left something out */
};

/* A stream's next bytes; streams 0 and 1 are standard output and error. For what a full disk has
 * no room for there is the mark, and what comes later follows it where there is room again. Any
 * other failure ends the log. error is set in both cases: nothing else comes of it. */
void runlog_add(struct runlog *l, int stream, const char *s, size_t n);
/* Bytes that nobody can hand over any more: they are marked. */
void runlog_skip(struct runlog *l, uint64_t n);
void runlog_close(struct runlog *l);

#endif
