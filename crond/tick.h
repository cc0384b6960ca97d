/* tick: the clock that time(2) reads, which runs behind.
 * Flow: a keeper that has everything ready asks it before it starts the job. */
#ifndef CROND_TICK_H
#define CROND_TICK_H

#include <stdint.h>

enum { TICK_SETTLE_NS = 1000 * 1000 };

/* Returns once the clock of the kernel's tick shows that second (seconds since the epoch),
 * or TICK_SETTLE_NS into it; at once before it or where it is long under way. */
void tick_settle(int64_t second);

#endif
