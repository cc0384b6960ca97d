/* cage: what a helper may do from here on, and which files it may reach: no more than it needs.
 * Flow: a helper's main, once all is open that is opened once. What others send it is read in here.
 *
 * System calls are judged by a seccomp filter, paths by Landlock. What the kernel lacks of these is
 * said and gone without. */
#ifndef BASE_CAGE_H
#define BASE_CAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "crond/base/diag.h"

/* Beside what everybody needs: reading, writing, waiting, memory, time. */
enum cage_may {
	CAGE_NET = 1,      /* connect by IP, ask for names and routes, map shared libraries */
	CAGE_THREADS = 2,  /* start threads; no process in any case */
	CAGE_SOCKETS = 4,  /* connect to local services, by Unix sockets */
	CAGE_MOVES = 8,    /* move files from one of its directories to another */
};

struct cage_path {
	const char *path; /* what is not there is left out */
	bool writes;      /* everything below it, but to make links and devices, and to execute */
};

struct cage {
	unsigned may; /* enum cage_may */
	const struct cage_path *paths;
	size_t count;
	pid_t signals; /* whom it may signal, beside itself; 0: nobody */
};

/* Shuts the calling thread in, and whatever it starts later, for good; it can gain no privilege any
 * more. 0; -1: d says what is lacking, and the rest is done. */
int cage_enter(const struct cage *c, struct diag *d);

#endif
