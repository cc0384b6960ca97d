/* jobenv: a job's environment, as a block of NUL-terminated "NAME=value".
 * Flow: a crontab's settings or a task's env option, and who the user is -> the block
 * that goes into each of its runs. */
#ifndef CORE_JOBENV_H
#define CORE_JOBENV_H

#include "crond/base/slice.h"
#include "crond/core/crontab.h"

struct buf;

/* Whose environment: what it is made of. */
struct jobenv_of {
	const struct dialect *dialect;
	const struct crontab_env *settings; /* of the table; NULL: none */
	const char *const *own;  /* NULL-terminated "NAME=value" of a task or line; NULL: none */
	struct slice inherited;  /* NUL-separated "NAME=value": the daemon's */
	const char *user, *home;
	const char *path;        /* NULL: the dialect's */
	const char *shell;       /* rather than what settings say; NULL: none */
};

/* What is inherited, then settings in the order of the file: each name once, where it came
 * first, with its last value. Then what every job has: SHELL, HOME, PATH, LOGNAME (and
 * USER where the dialect has it), where they are not set. LOGNAME and USER say who the job
 * runs as and cannot be set. Check out->failed. */
void jobenv_build(struct buf *out, const struct jobenv_of *of);
/* Adds NAME=value unless NAME is there. */
void jobenv_put(struct buf *out, const char *name, const char *value);
/* The value inside the block, or NULL. */
const char *jobenv_value(struct slice block, const char *name);

#endif
