/* cage_calls: which system calls a caged helper may make, and what happens at others: one table.
 * Flow: cage makes a filter of it. Whatever is not in it does not exist in there (ENOSYS): a C library
 * that learns to make a new call goes on as under an old kernel. */
#include "config.h"

#include "crond/base/cage_calls.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "crond/base/cage.h"
#include "crond/base/cage_numbers.h"

#ifdef __s390__
enum { CLONE_FLAGS = 1 };
#else
enum { CLONE_FLAGS = 0 };
#endif

enum { NAME_MAPPING = 0x53564d41 }; /* PR_SET_VMA: malloc says what memory is for */

/* clang-format off */
#define ALLOW(call) { .number = SYS_##call }
#define ALLOW_TO(who, call) { .number = SYS_##call, .needs = (who) }
#define ALLOW_IF(call, n, how, v) \
	{ .number = SYS_##call, .test = (how), .argument = (n), .value = (v) }
#define ALLOW_TO_IF(who, call, n, how, v) \
	{ .number = SYS_##call, .needs = (who), .test = (how), .argument = (n), .value = (v) }
#define REFUSE(call, e) { .number = SYS_##call, .answer = CAGE_ERRNO, .error = (e) }
#define REFUSE_IF(call, e, n, how, v) \
	{ .number = SYS_##call, .answer = CAGE_ERRNO, .error = (e), .test = (how), .argument = (n), .value = (v) }
#define KILL(call) { .number = SYS_##call, .answer = CAGE_KILL }

const struct cage_call cage_calls[] = {
#ifdef CAGE_SANITIZED
	ALLOW(clone), ALLOW(ptrace), ALLOW(wait4), ALLOW(prctl), ALLOW(setrlimit), ALLOW(prlimit64),
#endif
	/* what is open */
	ALLOW(read), ALLOW(write), ALLOW(readv), ALLOW(writev), ALLOW(pread64), ALLOW(pwrite64),
	ALLOW(preadv), ALLOW(pwritev), ALLOW(close), ALLOW(lseek), ALLOW(_llseek), ALLOW(fcntl), ALLOW(fcntl64),
	ALLOW(dup), ALLOW(dup2), ALLOW(dup3), ALLOW(pipe), ALLOW(pipe2), ALLOW(eventfd2), ALLOW(close_range),
	ALLOW(fstat), ALLOW(fstat64), ALLOW(fstatfs), ALLOW(fstatfs64), ALLOW(fsync), ALLOW(fdatasync),
	ALLOW(ftruncate), ALLOW(ftruncate64), ALLOW(fallocate), ALLOW(flock), ALLOW(fadvise64),
	ALLOW(memfd_create), ALLOW(sendfile), ALLOW(sendfile64),
	ALLOW_IF(ioctl, 1, CAGE_EQUAL, FIONBIO), ALLOW_IF(ioctl, 1, CAGE_EQUAL, FIONREAD),
	ALLOW_IF(ioctl, 1, CAGE_EQUAL, SIOCGIFINDEX), ALLOW_IF(ioctl, 1, CAGE_EQUAL, SIOCGIFNAME),
	REFUSE(ioctl, ENOTTY),
	/* by path: Landlock and the files' modes say which */
	ALLOW(open), ALLOW(openat), ALLOW(stat), ALLOW(stat64), ALLOW(lstat), ALLOW(lstat64), ALLOW(newfstatat),
	ALLOW(fstatat64), ALLOW(statx), ALLOW(statfs), ALLOW(statfs64), ALLOW(access), ALLOW(faccessat),
	ALLOW(faccessat2), ALLOW(readlink), ALLOW(readlinkat), ALLOW(getcwd), ALLOW(fchdir), ALLOW(getdents),
	ALLOW(getdents64), ALLOW(unlink), ALLOW(unlinkat), ALLOW(rename), ALLOW(renameat), ALLOW(renameat2),
	ALLOW(mkdir), ALLOW(mkdirat), ALLOW(umask), ALLOW(utimensat), ALLOW(utimensat_time64),
	/* its files are its own as they are made */
	REFUSE_IF(fchmod, EPERM, 1, CAGE_BITS, 06000), ALLOW(fchmod), REFUSE(chmod, EPERM), REFUSE(fchmodat, EPERM), REFUSE(chown, EPERM),
	REFUSE(fchown, EPERM), REFUSE(fchownat, EPERM), REFUSE(lchown, EPERM), REFUSE(link, EPERM),
	REFUSE(linkat, EPERM), REFUSE(symlink, EPERM), REFUSE(symlinkat, EPERM), REFUSE(mknod, EPERM),
	REFUSE(mknodat, EPERM), REFUSE(truncate, EPERM),
	/* memory; code that was not there before is for shared libraries alone */
	ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(mincore), ALLOW(membarrier), ALLOW(msync),
	ALLOW_TO_IF(CAGE_NET, mmap, 2, CAGE_BITS, PROT_EXEC), ALLOW_TO_IF(CAGE_NET, mmap2, 2, CAGE_BITS, PROT_EXEC),
	REFUSE_IF(mmap, EACCES, 2, CAGE_BITS, PROT_EXEC), REFUSE_IF(mmap2, EACCES, 2, CAGE_BITS, PROT_EXEC),
	REFUSE_IF(mprotect, EACCES, 2, CAGE_BITS, PROT_EXEC),
	ALLOW(mmap), ALLOW(mmap2), ALLOW(mprotect),
	/* waiting */
	ALLOW(poll), ALLOW(ppoll), ALLOW(ppoll_time64), ALLOW(select), ALLOW(_newselect), ALLOW(pselect6),
	ALLOW(pselect6_time64), ALLOW(epoll_create), ALLOW(epoll_create1), ALLOW(epoll_ctl), ALLOW(epoll_wait),
	ALLOW(epoll_pwait), ALLOW(epoll_pwait2), ALLOW(futex), ALLOW(futex_time64), ALLOW(nanosleep),
	ALLOW(clock_nanosleep), ALLOW(clock_nanosleep_time64), ALLOW(restart_syscall), ALLOW(sched_yield),
	/* time, and who we are */
	ALLOW(clock_gettime), ALLOW(clock_gettime64), ALLOW(clock_getres), ALLOW(clock_getres_time64),
	ALLOW(gettimeofday), ALLOW(time), ALLOW(times), ALLOW(getrusage), ALLOW(getpid), ALLOW(getppid),
	ALLOW(gettid), ALLOW(getuid), ALLOW(geteuid), ALLOW(getgid), ALLOW(getegid), ALLOW(getuid32),
	ALLOW(geteuid32), ALLOW(getgid32), ALLOW(getegid32), ALLOW(getgroups), ALLOW(getresuid), ALLOW(getresgid),
	ALLOW(uname), ALLOW(sysinfo), ALLOW(getcpu), ALLOW(getrandom), ALLOW(sched_getaffinity), ALLOW(getrlimit),
	ALLOW(ugetrlimit), ALLOW_IF(prlimit64, 2, CAGE_EQUAL, 0), REFUSE(prlimit64, EPERM), REFUSE(setrlimit, EPERM),
	/* threads, signals, the end */
	ALLOW(rt_sigaction), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn), ALLOW(rt_sigtimedwait),
	ALLOW(rt_sigtimedwait_time64), ALLOW(sigaltstack), ALLOW(sigreturn), ALLOW(set_robust_list),
	ALLOW(get_robust_list), ALLOW(set_tid_address), ALLOW(rseq), ALLOW(exit), ALLOW(exit_group),
	ALLOW_IF(tgkill, 0, CAGE_SELF, 0), REFUSE(tgkill, EPERM), REFUSE(tkill, EPERM),
	ALLOW_IF(kill, 0, CAGE_SELF, 0), ALLOW_IF(kill, 0, CAGE_OTHER, 0), REFUSE(kill, EPERM),
	ALLOW_IF(prctl, 0, CAGE_EQUAL, PR_SET_NAME), ALLOW_IF(prctl, 0, CAGE_EQUAL, NAME_MAPPING),
	ALLOW_IF(prctl, 0, CAGE_EQUAL, PR_GET_DUMPABLE), REFUSE(prctl, EINVAL),
	ALLOW_TO_IF(CAGE_THREADS, clone, CLONE_FLAGS, CAGE_BITS, CLONE_THREAD),
	REFUSE(clone, EPERM), REFUSE(fork, EPERM), REFUSE(vfork, EPERM), REFUSE(wait4, ECHILD), REFUSE(waitid, ECHILD),
	/* who is connected already: the scheduler, and people who ask */
	ALLOW(recvfrom), ALLOW(recv), ALLOW(recvmsg), ALLOW(recvmmsg), ALLOW(recvmmsg_time64), ALLOW(sendto),
	ALLOW(send), ALLOW(sendmsg), ALLOW(sendmmsg), ALLOW(accept), ALLOW(accept4), ALLOW(getsockopt),
	ALLOW(setsockopt), ALLOW(getsockname), ALLOW(getpeername), ALLOW(shutdown),
	/* others */
	ALLOW_TO_IF(CAGE_NET, socket, 0, CAGE_EQUAL, AF_INET), ALLOW_TO_IF(CAGE_NET, socket, 0, CAGE_EQUAL, AF_INET6),
	ALLOW_TO_IF(CAGE_NET, socket, 0, CAGE_EQUAL, AF_NETLINK),
	ALLOW_TO_IF(CAGE_SOCKETS, socket, 0, CAGE_EQUAL, AF_UNIX), REFUSE(socket, EAFNOSUPPORT),
	ALLOW_TO(CAGE_NET, connect), ALLOW_TO(CAGE_NET, bind), ALLOW_TO(CAGE_NET, socketpair),
	REFUSE(connect, EPERM), REFUSE(bind, EPERM), REFUSE(socketpair, EPERM), REFUSE(listen, EPERM),
	/* nobody asks for these by mistake */
	KILL(execve), KILL(execveat), KILL(ptrace), KILL(process_vm_readv), KILL(process_vm_writev),
	KILL(pidfd_getfd), KILL(mount), KILL(umount2), KILL(pivot_root), KILL(chroot), KILL(setns), KILL(unshare),
	KILL(bpf), KILL(perf_event_open), KILL(userfaultfd), KILL(init_module), KILL(finit_module),
	KILL(delete_module), KILL(kexec_load), KILL(reboot), KILL(keyctl), KILL(add_key), KILL(request_key),
	KILL(open_by_handle_at), KILL(setuid), KILL(setgid), KILL(setreuid), KILL(setregid), KILL(setresuid),
	KILL(setresgid), KILL(setgroups), KILL(capset), KILL(acct), KILL(swapon), KILL(settimeofday),
	KILL(clock_settime), KILL(sethostname), KILL(personality),
};
/* clang-format on */

const size_t cage_calls_count = sizeof(cage_calls) / sizeof(cage_calls[0]);
