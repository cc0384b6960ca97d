/* stats: how runs went, job by job and in all.
 * Flow: a request (asked.c) -> the index of jobs from one end to the other, in pieces -> a line
 * a job, and one of all. */
#ifndef HISTORY_STATS_H
#define HISTORY_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "crond/core/outcome.h"
#include "crond/history/query.h"

/* Durations are kept as they are while they are few; many are counted in steps of 1.6 %, so that
 * no number of runs takes more memory than this. */
enum { TIMES_EXACT = 1024, TIMES_STEPS = 64, TIMES_OCTAVES = 58,
	TIMES_COUNTS = TIMES_STEPS * TIMES_OCTAVES };

struct times {
	uint64_t count;
	int64_t most;                  /* ns */
	int64_t exact[TIMES_EXACT];
	uint32_t counts[TIMES_COUNTS];
};

void times_add(struct times *t, int64_t ns);
/* ns: so many of a hundred took no longer; -1: there are none. Sorts what is exact. */
int64_t times_part(struct times *t, unsigned percent);

struct tally {
	uint64_t results[RESULTS], running, runs;
	int64_t last_id, last;         /* row and second of the last success; 0: none */
	struct times times;            /* of those that ended and had begun */
};

struct stats {
	char *job;                     /* the one under way; NULL: before the first */
	int64_t scheduled, id;         /* of its last row that was counted */
	uint64_t jobs;
	struct tally one, all;
};

/* *s is made at the first piece. */
enum query_step query_stats(struct db *db, struct query *q, struct stats **s, struct buf *out);
void stats_free(struct stats *s);

#endif
