/* missed: what fell due while nobody could start it.
 * Flow: due finds it, by way of start and clock -> said, told or made up for. */
#ifndef CROND_MISSED_H
#define CROND_MISSED_H

#include "crond/crond.h"

/* What was missed of it is to be known over a reboot, too. */
bool missed_keeps_time(const struct job *job);
/* Starts what of these is to be made up for; false: there is nothing. */
bool missed_catchup(struct crond *c, const struct job *job, const struct due_found *found,
	const char *why);
/* One start, for several of its times where found->more: those it takes in are not silent. */
void missed_merged(struct crond *c, const struct job *job, const struct due_found *found);

#endif
