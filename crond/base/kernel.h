/* kernel: system calls that an old kernel lacks or a container's filter refuses, and what
 * does in their place; and those that are not to go through the C library.
 * Flow: scheduler, launcher, keepers and crontab(1) call them here, and go on without. */
#ifndef BASE_KERNEL_H
#define BASE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Closes every descriptor from first on. Safe between vfork and exec. */
void kernel_close_from(int first);
/* Likewise from first to last. */
void kernel_close_range(int first, int last);
/* A pidfd, or -1 with errno (ESRCH: no such process; anything else: none can be had). */
int kernel_pidfd(pid_t pid);
/* Sends by the pidfd; where that cannot be, or pidfd is -1, by the pid. 0 or -1 with errno. */
int kernel_signal(int pidfd, pid_t pid, int sig);
/* The same with a number that its handler gets, for signals that queue up (SIGRTMIN on). */
int kernel_signal_value(int pidfd, pid_t pid, int sig, int value);
/* Does /proc show our pid namespace? By another's it would tell of other processes by our
 * numbers. */
bool kernel_proc_is_ours(void);
/* Memory to be shared, of that size, as a descriptor; dir: where a file may be made that
 * has no name in the end. -1 with errno. */
int kernel_shared(int dir, size_t size);

/* Ids of the calling thread alone: the library's calls would tell every thread that a PAM
 * module may have left, and between vfork and exec our parent's. gid and uid: the real, the
 * effective and the saved one. 0 or -1 with errno. */
int kernel_groups_set(size_t n, const gid_t *groups);
int kernel_gid_set(gid_t gid);
int kernel_uid_set(uid_t uid);
/* The calling process is killed after so long, unless it has executed a program by then. For a
 * child that shares its parent's memory: takes no lock. 0, or -1 with errno. */
int kernel_execute_within(uint32_t ms);

#endif
