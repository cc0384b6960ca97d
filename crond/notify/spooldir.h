/* spooldir: the spool's directory, read at the start, and its files' names.
 * Flow: below spool, which knows what the files mean. */
#ifndef NOTIFY_SPOOLDIR_H
#define NOTIFY_SPOOLDIR_H

#include <stddef.h>
#include <stdint.h>

#include "crond/core/event.h"

struct buf;
struct entry;
struct spool;

enum spool_file { SPOOL_EVENT, SPOOL_STATE };
enum { SPOOL_NAME = EVENT_ID_MOST + 16 };

void spool_name(char name[SPOOL_NAME], const char *id, enum spool_file kind);
/* 0, or -1 with errno (EFBIG beyond most bytes). */
int spool_read_file(int dirfd, const char *name, size_t most, struct buf *out);
/* Epoch seconds; now when it cannot be told. */
int64_t spool_mtime(int dirfd, const char *name);
void spool_unlink(int dirfd, const char *id);
/* The event, then its state; both directories synced. 0, or -1 with errno. */
int spool_move(int from, int to, const char *id);
/* Renames to NAME.bad and says so. */
void spool_put_aside(struct spool *s, const char *name, const char *why);
void spool_prune_failed(struct spool *s);
/* spool's own part of loading: the entry of one file, or NULL with *d. */
struct entry *spool_take_in(struct spool *s, const char *name, struct diag *d);

#endif
