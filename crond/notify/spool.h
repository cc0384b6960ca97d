/* spool: events on disk until all their targets have them.
 * Flow: an event is written here before it is acknowledged, and goes when it was told.
 *
 * ID.event is the record as it came. ID.state, only there once one of several targets is
 * done or was tried, has a line for each target: word, tries, next try. ID.digest, with an
 * ID.state of its own, says which events go to a target as one; they stay until the digest
 * is settled. failed/ keeps what was given up. ID.event.bad is what could not be read. A
 * `lock` belongs to the one process that works here. */
#ifndef NOTIFY_SPOOL_H
#define NOTIFY_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"
#include "crond/notify/known.h"

struct buf;
struct diag;
struct report;

enum {
	SPOOL_ENTRIES = 20000,               /* beyond: refused, not acknowledged */
	SPOOL_BYTES = 256 * 1024 * 1024,
	SPOOL_UNTRUSTED = 2,                 /* others than root fill at most this part of it */
	SPOOL_FAILED = 10000,                /* beyond: the oldest go, with a line */
	SPOOL_TARGETS = 64,                  /* of one event */
};

enum target_state { TARGET_WAIT, TARGET_DONE, TARGET_FAILED };

enum target_place { PLACE_NONE, PLACE_HEAP, PLACE_LANE, PLACE_PARKED, PLACE_UNDER_WAY };

struct target {
	struct entry *entry;
	struct entry *digest; /* it goes in that one; NULL: by itself */
	struct target *next;  /* in a queue of its receiver */
	const char *name;     /* "webhook:gold" */
	char *why;            /* it was not accepted; NULL: nothing is known */
	enum target_state state;
	enum target_place place;
	bool sent;            /* it may have arrived under its own id: not to go with others */
	uint32_t tries;
	int64_t due_s;        /* epoch second of the next try; 0: now */
	int64_t due_ms;       /* the same, monotonic: the queues' own */
	uint64_t came;        /* the heap's own */
};

/* What a digest stands for, in order. */
struct members {
	uint32_t count;
	struct target *list[];
};

struct entry {
	struct entry *same;      /* of its bucket */
	struct members *members; /* of a digest, which has one target; NULL: an event */
	char *id;
	size_t bytes;
	int64_t received;        /* epoch seconds */
	uint32_t uid;            /* whose job it is about */
	bool trusted;
	bool notice;             /* that another could not be delivered: kept for nobody */
	bool kept;               /* given up: it is in failed/ */
	bool stated;             /* ID.state exists */
	uint32_t count;
	struct target targets[];
};

struct spool {
	int dirfd, failed_fd, lock_fd;
	size_t entries, digests, bytes, failed;
	size_t untrusted_entries, untrusted_bytes;
	struct entry **table;
	struct known known;
	struct report *report; /* what is bad is said here */
};

enum spool_added {
	SPOOL_NEW,     /* *entry is on disk */
	SPOOL_KNOWN,   /* it is, or was, here before */
	SPOOL_REFUSED, /* full, or the disk does not take it; *d says why */
	SPOOL_BAD,     /* no event; *d says why */
};

/* Opens the directories. 0, or -1 with *d. */
int spool_open(struct spool *s, const char *path, struct report *report, struct diag *d);
/* 0, or -1: another process works here (EWOULDBLOCK), or errno. */
int spool_lock(struct spool *s);
/* With the lock: takes in what is there; each() for every entry, the oldest first. 0 or -1. */
int spool_load(struct spool *s, void (*each)(void *arg, struct entry *e), void *arg,
	struct diag *d);
/* *entry is the spool's own, until spool_finish(). *id, where the event has one: valid as
 * long as the record. */
enum spool_added spool_add(struct spool *s, struct slice record, struct entry **entry,
	const char **id, struct diag *d);
/* Appends the entry's record. 0, or -1 with *d. */
int spool_read(struct spool *s, const struct entry *e, struct buf *out, struct diag *d);
/* Writes the targets' states down; synced if sync. 0, or -1 with errno. */
int spool_save(struct spool *s, struct entry *e, bool sync);
/* All its targets are done or failed: it is remembered, and goes or is kept in failed/.
 * Frees e. What the disk refuses is said, and done again at the next start. */
void spool_finish(struct spool *s, struct entry *e);

/* What was given up of it, all or some, is to be tried again: from now on it waits. 0, or -1 with
 * *d. */
int spool_again(struct spool *s, struct entry *e, struct diag *d);
/* It is wanted no more; none of its targets is in any queue. Frees e. */
void spool_drop(struct spool *s, struct entry *e);

/* These are to go to their target as one: on disk before it returns. NULL with *d. */
struct entry *spool_digest(struct spool *s, const char *id, struct target *const *list, size_t n,
	struct diag *d);
/* It was accepted or given up, on disk before it returns: its members may be settled one by
 * one. What the disk refuses is said. */
void spool_digest_settled(struct spool *s, struct entry *e);
/* Its members are settled, or free again. Frees e. */
void spool_digest_end(struct spool *s, struct entry *e);
void spool_free(struct spool *s);

#endif
