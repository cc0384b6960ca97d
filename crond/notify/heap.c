/* heap: targets by the time of their next try.
 * Flow: deliver puts in what has to wait and takes out what is due. */
#include "config.h"

#include "crond/notify/heap.h"

#include <stdlib.h>

#include "crond/notify/spool.h"

/* What is due at the same time goes in the order in which it came. */
static bool before(const struct target *a, const struct target *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->came < b->came;
}

static void rise(struct heap *h, struct target *t, size_t at)
{
	for (; at > 1 && before(t, h->list[at / 2]); at /= 2)
		h->list[at] = h->list[at / 2];
	h->list[at] = t;
}

int heap_push(struct heap *h, struct target *t)
{
	if (h->count + 1 >= h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 64;
		struct target **list = realloc(h->list, cap * sizeof(*list));

		if (!list)
			return -1;
		h->list = list;
		h->cap = cap;
	}
	t->came = h->came++;
	rise(h, t, ++h->count);
	t->place = PLACE_HEAP;
	return 0;
}

static void sink(struct heap *h, struct target *t, size_t at)
{
	size_t child;

	while ((child = at * 2) <= h->count) {
		if (child < h->count && before(h->list[child + 1], h->list[child]))
			child++;
		if (!before(h->list[child], t))
			break;
		h->list[at] = h->list[child];
		at = child;
	}
	h->list[at] = t;
}

/* The last takes its place. */
static void cut_out(struct heap *h, size_t at)
{
	struct target *last = h->list[h->count], *t = h->list[at];

	h->count--;
	t->place = PLACE_NONE;
	if (at > h->count)
		return;
	if (before(last, t))
		rise(h, last, at);
	else
		sink(h, last, at);
}

struct target *heap_pop(struct heap *h, int64_t now_ms)
{
	struct target *first;

	if (h->count == 0 || h->list[1]->due_ms > now_ms)
		return NULL;
	first = h->list[1];
	cut_out(h, 1);
	return first;
}

bool heap_remove(struct heap *h, struct target *t)
{
	for (size_t i = 1; i <= h->count; i++)
		if (h->list[i] == t) {
			cut_out(h, i);
			return true;
		}
	return false;
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
