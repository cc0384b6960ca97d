/* dress: priorities and limits of a job, as its options have them.
 * Flow: the job's process puts them on before it takes its user's identity, since raising
 * needs rights; behind what PAM's modules have set. */
#include "config.h"

#include "crond/dress.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crond/core/cpus.h"
#include "crond/core/run.h"

enum { IO_PROCESS = 1, IO_CLASS_SHIFT = 13 }; /* no header of the C library has them */

/* By number throughout: in crond-launcher-pam the library's calls are others. */

/* A user's own wish may not undo what a PAM module has set: as the kernel sees to it where
 * we are not root. */
static int nice_put_on(int nice, bool own)
{
	if (own && 20 - nice > syscall(SYS_getpriority, PRIO_PROCESS, 0)) {
		errno = EPERM;
		return -1;
	}
	if (syscall(SYS_setpriority, PRIO_PROCESS, 0, nice) != 0)
		return -1;
	errno = EPERM;
	return syscall(SYS_getpriority, PRIO_PROCESS, 0) == 20 - nice ? 0 : -1;
}

static int ionice_put_on(uint32_t priority)
{
	if (syscall(SYS_ioprio_set, IO_PROCESS, 0, (int)priority) != 0)
		return -1;
	errno = EPERM; /* of the idle class only the class counts */
	return syscall(SYS_ioprio_get, IO_PROCESS, 0) >> IO_CLASS_SHIFT ==
	                (long)(priority >> IO_CLASS_SHIFT)
	        ? 0
	        : -1;
}

/* The kernel leaves those out that are not there; where none is it says so. */
static int cpus_put_on(const char *text)
{
	unsigned char bits[CPUS_MOST / 8];

	errno = EINVAL;
	if (cpus_parse((struct slice){ text, strlen(text) }, bits, NULL) < 0)
		return -1;
	return syscall(SYS_sched_setaffinity, 0, sizeof(bits), bits) == 0 ? 0 : -1;
}

static int limit_put_on(const struct dress_limit *l)
{
	uint64_t want[2] = { l->soft, l->hard }, have[2];

	if (syscall(SYS_prlimit64, 0, l->resource, NULL, have) != 0)
		return -1;
	errno = EPERM;
	if (l->own && want[1] > have[1])
		return -1;
	if (syscall(SYS_prlimit64, 0, l->resource, want, NULL) != 0 ||
	        syscall(SYS_prlimit64, 0, l->resource, NULL, have) != 0)
		return -1;
	errno = EPERM;
	return memcmp(want, have, sizeof(want)) == 0 ? 0 : -1;
}

static const char *limit_name(uint32_t resource)
{
	static const char *const names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = "limit-cpu",
		[RLIMIT_FSIZE] = "limit-fsize",
		[RLIMIT_DATA] = "limit-data",
		[RLIMIT_STACK] = "limit-stack",
		[RLIMIT_CORE] = "limit-core",
		[RLIMIT_RSS] = "limit-rss",
		[RLIMIT_NPROC] = "limit-nproc",
		[RLIMIT_NOFILE] = "limit-nofile",
		[RLIMIT_MEMLOCK] = "limit-memlock",
		[RLIMIT_AS] = "limit-as",
		[RLIMIT_LOCKS] = "limit-locks",
		[RLIMIT_SIGPENDING] = "limit-sigpending",
		[RLIMIT_MSGQUEUE] = "limit-msgqueue",
		[RLIMIT_NICE] = "limit-nice",
		[RLIMIT_RTPRIO] = "limit-rtprio",
		[RLIMIT_RTTIME] = "limit-rttime",
	};

	return resource < RLIM_NLIMITS ? names[resource] : "a limit";
}

int dress_put_on(const struct dress *d, const char **what)
{
	for (size_t i = 0; i + sizeof(struct dress_limit) <= d->limits.n;
	        i += sizeof(struct dress_limit)) {
		struct dress_limit l;

		memcpy(&l, d->limits.s + i, sizeof(l));
		*what = limit_name(l.resource);
		if (limit_put_on(&l) < 0)
			return -1;
	}
	*what = "nice";
	if (d->given & DRESS_NICE && nice_put_on((int)d->nice, d->given & DRESS_NICE_OWN) < 0)
		return -1;
	*what = "ionice";
	if (d->given & DRESS_IONICE && ionice_put_on(d->ionice) < 0)
		return -1;
	*what = "cpu-affinity";
	return d->cpus ? cpus_put_on(d->cpus) : 0;
}
