/* jobenv: a job's environment, as a block of NUL-terminated "NAME=value".
 * Flow: a crontab's settings or a task's env option, and who the user is -> the block
 * that goes into each of its runs. */
#ifndef CORE_JOBENV_H
#define CORE_JOBENV_H

#include "crond/base/slice.h"
#include "crond/core/crontab.h"

struct buf;

/* Settings in the order of the file, each name once with its last value, then what
 * every job has: SHELL, HOME, PATH, LOGNAME (and USER where the dialect has it), where
 * they are not set. LOGNAME and USER say who the job runs as and cannot be set.
 * list: NULL-terminated "NAME=value" of a task, or NULL. Check out->failed. */
void jobenv_build(struct buf *out, const struct dialect *d, const struct crontab_env *settings,
	const char *const *list, const char *user, const char *home);
/* Adds NAME=value unless NAME is there. */
void jobenv_put(struct buf *out, const char *name, const char *value);
/* The value inside the block, or NULL. */
const char *jobenv_value(struct slice block, const char *name);

#endif
