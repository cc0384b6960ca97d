/* daemon: jobs that are kept running.
 * Flow: a copy that has ended is told of here by outcome_in. */
#include "config.h"

#include "crond/crond.h"

void daemon_ended(struct crond *c, struct live_run *run, const struct run *r,
	const struct outcome *o)
{
	(void)c;
	(void)run;
	(void)r;
	(void)o;
}
