/* kernel: system calls that an old kernel lacks or a container's filter refuses, and what
 * does in their place; and those that are not to go through the C library.
 * Flow: scheduler, launcher, keepers and crontab(1) call them here, and go on without. */
#include "config.h"

#include "crond/base/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* the kernel's headers may be older than the kernel; these numbers are everybody's */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* where ids once had 16 bits, the calls of the plain names still have */
#ifdef SYS_setresuid32
enum { SETGROUPS = SYS_setgroups32, SETRESGID = SYS_setresgid32, SETRESUID = SYS_setresuid32 };
#else
enum { SETGROUPS = SYS_setgroups, SETRESGID = SYS_setresgid, SETRESUID = SYS_setresuid };
#endif

/* and where times have 32 */
#ifdef SYS_timer_settime64
enum { TIMER_SETTIME = SYS_timer_settime64 };
#else
enum { TIMER_SETTIME = SYS_timer_settime };
#endif

enum { FILES_LOOKED_AT = 4096 };

void kernel_close_range(int first, int last)
{
	if (first > last || syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0U) == 0)
		return;
	for (int fd = first; fd <= last && fd < FILES_LOOKED_AT; fd++)
		close(fd);
}

void kernel_close_from(int first)
{
	struct rlimit files;
	int most = FILES_LOOKED_AT;

	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_LOOKED_AT)
		most = (int)files.rlim_cur;
	for (int fd = first; fd < most; fd++)
		close(fd);
}

int kernel_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int kernel_signal(int pidfd, pid_t pid, int sig)
{
	if (pidfd >= 0) {
		if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == 0)
			return 0;
		if (errno == ESRCH)
			return -1;
	}
	return kill(pid, sig);
}

int kernel_signal_value(int pidfd, pid_t pid, int sig, int value)
{
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = value;
	if (pidfd >= 0) {
		if (syscall(SYS_pidfd_send_signal, pidfd, sig, &info, 0) == 0)
			return 0;
		if (errno == ESRCH || errno == EAGAIN)
			return -1;
	}
	return sigqueue(pid, sig, info.si_value);
}

bool kernel_proc_is_ours(void)
{
	char self[16] = "";

	return readlink("/proc/self", self, sizeof(self) - 1) > 0 &&
		strtol(self, NULL, 10) == getpid();
}

int kernel_shared(int dir, size_t size)
{
	int fd = memfd_create("crond", MFD_CLOEXEC);

	if (fd < 0) {
		fd = openat(dir, "shared", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno == EEXIST && unlinkat(dir, "shared", 0) == 0)
			fd = openat(dir, "shared", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			unlinkat(dir, "shared", 0);
	}
	if (fd >= 0 && ftruncate(fd, (off_t)size) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int kernel_groups_set(size_t n, const gid_t *groups)
{
	return (int)syscall(SETGROUPS, n, groups);
}

int kernel_gid_set(gid_t gid)
{
	return (int)syscall(SETRESGID, gid, gid, gid);
}

int kernel_uid_set(uid_t uid)
{
	return (int)syscall(SETRESUID, uid, uid, uid);
}

/* Its timers end with the program that a process executes. The kernel's own layout: whichever
 * time_t the library has. Not watched: callers' stacks have marks of frames that were left by
 * executing a program. */
__attribute__((no_sanitize("address"))) int kernel_execute_within(uint32_t ms)
{
	struct sigevent kill_us = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	const int64_t at[4] = { 0, 0, ms / 1000, ms % 1000 * INT64_C(1000000) };
	int timer;

	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &kill_us, &timer) != 0)
		return -1;
	return (int)syscall(TIMER_SETTIME, timer, 0, at, NULL);
}
