/* mail: what a run printed, to its owner.
 * Flow: after the outcome stands the keeper hands the output to the mailer, as the
 * job's user; whatever the mailer does, the keeper comes back. */
#ifndef CROND_MAIL_H
#define CROND_MAIL_H

#include <signal.h>
#include <stdbool.h>

#include "crond/spawn.h"

struct launch_shared;
struct mail;
struct output;

enum { MAIL_PATIENCE_MS = 60 * 1000 };

/* What a mail needs of the keeper that sends it. */
struct mail_means {
	struct log *log;
	const sigset_t *mask;              /* while it waits */
	const volatile sig_atomic_t *told; /* to end: nothing is waited for any more */
	struct launch_shared *shared;
	int shared_fd;
	int runs; /* the directory of runs */
};

/* how: run, groups and environment as for the job; both stay until mail_again(). failed:
 * Debian's " (failed)" in the subject. What still comes out of the job's pipes meanwhile is read
 * and forgotten. NULL: it is over; else its mailer cannot take it now, see mail_again(). */
struct mail *mail_send(const struct mail_means *means, const struct spawn *how, struct output *o,
	bool failed);
/* Tries it again, for some minutes, until it is taken or given up, which the log has. NULL: nothing. */
void mail_again(struct mail *m);

#endif
