/* sender: is who sent a message of the run that it is about?
 * Flow: heart asks with the kernel's word on pid and uid. */
#include "config.h"

#include "crond/sender.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/procstat.h"

enum { GENERATIONS = 256 };

static int process_read(pid_t pid, struct procstat *p)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || procstat_read(AT_FDCWD, path, p) < 0)
		return -1;
	return p->group < 0 ? -1 : 0; /* it was reaped while its file was open */
}

/* By one of its user ids: the real one, the effective, the saved. */
static bool process_is(pid_t pid, uid_t uid)
{
	char text[2048], *at, *end;
	bool is = false;
	ssize_t n;
	int fd;

	snprintf(text, sizeof(text), "/proc/%d/status", (int)pid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\nUid:");
	if (!at)
		return false;
	at += strlen("\nUid:");
	for (int i = 0; i < 3; i++, at = end)
		is |= strtoul(at, &end, 10) == uid && end != at;
	return is;
}

/* 1 or 0; -1 where a process between the two has just gone. */
static int descends(pid_t pid, struct procstat p, pid_t job)
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
	struct procstat p;
	int ours;

	if (pid == getpid()) /* systemd-notify speaks for its parent, where root lets it */
		return trusted;
	ours = !kernel_proc_is_ours() || process_read(pid, &p) < 0 ? -1 : descends(pid, p, job);

	if (ours < 0 || trusted)
		return ours && trusted;
	return ours && process_is(pid, uid); /* its pid may be another's by now */
}
