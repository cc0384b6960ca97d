/* admit: may it start now?
 * Flow: a due second, a person, a retry or a start that waited -> start it, let it wait, put
 * others out of its way or leave it out, and why. What is known is handed in; no clock. */
#ifndef CORE_ADMIT_H
#define CORE_ADMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/core/options.h"

/* What wants it started. */
enum start_cause {
	START_DUE, START_REBOOT, START_HAND, START_RETRY, START_DAEMON,
	START_CATCHUP, /* a due second that is made up for: waits for its turn where others may not overlap */
};

enum admit_verdict {
	ADMIT_START,
	ADMIT_WAIT,    /* claimed, and looked at again: after a while, or when something has ended */
	ADMIT_REPLACE, /* as ADMIT_WAIT, and so many of its job's runs are to be stopped */
	ADMIT_SKIP,
};

/* These numbers stand in run files, too: what a claimed start waits for. */
enum admit_why {
	ADMIT_FREE = 0,     /* nothing is in its way */
	ADMIT_DISABLED,     /* enabled=no */
	ADMIT_PAUSED,
	ADMIT_HOST,
	ADMIT_DEADLINE,
	ADMIT_OVERLAP,      /* max of its own are running */
	ADMIT_QUEUE,        /* others of its job wait in front of it */
	ADMIT_QUEUE_FULL,
	ADMIT_POOL,
	ADMIT_MAX_RUNNING,  /* of crond.conf */
	ADMIT_JITTER,
	ADMIT_RATE,         /* start-rate of crond.conf */
	ADMIT_RETRY,        /* the delay before another attempt */
	ADMIT_CATCHUP,      /* catchup-max of crond.conf */
	ADMIT_WHYS
};

struct admit_case {
	enum start_cause cause;
	bool waited;          /* its jitter is over, and where there is a queue it is in it */
	bool enabled, paused, here;
	enum concurrency concurrency;
	uint32_t max, running; /* of its job; max 0: no limit */
	uint32_t queue_max;
	uint32_t ahead;       /* starts of its job that wait in front of it; retries not counted */
	uint32_t pool_max, pool_running; /* 0: no pool, or no limit */
	bool pool_own;        /* some of those in the pool are its job's */
	uint32_t all_max, all_running;
	uint32_t catchup_max, catchup_running, catchup_ahead; /* of START_CATCHUP; max 0: no limit */
	uint64_t late_ms, deadline_ms;   /* deadline 0: none */
	uint64_t jitter_ms;   /* to be waited before the first look */
	uint64_t rate_ms;     /* the same, for start-rate */
};

struct admit {
	enum admit_verdict verdict;
	enum admit_why why;
	uint64_t wait_ms;  /* of ADMIT_WAIT: no sooner than that; 0: when something has ended */
	uint32_t stop;     /* of ADMIT_REPLACE: how many runs */
};

struct admit admit(const struct admit_case *a);
/* Is it said in the log each time? What its own file switches off is not. */
bool admit_said(enum admit_why why);
/* Why, as it stands in the log; one line. */
void admit_text(const struct admit_case *a, enum admit_why why, char *out, size_t n);
/* The state in which it waits, in a word: "queued", "retry"... */
const char *admit_word(enum admit_why why);

/* How long to wait before attempt 2 (and further ones): first doubled each time, at most
 * `most` (0: no such limit), and 10 to 25 percent more or less by salt, so that what failed
 * together does not come back together. */
uint64_t admit_retry_ms(uint64_t first, uint64_t most, uint32_t attempt, uint64_t salt);

#endif
