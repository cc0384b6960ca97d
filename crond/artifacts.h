/* artifacts: a fresh directory for each run, kept if something is in it at the end.
 * Flow: made before the job starts and moved to the job's history afterwards, both with its
 * user's rights. */
#ifndef CROND_ARTIFACTS_H
#define CROND_ARTIFACTS_H

#include <stddef.h>
#include <stdint.h>

struct spawn;

/* Below the job's directory: artifacts/ID while it runs, then history/ and this. */
#define ARTIFACTS_KEPT "%Y%m/%d_%H%M%S"

/* Makes it, 0700; its path into path. A descriptor that holds a lock on it: as long as that is
 * open nobody prunes it. Or -1 with errno (path is filled even then). */
int artifacts_make(const struct spawn *as, char *path, size_t n);
/* Puts it where it is kept, and that into path, or removes it where nothing is in it (path is
 * ""). Nothing else is ever emptied. 0 or -1 with errno: it stays where it is. */
int artifacts_keep(const struct spawn *as, int64_t started_ns, char *path, size_t n);

#endif
