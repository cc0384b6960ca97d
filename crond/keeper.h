/* keeper: takes one run from the claim to its outcome.
 * Flow: forked by the launcher; starts the job, guards it, records how it ended, mails
 * its output, and may then take another run from the queue. */
#ifndef CROND_KEEPER_H
#define CROND_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/launch.h"
#include "crond/log.h"

struct keeper {
	int queue, report, runs, shared_fd;
	struct launch_shared *shared;
	uint32_t starts_most; /* in flight at once */
	struct log log;
	bool slot; /* this keeper is counted in shared->starting */
	bool last; /* takes no further run */
	bool unheard; /* what was last reported reached nobody */
	bool named; /* its pidfd was sent */
	struct hold *hold;  /* the run at hand, while it is guarded */
	const char *untold; /* the run at hand, until it is reported as taken; NULL: it was */
};

/* Between launcher and keepers: the count of starts in flight. */
void keeper_slot_take(struct keeper *k);
void keeper_slot_release(struct keeper *k);
/* In a process of its own. */
void keeper_main(struct keeper *k, const char *id) __attribute__((noreturn));

#endif
