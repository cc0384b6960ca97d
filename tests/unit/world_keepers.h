/* world_keepers: the launcher of a made-up world, and its keepers. */
#ifndef TESTS_WORLD_KEEPERS_H
#define TESTS_WORLD_KEEPERS_H

#include "tests/unit/world.h"

struct world_run {
	LIST_ENTRY(world_run) link;
	char id[RUN_ID_MOST], job[WORLD_NAME];
	int64_t end_ns, began_ns; /* by the clock that nobody sets */
	int lock;
	bool fails;
};

/* What waits in the queue is taken; has something been? */
bool keepers_take(struct world *w);
/* Those whose time has come end; have some? */
bool keepers_end(struct world *w);
/* Its outcome is on record; the scheduler has not heard of it. r is the caller's. */
void keeper_finish(struct world *w, struct world_run *r);

#endif
