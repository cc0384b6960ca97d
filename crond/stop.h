/* stop: jobs are brought to an end before we end ourselves, as the first process of a
 * container (whose end would kill them), or where crond.conf says so.
 * Flow: a signal begins it, the loop turns on without starting anything until nobody is
 * left or the grace is over; keepers stop their jobs and write down how they ended. */
#ifndef CROND_STOP_H
#define CROND_STOP_H

#include <stdbool.h>
#include <stdint.h>

struct crond;

enum stop_stage { STOP_NOT, STOP_ASKED, STOP_KILLING };

struct stop {
	enum stop_stage stage;
	int64_t deadline;   /* monotonic ms */
	int64_t again;      /* when those who were told to kill are told so again, monotonic ms */
	bool alone;         /* we have no children any more */
	bool others_told;
	bool extended;      /* for the outcomes of what was killed */
};

/* A signal asks us to end: at once, or once jobs have (and a second time: hurry). */
void stop_asked(struct crond *c);
/* At each turn of the loop from then on. */
void stop_step(struct crond *c);

#endif
