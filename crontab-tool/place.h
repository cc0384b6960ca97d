/* place: whose rules hold here, and where tables are.
 * Flow: settled first of all; everything else asks the request for it. */
#ifndef TOOL_PLACE_H
#define TOOL_PLACE_H

#include <limits.h>

#include "crond/base/slice.h"
#include "crond/core/dialect.h"

struct place {
	const struct dialect *dialect;
	char spool[PATH_MAX]; /* the directory of tables */
};

/* What crond.conf at path says of both, and what is built in where it says nothing or is
 * not there. 0, or -1 after saying on standard error why the file cannot be gone by: a
 * table must not end where the daemon does not look. */
int place_read(struct place *p, const char *path);
/* The same from the file's bytes: 0, or -1 with why, in static words. */
int place_parse(struct place *p, struct slice bytes, const char **why);

#endif
