/* catchup: which of a job's times that nobody could start are made up for?
 * Flow: due finds that a clock step, a sleep or a time without a scheduler went over some;
 * start asks here, and starts them one by one or says that they were missed. */
#ifndef CORE_CATCHUP_H
#define CORE_CATCHUP_H

#include <stddef.h>
#include <stdint.h>

#include "crond/core/options.h"
#include "crond/core/schedule.h"

/* A job that was due each second for a day is not started 86,400 times. */
enum { CATCHUP_MOST = 100, CATCHUP_COUNTED = 10000 };

struct catchup_case {
	const struct schedule *schedule;
	const struct zone *zone;
	enum step_source source;
	enum catchup catchup;
	uint64_t window_ms;    /* 0: however long ago */
	int64_t first, until;  /* the first time that was missed; no later than that */
};

struct catchup_times {
	size_t count;                 /* 0: none */
	int64_t times[CATCHUP_MOST];  /* rising; the latest that there are */
	bool more;                    /* there are older ones, in the window or before it */
};

/* Of CATCHUP_ONE the latest, of CATCHUP_ALL each; those alone that lie within the window before
 * `until`. */
void catchup_times(const struct catchup_case *c, struct catchup_times *out);
/* How many there are from first to until, whatever is asked for; where it is more than
 * CATCHUP_COUNTED: one more than that. */
uint64_t catchup_count(const struct catchup_case *c);

#endif
