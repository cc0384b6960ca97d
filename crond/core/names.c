/* names: which task goes by a name, in all files together.
 * Flow: load puts tasks in and takes them out; whoever is given a name asks. */
#include "crond/core/names.h"

#include <stdlib.h>

#include "crond/core/job.h"

enum { SLOTS_FIRST = 64 };

/* Where it is, or the free slot that it would go to. */
static size_t slot_of(const struct names *n, uint64_t identity)
{
	size_t at = identity & (n->count - 1);

	while (n->slots[at] && n->slots[at]->identity != identity)
		at = (at + 1) & (n->count - 1);
	return at;
}

const struct job *names_find(const struct names *n, uint64_t identity)
{
	return n->count ? n->slots[slot_of(n, identity)] : NULL;
}

int names_room(struct names *n, size_t wanted)
{
	struct names more = { .count = n->count ? n->count : SLOTS_FIRST, .used = n->used };

	while (more.count < (n->used + wanted) * 2)
		more.count *= 2;
	if (more.count == n->count)
		return 0;
	more.slots = calloc(more.count, sizeof(*more.slots));
	if (!more.slots)
		return -1;
	for (size_t i = 0; i < n->count; i++) {
		if (n->slots[i])
			more.slots[slot_of(&more, n->slots[i]->identity)] = n->slots[i];
	}
	free(n->slots);
	*n = more;
	return 0;
}

int names_put(struct names *n, const struct job *job)
{
	size_t at;

	if (names_room(n, 1) < 0)
		return -1;
	at = slot_of(n, job->identity);
	n->used += !n->slots[at];
	n->slots[at] = job;
	return 0;
}

/* What stands behind it in the same row moves up, so that no search ends too early. */
void names_drop(struct names *n, const struct job *job)
{
	size_t at = n->count ? slot_of(n, job->identity) : 0;

	if (!n->count || n->slots[at] != job)
		return;
	n->slots[at] = NULL;
	n->used--;
	for (size_t i = (at + 1) & (n->count - 1); n->slots[i]; i = (i + 1) & (n->count - 1)) {
		const struct job *moved = n->slots[i];

		n->slots[i] = NULL;
		n->slots[slot_of(n, moved->identity)] = moved;
	}
}

void names_free(struct names *n)
{
	free(n->slots);
	*n = (struct names){ 0 };
}
