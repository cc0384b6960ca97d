/* inject_calls: the system calls that may be failed, and what kind each is of.
 * Flow: inject traps these; a new one is a row here and, for its errors, in nth_inject.py. */
#include "inject_calls.h"

#include <stddef.h>
#include <sys/syscall.h>

/* Calls of interest. What one architecture has not is missing there. */
const struct call calls[] = {
#define CALL(name, kind)                \
	{                               \
		SYS_##name, kind, false \
	}
#define BYTES(name, kind)              \
	{                              \
		SYS_##name, kind, true \
	}
#ifdef SYS_fork
	CALL(fork, "fork"),
	CALL(vfork, "fork"),
#endif
	CALL(clone, "fork"),
	CALL(clone3, "fork"),
	CALL(execve, "exec"),
	CALL(execveat, "exec"),
#ifdef SYS_open
	CALL(open, "open"),
	CALL(rename, "rename"),
	CALL(mkdir, "mkdir"),
	CALL(unlink, "unlink"),
	CALL(rmdir, "unlink"),
	CALL(link, "link"),
	CALL(symlink, "link"),
	CALL(pipe, "pipe"),
	CALL(dup2, "dup"),
	CALL(stat, "stat"),
	CALL(lstat, "stat"),
	CALL(chmod, "chmod"),
	CALL(chown, "chown"),
	CALL(lchown, "chown"),
	CALL(epoll_create, "epoll_create"),
	CALL(epoll_wait, "epoll_wait"),
	CALL(poll, "poll"),
	CALL(select, "poll"),
	CALL(access, "access"),
	CALL(readlink, "readlink"),
	CALL(getdents, "getdents"),
	CALL(eventfd, "eventfd"),
	CALL(inotify_init, "inotify"),
	CALL(utimes, "utimens"),
#endif
#ifdef SYS_renameat
	CALL(renameat, "rename"),
#endif
	CALL(renameat2, "rename"),
	CALL(openat, "open"),
#ifdef SYS_openat2
	CALL(openat2, "open"),
#endif
	CALL(mkdirat, "mkdir"),
	CALL(unlinkat, "unlink"),
	CALL(linkat, "link"),
	CALL(symlinkat, "link"),
	BYTES(read, "read"),
	BYTES(pread64, "read"),
	CALL(readv, "readv"),
	BYTES(write, "write"),
	BYTES(pwrite64, "write"),
	CALL(writev, "writev"),
	CALL(fsync, "fsync"),
	CALL(fdatasync, "fsync"),
	CALL(sync_file_range, "fsync"),
	CALL(ftruncate, "ftruncate"),
	CALL(fallocate, "ftruncate"),
	CALL(fchmod, "chmod"),
	CALL(fchmodat, "chmod"),
	CALL(fchown, "chown"),
	CALL(fchownat, "chown"),
	CALL(utimensat, "utimens"),
#ifdef SYS_newfstatat
	CALL(newfstatat, "stat"),
#endif
	CALL(fstat, "stat"),
#ifdef SYS_statx
	CALL(statx, "stat"),
#endif
	CALL(statfs, "statfs"),
	CALL(fstatfs, "statfs"),
	CALL(faccessat, "access"),
	CALL(readlinkat, "readlink"),
	CALL(getdents64, "getdents"),
	CALL(lseek, "lseek"),
	CALL(setuid, "setuid"),
	CALL(setreuid, "setuid"),
	CALL(setresuid, "setuid"),
	CALL(setgid, "setgid"),
	CALL(setregid, "setgid"),
	CALL(setresgid, "setgid"),
	CALL(setgroups, "setgroups"),
	CALL(setfsuid, "setuid"),
	CALL(setfsgid, "setgid"),
	CALL(setsid, "setsid"),
	CALL(setpgid, "setsid"),
	CALL(chdir, "chdir"),
	CALL(fchdir, "chdir"),
	CALL(epoll_create1, "epoll_create"),
	CALL(epoll_ctl, "epoll_ctl"),
	CALL(epoll_pwait, "epoll_wait"),
	CALL(ppoll, "poll"),
	CALL(pselect6, "poll"),
	CALL(pipe2, "pipe"),
	CALL(socket, "socket"),
	CALL(socketpair, "socketpair"),
	CALL(connect, "connect"),
	CALL(bind, "bind"),
	CALL(listen, "listen"),
#ifdef SYS_accept
	CALL(accept, "accept"),
#endif
	CALL(accept4, "accept"),
	CALL(sendmsg, "send"),
	CALL(sendto, "send"),
	CALL(sendmmsg, "send"),
	CALL(recvmsg, "recv"),
	CALL(recvfrom, "recv"),
	CALL(recvmmsg, "recv"),
	CALL(setsockopt, "sockopt"),
	CALL(getsockopt, "sockopt"),
	CALL(shutdown, "shutdown"),
	CALL(fcntl, "fcntl"),
	CALL(flock, "flock"),
	CALL(timerfd_create, "timerfd_create"),
	CALL(timerfd_settime, "timerfd_settime"),
#ifdef SYS_pidfd_open
	CALL(pidfd_open, "pidfd_open"),
	CALL(pidfd_send_signal, "kill"),
#endif
	CALL(kill, "kill"),
	CALL(dup, "dup"),
	CALL(dup3, "dup"),
	CALL(mmap, "mmap"),
	CALL(mremap, "mmap"),
	CALL(brk, "brk"),
	CALL(memfd_create, "memfd"),
	CALL(signalfd4, "signalfd"),
	CALL(eventfd2, "eventfd"),
	CALL(inotify_init1, "inotify"),
	CALL(inotify_add_watch, "inotify_add"),
	CALL(prlimit64, "rlimit"),
#ifdef SYS_setrlimit
	CALL(setrlimit, "rlimit"),
#endif
	CALL(prctl, "prctl"),
	CALL(wait4, "wait"),
	CALL(waitid, "wait"),
	CALL(setpriority, "priority"),
	CALL(sched_setaffinity, "priority"),
	CALL(ioprio_set, "priority"),
	CALL(getrandom, "getrandom"),
	CALL(sendfile, "sendfile"),
	CALL(splice, "sendfile"),
	CALL(copy_file_range, "sendfile"),
	CALL(close, "close"),
	CALL(rt_sigaction, "sigaction"),
	CALL(rt_sigprocmask, "sigaction"),
	CALL(capset, "capset"),
#ifdef SYS_close_range
	CALL(close_range, "close_range"),
#endif
};

const size_t call_count = sizeof(calls) / sizeof(calls[0]);

const struct call *call_find(int number)
{
	for (size_t i = 0; i < call_count; i++) {
		if (calls[i].number == number)
			return &calls[i];
	}
	return NULL;
}
