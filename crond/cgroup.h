/* cgroup: a cgroup v2 of its own for a run.
 * Flow: the keeper makes it below the one that the scheduler has chosen (cgroup_place), the
 * job's process enters it at birth, the guard kills by it, and it is removed at the end;
 * where a keeper was killed, who adopts its run does both. */
#ifndef CROND_CGROUP_H
#define CROND_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/core/run.h"

/* Makes the run's cgroup and sets its limits. Its directory, or -1 with a reason. */
int cgroup_make(const struct run *r, char *reason, size_t n);
/* Its limits alone, into a cgroup that is there. 0, or -1 with a reason. */
int cgroup_limit(int cgroup, const struct run *r, char *reason, size_t n);
/* That of a run which was begun before; -1: there is none. */
int cgroup_find(const struct run *r);
/* Does it need one, whatever it costs? */
bool cgroup_needed(const struct run *r);
/* A descriptor that a process enters it by when it writes "0" there; or -1. */
int cgroup_door(int cgroup);
/* Its processes, as we number them, in no order: how many, at most n; -1: not known. */
ssize_t cgroup_members(int cgroup, pid_t *pids, size_t n);
/* Kills all of it, what is being forked too where the kernel can (5.14); call it again while
 * there are members. */
void cgroup_kill(int cgroup);
/* What it has used so far. False: not known (memory: no controller). */
bool cgroup_cpu(int cgroup, uint64_t *us);
bool cgroup_memory(int cgroup, bool peak, uint64_t *kb);
/* How many of it the kernel killed for memory. */
uint64_t cgroup_oom_kills(int cgroup);
/* Fails where something is still in it. */
void cgroup_remove(const struct run *r);

#endif
