/* run_first: run files of Cronward's first version, whose heads were shorter.
 * Flow: core/run and rundir meet one where a keeper of that version is at work, or left
 * it behind: an upgrade finds runs under way. */
#ifndef CORE_RUN_FIRST_H
#define CORE_RUN_FIRST_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct run;
struct run_progress;

enum { RUN_PROGRESS_FIRST = 1 };

/* The head as it stands in such a file. No outcome stands in it, but in a file beside it. */
struct run_first {
	uint32_t magic;
	uint16_t version;
	uint16_t phase;
	int32_t keeper_pid, job_pid;
	int64_t born_after_ns, born_before_ns, started_ns;
	uint64_t zero[3];
};
_Static_assert(sizeof(struct run_first) == 64, "its record begins there");

/* Is it one, by magic and version? */
bool run_first_is(struct slice file);
/* p->version stays RUN_PROGRESS_FIRST. What has ended has not, for us: its outcome is looked
 * for. False: damaged. */
bool run_first_decode(struct run_progress *p, struct slice file);
struct run_first run_first_encode(const struct run_progress *p);
/* What its record says in other words than ours, or not at all. */
void run_first_complete(struct run *r);

#endif
