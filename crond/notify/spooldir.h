/* spooldir: the spool's directory, read at the start, and its files' names.
 * Flow: below spool, which knows what the files mean. */
#ifndef NOTIFY_SPOOLDIR_H
#define NOTIFY_SPOOLDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/core/event.h"

struct buf;
struct entry;
struct spool;

enum spool_file { SPOOL_EVENT, SPOOL_STATE, SPOOL_DIGEST };
enum { SPOOL_NAME = EVENT_ID_MOST + 16 };

void spool_name(char name[SPOOL_NAME], const char *id, enum spool_file kind);
/* 0, or -1 with errno (EFBIG beyond most bytes). */
int spool_read_file(int dirfd, const char *name, size_t most, struct buf *out);
/* Epoch seconds; now when it cannot be told. */
int64_t spool_mtime(int dirfd, const char *name);
void spool_unlink(int dirfd, const char *id);
/* The event, then its state; both directories synced. 0, or -1 with errno. */
int spool_move(int from, int to, const char *id);
/* The other way round: a state alone is put right at the next start. */
int spool_move_back(int from, int to, const char *id);
/* The id in a name of that kind; false when it is none. */
bool spool_id_of(char id[EVENT_ID_MOST], const char *name, enum spool_file kind);
/* Renames to NAME.bad and says so. */
void spool_put_aside(struct spool *s, const char *name, const char *why);
/* spool's own part of loading: the entry of one file, or NULL with *d. */
struct entry *spool_take_in(struct spool *s, const char *name, bool kept, struct diag *d);
/* Likewise of a digest, once all events are there. One without members is removed. 0 or -1. */
int spool_take_digest(struct spool *s, const char *name, struct diag *d);
/* spool's table. */
struct entry *spool_find(const struct spool *s, const char *id);
void spool_insert(struct spool *s, struct entry *e);
void spool_forget(struct spool *s, struct entry *e); /* frees it */
void spool_load_state(struct spool *s, struct entry *e);
/* By age, then by id. */
int spool_order(int64_t received, const char *id, const struct entry *e);
/* The entries that which() wants (NULL: all), the oldest first; the list is the caller's. NULL
 * when memory is out. */
struct entry **spool_sorted(const struct spool *s, bool (*which)(const void *arg, const struct entry *e),
	const void *arg, size_t *n);

#endif
