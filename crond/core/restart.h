/* restart: when a daemon that ended is started again, and when no more.
 * Flow: crond/daemon.c says what became of a copy and at which time, and does what stands
 * here then; the options say the policy. Pure: the clock is whoever asks. */
#ifndef CORE_RESTART_H
#define CORE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/core/options.h"

/* All times in ms of one clock that nobody sets and that goes on while no scheduler lives
 * (CLOCK_MONOTONIC). */
struct restart_policy {
	enum restart when;
	uint64_t delay_ms;     /* before the first restart; doubled by each further one */
	uint64_t max_delay_ms; /* up to this */
	uint32_t count;        /* most restarts in the window; 0: no limit */
	uint64_t window_ms;
};

enum restart_phase {
	RESTART_WAITING, /* to be started, not before `at` */
	RESTART_UP,      /* runs */
	RESTART_OVER,    /* ended, and its policy has it so */
	RESTART_STOPPED, /* by somebody who asked for that */
	RESTART_FAILED,  /* ended once more than its limit allows */
	RESTART_PHASES
};

/* How a copy ended. */
enum restart_end {
	RESTART_END_OK,
	RESTART_END_FAILED,
	RESTART_END_STOPPED,  /* on somebody's wish */
	RESTART_END_AGAIN,    /* on the wish to have it started anew */
	RESTART_END_SHUTDOWN, /* with the machine, or with a scheduler that ends its jobs */
	RESTART_ENDS
};

/* One copy, in the form that it is kept in on disk. Zeroed: to be started now. */
struct restart_state {
	uint32_t phase;    /* enum restart_phase */
	uint32_t restarts; /* since the window began */
	int64_t window;    /* when that was; 0: there is none */
	int64_t at;        /* RESTART_WAITING: not before this */
	uint64_t delay_ms; /* before the next restart; 0: the policy's first */
};

/* How long a copy has to be up for its next delay to be the first one again: as long as the
 * longest delay, and 10 s at least. */
uint64_t restart_settled_ms(const struct restart_policy *p);
/* To be started at once, with nothing held against it: new, asked for, or another definition. */
void restart_begin(struct restart_state *r, int64_t now);
void restart_up(struct restart_state *r);
/* It has been up for up_ms: enough for its next delay to be the first? */
void restart_settle(struct restart_state *r, const struct restart_policy *p, uint64_t up_ms);
/* It ended after up_ms; r->phase says what follows. */
void restart_ended(struct restart_state *r, const struct restart_policy *p, enum restart_end how,
	uint64_t up_ms, int64_t now);
/* A state that was read from disk. One that waits for longer than any delay, or whose window
 * lies ahead, was written under another boot's clock: it is begun anew. */
void restart_repair(struct restart_state *r, const struct restart_policy *p, int64_t now);
/* "waiting", "up", "over", "stopped", "failed" */
const char *restart_phase_name(enum restart_phase phase);

#endif
