/* heap: targets by the time of their next try.
 * Flow: deliver puts in what has to wait and takes out what is due. */
#ifndef NOTIFY_HEAP_H
#define NOTIFY_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target;

struct heap {
	struct target **list; /* from 1 */
	size_t count, cap;
	uint64_t came; /* so many so far */
};

/* Ordered by due_ms, then as they came. 0, or -1 when memory is out. */
int heap_push(struct heap *h, struct target *t);
/* The first if it is due, taken out; or NULL. */
struct target *heap_pop(struct heap *h, int64_t now_ms);
/* False: it is not in there. */
bool heap_remove(struct heap *h, struct target *t);
/* INT64_MAX when empty. */
int64_t heap_due(const struct heap *h);
void heap_free(struct heap *h);

#endif
