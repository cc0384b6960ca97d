/* hook: commands around a job, as its user and dressed as it is.
 * Flow: the keeper runs pre before the job, on-success or on-failure and then post behind
 * it; they end before the run does. */
#ifndef CROND_HOOK_H
#define CROND_HOOK_H

#include <stdbool.h>
#include <stddef.h>

struct hold;
struct log;
struct run;

/* What a hook behind the job may take where the run itself has no timeout. */
enum { HOOK_MOST_MS = 5 * 60 * 1000 };

bool hook_any(const struct run *r);
/* pre, in a prepared run whose guard knows what to listen to. 0; -1: the job is not to be
 * started, for h->reason and with h->refusal as its result: skipped where pre failed, spawn
 * where it never began, or what stopped it. The run's timeout counts from here. */
int hook_before(struct hold *h, struct log *log);
/* The others, once the outcome stands. None is needed for it: a failure is a line of the
 * log. At shutdown there is post alone, for as long as a job has between TERM and KILL. */
void hook_after(struct hold *h, struct log *log);

#endif
