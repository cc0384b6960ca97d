/* cage_numbers: numbers of system calls that some architectures, or some kernel's headers, do not have:
 * -1 there, which is no call's.
 * Flow: cage_calls names them. */
#ifndef BASE_CAGE_NUMBERS_H
#define BASE_CAGE_NUMBERS_H

#include <sys/syscall.h>

#ifndef SYS__llseek
#define SYS__llseek (-1)
#endif
#ifndef SYS__newselect
#define SYS__newselect (-1)
#endif
#ifndef SYS_access
#define SYS_access (-1)
#endif
#ifndef SYS_chmod
#define SYS_chmod (-1)
#endif
#ifndef SYS_chown
#define SYS_chown (-1)
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_dup2
#define SYS_dup2 (-1)
#endif
#ifndef SYS_epoll_create
#define SYS_epoll_create (-1)
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_epoll_wait
#define SYS_epoll_wait (-1)
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_fadvise64
#define SYS_fadvise64 (-1)
#endif
#ifndef SYS_fcntl
#define SYS_fcntl (-1)
#endif
#ifndef SYS_fcntl64
#define SYS_fcntl64 (-1)
#endif
#ifndef SYS_fork
#define SYS_fork (-1)
#endif
#ifndef SYS_fstat
#define SYS_fstat (-1)
#endif
#ifndef SYS_fstat64
#define SYS_fstat64 (-1)
#endif
#ifndef SYS_fstatat64
#define SYS_fstatat64 (-1)
#endif
#ifndef SYS_fstatfs
#define SYS_fstatfs (-1)
#endif
#ifndef SYS_fstatfs64
#define SYS_fstatfs64 (-1)
#endif
#ifndef SYS_ftruncate
#define SYS_ftruncate (-1)
#endif
#ifndef SYS_ftruncate64
#define SYS_ftruncate64 (-1)
#endif
#ifndef SYS_getdents
#define SYS_getdents (-1)
#endif
#ifndef SYS_getegid32
#define SYS_getegid32 (-1)
#endif
#ifndef SYS_geteuid32
#define SYS_geteuid32 (-1)
#endif
#ifndef SYS_getgid32
#define SYS_getgid32 (-1)
#endif
#ifndef SYS_getuid32
#define SYS_getuid32 (-1)
#endif
#ifndef SYS_lchown
#define SYS_lchown (-1)
#endif
#ifndef SYS_link
#define SYS_link (-1)
#endif
#ifndef SYS_lseek
#define SYS_lseek (-1)
#endif
#ifndef SYS_lstat
#define SYS_lstat (-1)
#endif
#ifndef SYS_lstat64
#define SYS_lstat64 (-1)
#endif
#ifndef SYS_membarrier
#define SYS_membarrier (-1)
#endif
#ifndef SYS_mkdir
#define SYS_mkdir (-1)
#endif
#ifndef SYS_mknod
#define SYS_mknod (-1)
#endif
#ifndef SYS_mmap
#define SYS_mmap (-1)
#endif
#ifndef SYS_mmap2
#define SYS_mmap2 (-1)
#endif
#ifndef SYS_newfstatat
#define SYS_newfstatat (-1)
#endif
#ifndef SYS_open
#define SYS_open (-1)
#endif
#ifndef SYS_open_by_handle_at
#define SYS_open_by_handle_at (-1)
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_pipe
#define SYS_pipe (-1)
#endif
#ifndef SYS_poll
#define SYS_poll (-1)
#endif
#ifndef SYS_readlink
#define SYS_readlink (-1)
#endif
#ifndef SYS_recv
#define SYS_recv (-1)
#endif
#ifndef SYS_rename
#define SYS_rename (-1)
#endif
#ifndef SYS_rseq
#define SYS_rseq (-1)
#endif
#ifndef SYS_select
#define SYS_select (-1)
#endif
#ifndef SYS_send
#define SYS_send (-1)
#endif
#ifndef SYS_sendfile
#define SYS_sendfile (-1)
#endif
#ifndef SYS_sendfile64
#define SYS_sendfile64 (-1)
#endif
#ifndef SYS_sigreturn
#define SYS_sigreturn (-1)
#endif
#ifndef SYS_stat
#define SYS_stat (-1)
#endif
#ifndef SYS_stat64
#define SYS_stat64 (-1)
#endif
#ifndef SYS_statfs
#define SYS_statfs (-1)
#endif
#ifndef SYS_statfs64
#define SYS_statfs64 (-1)
#endif
#ifndef SYS_symlink
#define SYS_symlink (-1)
#endif
#ifndef SYS_time
#define SYS_time (-1)
#endif
#ifndef SYS_truncate
#define SYS_truncate (-1)
#endif
#ifndef SYS_ugetrlimit
#define SYS_ugetrlimit (-1)
#endif
#ifndef SYS_unlink
#define SYS_unlink (-1)
#endif
#ifndef SYS_vfork
#define SYS_vfork (-1)
#endif
#ifndef SYS_clock_getres_time64
#define SYS_clock_getres_time64 (-1)
#endif
#ifndef SYS_clock_gettime64
#define SYS_clock_gettime64 (-1)
#endif
#ifndef SYS_clock_nanosleep_time64
#define SYS_clock_nanosleep_time64 (-1)
#endif
#ifndef SYS_futex_time64
#define SYS_futex_time64 (-1)
#endif
#ifndef SYS_ppoll_time64
#define SYS_ppoll_time64 (-1)
#endif
#ifndef SYS_pselect6_time64
#define SYS_pselect6_time64 (-1)
#endif
#ifndef SYS_recvmmsg_time64
#define SYS_recvmmsg_time64 (-1)
#endif
#ifndef SYS_rt_sigtimedwait_time64
#define SYS_rt_sigtimedwait_time64 (-1)
#endif
#ifndef SYS_utimensat_time64
#define SYS_utimensat_time64 (-1)
#endif
#ifndef SYS_clock_gettime
#define SYS_clock_gettime (-1)
#endif
#ifndef SYS_clock_getres
#define SYS_clock_getres (-1)
#endif
#ifndef SYS_clock_nanosleep
#define SYS_clock_nanosleep (-1)
#endif
#ifndef SYS_clock_settime
#define SYS_clock_settime (-1)
#endif
#ifndef SYS_futex
#define SYS_futex (-1)
#endif
#ifndef SYS_ppoll
#define SYS_ppoll (-1)
#endif
#ifndef SYS_pselect6
#define SYS_pselect6 (-1)
#endif
#ifndef SYS_recvmmsg
#define SYS_recvmmsg (-1)
#endif
#ifndef SYS_rt_sigtimedwait
#define SYS_rt_sigtimedwait (-1)
#endif
#ifndef SYS_utimensat
#define SYS_utimensat (-1)
#endif
#ifndef SYS_settimeofday
#define SYS_settimeofday (-1)
#endif
#ifndef SYS_gettimeofday
#define SYS_gettimeofday (-1)
#endif
#ifndef SYS_getrlimit
#define SYS_getrlimit (-1)
#endif
#ifndef SYS_setrlimit
#define SYS_setrlimit (-1)
#endif
#ifndef SYS_nanosleep
#define SYS_nanosleep (-1)
#endif

#endif
