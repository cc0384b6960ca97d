/* guard: watches over one job until nothing of it is left to wait for.
 * Flow: the keeper starts the job, the guard feeds and reads it, stops it when its time
 * is up or the keeper is told to end, and knows at the end how it ended. */
#ifndef CROND_GUARD_H
#define CROND_GUARD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "crond/core/outcome.h"
#include "crond/core/run.h"

struct heart;
struct output;

enum guard_stage { GUARD_RUNNING, GUARD_ASKED, GUARD_KILLING, GUARD_GAVE_UP };

struct guard {
	/* filled by the caller */
	const struct run *run;
	struct output *output;
	pid_t job;
	int pidfd;              /* the guard closes it */
	int in;                 /* write end of standard input, non-blocking; -1: none */
	struct slice input;
	struct heart *heart;    /* NULL: the job has no socket to speak on */
	int cgroup;             /* the job's own, -1: none */
	bool subreaper;         /* what the job leaves behind becomes our child */
	int64_t started_ns;     /* monotonic */
	int64_t grace_ns;       /* monotonic: when grace() is called, 0: never */
	void (*grace)(void *arg);
	void *arg;
	const volatile sig_atomic_t *told; /* to end, by a signal */
	const volatile sig_atomic_t *heard; /* something else, by a signal: hear() is called */
	void (*hear)(void *arg);
	void (*overran)(void *arg); /* its timeout is over, and it goes on (RUN_TIMEOUT_ALERT) */
	const sigset_t *mask;   /* while waiting */
	/* how it ended */
	bool ended;             /* the main process */
	int status;
	struct rusage usage;
	int64_t ended_ns, finished_ns; /* monotonic; realtime */
	enum result stopped;    /* RESULT_TIMEOUT, _KILLED, _WATCHDOG; RESULT_OK: by itself */
	enum guard_stage stage;
	int left;               /* processes that were there when it was last looked */
	int64_t deadline_ns, next_ns, pause_ns; /* the guard's own */
	int64_t kill_most_ns;   /* the latest time for KILL, whatever it asks for */
	int timer;              /* counts while the system sleeps, -1: none; the guard's own */
	int64_t timer_ns;       /* what it is set to */
};

/* Returns when the job's main process has ended, and what was to be stopped is gone (or
 * would not go). Some of its output may be left to read. */
void guard_wait(struct guard *g);
/* Stops it, now, from a callback: it ends as that result. False: it has ended, or is being
 * stopped already. */
bool guard_stop(struct guard *g, enum result as);
/* Its time, or what is left of the grace before KILL, lasts at least so much longer. The grace
 * has a bound: what is to be stopped is not to go on for ever by saying so. */
void guard_extend(struct guard *g, uint64_t us);
int64_t guard_now(void); /* monotonic, ns */

#endif
