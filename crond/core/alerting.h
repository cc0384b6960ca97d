/* alerting: is somebody to be told of how a run ended?
 * Flow: tell asks for each outcome that counts; what it has to remember is the job's. */
#ifndef CORE_ALERTING_H
#define CORE_ALERTING_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/core/outcome.h"

/* alert-on (1u << enum result), alert-after (0 as 1), alert-every (0: no reminders). */
struct alerting_rule {
	uint32_t on, after;
	uint64_t every_ms;
};

/* Zero-initialised: all was well. */
struct alerting {
	uint32_t count; /* of what alerts, in a row */
	bool failed;    /* an alert told of a failure since the last success */
	int64_t told;   /* epoch second of the last alert since the last success; 0: none */
};

enum { ALERTING_TELL = 1 << 0, ALERTING_RECOVERED = 1 << 1 };

/* What is to be told, as bits; now: epoch second. What the rule does not name neither counts
 * nor ends a row; a success ends it, whether it is named or not. */
unsigned alerting_take(struct alerting *a, const struct alerting_rule *rule, enum result result,
	int64_t now);

#endif
