/* output: what a job prints, bounded in memory and on disk.
 * Flow: the guard reads the job's pipes into it, the mail and the outcome are made of it.
 *
 * Kept for mail: a head (memory, then an unlinked file) and a tail ring, together no
 * more than asked for. Kept for the outcome: the last OUTCOME_TAIL bytes of each stream.
 * A silent job costs no memory and touches no disk. */
#ifndef CROND_OUTPUT_H
#define CROND_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/buf.h"
#include "crond/base/slice.h"
#include "crond/log.h"

struct scribe;

enum { OUTPUT_ECHO_LINE = 1000 };

/* The last `most` bytes of what was added. */
struct tail {
	char *at;
	size_t most, cap, len, pos; /* pos: the oldest byte, once len is most */
	uint64_t cut;               /* bytes that are gone */
};

struct stream {
	int fd; /* read end, non-blocking; -1: at its end */
	struct tail tail;
	char *head;     /* OUTCOME_TAIL bytes that came first; NULL: the tail has them */
	struct buf line; /* for the echo: a line not yet complete */
};

struct output {
	struct stream streams[2];
	bool apart;      /* two streams; one otherwise */
	bool keep;       /* for mail */
	bool tails;      /* for the outcome */
	struct log *echo; /* where lines are shown, as those of job and run; NULL: nowhere */
	const char *job, *run;
	const char *user, *tag; /* set: each line goes to the log as cronie has it */
	struct scribe *log;     /* the run's own; NULL: none */
	bool log_stuck;         /* it took none for a while: not waited for again */
	uint64_t total;
	uint64_t head_most;
	struct buf head; /* as long as file is -1 */
	int file;
	uint64_t head_len; /* in memory or file */
	bool stuck;      /* no room for more head */
	bool truncated;
	struct tail rest; /* what came after the head */
};

/* most: bytes kept for mail. The descriptors are the output's from here on; err is -1
 * where both streams share one. */
void output_begin(struct output *o, int out, int err, uint64_t most);
/* Reads what is there, up to a few buffers. */
void output_read(struct output *o, int stream);
/* Reads what was in the pipes when it was called. */
void output_drain(struct output *o);
/* Adds what the keeper itself has to say, as if the job had printed it. */
void output_say(struct output *o, int stream, const char *s, size_t n);
/* Reads and forgets. */
void output_discard(struct output *o);
bool output_open(const struct output *o);
/* No more will be kept: the last incomplete line is echoed. */
void output_end(struct output *o);
/* The last bytes of a stream, beginning at a character; valid until output_free(). */
struct slice output_tail(struct output *o, int stream);
/* What came first on standard error (on the one stream, where there is one), as outcome_head()
 * has it; empty where its tail begins with it. Valid until output_free(). */
struct slice output_head(const struct output *o);
/* Bytes kept for mail, from offset on: how many were put into room (0: the end). */
size_t output_body(struct output *o, uint64_t offset, char *room, size_t n);
/* Bytes that stand in neither head nor tail. */
uint64_t output_left_out(const struct output *o);
void output_free(struct output *o);

#endif
