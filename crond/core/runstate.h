/* runstate: where a run stands for the scheduler, and what follows from what it hears.
 * Flow: reports, pidfds are events; runs.c carries the actions out. */
#ifndef CORE_RUNSTATE_H
#define CORE_RUNSTATE_H

enum run_state {
	RUN_STATE_WAITING, /* claimed; its name has not been taken by a keeper */
	RUN_STATE_PENDING, /* claimed, and held back by ourselves (pending.c) */
	RUN_STATE_LIVE,    /* a keeper holds it */
	RUN_STATE_DONE,    /* nothing left to do but to remove its directory */
	RUN_STATES
};

enum run_event {
	RUN_EVENT_TAKEN,         /* a keeper reports that it has the run */
	RUN_EVENT_ENDED,         /* a keeper reports an outcome */
	RUN_EVENT_KEEPER_GONE,   /* the pidfd of its keeper fired */
	RUN_EVENT_LAUNCHER_GONE, /* what waited in its queue is gone with it */
	RUN_EVENTS
};

enum run_action {
	RUN_ACTION_NONE,
	RUN_ACTION_WATCH,  /* keep its keeper's pidfd in view */
	RUN_ACTION_TAKE,   /* take its outcome in */
	RUN_ACTION_JUDGE,  /* its keeper is gone: outcome, or lost */
	RUN_ACTION_RESEND, /* send its name again */
};

enum run_action run_action(enum run_state state, enum run_event event);

#endif
