/* logdir: the directories that logs and artifacts of runs are in.
 * Flow: root gives a job's user his directory below its own; everything below that is made
 * and opened with the user's rights (errand). */
#include "config.h"

#include "crond/logdir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crond/core/run.h"

enum { DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC, NO_REPLACE = 1, JOB_MODE = 0750 };

static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* --- root's part */

/* One of our own, made if it is missing. It takes the place of *dir, which is closed. */
static int enter(int *dir, const char *name, bool follow)
{
	int flags = DIR_FLAGS | (follow ? 0 : O_NOFOLLOW), fd = openat(*dir, name, flags), saved;

	if (fd < 0 && errno == ENOENT && (mkdirat(*dir, name, 0755) == 0 || errno == EEXIST))
		fd = openat(*dir, name, flags);
	saved = errno;
	if (*dir >= 0)
		close(*dir);
	*dir = fd;
	if (fd < 0) {
		errno = saved;
		return -1;
	}
	errno = EPERM;
	return is_ours(fd) ? 0 : -1;
}

/* Its owner is its owner from the moment on at which it is there. */
static int give(int dir, const char *name, const struct run *r)
{
	char early[NAME_MAX + 1];
	int fd, saved;

	snprintf(early, sizeof(early), ".new-%s", r->id);
	if (mkdirat(dir, early, 0700) < 0)
		return -1;
	fd = openat(dir, early, DIR_FLAGS | O_NOFOLLOW);
	if (fd >= 0 && fchown(fd, r->uid, r->gid) == 0 && fchmod(fd, JOB_MODE) == 0 &&
	        (syscall(SYS_renameat2, dir, early, dir, name, NO_REPLACE) == 0 ||
	                errno == EEXIST ||
	                (errno == EINVAL && renameat(dir, early, dir, name) == 0)))
		errno = 0;
	saved = errno;
	if (fd >= 0)
		close(fd);
	unlinkat(dir, early, AT_REMOVEDIR); /* where somebody else was first */
	errno = saved;
	return saved ? -1 : 0;
}

static int give_below(int *dir, const struct run *r, const char *path)
{
	char name[NAME_MAX + 1];
	size_t n = strcspn(path, "/");
	struct stat st;

	if (strncmp(path, LOGDIR_USERS "/", sizeof(LOGDIR_USERS)) == 0) {
		if (enter(dir, LOGDIR_USERS, false) < 0)
			return -1;
		path += sizeof(LOGDIR_USERS);
		n = strcspn(path, "/");
	}
	if (n == 0 || n >= sizeof(name) || !path[n]) {
		errno = EINVAL;
		return -1;
	}
	memcpy(name, path, n);
	name[n] = '\0';
	if (fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
		return 0; /* the errand finds out what it is good for */
	return give(*dir, name, r);
}

int logdir_give(const struct run *r, const char *path)
{
	int dir = AT_FDCWD, rc, saved;

	rc = enter(&dir, r->dress.log_dir, true);
	if (rc < 0 && !(r->flags & RUN_IDENTITY) && dir >= 0)
		rc = 0; /* a private instance has what it was given */
	if (rc == 0 && r->flags & RUN_IDENTITY)
		rc = give_below(&dir, r, path);
	saved = errno;
	if (dir >= 0)
		close(dir);
	errno = saved;
	return rc;
}

/* --- the user's part */

int logdir_follow(int dir)
{
	return geteuid() == 0 && !is_ours(dir) ? O_NOFOLLOW : 0;
}

static int step(int dir, const char *name)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC | logdir_follow(dir);
	int fd = openat(dir, name, flags);

	if (fd < 0 && errno == ENOENT && (mkdirat(dir, name, JOB_MODE) == 0 || errno == EEXIST))
		fd = openat(dir, name, flags);
	return fd;
}

/* Below its own directory a run of root's goes through nobody else's: that may have been
 * given to a user whose task had the name before. */
static int step_below(int dir, const char *name)
{
	int fd = step(dir, name);

	if (fd < 0 || geteuid() != 0 || is_ours(fd))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/* The next component into room, *path behind it; false: it is the last one. */
static bool component(const char **path, char room[NAME_MAX + 1])
{
	size_t n = strcspn(*path, "/");

	if (!(*path)[n] || n > NAME_MAX)
		return false;
	memcpy(room, *path, n);
	room[n] = '\0';
	*path += n + 1;
	return true;
}

int logdir_open(const char *dir, const char *path, const char **name, int after, int *second)
{
	const bool below = *path != '/';
	int fd = open(below ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC), down, depth = 0, saved;
	char one[NAME_MAX + 1];

	*second = -1;
	path += !below;
	while (fd >= 0) {
		if (depth > 0 && depth == after)
			*second = dup(fd);
		if (!component(&path, one))
			break;
		down = below ? step_below(fd, one) : step(fd, one);
		saved = errno;
		close(fd);
		errno = saved;
		fd = down;
		depth++;
	}
	*name = path;
	return fd;
}
