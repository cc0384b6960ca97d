/* file: whole files in, whole files out.
 * Flow: loaders read configuration, tables and records with it; state is
 * replaced with it. */
#include "crond/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/large.h"

enum { CHUNK = 32 * 1024, TEMPORARY = 32, TRIES = 16 };

static void close_keeping_errno(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

int file_open(int dirfd, const char *path, int follow, struct stat *st)
{
	int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (follow ? 0 : O_NOFOLLOW);
	int fd = openat(dirfd, path, flags);

	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0) {
		if (S_ISREG(st->st_mode))
			return fd;
		errno = S_ISDIR(st->st_mode) ? EISDIR : ENXIO;
	}
	close_keeping_errno(fd);
	return -1;
}

/* Of a file that says how large it is, all at once and one byte more, to meet its end. */
static size_t read_most(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size < SSIZE_MAX ? (size_t)st.st_size + 1 : CHUNK;
}

int file_read(int fd, size_t most, struct buf *out)
{
	size_t before = out->len, want = read_most(fd);

	if (want - 1 > most)
		want = most + 1;
	while (buf_reserve(out, want)) {
		ssize_t n;

		if (out->len == before)
			large_pages(out->data, out->cap);
		n = read(fd, out->data + out->len, out->cap - out->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		if (out->len - before > most) {
			errno = EFBIG;
			break;
		}
		want = out->cap - out->len ? 1 : out->cap;
	}
	if (out->failed)
		errno = ENOMEM;
	out->len = before;
	return -1;
}

int file_write(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* A new file with a name nobody can foresee; the leading dot keeps it from being
 * loaded, should a power cut leave it behind. */
static int temporary_open(int dirfd, char name[TEMPORARY])
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t random;
		int fd;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -1;
		snprintf(name, TEMPORARY, ".tmp-%016" PRIx64, random);
		fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* Fills and closes fd. */
static int temporary_fill(int fd, mode_t mode, const void *bytes, size_t n, int sync)
{
	if (file_write(fd, bytes, n) || fchmod(fd, mode) || (sync && fsync(fd))) {
		close_keeping_errno(fd);
		return -1;
	}
	return close(fd);
}

/* Opens the directory that name stands in, and moves *name to its last part. */
static int directory_open(int dirfd, const char **name)
{
	const char *slash = strrchr(*name, '/');
	char path[PATH_MAX];
	size_t n;

	if (!slash)
		return openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n = slash == *name ? 1 : (size_t)(slash - *name);
	if (n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, *name, n);
	path[n] = '\0';
	*name = slash + 1;
	return openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int replace_in(int dirfd, const char *name, mode_t mode, const void *bytes, size_t n, int sync)
{
	char temporary[TEMPORARY];
	int saved;
	int fd = temporary_open(dirfd, temporary);

	if (fd < 0)
		return -1;
	if (temporary_fill(fd, mode, bytes, n, sync) == 0 &&
		renameat(dirfd, temporary, dirfd, name) == 0)
		return 0;
	saved = errno;
	unlinkat(dirfd, temporary, 0);
	errno = saved;
	return -1;
}

int file_replace(int dirfd, const char *name, mode_t mode, const void *bytes, size_t n, int sync)
{
	int dir, rc;

	if (!sync && !strchr(name, '/'))
		return replace_in(dirfd, name, mode, bytes, n, 0);
	dir = directory_open(dirfd, &name);
	if (dir < 0)
		return -1;
	rc = replace_in(dir, name, mode, bytes, n, sync);
	if (rc == 0 && sync)
		rc = fsync(dir);
	close_keeping_errno(dir);
	return rc;
}

bool file_exists(int at, const char *name)
{
	struct stat st;

	return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
