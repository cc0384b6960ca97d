/* pools: limits that several jobs share.
 * Flow: a run that belongs to one counts in it from its start to its end; start and pending
 * ask how many there are. */
#ifndef CROND_POOLS_H
#define CROND_POOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/tree.h>

struct crond;
struct job_common;
struct live_run;

struct pool {
	RB_ENTRY(pool) link;
	uint32_t running, known; /* runs in it; and those that wait counted in */
	char key[];
};
RB_HEAD(pool_tree, pool);
RB_PROTOTYPE(pool_tree, pool, link, pool_order)
enum { POOL_KEY_MOST = 128 };
/* A pool of root's files is one for all of them, any other its owner's alone. false: the job
 * is in none. */
bool pool_key(const struct job_common *m, char key[POOL_KEY_MOST]);
const struct pool *pool_find(struct crond *c, const char *key); /* NULL: nothing is in it */
int pool_join(struct crond *c, struct live_run *run, const char *key); /* 0; -1: memory */
void pool_leave(struct crond *c, struct live_run *run);

#endif
