/* retention: what a job has left behind of earlier runs, and is not to be kept longer.
 * Flow: at the end of a run its keeper removes older logs and artifacts of its job, with
 * its user's rights. */
#ifndef CROND_RETENTION_H
#define CROND_RETENTION_H

#include <stdint.h>

struct spawn;

/* Goes by names, which are the times at which runs started: beyond as->run's count, or
 * older than its age, up to a bounded number at once. A log that is being written stays.
 * Logs whose format has its times in another order than years, months, days... are nobody's
 * to remove but their owner's. What cannot be removed stays. */
void retention_prune(const struct spawn *as, int64_t now_ns);

#endif
