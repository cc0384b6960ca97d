/* tree: every process that a job has left.
 * Flow: the guard signals them when a run is to be stopped, until none is left. */
#ifndef CROND_TREE_H
#define CROND_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sends sig to each living process of the job: its session, its process group and all
 * descendants of this process. Stopped ones are woken, so that
 * they can act on it. Processes that fork meanwhile may be missed: call it again until it
 * says 0. How many there were; without /proc the group alone is reached, and 1 stands
 * for somebody. sig 0 only counts. */
int tree_signal(pid_t job, int sig);
/* The job of a keeper that died: its session, group and descendants are killed, if its process
 * is the one that was born between these (CLOCK_BOOTTIME, ns), and the number is not another's
 * by now. How many there were; 0: none can be told to be its. */
int tree_kill_left(pid_t job, int64_t born_after_ns, int64_t born_before_ns);

#endif
