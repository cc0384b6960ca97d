/* rate: how often a receiver may be told something.
 * Flow: a lane asks before each delivery, and hears when it may go on. Knows no clock.
 *
 * So many in any span of so many ms: half of them at once, the others evenly after that, so
 * that who comes behind a crowd waits for a part of the span only. */
#ifndef NOTIFY_RATE_H
#define NOTIFY_RATE_H

#include <stdint.h>

struct rate_limit {
	uint32_t count; /* 0: there is none */
	uint64_t ms;
};

struct rate {
	int64_t full_ms; /* monotonic: when as many may go at once as ever */
};

/* How many may go now; UINT32_MAX without a limit. */
uint32_t rate_free(const struct rate *r, const struct rate_limit *l, int64_t now_ms);
/* One goes now. */
void rate_take(struct rate *r, const struct rate_limit *l, int64_t now_ms);
/* When one may go: not after now_ms if it may at once. */
int64_t rate_due(const struct rate *r, const struct rate_limit *l, int64_t now_ms);

#endif
