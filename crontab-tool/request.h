/* request: what one call of crontab(1) asks for, and by whom.
 * Flow: options fill it, access judges it, list, remove, install and edit do it. */
#ifndef TOOL_REQUEST_H
#define TOOL_REQUEST_H

#include <stdbool.h>
#include <sys/types.h>

#include "crond/core/dialect.h"
#include "crontab-tool/identity.h"

enum operation { OP_NONE, OP_HELP, OP_LIST, OP_REMOVE, OP_EDIT, OP_REPLACE };

/* Tables above this are refused. */
#define TABLE_MOST ((size_t)64 << 20)

struct request {
	const struct dialect *dialect;
	struct identity identity;
	enum operation operation;
	bool ask;     /* -i */
	bool dry_run; /* -n */
	char *caller; /* login name of the real uid */
	char *user;   /* whose table */
	uid_t uid;    /* of user */
	const char *file; /* OP_REPLACE: as named, "-" is standard input */
	int source;       /* OP_REPLACE: its descriptor, opened as the caller */
};

/* Fills r from the command line; messages go to standard error. 0, or -1 when the
 * program is to end with status 1. r->identity is the caller's afterwards. */
int request_read(struct request *r, int argc, char **argv);
void request_free(struct request *r);
/* The help text, to standard error. */
void request_usage(void);

#endif
