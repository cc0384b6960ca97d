/* cpus: a list of processors, as people write it.
 * Flow: options judge it, the keeper's child gives it to the kernel. */
#ifndef CORE_CPUS_H
#define CORE_CPUS_H

#include <stddef.h>

#include "crond/base/slice.h"

struct diag;

enum { CPUS_MOST = 8192 };

/* "0-3,8": a bit for each, 8 in a byte from the lowest on; bits may be NULL. 0 or -1 with
 * *d (empty, not ascending within a range, beyond CPUS_MOST). */
int cpus_parse(struct slice text, unsigned char bits[CPUS_MOST / 8], struct diag *d);

#endif
