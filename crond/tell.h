/* tell: what people are told of a job, and when.
 * Flow: outcomes, starts that come to nothing, daemons and jobs themselves say what happened;
 * the rules of the job (alert-on, alert-after, alert-every) decide about outcomes; what is to
 * be told becomes an event. Without receivers (`alert`) all of this does nothing. */
#ifndef CROND_TELL_H
#define CROND_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/core/outcome.h"

struct buf;
struct crond;
struct job;
struct job_state;
struct run;

/* How a run ended, once for each run and not where it is to be tried again. state: its job's,
 * which the caller puts on file after that; failures: in a row, this one counted. */
void tell_outcome(struct crond *c, struct job_state *state, const struct run *r,
	const struct outcome *o, uint32_t failures);
/* A start that came to nothing: skipped, missed or spawn; run_id: what it would have had. */
void tell_start(struct crond *c, const struct job *job, const char *run_id, int64_t scheduled,
	enum result result, const char *reason);

/* Is there a receiver among its own that watches each of its runs (template healthchecks)? */
bool tell_pings(const struct crond *c, const struct run *r);
/* These are told of the start of such a run, which has its directory. Its end is told by
 * tell_outcome(). */
void tell_ping_start(struct crond *c, const char *run_id);

/* Beside outcomes, told whatever the rules are. */
struct tell {
	const char *event;  /* "daemon.failed", "custom", "run.timeout" */
	const char *mark;   /* with the run's id it makes the event's, one that is told once:
	                       "timeout", "alert-3"; as event_id_ok() wants it */
	const char *status; /* a result's name, or NULL */
	const char *reason; /* text, or NULL */
};

/* Of a run that has its directory. */
void tell_run(struct crond *c, const char *run_id, const struct tell *what);
/* What job.removed tells of it, encoded, for when it is gone; and that it is. */
void tell_describe(struct crond *c, const struct job *job, struct buf *out);
void tell_removed(struct crond *c, struct slice described);
/* Of crond itself, to those whom crond.conf names; id: of that event alone. */
void tell_crond(struct crond *c, const char *id, const char *event, const char *reason);
/* Of a job; run_id: what the event is named after, a run's id or the like. */
void tell_job(struct crond *c, const struct job *job, const char *run_id, const struct tell *what);

#endif
