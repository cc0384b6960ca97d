/* procstat: what the kernel shows of a process in one line.
 * Flow: tree looks for all that a run has left by it, sender for whose child somebody is. */
#ifndef CROND_PROCSTAT_H
#define CROND_PROCSTAT_H

#include <stdint.h>
#include <sys/types.h>

struct procstat {
	pid_t parent, group, session;
	char state;
	uint64_t born;     /* ticks since the system's start */
	uint64_t cpu;      /* ticks, by itself and by the kernel for it */
	uint64_t resident; /* pages */
};

/* Reads "PID/stat" below the directory open as proc, or "/proc/PID/stat". 0; -1: there is no such
 * process, or no more. */
int procstat_read(int proc, const char *path, struct procstat *p);

#endif
