/* due: what comes next.
 * Flow: the table puts jobs in, the loop asks when to wake and takes what is due.
 *
 * Jobs hang on timers: one for each distinct schedule, zone and kind. A due second
 * costs what is due in it, whatever the size of the table. */
#ifndef CORE_DUE_H
#define CORE_DUE_H

#include <stddef.h>
#include <stdint.h>

#include "crond/core/job.h"
#include "crond/core/schedule.h"
#include "crond/core/step.h"

struct timer {
	struct schedule schedule; /* its extra is the timer's own */
	const struct zone *zone;
	struct job *jobs;
	struct timer *chain; /* in the hash table */
	int64_t next;        /* SCHEDULE_NEVER: not in the heap */
	uint32_t hash;
	uint32_t place : 31; /* in the heap */
	uint32_t source : 1; /* enum step_source */
	char text[];         /* the schedule as one of its jobs wrote it */
};

struct due {
	struct timer **heap;
	size_t count, room;
	struct timer **table;
	size_t timers, slots;
	size_t jobs;
	int64_t now; /* timers are computed strictly after this second */
	int64_t repeat; /* up to this the clock goes for another time: fixed ones started by then */
	uint64_t changes; /* counts jobs that came and went */
};

/* Whose timer was found before, for somebody who asks for that of many jobs. Zero-initialised
 * is empty and valid; a change of the table empties it. */
enum { DUE_MARKS = 65536 };
struct due_marks {
	uint64_t changes;
	struct due_mark {
		const struct job *job;
		const struct timer *timer;
	} marks[DUE_MARKS];
};

/* Hangs a job on its timer. The schedule is copied. 0 or -1 when memory is out. */
int due_add(struct due *d, struct job *job, const struct schedule *s, const struct zone *zone,
	enum step_source source, struct slice text);
/* Takes a job off; a timer without jobs goes. */
void due_remove(struct due *d, struct job *job);
/* The timer that a job hangs on, NULL: none. Found by way of the jobs before it, whose number
 * marks (may be NULL) bounds. */
const struct timer *due_timer(const struct due *d, const struct job *job, struct due_marks *marks);
/* The first due second, SCHEDULE_NEVER if there is none. */
int64_t due_first(const struct due *d);

/* What to do with a timer that due_advance() found. */
struct due_found {
	const struct timer *timer;
	int64_t scheduled;  /* the nominal second; of several made up for, the last */
	int64_t first, until; /* those behind this call lie in between; scheduled may be either */
	bool start;         /* else it was skipped (a clock step, a stall): to be logged */
	bool more;          /* several nominal seconds are behind this one call */
};

/* Goes to `now`, calling found for all that fell due in between, in the order of time,
 * and for what a step skipped. step: by how much the clock is known to have been
 * moved (or the host slept) since the last call, in seconds, 0 normally.
 * Late by less than a minute: each nominal second counts. Beyond: the step table. */
void due_advance(struct due *d, int64_t now, int64_t step,
	void (*found)(void *arg, const struct due_found *f), void *arg);
/* Goes to `now`, where nobody was there to start anything: found is called once for each timer
 * that fell due. */
void due_skip(struct due *d, int64_t now, void (*found)(void *arg, const struct due_found *f),
	void *arg);
/* The first call, other zones, or the clock was set back: all timers are computed anew from `now`;
 * those that the step table does not repeat, from where it had been. That stands for jobs that come
 * in meanwhile, too. */
void due_reset(struct due *d, int64_t now, int64_t step);
void due_free(struct due *d);

#endif
