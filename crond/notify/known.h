/* known: the ids that were delivered, so that none is delivered again.
 * Flow: each event's id is looked for here before it is spooled, and put here when all
 * its targets have it.
 *
 * On disk a file of lines "EPOCH ID", appended and synced, "0 ID" where it is to be delivered
 * again; a line that a crash cut off is dropped at the next start, and its event is then
 * still in the spool. */
#ifndef NOTIFY_KNOWN_H
#define NOTIFY_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known_id;

struct known {
	int dirfd; /* not ours to close */
	int fd;
	struct known_id **table;
	struct known_id *first, *last; /* oldest first */
	size_t count, lines;           /* in memory; in the file */
	bool lazy;                     /* nothing is synced until known_sync() */
};

/* Reads DIR/done. 0, or -1 with errno. */
int known_open(struct known *k, int dirfd);
bool known_has(const struct known *k, const char *id);
/* Remembers id, on disk before it returns. Ids go when they are a day old and more than
 * 10,000 younger ones are known, and beyond 100,000 at once. 0, or -1 with errno. */
int known_add(struct known *k, const char *id, int64_t now);
/* It is to be delivered again: on disk before it returns. 0, or -1 with errno. */
int known_forget(struct known *k, const char *id);
/* What was added since lazy was set. 0, or -1 with errno. */
int known_sync(struct known *k);
/* In memory only: an id that something else on disk stands for. 0 or -1. */
int known_note(struct known *k, const char *id, int64_t when);
void known_free(struct known *k);

#endif
