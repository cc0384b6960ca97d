/* settle: what becomes of a try.
 * Flow: deliver hands in how one ended; the spool is told, and what failed waits for its next
 * try, or its owner is written to. */
#ifndef NOTIFY_SETTLE_H
#define NOTIFY_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct deliver;
struct entry;
struct lane;
struct target;

struct verdict {
	bool accepted;
	bool final;  /* no further try */
	bool once;   /* it says nothing any more if it comes late: no second try, and nobody is told
	              */
	bool slight; /* nobody need be told that it could not be delivered, nor is it kept */
	bool unsure; /* not accepted, and yet it may have arrived */
	int64_t wait_s;
	const char *why;
};

/* The one place where a try ends. lane: NULL when there is none (any more). */
void settle_try(struct deliver *d, struct target *t, struct lane *l, const struct verdict *v,
        int64_t now_ms);
/* None of its targets waits: it goes, or is kept in failed/. Of a digest the members with it.
 * Frees e. */
void settle_entry(struct deliver *d, struct entry *e, int64_t now_ms);
/* A target's name for the log: it may hold anything that a table's writer put there. */
const char *settle_shown(const struct target *t, struct buf *room);

#endif
