/* mail: what a run printed, to its owner.
 * Flow: after the outcome stands the keeper hands the output to the mailer, as the
 * job's user; whatever the mailer does, the keeper comes back. */
#ifndef CROND_MAIL_H
#define CROND_MAIL_H

#include <signal.h>
#include <stdbool.h>

#include "crond/spawn.h"

struct output;

enum { MAIL_PATIENCE_MS = 60 * 1000 };

/* how: run, groups and environment as for the job. failed: Debian's " (failed)" in the
 * subject. What still comes out of the job's pipes meanwhile is read and forgotten. */
void mail_send(const struct spawn *how, struct log *log, struct output *o, bool failed,
	const sigset_t *mask);

#endif
