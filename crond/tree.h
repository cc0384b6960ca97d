/* tree: every process that a job has left.
 * Flow: the guard signals them when a run is to be stopped, until none is left. */
#ifndef CROND_TREE_H
#define CROND_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whom a job consists of. */
struct tree {
	pid_t job;    /* its session, its process group and all descendants of this process */
	int cgroup;   /* and who is in there; -1: it has none */
};

/* Sends sig to each living process of the job. Stopped ones are woken, so that they can act
 * on it. Processes that fork meanwhile may be missed: call it again until it says 0. How many
 * there were; without /proc the group alone is reached, and 1 stands for somebody. sig 0
 * only counts. */
int tree_signal(const struct tree *t, int sig);
/* Kills what has been handed to us, its subreaper, for as long as more keeps coming (and no
 * longer than a moment): who forks and ends at once is gone before a look around finds it.
 * The main process is left to be waited for. How many there were. */
int tree_hunt(pid_t job);
/* The job of a keeper that died: its cgroup, and the session and descendants of the process
 * that was born between these (CLOCK_BOOTTIME, ns) are killed; a number that is another's by
 * now is not taken for it. How many there were; 0: none can be told to be its. */
int tree_kill_left(const struct tree *t, int64_t born_after_ns, int64_t born_before_ns);

struct tree_usage {
	uint64_t cpu_us, memory_kb; /* memory: resident, now */
	unsigned processes;
};

/* What the living processes of a run use, by its keeper's and its own pid. 0 or -1. */
int tree_usage(pid_t keeper, const struct tree *t, struct tree_usage *u);

#endif
