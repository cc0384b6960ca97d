/* errand: what a keeper has done as the run's user.
 * Flow: files that an option names are opened, made, moved and removed by a child with the
 * user's rights, so that no link of his leads root anywhere. */
#ifndef CROND_ERRAND_H
#define CROND_ERRAND_H

#include <stddef.h>

struct spawn;

enum { ERRAND_PATIENCE_MS = 30 * 1000, ERRAND_TEXT = 4000 };

/* What the child says. */
struct errand {
	int error;              /* 0 or errno */
	char text[ERRAND_TEXT]; /* "": nothing; the errand's own */
	int fd;                 /* -1: none; the caller's to close */
};

/* Runs work(arg, e) in a child of ours, without any descriptor of ours but 0, 1 and 2, and
 * takes over what it leaves in *e. 0; or -1 with e->error: what work
 * left there, ETIMEDOUT after a while in which nothing came, or what kept it from being
 * done at all. Costs a fork: only for runs whose options ask for it. */
int errand_run(const struct spawn *as, void (*work)(void *arg, struct errand *e), void *arg,
        struct errand *e);

#endif
