/* envfile: a job's env-file, read with its user's rights.
 * Flow: before the job starts; what stands in it goes into the job's environment. */
#ifndef CROND_ENVFILE_H
#define CROND_ENVFILE_H

#include <stddef.h>

struct buf;
struct spawn;

/* Appends the settings of as->run's env-file to out, NUL-separated. Nothing where it may be
 * missing and is. 0; -1 with a reason that names it, and its line where one is bad. */
int envfile_read(const struct spawn *as, struct buf *out, char *reason, size_t n);

#endif
