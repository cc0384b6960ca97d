/* options_trust: what a file that is not root's may not ask for.
 * Flow: the parsers ask for each job of such a file. */
#ifndef CORE_OPTIONS_TRUST_H
#define CORE_OPTIONS_TRUST_H

#include "crond/core/options.h"

/* The most that it may have. */
struct options_caps {
	uint64_t limits[OPTION_LIMITS];  /* the daemon's own hard limits, by RLIMIT_* */
	const struct options *defaults;  /* crond.conf's: what these limit stays limited; or NULL */
};

/* caps NULL: not known here; the rest is judged. 0, or -1 with *d, which has
 * the option's place. */
int options_trust(const struct options *o, const struct options_caps *caps, struct diag *d);

#endif
