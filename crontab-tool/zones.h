/* zones: time zones by name, read once.
 * Flow: cronctl names them, schedule_next asks them. */
#ifndef TOOL_ZONES_H
#define TOOL_ZONES_H

#include "crond/base/slice.h"

struct diag;
struct zone;
struct zones;

/* NULL when memory is out. */
struct zones *zones_new(void);
void zones_free(struct zones *z);
/* A zone by its name below the zoneinfo directory, by a POSIX TZ string, or the
 * host's when the name is empty. It belongs to z and is good until the next call,
 * which may drop it (there is a limit to how many are kept). NULL with *d. */
const struct zone *zones_get(struct zones *z, struct slice name, struct diag *d);

#endif
