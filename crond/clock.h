/* clock: the wall clock, seen against the one that nobody sets.
 * Flow: the loop arms it for the next due second and lets due advance when it fired, was
 * set, or the host had been asleep. */
#ifndef CROND_CLOCK_H
#define CROND_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct crond;

/* A due second that is not older than this (s) when the scheduler starts is started late
 * instead of missed: it died and came back within a second. */
enum { LATE_START = 1 };

struct stretch {
	int64_t from, to;
};

struct clock {
	struct timespec real, mono; /* as last seen */
	int64_t handled;                  /* last second wholly handled */
	int64_t high;                     /* the highest there ever was */
	int64_t since;                    /* from here on it has gone through all seconds */
	struct stretch past;              /* it went through these before it was set back */
	struct stretch lapped;            /* all of these that there were, and what is between them */
	uint64_t laps;                    /* how often it was set back */
	bool over_boot;                   /* what is being looked at fell due before this boot */
	bool catchup;                     /* a job was due whose times are kept on disk */
};

/* stamp: the last second that an earlier scheduler handled wholly; 0: none. What else it left in the
 * stamp (state_open) is in c->clock and c->due by then. */
void clock_init(struct crond *c, int64_t stamp);
/* Says by name what fell due since the stamp and is too old to start. */
void clock_missed(struct crond *c);
void clock_touch(struct crond *c);
/* The first of these seconds, which the clock went over, that it had not gone through before. */
int64_t clock_new(const struct clock *k, int64_t first, int64_t until);
void clock_arm(struct crond *c);
/* Lets due advance to now: starts what is due, unless we are to end. */
void clock_advance(struct crond *c);
void clock_meanwhile(struct crond *c); /* the same amid an advance, while the clock was not set */
/* Rules of time zones may have been replaced: what comes next is counted anew. */
void clock_zones(struct crond *c);

#endif
