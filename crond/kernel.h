/* kernel: system calls that an old kernel lacks or a container's filter refuses, and what
 * does in their place.
 * Flow: scheduler, launcher and keepers call them here, and go on without. */
#ifndef CROND_KERNEL_H
#define CROND_KERNEL_H

#include <stddef.h>
#include <sys/types.h>

/* Closes every descriptor from first on. Safe between vfork and exec. */
void kernel_close_from(int first);
/* A pidfd, or -1 with errno (ESRCH: no such process; anything else: none can be had). */
int kernel_pidfd(pid_t pid);
/* Sends by the pidfd; where that cannot be, or pidfd is -1, by the pid. 0 or -1 with errno. */
int kernel_signal(int pidfd, pid_t pid, int sig);
/* Memory to be shared, of that size, as a descriptor; dir: where a file may be made that
 * has no name in the end. -1 with errno. */
int kernel_shared(int dir, size_t size);

#endif
