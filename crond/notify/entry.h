/* entry: one event of the spool, and how far each of its targets is.
 * Flow: made from a record that came or was found; its state file is read and written
 * by the spool. */
#ifndef NOTIFY_ENTRY_H
#define NOTIFY_ENTRY_H

#include "crond/notify/spool.h"

struct buf;
struct event;

enum { STATE_MOST = 16 * 1024 };

/* At most SPOOL_TARGETS targets, equal ones once; *dropped gets how many were left out.
 * NULL when memory is out. free() gives it back. */
struct entry *entry_new(const struct event *e, size_t bytes, int64_t received, size_t *dropped);
bool entry_waits(const struct entry *e);
bool entry_failed(const struct entry *e);
/* "wait 2 1763668800 webhook:gold", a line for each target. */
void entry_state_put(const struct entry *e, struct buf *out);
/* 0, or -1 when the text is not this entry's state: then nothing is changed. */
int entry_state_get(struct entry *e, struct slice text);

#endif
