/* cgroup: a cgroup v2 of its own for a run.
 * Flow: the keeper makes it below the one that the scheduler has chosen (cgroup_place), the
 * job's process enters it at birth, the guard kills by it, and it is removed at the end. */
#include "config.h"

#include "crond/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/core/options.h"

enum { TEXT_MOST = 64 * 1024, MEMBERS_MOST = 4096, CPU_PERIOD_US = 100000, CPU_LEAST_US = 1000 };

/* --- its files */

/* A short one whole, NUL-terminated. 0 or -1 with errno. */
static int text_read(int dir, const char *file, char *out, size_t n)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, n - 1);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	out[got > 0 ? got : 0] = '\0';
	return got < 0 ? -1 : 0;
}

static int text_write(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return n < 0 ? -1 : 0;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; *text; text += strcspn(text, " \n"), text += strspn(text, " \n"))
		if (strcspn(text, " \n") == n && strncmp(text, word, n) == 0)
			return true;
	return false;
}

/* The number behind a name, in "name number" lines. */
static bool keyed(int dir, const char *file, const char *name, uint64_t *value)
{
	char text[2048];
	const char *at = text;
	size_t n = strlen(name);

	if (text_read(dir, file, text, sizeof(text)) < 0)
		return false;
	while (at && !(strncmp(at, name, n) == 0 && at[n] == ' '))
		at = (at = strchr(at, '\n')) ? at + 1 : NULL;
	if (at)
		*value = strtoull(at + n + 1, NULL, 10);
	return at != NULL;
}

/* --- limits */

struct limit {
	const char *option, *controller, *file;
	uint64_t value;
	char text[48];
};

enum { LIMITS = 3 };

static size_t limits_of(const struct run *r, struct limit out[LIMITS])
{
	const struct limit all[LIMITS] = {
		{ "memory-max", "memory", "memory.max", r->memory_max, "" },
		{ "cpu-quota", "cpu", "cpu.max", r->cpu_quota, "" },
		{ "tasks-max", "pids", "pids.max", r->tasks_max, "" },
	};
	size_t n = 0;

	for (size_t i = 0; i < LIMITS; i++) {
		uint64_t value = all[i].value;

		if (!value)
			continue;
		out[n] = all[i];
		if (i == 1) {
			value = value * (CPU_PERIOD_US / 100) / (OPTION_CPU_WHOLE / 100);
			snprintf(out[n].text, sizeof(out[n].text), "%" PRIu64 " %d",
				value < CPU_LEAST_US ? CPU_LEAST_US : value, CPU_PERIOD_US);
		} else {
			snprintf(out[n].text, sizeof(out[n].text), "%" PRIu64, value);
		}
		n++;
	}
	return n;
}

bool cgroup_needed(const struct run *r)
{
	return r->memory_max || r->cpu_quota || r->tasks_max;
}

/* Has it processes of its own? It cannot hand controllers on then, and must not: who put
 * them there could put no further one there. The system's first cgroup may have both. */
static bool has_members(int base)
{
	char text[32];

	return faccessat(base, "cgroup.events", F_OK, 0) == 0 &&
		(text_read(base, "cgroup.procs", text, sizeof(text)) < 0 || text[0]);
}

static int controller_enable(int base, const struct run *r, const struct limit *l, char *reason, size_t n)
{
	char text[512], word[32];

	snprintf(word, sizeof(word), "+%s", l->controller);
	if (text_read(base, "cgroup.subtree_control", text, sizeof(text)) == 0 &&
		has_word(text, l->controller))
		return 0;
	if (text_read(base, "cgroup.controllers", text, sizeof(text)) < 0 || !has_word(text, l->controller))
		snprintf(reason, n, "%s needs the %s controller of cgroup v2, which %.120s has not",
			l->option, l->controller, r->cgroup);
	else if (has_members(base))
		snprintf(reason, n, "%s needs the %s controller, and %.120s cannot hand it on: it has "
			"processes of its own", l->option, l->controller, r->cgroup);
	else if (text_write(base, "cgroup.subtree_control", word) < 0)
		snprintf(reason, n, "%s: %.120s does not hand on the %s controller: %s", l->option, r->cgroup,
			l->controller, strerror(errno));
	else
		return 0;
	return -1;
}

