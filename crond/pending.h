/* pending: claimed starts that wait for something; they outlive us in their directories.
 * Flow: start claims them, the loop has them looked at again, adopt brings them back. */
#ifndef CROND_PENDING_H
#define CROND_PENDING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "crond/core/admit.h"
#include "crond/core/outcome.h"
#include "crond/core/run.h"

struct crond;
struct job;
struct job_state;
struct live_run;

struct pending {
	RB_ENTRY(pending) by_time, by_order;
	LIST_ENTRY(pending) of_job;
	struct live_run *run;
	enum start_cause cause;
	enum admit_why why;
	bool blocked;  /* to be looked at when a run has ended */
	int64_t at;    /* monotonic ms: to be looked at then; 0: not because of the time */
	int64_t order; /* realtime ns at which it began to wait, no two alike */
	int64_t due_ms; /* when it was to start, by wait_awake_ms(): from then on it is late */
	const struct job *job; /* as it was last found; NULL: never */
	uint64_t judged_of;    /* one more than struct crond's tables_changed; 0: never judged */
};
RB_HEAD(pending_times, pending);
RB_PROTOTYPE(pending_times, pending, by_time, time_order)
RB_HEAD(pending_orders, pending);
RB_PROTOTYPE(pending_orders, pending, by_order, order_order)
/* The head of a claim that is to wait for so long. */
struct run_progress pending_head(struct crond *c, enum start_cause cause, enum admit_why why,
	uint64_t wait_ms);
/* A run with that head waits; of a job in force, NULL: to be looked for. 0; -1: memory, and it
 * is forgotten: it stays on disk. */
int pending_add(struct crond *c, struct live_run *run, const struct run_progress *head,
	const struct job *job);
/* One that a scheduler before us let wait, or was about to start. 0; -1: it is not free. */
int pending_adopt(struct crond *c, struct live_run *run);
/* It will not be started: that is its outcome. */
void pending_end(struct crond *c, struct live_run *run, enum result result, const char *why);
/* Is a run that failed so to be tried again? Then the next attempt is claimed, and waits
 * for *ms. */
bool pending_retry(struct crond *c, const struct live_run *run, const struct run *r,
	const struct outcome *o, uint64_t *ms);
/* The job of that identity that is in force now; NULL: none. Of lines without a name it is
 * looked for: not before it is needed. */
const struct job *pending_job_of(struct crond *c, uint64_t identity);
/* A regular start has come: what waits for the one before gives way. */
void pending_yield(struct crond *c, struct job_state *state, const struct options *o);
/* How many starts of the job wait in front of that one (NULL: of a new one) for that cause; what
 * makes up for something is in nobody's way but of its like. */
uint32_t pending_ahead(const struct job_state *state, const struct pending *p,
	enum start_cause cause);
void pending_drop(struct crond *c, struct live_run *run); /* it does not wait any more */
void pending_abandon(struct crond *c); /* nobody comes back for them */
void pending_due(struct crond *c); /* it is time for some */
void pending_look(struct crond *c); /* at each turn of the loop */

#endif
