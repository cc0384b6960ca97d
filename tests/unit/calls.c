/* calls: the Nth call of a kind that the code under test makes fails.
 * Flow: see calls.h. */
#include "tests/unit/calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>

#include "tests/unit/world.h"

static struct {
	bool on;
	enum call_kind kind;
	unsigned n, times, made, failed;
	int error;
} armed;

void calls_arm(enum call_kind kind, unsigned n, unsigned times, int error)
{
	armed.kind = kind;
	armed.n = n;
	armed.times = times;
	armed.error = error;
	armed.made = armed.failed = 0;
	armed.on = true;
}

unsigned calls_disarm(void)
{
	armed.on = false;
	return armed.failed;
}

static bool fails(enum call_kind kind)
{
	if (!armed.on || armed.kind != kind || world_ours > 0)
		return false;
	armed.made++;
	if (armed.made < armed.n || (armed.times && armed.made >= armed.n + armed.times))
		return false;
	armed.failed++;
	errno = armed.error;
	return true;
}

static const struct {
	const char *name;
	int errors[4];
} kinds[CALL_KINDS] = {
	[CALL_MEMORY] = { "memory", { ENOMEM } },
	[CALL_OPEN] = { "open", { EMFILE, EIO, ENOSPC } },
	[CALL_READ] = { "read", { EIO, EINTR } },
	[CALL_WRITE] = { "write", { ENOSPC, EIO, EINTR } },
	[CALL_STAT] = { "stat", { EIO } },
	[CALL_MKDIR] = { "mkdir", { ENOSPC, EMLINK } },
	[CALL_RENAME] = { "rename", { ENOSPC } },
	[CALL_UNLINK] = { "unlink", { EIO } },
	[CALL_SYNC] = { "sync", { EIO } },
	[CALL_TRUNCATE] = { "truncate", { ENOSPC } },
	[CALL_SEND] = { "send", { ENOBUFS, EAGAIN } },
	[CALL_EPOLL] = { "epoll", { ENOMEM } },
	[CALL_TIMER] = { "timer", { ENOMEM } },
	[CALL_MAP] = { "map", { ENOMEM } },
	[CALL_LOCK] = { "lock", { ENOLCK, EINTR } },
	[CALL_DIRECTORY] = { "directory", { EMFILE } },
	[CALL_SOCKET] = { "socket", { EMFILE } },
};

const char *calls_kind(enum call_kind kind)
{
	return kinds[kind].name;
}

const int *calls_errors(enum call_kind kind)
{
	return kinds[kind].errors;
}

/* --- what the linker sends here, and where it would have gone */

#define WRAP(kind, failed, type, name, parameters, arguments) \
	type __real_##name parameters;                        \
	type __wrap_##name parameters;                        \
	type __wrap_##name parameters                         \
	{                                                     \
		if (fails(kind))                              \
			return failed;                        \
		return __real_##name arguments;               \
	}

WRAP(CALL_MEMORY, NULL, void *, malloc, (size_t n), (n))
WRAP(CALL_MEMORY, NULL, void *, calloc, (size_t n, size_t size), (n, size))
WRAP(CALL_MEMORY, NULL, void *, realloc, (void *at, size_t n), (at, n))
WRAP(CALL_MEMORY, NULL, void *, reallocarray, (void *at, size_t n, size_t size), (at, n, size))
WRAP(CALL_MEMORY, NULL, char *, strdup, (const char *s), (s))
WRAP(CALL_MEMORY, NULL, char *, strndup, (const char *s, size_t n), (s, n))
WRAP(CALL_READ, -1, ssize_t, read, (int fd, void *at, size_t n), (fd, at, n))
WRAP(CALL_READ, -1, ssize_t, pread, (int fd, void *at, size_t n, off_t from), (fd, at, n, from))
WRAP(CALL_WRITE, -1, ssize_t, write, (int fd, const void *at, size_t n), (fd, at, n))
WRAP(CALL_WRITE, -1, ssize_t, pwrite, (int fd, const void *at, size_t n, off_t to), (fd, at, n, to))
WRAP(CALL_STAT, -1, int, fstat, (int fd, struct stat *st), (fd, st))
WRAP(CALL_STAT, -1, int, stat, (const char *path, struct stat *st), (path, st))
WRAP(CALL_STAT, -1, int, fstatat, (int at, const char *path, struct stat *st, int flags),
        (at, path, st, flags))
WRAP(CALL_MKDIR, -1, int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(CALL_MKDIR, -1, int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode))
WRAP(CALL_RENAME, -1, int, renameat, (int a, const char *old, int b, const char *new),
        (a, old, b, new))
WRAP(CALL_UNLINK, -1, int, unlinkat, (int at, const char *path, int flags), (at, path, flags))
WRAP(CALL_SYNC, -1, int, fsync, (int fd), (fd))
WRAP(CALL_SYNC, -1, int, fdatasync, (int fd), (fd))
WRAP(CALL_TRUNCATE, -1, int, ftruncate, (int fd, off_t n), (fd, n))
WRAP(CALL_SEND, -1, ssize_t, send, (int fd, const void *at, size_t n, int flags),
        (fd, at, n, flags))
WRAP(CALL_SEND, -1, ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP(CALL_EPOLL, -1, int, epoll_create1, (int flags), (flags))
WRAP(CALL_EPOLL, -1, int, epoll_ctl, (int e, int op, int fd, struct epoll_event *event),
        (e, op, fd, event))
WRAP(CALL_TIMER, -1, int, timerfd_create, (int clock, int flags), (clock, flags))
WRAP(CALL_TIMER, -1, int, timerfd_settime,
        (int fd, int flags, const struct itimerspec *to, struct itimerspec *was),
        (fd, flags, to, was))
WRAP(CALL_MAP, MAP_FAILED, void *, mmap,
        (void *at, size_t n, int prot, int flags, int fd, off_t from),
        (at, n, prot, flags, fd, from))
WRAP(CALL_LOCK, -1, int, flock, (int fd, int op), (fd, op))
WRAP(CALL_DIRECTORY, NULL, DIR *, opendir, (const char *path), (path))
WRAP(CALL_DIRECTORY, NULL, DIR *, fdopendir, (int fd), (fd))
WRAP(CALL_SOCKET, -1, int, socket, (int family, int type, int protocol), (family, type, protocol))
WRAP(CALL_SOCKET, -1, int, socketpair, (int family, int type, int protocol, int fds[2]),
        (family, type, protocol, fds))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	if (fails(CALL_OPEN))
		return -1;
	va_start(rest, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return __real_open(path, flags, mode);
}

int __real_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	if (fails(CALL_OPEN))
		return -1;
	va_start(rest, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return __real_openat(at, path, flags, mode);
}

/* Locks of a file alone: other uses of fcntl are none of those that a full table refuses. */
int __real_fcntl(int fd, int op, ...);
int __wrap_fcntl(int fd, int op, ...);
int __wrap_fcntl(int fd, int op, ...)
{
	va_list rest;
	void *argument;

	if ((op == F_OFD_SETLK || op == F_SETLK || op == F_OFD_GETLK) && fails(CALL_LOCK))
		return -1;
	va_start(rest, op);
	argument = va_arg(rest, void *);
	va_end(rest);
	return __real_fcntl(fd, op, argument);
}
