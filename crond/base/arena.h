/* arena: memory that is given back all at once.
 * Flow: one for each loaded file, so that dropping a file drops all it made. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

/* Zero-initialised is empty and valid. */
struct arena {
	struct arena_block *blocks;
	size_t used; /* bytes handed out, for figures */
};

/* size bytes aligned to 8, not cleared; NULL when memory is out. */
void *arena_alloc(struct arena *a, size_t size);
/* The same, without alignment: for text. */
char *arena_text(struct arena *a, size_t size);
/* A NUL-terminated copy of n bytes; NULL when memory is out. */
char *arena_copy(struct arena *a, const char *s, size_t n);
/* Gives everything back; *a is empty and valid afterwards. */
void arena_free(struct arena *a);

#endif
