/* start: what one start is put together from.
 * Flow: start (may it start, the claim) and start_run (what exactly is to be run). */
#ifndef CROND_START_H
#define CROND_START_H

#include "crond/crond.h"

struct start {
	struct crond *c;
	const struct job *job;
	const struct timer *timer; /* NULL: none is known (@reboot, a daemon) */
	const struct job_common *common;
	enum start_cause cause;
	int64_t scheduled;
	const char *by;            /* who asked; NULL: nobody */
	char name[JOB_NAME_MOST], id[RUN_ID_MOST], place[PATH_MAX + 16];
	char notify[SAID_SOCKET_MOST]; /* its socket; "": none */
	struct buf env, words;
	struct run run;
	const char *refused;       /* why it is not to be, NULL: no such reason */
};

/* Fills s->run; it points into *s, the job's file and the scratch arena. 0; -1: memory, or s->refused. */
int start_run_fill(struct start *s);
/* Its dress, from its job's options; part of it. 0; -1: memory, or s->refused. */
int start_dress(struct start *s);
/* Another id: what of the run names it is made anew. */
void start_run_renamed(struct start *s);

#endif
