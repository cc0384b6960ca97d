/* said: what jobs say while they run.
 * Flow: a keeper's report, or what it left in the run's directory for a scheduler that it
 * cannot report to -> here -> whoever shows runs. */
#include "config.h"

#include "crond/crond.h"

#include <stdlib.h>
#include <string.h>

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
