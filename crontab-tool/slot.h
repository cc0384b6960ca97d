/* slot: where a new table is written before it takes its place.
 * Flow: spool_put fills one and renames it. A slot has a name that neither daemon loads,
 * which says for whom and by whom it is, so that one that a killed program left behind
 * is found by the next: whose owner lives holds a lock on it. To be called with the
 * program's own ids. */
#ifndef TOOL_SLOT_H
#define TOOL_SLOT_H

#include <limits.h>

struct request;

struct slot {
	int fd; /* -1: none */
	char name[NAME_MAX + 1];
};

/* Makes an empty one of mode 0600 in the directory dir: 0, or -1 with errno. Its name is
 * set in either case. */
int slot_open(struct slot *slot, int dir, const struct request *r);
/* Removes those that nobody holds any more. */
void slot_sweep(int dir, const struct request *r);

#endif
