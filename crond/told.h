/* told: what a keeper is told by signals while it guards a run.
 * Flow: the scheduler (ask.c) sends them, the keeper looks at what it was told when its
 * wait ends. Which signals mean what stands in crond/launch.h. */
#ifndef CROND_TOLD_H
#define CROND_TOLD_H

#include <signal.h>
#include <stdbool.h>

/* Once, in the launcher: its keepers have the handlers from birth. */
void told_prepare(void);
/* In a keeper: from here on they arrive only while it waits with *waiting. */
void told_begin(sigset_t *waiting);
/* SIGTERMs so far; is there anything else? */
const volatile sig_atomic_t *told_to_end(void);
const volatile sig_atomic_t *told_something(void);
/* Forgets that there is, before it is looked at. */
void told_look(void);
/* The next signal for the job of this run, or from RUN_SIGNAL_STOP on why it is to be stopped,
 * taken; 0: none. */
int told_signal(const char *id);

#endif
