/* entry: one event of the spool, and how far each of its targets is.
 * Flow: made from a record that came or was found; its state file is read and written
 * by the spool. */
#ifndef NOTIFY_ENTRY_H
#define NOTIFY_ENTRY_H

#include "crond/notify/spool.h"

struct buf;
struct event;

enum { STATE_MOST = 32 * 1024 };

/* At most SPOOL_TARGETS targets, equal ones once; *dropped gets how many were left out.
 * NULL when memory is out. */
struct entry *entry_new(const struct event *e, size_t bytes, int64_t received, size_t *dropped);
bool entry_waits(const struct entry *e);
bool entry_failed(const struct entry *e);
/* The target of that name; NULL: it has none. */
struct target *entry_target(struct entry *e, const char *name);
/* Why a try came to nothing, kept with the target; without memory it is forgotten. */
void target_why(struct target *t, const char *why);
void entry_free(struct entry *e);
/* "wait 2 1763668800 webhook:gold", a line for each target; behind a tab why it was not
 * accepted. The first word is `sent` where it may have arrived. */
void entry_state_put(const struct entry *e, struct buf *out);
/* 0, or -1 when the text is not this entry's state: then nothing is changed. */
int entry_state_get(struct entry *e, struct slice text);

#endif
