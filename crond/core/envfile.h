/* envfile: settings for a job's environment, from a file of their own.
 * Flow: the keeper reads the file as the job's user; its settings go into the job's
 * environment, over those of crontab or task. */
#ifndef CORE_ENVFILE_H
#define CORE_ENVFILE_H

#include <stdint.h>

#include "crond/base/slice.h"

struct buf;
struct diag;

enum { ENVFILE_MOST = 256 * 1024 };

struct envfile {
	struct slice rest;
	uint32_t line; /* of what was last read, from 1 */
};

/* The next setting, appended as "NAME=value" and a NUL. NAME is of letters, digits and _,
 * blanks around = do not count. A value ends with its line, without the blanks around it;
 * 'text' is as it stands, in "text" a backslash takes the meaning of \ " $ ` and joins
 * lines, outside quotes of every character. Nothing is expanded. Empty lines and those that
 * begin with # or ; are comments. 1, 0 at the end, or -1 with *d. */
int envfile_next(struct envfile *f, struct buf *out, struct diag *d);

#endif
