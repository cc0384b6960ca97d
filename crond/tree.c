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
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/cgroup.h"
#include "crond/procstat.h"

enum { MEMBERS_MOST = 4096, HUNT_ROUNDS = 2000 };
static const int64_t TICK_NS = INT64_C(1000000000) / 100; /* of the times in /proc */

struct process {
	pid_t pid;
	bool ours;
	struct procstat is;
};

struct snapshot {
	struct process *at;
	size_t n, cap;
};

static int process_read(int proc, const char *pid, struct process *p)
{
	char path[64];

	snprintf(path, sizeof(path), "%.16s/stat", pid);
	*p = (struct process){ .pid = (pid_t)strtol(pid, NULL, 10) };
	return procstat_read(proc, path, &p->is);
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

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* By their pids. */
static int snapshot_take(struct snapshot *s, DIR *dir)
{
	struct dirent *e;
	struct process p;

	while ((e = readdir(dir)))
		if (*e->d_name >= '1' && *e->d_name <= '9' &&
			process_read(dirfd(dir), e->d_name, &p) == 0 && snapshot_add(s, &p) < 0)
			return -1;
	if (s->n)
		qsort(s->at, s->n, sizeof(*s->at), by_pid);
	return 0;
}

static struct process *snapshot_find(const struct snapshot *s, pid_t pid)
{
	const struct process key = { .pid = pid };

	return s->n ? bsearch(&key, s->at, s->n, sizeof(*s->at), by_pid) : NULL;
}

static bool parent_is_ours(const struct snapshot *s, const struct process *p, pid_t self)
{
	const struct process *parent;

	if (p->is.parent == self)
		return true;
	parent = snapshot_find(s, p->is.parent);
	return parent && parent->ours;
}

static void mark_members(struct snapshot *s, int cgroup)
{
	static pid_t pids[MEMBERS_MOST];
	ssize_t n = cgroup < 0 ? 0 : cgroup_members(cgroup, pids, MEMBERS_MOST);

	for (ssize_t i = 0; i < n; i++) {
		struct process *p = snapshot_find(s, pids[i]);

		if (p)
			p->ours = true;
	}
}

/* Until nothing changes: a child may have a smaller pid than its parent. */
static void snapshot_mark(struct snapshot *s, const struct tree *t, pid_t self)
{
	const pid_t job = t->job;
	bool changed = true;

	mark_members(s, t->cgroup);
	while (changed) {
		changed = false;
		for (size_t i = 0; i < s->n; i++) {
			struct process *p = &s->at[i];

			if (p->ours || p->pid == self)
				continue;
			p->ours = p->is.session == job || p->is.group == job || p->pid == job ||
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
	if (process_read(proc, pid, &now) == 0 && now.is.born == seen->is.born) {
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

/* All that are marked: how many live. sig 0 only counts. */
static int snapshot_signal(const struct snapshot *s, int proc, int sig)
{
	int count = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!s->at[i].ours || s->at[i].is.state == 'Z' || s->at[i].is.state == 'X')
			continue;
		count++;
		if (sig)
			process_signal(proc, &s->at[i], sig);
	}
	return count;
}

int tree_signal(const struct tree *t, int sig)
{
	struct snapshot s = { 0 };
	DIR *dir = opendir("/proc");
	int count = 0;

	if (!dir || !kernel_proc_is_ours() || snapshot_take(&s, dir) < 0 || s.n == 0) {
		count = group_signal(t->job, sig);
		goto out;
	}
	snapshot_mark(&s, t, getpid());
	count = snapshot_signal(&s, dirfd(dir), sig);
out:
	if (dir)
		closedir(dir);
	free(s.at);
	return count;
}

/* --- our own children */

static size_t children_read(char *text, size_t most)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, most - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* Nobody's pid can be given again before we have waited for it. */
int tree_hunt(pid_t job)
{
	char text[4096];
	int count = 0;

	for (int i = 0; i < HUNT_ROUNDS && children_read(text, sizeof(text)); i++) {
		bool other = false;

		for (char *at = text, *end; *at; at = end + strspn(end, " ")) {
			long pid = strtol(at, &end, 10);

			if (end == at)
				return count;
			if (pid > 1)
				kill((pid_t)pid, SIGKILL);
			if (pid <= 1 || pid == job)
				continue;
			other = true;
			count += waitpid((pid_t)pid, NULL, WNOHANG) == pid;
		}
		if (!other)
			break;
	}
	return count;
}

/* --- from outside */

/* Is it a process of the job's session, as far as births tell? A number in use as a session's
 * is given to nobody else: where its leader lives, that is the one we know or another's. The
 * kernel shows births in ticks, cut off. */
static bool is_left(const struct snapshot *s, const struct process *p, pid_t job, int64_t after_ns,
	int64_t before_ns)
{
	const struct process *leader = snapshot_find(s, job);

	if (job <= 1 || p->is.session != job || (int64_t)(p->is.born + 1) * TICK_NS <= after_ns)
		return false;
	return !leader || (int64_t)leader->is.born * TICK_NS <= before_ns;
}

int tree_kill_left(const struct tree *t, int64_t born_after_ns, int64_t born_before_ns)
{
	struct snapshot s = { 0 };
	DIR *dir = opendir("/proc");
	int count = 0;

	if (t->cgroup >= 0)
		cgroup_kill(t->cgroup);
	if (dir && kernel_proc_is_ours() && snapshot_take(&s, dir) == 0) {
		for (size_t i = 0; i < s.n; i++)
			s.at[i].ours = is_left(&s, &s.at[i], t->job, born_after_ns, born_before_ns);
		snapshot_mark(&s, &(struct tree){ -1, t->cgroup }, -1);
		count = snapshot_signal(&s, dirfd(dir), SIGKILL);
	}
	if (dir)
		closedir(dir);
	free(s.at);
	return count;
}

int tree_usage(pid_t keeper, const struct tree *t, struct tree_usage *u)
{
	const uint64_t page_kb = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	struct snapshot s = { 0 };
	DIR *dir = opendir("/proc");
	int rc = -1;

	*u = (struct tree_usage){ 0 };
	if (!dir || !kernel_proc_is_ours() || snapshot_take(&s, dir) < 0)
		goto out;
	snapshot_mark(&s, t, keeper);
	for (size_t i = 0; i < s.n; i++) {
		if (!s.at[i].ours || s.at[i].pid == keeper || s.at[i].is.state == 'Z')
			continue;
		u->processes++;
		u->cpu_us += s.at[i].is.cpu * (1000000 / 100);
		u->memory_kb += s.at[i].is.resident * page_kb;
	}
	rc = 0;
out:
	if (dir)
		closedir(dir);
	free(s.at);
	return rc;
}
