/* said: what jobs say while they run.
 * Flow: a keeper's report, or what it left in the run's directory for a scheduler that it
 * cannot report to -> here -> whoever shows runs. */
#include "config.h"

#include "crond/crond.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/text.h"
#include "crond/rundir.h"

void said_take(struct live_run *run, struct slice bytes)
{
	struct said said;

	if (bytes.n != sizeof(said))
		return;
	memcpy(&said, bytes.s, sizeof(said));
	if (said.magic != SAID_MAGIC)
		return;
	said.batch[sizeof(said.batch) - 1] = said.status[sizeof(said.status) - 1] = '\0';
	if (!run->said)
		run->said = malloc(sizeof(said));
	if (run->said)
		*run->said = said;
}

const struct said *run_said(struct crond *c, struct live_run *run)
{
	struct buf b = { 0 };

	/* its keeper's reports go to whoever started it */
	if (run->adopted && run->speaks && rundir_read(c->runs, run->id, RUNDIR_SAID, &b) == 0)
		said_take(run, (struct slice){ b.data, b.len });
	buf_free(&b);
	return run->said;
}

/* In a directory that all may enter and nobody may list. A private instance of root's lies
 * where its users may not go, and a long path does not fit an address: then in none. */
void said_socket(struct crond *c, char name[SAID_SOCKET_MOST])
{
	const struct settings *set = &c->set;
	struct timespec now;
	uint64_t key[3];
	size_t n = strlen(set->run_dir);

	clock_gettime(CLOCK_REALTIME, &now);
	key[0] = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	key[1] = (uint64_t)getpid();
	key[2] = ++c->sockets;
	snprintf(name, SAID_SOCKET_MOST, "%.76s/notify/%016" PRIx64,
	        n + 32 > SAID_SOCKET_MOST || (set->only_files && set->root) ? "@crond"
	                                                                    : set->run_dir,
	        text_hash(c->seed, key, sizeof(key)));
}
