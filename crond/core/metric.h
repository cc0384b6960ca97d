/* metric: figures as text, in the format that Prometheus reads.
 * Flow: metrics has the figures and decides when; what it says is put together here. */
#ifndef CORE_METRIC_H
#define CORE_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct buf;

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM };

/* The two lines above the samples of one name. help has neither newline nor backslash. */
void metric_head(struct buf *b, const char *name, enum metric_type type, const char *help);
/* name="value" with what may not stand there escaped, and a comma in front where first is false.
 * What is no UTF-8 is spelled out. */
void metric_label(struct buf *b, bool first, const char *name, struct slice value);
/* NAME{LABELS} VALUE; labels "": none. */
void metric_count(struct buf *b, const char *name, const char *labels, uint64_t value);
void metric_number(struct buf *b, const char *name, const char *labels, int64_t value);
/* A time or duration in seconds; given in ns. */
void metric_seconds(struct buf *b, const char *name, const char *labels, int64_t ns);

/* How often something took how long, in buckets that are fixed. */
enum { METRIC_BUCKETS = 12 };
struct metric_times {
	uint64_t counts[METRIC_BUCKETS]; /* of each bucket alone; the last one has no bound */
	uint64_t count;
	int64_t sum_ns;
};

void metric_times_add(struct metric_times *t, int64_t ns); /* what is below 0 counts as 0 */
void metric_times_put(struct buf *b, const char *name, const struct metric_times *t);
/* The bound in ms below which that many percent of them were; -1: above the last bound, or there
 * are none. */
int64_t metric_times_below(const struct metric_times *t, unsigned percent);

#endif
