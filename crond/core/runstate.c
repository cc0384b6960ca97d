/* runstate: where a run stands for the scheduler, and what follows from what it hears.
 * Flow: reports and pidfds are events; runs.c carries the actions out. */
#include "crond/core/runstate.h"

/* An outcome may be reported before the take was seen (a scheduler that adopts), and a
 * keeper may be gone before its last report was read: every pair has an answer. */
static const enum run_action actions[RUN_STATES][RUN_EVENTS] = {
	[RUN_STATE_WAITING] = {
		[RUN_EVENT_TAKEN] = RUN_ACTION_WATCH,
		[RUN_EVENT_ENDED] = RUN_ACTION_TAKE,
		[RUN_EVENT_KEEPER_GONE] = RUN_ACTION_JUDGE,
		[RUN_EVENT_LAUNCHER_GONE] = RUN_ACTION_RESEND,
	},
	[RUN_STATE_PENDING] = { /* no keeper can have it; it ends where we leave it out */
		[RUN_EVENT_TAKEN] = RUN_ACTION_NONE,
		[RUN_EVENT_ENDED] = RUN_ACTION_TAKE,
		[RUN_EVENT_KEEPER_GONE] = RUN_ACTION_NONE,
		[RUN_EVENT_LAUNCHER_GONE] = RUN_ACTION_NONE,
	},
	[RUN_STATE_LIVE] = {
		[RUN_EVENT_TAKEN] = RUN_ACTION_NONE,
		[RUN_EVENT_ENDED] = RUN_ACTION_TAKE,
		[RUN_EVENT_KEEPER_GONE] = RUN_ACTION_JUDGE,
		[RUN_EVENT_LAUNCHER_GONE] = RUN_ACTION_NONE,
	},
	[RUN_STATE_DONE] = {
		[RUN_EVENT_TAKEN] = RUN_ACTION_NONE,
		[RUN_EVENT_ENDED] = RUN_ACTION_NONE,
		[RUN_EVENT_KEEPER_GONE] = RUN_ACTION_NONE,
		[RUN_EVENT_LAUNCHER_GONE] = RUN_ACTION_NONE,
	},
};

enum run_action run_action(enum run_state state, enum run_event event)
{
	return actions[state][event];
}
