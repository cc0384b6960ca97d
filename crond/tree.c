/* tree: every process that a job has left.
 * Flow: the guard signals them when a run is to be stopped, until none is left. */
#include "config.h"

#include "crond/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/kernel.h"

struct process {
	pid_t pid, parent, group, session;
	unsigned long long born;
	char state;
	bool ours;
};

struct snapshot {
	struct process *at;
	size_t n, cap;
};

/* "PID (NAME) STATE PPID PGRP SESSION ..."; NAME may hold anything, so from its end on. */
static int process_read(int proc, const char *pid, struct process *p)
{
	char path[64], text[1024];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%.16s/stat", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	at = strrchr(text, ')');
	p->pid = atoi(pid);
	p->ours = false;
	return at && sscanf(at + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
		" %*d %*d %llu", &p->state, &p->parent, &p->group, &p->session, &p->born) == 5 ? 0 : -1;
}

static int snapshot_add(struct snapshot *s, const struct process *p)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256;
		struct process *at = realloc(s->at, cap * sizeof(*at));

		if (!at)
			return -1;
		s->at = at;
		s->cap = cap;
	}
	s->at[s->n++] = *p;
	return 0;
}

static int snapshot_take(struct snapshot *s, DIR *dir)
{
	struct dirent *e;
	struct process p;

	while ((e = readdir(dir)))
		if (*e->d_name >= '1' && *e->d_name <= '9' &&
			process_read(dirfd(dir), e->d_name, &p) == 0 && snapshot_add(s, &p) < 0)
			return -1;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool parent_is_ours(const struct snapshot *s, const struct process *p, pid_t self)
{
	struct process key = { .pid = p->parent };
	const struct process *parent;

	if (p->parent == self)
		return true;
	parent = bsearch(&key, s->at, s->n, sizeof(*s->at), by_pid);
	return parent && parent->ours;
}

/* Until nothing changes: a child may have a smaller pid than its parent. */
static void snapshot_mark(struct snapshot *s, pid_t job, pid_t self)
{
	bool changed = true;

	qsort(s->at, s->n, sizeof(*s->at), by_pid);
	while (changed) {
		changed = false;
		for (size_t i = 0; i < s->n; i++) {
			struct process *p = &s->at[i];

			if (p->ours || p->pid == self)
				continue;
			p->ours = p->session == job || p->group == job || p->pid == job ||
				parent_is_ours(s, p, self);
			changed |= p->ours;
		}
	}
}

/* By a pidfd that is known to be the process that was seen: numbers are given again. */
static void process_signal(int proc, const struct process *seen, int sig)
{
	char pid[16];
	struct process now;
	int fd = kernel_pidfd(seen->pid);

	if (fd < 0 && errno == ESRCH)
		return;
	snprintf(pid, sizeof(pid), "%d", (int)seen->pid);
	if (process_read(proc, pid, &now) == 0 && now.born == seen->born) {
		kernel_signal(fd, seen->pid, sig);
		if (sig != SIGKILL && sig != SIGCONT)
			kernel_signal(fd, seen->pid, SIGCONT);
	}
	if (fd >= 0)
		close(fd);
}

static int group_signal(pid_t job, int sig)
{
	if (job <= 1 || kill(-job, sig) < 0)
		return 0;
	if (sig && sig != SIGKILL)
		kill(-job, SIGCONT);
	return 1;
}

/* Of another pid namespace it would name other processes by our numbers. */
static bool is_ours(int proc)
{
	char self[16] = "";
	ssize_t n = readlinkat(proc, "self", self, sizeof(self) - 1);

	return n > 0 && atoi(self) == getpid();
}

/* All that are marked: how many live. sig 0 only counts. */
static int snapshot_signal(const struct snapshot *s, int proc, int sig)
{
	int count = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!s->at[i].ours || s->at[i].state == 'Z' || s->at[i].state == 'X')
			continue;
		count++;
		if (sig)
			process_signal(proc, &s->at[i], sig);
	}
	return count;
}

int tree_signal(pid_t job, int sig)
{
	struct snapshot s = { 0 };
	DIR *dir = opendir("/proc");
	int count = 0;

	if (!dir || !is_ours(dirfd(dir)) || snapshot_take(&s, dir) < 0 || s.n == 0) {
		count = group_signal(job, sig);
		goto out;
	}
	snapshot_mark(&s, job, getpid());
	count = snapshot_signal(&s, dirfd(dir), sig);
out:
	if (dir)
		closedir(dir);
	free(s.at);
	return count;
}

/* The kernel shows births in ticks, cut off. */
static bool born_between(const struct snapshot *s, pid_t job, int64_t after_ns, int64_t before_ns)
{
	const int64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
	const struct process key = { .pid = job };
	const struct process *p = bsearch(&key, s->at, s->n, sizeof(*s->at), by_pid);
	int64_t born_ns = p ? (int64_t)p->born * tick_ns : 0;

	return p && p->state != 'Z' && born_ns > after_ns - tick_ns && born_ns <= before_ns;
}

int tree_kill_left(pid_t job, int64_t born_after_ns, int64_t born_before_ns)
{
	struct snapshot s = { 0 };
	DIR *dir = job > 1 ? opendir("/proc") : NULL;
	int count = 0;

	if (dir && is_ours(dirfd(dir)) && snapshot_take(&s, dir) == 0) {
		qsort(s.at, s.n, sizeof(*s.at), by_pid);
		if (born_between(&s, job, born_after_ns, born_before_ns)) {
			snapshot_mark(&s, job, -1);
			count = snapshot_signal(&s, dirfd(dir), SIGKILL);
		}
	}
	if (dir)
		closedir(dir);
	free(s.at);
	return count;
}
