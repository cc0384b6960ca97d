/* sender: is who sent a message of the run that it is about?
 * Flow: heart asks with the kernel's word on pid and uid. */
#include "config.h"

#include "crond/sender.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/kernel.h"

enum { GENERATIONS = 256 };

struct process {
	pid_t parent, group, session;
};

static ssize_t proc_read(pid_t pid, const char *file, char *text, size_t n)
{
	char path[48];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = read(fd, text, n - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

/* "PID (NAME) STATE PPID PGRP SESSION ..."; NAME may hold anything, so from its end on. */
static int process_read(pid_t pid, struct process *p)
{
	char text[512];
	const char *at;

	if (pid <= 0 || proc_read(pid, "stat", text, sizeof(text)) <= 0)
		return -1;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %*c %d %d %d", &p->parent, &p->group, &p->session) != 3)
		return -1;
	return p->group < 0 ? -1 : 0; /* it was reaped while its file was open */
}

static bool process_is(pid_t pid, uid_t uid)
{
	char text[2048];
	unsigned ids[4];
	const char *at;

	if (proc_read(pid, "status", text, sizeof(text)) <= 0)
		return false;
	at = strstr(text, "\nUid:");
	if (!at || sscanf(at + 5, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
		return false;
	return ids[0] == uid || ids[1] == uid || ids[2] == uid;
}

/* 1 or 0; -1 where a process between the two has just gone. */
static int descends(pid_t pid, struct process p, pid_t job)
{
	const pid_t self = getpid();

	if (job > 1 && (pid == job || p.session == job || p.group == job))
		return 1;
	for (int i = 0; i < GENERATIONS && p.parent > 1; i++) {
		if (p.parent == self || (job > 1 && p.parent == job))
			return 1;
		if (process_read(p.parent, &p) < 0)
			return -1;
	}
	return 0;
}

bool sender_belongs(pid_t pid, uid_t uid, pid_t job, uid_t owner)
{
	bool trusted = uid == owner || uid == 0;
	struct process p;
	int ours;

	if (pid == getpid()) /* systemd-notify speaks for its parent, where root lets it */
		return trusted;
	ours = !kernel_proc_is_ours() || process_read(pid, &p) < 0 ? -1 : descends(pid, p, job);

	if (ours < 0 || trusted)
		return ours && trusted;
	return ours && process_is(pid, uid); /* its pid may be another's by now */
}
