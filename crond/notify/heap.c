/* heap: targets by the time of their next try.
 * Flow: deliver puts in what has to wait and takes out what is due. */
#include "config.h"

#include "crond/notify/heap.h"

#include <stdlib.h>

#include "crond/notify/spool.h"

int heap_push(struct heap *h, struct target *t)
{
	size_t at;

	if (h->count + 1 >= h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 64;
		struct target **list = realloc(h->list, cap * sizeof(*list));

		if (!list)
			return -1;
		h->list = list;
		h->cap = cap;
	}
	for (at = ++h->count; at > 1 && h->list[at / 2]->due_ms > t->due_ms; at /= 2)
		h->list[at] = h->list[at / 2];
	h->list[at] = t;
	return 0;
}

static void sink(struct heap *h, struct target *t)
{
	size_t at = 1, child;

	while ((child = at * 2) <= h->count) {
		if (child < h->count && h->list[child + 1]->due_ms < h->list[child]->due_ms)
			child++;
		if (h->list[child]->due_ms >= t->due_ms)
			break;
		h->list[at] = h->list[child];
		at = child;
	}
	h->list[at] = t;
}

struct target *heap_pop(struct heap *h, int64_t now_ms)
{
	struct target *first;

	if (h->count == 0 || h->list[1]->due_ms > now_ms)
		return NULL;
	first = h->list[1];
	h->count--;
	if (h->count > 0)
		sink(h, h->list[h->count + 1]);
	return first;
}

int64_t heap_due(const struct heap *h)
{
	return h->count > 0 ? h->list[1]->due_ms : INT64_MAX;
}

void heap_free(struct heap *h)
{
	free(h->list);
	*h = (struct heap){ 0 };
}
