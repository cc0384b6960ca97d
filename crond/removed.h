/* removed: jobs with alerts that are in no file any more.
 * Flow: load says what left a file and what came into one; who has not come back after a moment,
 * or was dropped while no scheduler ran, is told of as job.removed. */
#ifndef CROND_REMOVED_H
#define CROND_REMOVED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct crond;
struct job;
struct removal;

TAILQ_HEAD(removals, removal);

struct removed {
	struct removals waiting, arrived; /* that left; that came, and may be one that will leave */
	size_t arrivals, kept; /* how many of the latter; how many stand on file */
	bool changed; /* what stands on file is not what is in force */
};

void removed_open(struct crond *c);
/* It left its file. */
void removed_note(struct crond *c, const struct job *job);
/* It came into one, or was changed there: also one of another name that runs the same. */
void removed_back(struct crond *c, const struct job *job);
/* Its options are others: it may have alerts now, or none any more. */
void removed_changed(struct crond *c, const struct job *job);
/* Some have been away for long enough. */
void removed_due(struct crond *c);
/* All files have been read for the first time: what of those on file is not in force? */
void removed_first(struct crond *c);
/* Puts those that are in force on file. */
void removed_keep(struct crond *c);

#endif
