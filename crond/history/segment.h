/* segment: the backlog of records, as its files come over the wire.
 * Flow: the scheduler appends to files and hands them over open; history takes record by
 * record from them, commits, and tells how far that was. */
#ifndef HISTORY_SEGMENT_H
#define HISTORY_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "crond/base/diag.h"
#include "crond/base/slice.h"
#include "crond/core/histrec.h"

struct segment {
	TAILQ_ENTRY(segment) link;
	uint32_t number;
	int fd;
	uint64_t size;      /* so much can be read, as far as is known */
	uint64_t cut;       /* where a record began that was not whole; 0: none */
	uint64_t at;        /* read so far */
	uint64_t committed; /* of which this is safe */
	uint64_t told;      /* of which the scheduler knows */
	bool closed;
	unsigned unread;    /* tries in a row to read on that failed */
	bool foreign;       /* it has no head of ours: nothing of it is read, however it grows */
};

TAILQ_HEAD(segments, segment);

struct backlog {
	struct segments all;
	size_t count;
	char *window;      /* what was last read: */
	uint32_t number;   /* of this segment, */
	uint64_t from;     /* there, */
	size_t length;     /* so much */
	bool unread;       /* what follows cannot be read now: it is tried again, later */
	uint32_t skipped;  /* records and rests of segments that could not be read, ever */
};

enum backlog_next { BACKLOG_RECORD, BACKLOG_EMPTY, BACKLOG_BAD };

/* 0 or -1: no memory. */
int backlog_open(struct backlog *b);
void backlog_free(struct backlog *b);
/* Takes what HISTORY_SEGMENT and HISTORY_MORE say; fd (-1: none came) is the backlog's from
 * here on, also when it is refused. 0 or -1 with *d. */
int backlog_take(struct backlog *b, const struct history_mark *m, int fd, struct diag *d);
/* The next record that nobody has taken: BACKLOG_RECORD with it in *h, whose texts hold until
 * the next call. BACKLOG_BAD: *d says what is wrong, it is stepped over, and the next call
 * goes on behind it. */
enum backlog_next backlog_next(struct backlog *b, struct histrec *h, struct diag *d);
/* Looks whether more can be read than the scheduler had said: it goes on writing. */
void backlog_look(struct backlog *b);
/* Bytes that can be read and are not taken. */
uint64_t backlog_waiting(const struct backlog *b);
/* All that was taken is safe: tell() is called for each segment that is further than it was
 * told of; what was read to the end and does not grow any more is closed. */
void backlog_committed(struct backlog *b, void (*tell)(void *arg, const struct history_mark *m),
	void *arg);
/* What was taken since the last backlog_committed() is taken again. */
void backlog_again(struct backlog *b);

#endif
