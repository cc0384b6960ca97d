/* start: what one start is put together from.
 * Flow: start (may it start, the claim) and start_run (what exactly is to be run). */
#ifndef CROND_START_H
#define CROND_START_H

#include "crond/crond.h"

struct start {
	struct crond *c;
	const struct job *job;
	const struct timer *timer; /* NULL: none is known (@reboot, a daemon) */
	const struct job_common *common;
	enum start_cause cause;
	int64_t scheduled;
	uint32_t attempt;          /* 0: the first */
	uint32_t number;           /* of a retry: in its id */
	bool asked;                /* started by hand, or a retry of that */
	const char *by;            /* who asked; NULL: nobody */
	const struct run_progress *head; /* of a claim that waits; NULL: it starts */
	char name[JOB_NAME_MOST], id[RUN_ID_MOST], place[PATH_MAX + 16], pool[POOL_KEY_MOST];
	char notify[SAID_SOCKET_MOST]; /* its socket; "": none */
	struct buf env, words;
	struct run run;
	const char *refused;       /* why it is not to be, NULL: no such reason */
};

/* What there is to know for admit() of any start of the job; a->waited, ahead and the times
 * are the caller's. */
void start_case(struct crond *c, const struct job *job, const struct job_state *state,
	enum start_cause cause, struct admit_case *a);
/* Starts it, if it may, for that second. */
void start_at(struct crond *c, const struct job *job, const struct timer *timer,
	enum start_cause cause, int64_t scheduled);
/* Its command to be shown; "" for a list of words. */
const char *start_command(const struct job *job);
/* How late it is, in ms. */
uint64_t start_late_ms(int64_t now_ns, int64_t due_ns);
/* How long start-rate lets a start wait; it is, or will be, made then: it counts. */
uint64_t start_rate_ms(struct crond *c);
void start_rate_take(struct crond *c);
/* Claims the next attempt of a run of the job, to wait for so long. 0 (also if that was
 * claimed before); -1: said. */
int start_again(struct crond *c, const struct job *job, const struct run *r, uint64_t wait_ms);
/* Fills s->run; it points into *s, the job's file and the scratch arena. 0; -1: memory,
 * or s->refused. */
int start_run_fill(struct start *s);
/* Its dress, from its job's options; part of it. 0; -1: memory, or s->refused. */
int start_dress(struct start *s);
/* Appends what the logs of its runs are called, core/logpath's; the job has the option. */
void start_log_format(struct crond *c, const struct job_common *m, const char *name, struct buf *out);
/* Another id: what of the run names it is made anew. */
void start_run_renamed(struct start *s);

#endif
