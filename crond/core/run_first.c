/* run_first: run files of Cronward's first version, whose heads were shorter.
 * Flow: core/run and rundir meet one where a keeper of that version is at work, or left
 * it behind: an upgrade finds runs under way. */
#include "crond/core/run_first.h"

#include <string.h>

#include "crond/core/job.h"
#include "crond/core/outcome.h"
#include "crond/core/run.h"

enum { FIRST_ENDED = 3 };

bool run_first_is(struct slice file)
{
	struct run_first first;

	if (file.n < sizeof(first))
		return false;
	memcpy(&first, file.s, sizeof(first));
	return first.magic == RUN_PROGRESS_MAGIC && first.version == RUN_PROGRESS_FIRST;
}

bool run_first_decode(struct run_progress *p, struct slice file)
{
	struct run_first first;

	memcpy(&first, file.s, sizeof(first));
	if (first.phase > FIRST_ENDED)
		return false;
	*p = (struct run_progress){ .magic = first.magic, .version = first.version,
		.phase = first.phase, .keeper_pid = first.keeper_pid, .job_pid = first.job_pid,
		.born_after_ns = first.born_after_ns, .born_before_ns = first.born_before_ns,
		.started_ns = first.started_ns };
	if (first.phase == FIRST_ENDED)
		p->phase = first.job_pid ? RUN_RUNNING : RUN_STARTED;
	if (p->phase == RUN_RUNNING)
		p->pipes[0] = p->pipes[1] = -1;
	return true;
}

struct run_first run_first_encode(const struct run_progress *p)
{
	return (struct run_first){ .magic = p->magic, .version = p->version, .phase = p->phase,
		.keeper_pid = p->keeper_pid, .job_pid = p->job_pid, .born_after_ns = p->born_after_ns,
		.born_before_ns = p->born_before_ns, .started_ns = p->started_ns };
}

/* A task is its name now, whatever else is said of it: it counts with its job's runs. Who is
 * told was told of each failure. */
void run_first_complete(struct run *r)
{
	if (r->flags & RUN_TASK)
		r->identity = job_identity_name(r->job, true);
	if (r->alert_on)
		return;
	for (unsigned result = 0; result < RESULTS; result++)
		r->alert_on |= (uint32_t)result_alerts((enum result)result) << result;
	r->alert_after = 1;
}
