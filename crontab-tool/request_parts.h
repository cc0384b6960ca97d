/* request_parts: what the two dialects' command lines are read with.
 * Flow: request.c picks one of the readers; both use its parts. */
#ifndef TOOL_REQUEST_PARTS_H
#define TOOL_REQUEST_PARTS_H

#include "crontab-tool/request.h"

/* 0, or -1 after a message. r->source, caller, user and uid are set before. */
int request_debian(struct request *r, int argc, char **argv);
int request_cronie(struct request *r, int argc, char **argv);

/* Says what, and how it would be right: -1. */
int request_wrong(const struct request *r, const char *what);
/* Takes an operation, unless there is one: 0 or -1. */
int request_take(struct request *r, enum operation operation);
/* Whose table it is about, by name only: a number is a name like any other. 0 or -1. */
int request_user(struct request *r, const char *name);
/* Opens r->file, "-" being standard input: 0, or -1 with errno. */
int request_source(struct request *r, bool regular);

#endif
