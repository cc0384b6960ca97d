/* procstat: what the kernel shows of a process in one line.
 * Flow: tree looks for all that a run has left by it, sender for whose child somebody is. */
#include "config.h"

#include "crond/procstat.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As proc(5) counts them; the state, the third, is no number. */
enum { PARENT = 4, GROUP, SESSION, CPU_USER = 14, CPU_SYSTEM, BORN = 22, RESIDENT = 24, FIELDS };

/* "PID (NAME) STATE PPID PGRP SESSION ..."; NAME may hold anything, so from its end on. */
static int fields_take(const char *text, char *state, long long fields[FIELDS])
{
	const char *at = strrchr(text, ')');
	char *end;

	if (!at || at[1] != ' ' || !at[2])
		return -1;
	*state = at[2];
	at += 3;
	for (int i = PARENT; i < FIELDS; i++, at = end) {
		fields[i] = strtoll(at, &end, 10);
		if (end == at)
			return -1;
	}
	return 0;
}

int procstat_read(int proc, const char *path, struct procstat *p)
{
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	long long fields[FIELDS];
	char text[1024];
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	if (fields_take(text, &p->state, fields) < 0)
		return -1;
	p->parent = (pid_t)fields[PARENT];
	p->group = (pid_t)fields[GROUP];
	p->session = (pid_t)fields[SESSION];
	p->born = (uint64_t)fields[BORN];
	p->cpu = (uint64_t)(fields[CPU_USER] + fields[CPU_SYSTEM]);
	p->resident = (uint64_t)fields[RESIDENT];
	return 0;
}
