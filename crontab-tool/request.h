/* request: what one call of crontab(1) asks for, and by whom.
 * Flow: options fill it, access judges it, list, remove, install, edit and host do it. */
#ifndef TOOL_REQUEST_H
#define TOOL_REQUEST_H

#include <stdbool.h>
#include <sys/types.h>

#include "crond/core/dialect.h"
#include "crontab-tool/identity.h"

enum operation {
	OP_NONE,
	OP_HELP,
	OP_VERSION,
	OP_LIST,
	OP_REMOVE,
	OP_EDIT,
	OP_REPLACE,
	OP_TEST,     /* cronie's -T: judged, never installed */
	OP_HOST_SET, /* cronie's -n */
	OP_HOST_GET, /* cronie's -c */
};

/* Tables above this are refused. */
#define TABLE_MOST ((size_t)64 << 20)

struct request {
	const struct dialect *dialect;
	const char *spool; /* the directory of tables */
	struct identity identity;
	enum operation operation;
	bool ask;         /* -i */
	bool dry_run;     /* Debian's -n */
	bool no_backup;   /* cronie's -b */
	char *caller;     /* login name of the real uid */
	char *user;       /* whose table */
	uid_t uid;        /* of user */
	const char *file; /* OP_REPLACE, OP_TEST: as named, "-" is standard input */
	int source;       /* its descriptor, opened as the caller */
	const char *host; /* OP_HOST_SET: NULL is this one */
};

/* Fills r, whose place is settled, from the command line; messages go to standard error.
 * 0, or -1 when the program is to end with status 1. The caller's ids are in force. */
int request_read(struct request *r, int argc, char **argv);
void request_free(struct request *r);

#endif