int cgroup_limit(int cgroup, const struct run *r, char *reason, size_t n)
{
	struct limit limits[LIMITS];
	size_t count = limits_of(r, limits);

	for (size_t i = 0; i < count; i++) {
		if (text_write(cgroup, limits[i].file, limits[i].text) < 0) {
			snprintf(reason, n, "%s: %s cannot be set: %s", limits[i].option, limits[i].file,
				strerror(errno));
			return -1;
		}
		/* what is left of a job whose memory was taken is no job */
		if (strcmp(limits[i].controller, "memory") == 0)
			text_write(cgroup, "memory.oom.group", "1");
	}
	return 0;
}

/* --- making and removing */

static int base_open(const struct run *r)
{
	errno = ENOENT;
	return r->cgroup ? open(r->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

static int make(int base, const struct run *r)
{
	if (mkdirat(base, r->id, 0755) < 0 && (errno != EEXIST ||
		unlinkat(base, r->id, AT_REMOVEDIR) < 0 || mkdirat(base, r->id, 0755) < 0))
		return -1;
	return openat(base, r->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_make(const struct run *r, char *reason, size_t n)
{
	struct limit limits[LIMITS];
	size_t count = limits_of(r, limits);
	int base = base_open(r), cgroup = -1;

	if (base < 0) {
		snprintf(reason, n, "%s needs a cgroup v2, and there is none that we may use%s%.120s",
			count ? limits[0].option : "it", r->cgroup ? ": " : "", r->cgroup ? r->cgroup : "");
		return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (controller_enable(base, r, &limits[i], reason, n) < 0)
			goto out;
	cgroup = make(base, r);
	if (cgroup < 0) {
		snprintf(reason, n, "no cgroup can be made in %.120s: %s", r->cgroup, strerror(errno));
	} else if (cgroup_limit(cgroup, r, reason, n) < 0) {
		close(cgroup);
		unlinkat(base, r->id, AT_REMOVEDIR);
		cgroup = -1;
	}
out:
	close(base);
	return cgroup;
}

int cgroup_find(const struct run *r)
{
	int base = base_open(r), cgroup;

	if (base < 0)
		return -1;
	cgroup = openat(base, r->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	close(base);
	return cgroup;
}

void cgroup_remove(const struct run *r)
{
	int base = base_open(r);

	if (base < 0)
		return;
	unlinkat(base, r->id, AT_REMOVEDIR);
	close(base);
}

int cgroup_door(int cgroup)
{
	return openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
}

/* --- what is in it */

static void members_parse(const char *text, pid_t *pids, size_t most, size_t *n)
{
	while (*text && *n < most) {
		char *end;
		long pid = strtol(text, &end, 10);

		if (end == text)
			return;
		if (pid > 1) /* 0: of a pid namespace that we do not see */
			pids[(*n)++] = (pid_t)pid;
		text = end + strspn(end, "\n");
	}
}

ssize_t cgroup_members(int cgroup, pid_t *pids, size_t most)
{
	static char text[TEXT_MOST]; /* costs pages only once it is used */
	size_t n = 0;

	if (text_read(cgroup, "cgroup.procs", text, sizeof(text)) < 0)
		return -1;
	members_parse(text, pids, most, &n);
	return (ssize_t)n;
}

void cgroup_kill(int cgroup)
{
	static pid_t pids[MEMBERS_MOST];
	ssize_t n;

	if (text_write(cgroup, "cgroup.kill", "1") == 0)
		return;
	n = cgroup_members(cgroup, pids, MEMBERS_MOST);
	for (ssize_t i = 0; i < n; i++)
		if (pids[i] != getpid())
			kernel_signal(-1, pids[i], SIGKILL);
}

/* --- what it has used */

bool cgroup_cpu(int cgroup, uint64_t *us)
{
	return keyed(cgroup, "cpu.stat", "usage_usec", us);
}

bool cgroup_memory(int cgroup, bool peak, uint64_t *kb)
{
	char text[32];

	if (text_read(cgroup, peak ? "memory.peak" : "memory.current", text, sizeof(text)) < 0)
		return false;
	*kb = strtoull(text, NULL, 10) / 1024;
	return true;
}

uint64_t cgroup_oom_kills(int cgroup)
{
	uint64_t kills = 0;

	keyed(cgroup, "memory.events", "oom_kill", &kills);
	return kills;
}
