/* logline: how a line looks on standard error: for people, or as JSON for collectors.
 * Flow: log puts what is to be said in here and writes what comes out, in one piece. */
#ifndef CROND_LOGLINE_H
#define CROND_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "crond/base/slice.h"
#include "crond/journal.h"

/* As much as a pipe takes whole or not at all (PIPE_BUF), however many write to it. */
enum { LOGLINE_MOST = 4096 };

/* Who speaks: we ourselves (tag and pid), or a job (job, run and stream). */
struct logline {
	int priority;       /* syslog's */
	const char *tag;    /* NULL: a job */
	pid_t pid;
	const char *job, *run, *stream;
	const struct log_about *about; /* of our own, in JSON; NULL: nothing particular */
	bool json;
	bool more;          /* the text goes on: half a character at its end is left for later */
};

/* One line with its end, now; its length. *taken: how many bytes of text went in. Control
 * bytes and what is no UTF-8 are spelled out. No memory is allocated. */
size_t logline_put(char out[LOGLINE_MOST], const struct logline *l, struct slice text, size_t *taken);

#endif
