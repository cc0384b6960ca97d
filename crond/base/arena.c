/* arena: memory that is given back all at once.
 * Flow: one for each loaded file, so that dropping a file drops all it made. */
#include "crond/base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FIRST = 1024, BLOCK_MOST = 1 << 20 };

/* Text grows down from the end, aligned things up from the start: neither
 * costs the other padding. */
struct arena_block {
	struct arena_block *next;
	size_t low, high, size;
	unsigned char data[] __attribute__((aligned(8)));
};

static struct arena_block *arena_room(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	size_t want = BLOCK_FIRST;

	if (b && b->high - b->low >= size)
		return b;
	if (size > SIZE_MAX / 2)
		return NULL;
	if (b)
		want = b->size < BLOCK_MOST ? b->size * 2 : BLOCK_MOST;
	if (want < size)
		want = (size + 15) & ~(size_t)7;
	b = malloc(sizeof(*b) + want);
	if (!b)
		return NULL;
	b->low = 0;
	b->high = b->size = want;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t rounded = (size + 7) & ~(size_t)7;
	struct arena_block *b = rounded >= size ? arena_room(a, rounded) : NULL;
	void *p;

	if (!b)
		return NULL;
	p = b->data + b->low;
	b->low += rounded;
	a->used += rounded;
	return p;
}

char *arena_text(struct arena *a, size_t size)
{
	struct arena_block *b = arena_room(a, size);

	if (!b)
		return NULL;
	b->high -= size;
	a->used += size;
	return (char *)b->data + b->high;
}

char *arena_copy(struct arena *a, const char *s, size_t n)
{
	char *p = n < SIZE_MAX ? arena_text(a, n + 1) : NULL;

	if (!p)
		return NULL;
	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

void arena_free(struct arena *a)
{
	struct arena_block *b = a->blocks;

	while (b) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	a->blocks = NULL;
	a->used = 0;
}
