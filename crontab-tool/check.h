/* check: a file parsed and linted, without a daemon.
 * Flow: cronctl check hands in each file; what is found goes to a stream. */
#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

#include <stdbool.h>
#include <stdio.h>

struct conf;
struct dialect;

struct check {
	const struct dialect *dialect; /* of crontabs; never NULL */
	bool system;                   /* crontabs have a user column */
	const struct conf *conf;       /* crond.conf in force; NULL: it is not known */
	FILE *out;                     /* "FILE:LINE:COL: error|warning: ..." */
};

/* A task file (its name ends in .conf), crond.conf itself, or a crontab; those in the
 * dialect's places of the system have a user column anyhow. 0; 1: there were errors, or it
 * cannot be read. */
int check_file(const struct check *c, const char *path);

#endif
