/* pools: limits that several jobs share.
 * Flow: a run that belongs to one counts in it from its start to its end; start and pending
 * ask how many there are. */
#include "config.h"

#include "crond/crond.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int pool_order(const struct pool *a, const struct pool *b)
{
	return strcmp(a->key, b->key);
}

RB_GENERATE(pool_tree, pool, link, pool_order)

bool pool_key(const struct job_common *m, char key[POOL_KEY_MOST])
{
	const char *pool = m->options->pool;

	if (!pool)
		return false;
	if (m->trusted)
		snprintf(key, POOL_KEY_MOST, "/%s", pool);
	else
		snprintf(key, POOL_KEY_MOST, "%u/%s", (unsigned)m->user->uid, pool);
	return true;
}

static struct pool *find(struct crond *c, const char *key)
{
	struct pool *p = RB_ROOT(&c->pools);

	while (p) {
		int order = strcmp(key, p->key);

		if (order == 0)
			return p;
		p = order < 0 ? RB_LEFT(p, link) : RB_RIGHT(p, link);
	}
	return NULL;
}

const struct pool *pool_find(struct crond *c, const char *key)
{
	return find(c, key);
}

int pool_join(struct crond *c, struct live_run *run, const char *key)
{
	size_t n = strlen(key) + 1;
	struct pool *p = find(c, key);

	if (!p) {
		p = calloc(1, sizeof(*p) + n);
		if (!p)
			return -1;
		memcpy(p->key, key, n);
		RB_INSERT(pool_tree, &c->pools, p);
	}
	p->known++;
	run->pool = p;
	return 0;
}

void pool_leave(struct crond *c, struct live_run *run)
{
	struct pool *p = run->pool;

	run->pool = NULL;
	if (!p || --p->known)
		return;
	RB_REMOVE(pool_tree, &c->pools, p);
	free(p);
}
