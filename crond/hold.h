/* hold: one run in a keeper's hands.
 * Flow: taken from its directory, turned into a process, and at the end into an outcome. */
#ifndef CROND_HOLD_H
#define CROND_HOLD_H

#include <signal.h>
#include <stdbool.h>

#include "crond/core/outcome.h"
#include "crond/core/run.h"
#include "crond/core/stop_order.h"
#include "crond/guard.h"
#include "crond/heart.h"
#include "crond/launch.h"
#include "crond/outfit.h"
#include "crond/output.h"
#include "crond/pam.h"
#include "crond/spawn.h"

/* Kept between runs, so that the next one finds its memory. */
struct list {
	char **at;
	size_t cap;
};

struct hold {
	int lock;
	struct run run;
	struct run_progress progress;
	struct outcome outcome;
	struct output output;
	struct guard guard;
	struct heart heart;
	struct stop_order order; /* STOP_NONE: nobody wanted it stopped */
	struct spawn spawn;
	int cgroup;  /* its directory, -1: it has none */
	struct outfit *outfit;   /* NULL: its options ask for nothing of the kind */
	enum result refusal;     /* how it ends where the job is never started */
	struct pam *pam;
	struct list words, env;
	uint32_t *groups; /* twice: ours and room for the system's */
	size_t groups_cap;
	char *record;
	size_t record_cap;
	char reason[256]; /* "": none */
};

/* Locks, reads and marks it. 0: ours, with a reason if its record is no good (run.id stands
 * even then). -1: not ours; a reason only if somebody should know. */
int hold_take(struct hold *h, int runs, const char *id);
/* Everything up to the job's process. 0, or -1 with a reason. */
int hold_prepare(struct hold *h, struct log *log);
/* Starts the job. 0, or -1 with a reason. told: give up waiting for a free process. */
int hold_start(struct hold *h, const volatile sig_atomic_t *told);
/* Closes the job's ends of its output, which are ours too while hooks may write to them. */
/* The job, or a hook in front of it, runs: it is on file, for who finds the keeper gone. Where that
 * cannot be written it runs on, and the log says so. */
void hold_running(struct hold *h, const struct spawn *s, struct log *log);
void hold_ends_close(struct hold *h);
/* Has it stopped, from a callback of its guard. */
void hold_stop(struct hold *h, const struct stop_order *order);
/* The outcome of a job that was guarded to its end; of one that never began. */
void hold_ended(struct hold *h);
void hold_refused(struct hold *h);
void hold_session_close(struct hold *h, struct log *log);
/* Nothing of this run can have stuck to the process. */
bool hold_clean(const struct hold *h);
void hold_free(struct hold *h);
const char *hold_tag(const struct hold *h);

#endif
