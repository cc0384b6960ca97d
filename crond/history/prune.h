/* prune: old rows leave, a few at a time.
 * Flow: history calls it between transactions, when records have come. */
#ifndef HISTORY_PRUNE_H
#define HISTORY_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/history/db.h"

struct prune {
	uint64_t keep_ms;   /* of jobs that do not say; 0: for ever */
	uint64_t size_max;  /* bytes of the database; 0: no limit */
	uint64_t opened;    /* the opening that what follows is of */
	int64_t from;       /* what was scheduled before has been looked at */
	int64_t believed;   /* epoch seconds, see prune_clock() */
	int64_t believed_ms;
	int64_t doubted_ms; /* since when the clock is far ahead; 0: it is not */
};

/* What the time is for retention. A clock that is set far ahead by mistake must not empty
 * the history: it is believed after an hour. now: realtime seconds; now_ms: a clock that is
 * not set. newest: of the last row, when nothing is known yet. */
int64_t prune_clock(struct prune *p, int64_t newest, int64_t now, int64_t now_ms);
/* One transaction of some hundred rows at most. *more: there are more to go. */
enum db_trouble prune_step(struct prune *p, struct db *db, int64_t now, int64_t now_ms, bool *more,
	struct diag *d);

#endif
