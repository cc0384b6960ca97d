/* tree: every process that a job has left.
 * Flow: the guard signals them when a run is to be stopped, until none is left. */
#ifndef CROND_TREE_H
#define CROND_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* Sends sig to each living process of the job: its session, its process group and all
 * descendants of this process. Stopped ones are woken, so that
 * they can act on it. Processes that fork meanwhile may be missed: call it again until it
 * says 0. How many there were; without /proc the group alone is reached, and 1 stands
 * for somebody. sig 0 only counts. */
int tree_signal(pid_t job, int sig);

#endif
