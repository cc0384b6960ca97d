/* spool: the directory of users' tables.
 * Flow: see spool.h. A new table is written beside the old one and renamed over it,
 * with signals held back, so that nobody ever sees a half. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crontab-tool/spool.h"

enum { TEMPORARY = 16, TRIES = 100 };

int spool_open(struct spool *s, const struct dialect *d)
{
	const char *slash = strrchr(d->spool_dir, '/');

	s->path = d->spool_dir;
	s->name = slash + 1;
	snprintf(s->parent, sizeof(s->parent), "%.*s", (int)(slash - s->path), s->path);
	s->dir = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->dir < 0 ? -1 : 0;
}

void spool_close(struct spool *s)
{
	if (s->dir >= 0)
		close(s->dir);
}

int spool_read(const struct spool *s, const char *user, struct buf *out)
{
	struct stat st;
	int fd = file_open(s->dir, user, 0, &st);

	if (fd < 0)
		return -1;
	int rc = file_read(fd, TABLE_MOST, out);
	int saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

int spool_has(const struct spool *s, const char *user)
{
	return faccessat(s->dir, user, F_OK, AT_SYMLINK_NOFOLLOW | AT_EACCESS) == 0;
}

/* Daemons that look at the directory's time alone are to notice. The change itself
 * has set it on any usual file system, so a failure is only said. */
static void touch(const struct spool *s)
{
	if (utimensat(AT_FDCWD, s->path, NULL, 0) != 0)
		perror("crontab: can't update mtime on spooldir");
}

/* Makes a rename or removal last. Members of the spool's group may not open it for
 * reading; then fd's own fsync has to do, which commits the rename with the file. */
static int settle(const struct spool *s, int fd)
{
	int dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return fd < 0 ? 0 : fsync(fd);
	int rc = fsync(dir);
	int saved = errno;
	close(dir);
	errno = saved;
	return rc;
}

int spool_remove(const struct spool *s, const char *user)
{
	if (unlinkat(s->dir, user, 0) != 0)
		return -1;
	touch(s);
	return settle(s, -1);
}

/* A name with a dot: no table of anybody's. */
static int temporary_open(const struct spool *s, char name[TEMPORARY])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	unsigned char random[6];

	for (int i = 0; i < TRIES; i++) {
		if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return -1;
		strcpy(name, "tmp.");
		for (size_t j = 0; j < sizeof(random); j++)
			name[4 + j] = letters[random[j] % 32];
		name[4 + sizeof(random)] = '\0';
		int fd = openat(s->dir, name,
			O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* Says what failed; for the caller to return. */
static int failed(const char *what, const char *name, const char *step)
{
	fprintf(stderr, "crontab: %s%s: %s%s%s\n", what, name, step, *step ? ": " : "",
		strerror(errno));
	return -1;
}

static int temporary_fill(const struct request *r, int fd, const char *name, struct slice table)
{
	if (file_write(fd, table.s, table.n) != 0)
		return failed("error while writing new crontab to ", name, "");
	/* The caller's umask may have taken bits away. */
	if (fchmod(fd, 0600) != 0)
		return failed("", name, "chmod");
	if (r->identity.uid == 0 && fchown(fd, r->uid, (gid_t)-1) != 0)
		return failed("", name, "chown");
	if (fsync(fd) != 0)
		return failed("error while writing new crontab to ", name, "");
	return 0;
}

static int rename_over(const struct spool *s, const char *name, const char *user)
{
	if (renameat(s->dir, name, s->dir, user) == 0)
		return 0;
	fprintf(stderr, "crontab: %s/%s: rename: %s\n", s->name, user, strerror(errno));
	return -1;
}

static int replace(const struct spool *s, const struct request *r, struct slice table)
{
	char name[TEMPORARY];
	int fd = temporary_open(s, name);

	if (fd < 0) {
		fprintf(stderr, "%s/: mkstemp: %s\n", s->parent, strerror(errno));
		return -1;
	}
	int rc = temporary_fill(r, fd, name, table);
	if (rc == 0)
		rc = rename_over(s, name, r->user);
	if (rc != 0)
		unlinkat(s->dir, name, 0);
	else if (settle(s, fd) != 0)
		/* It stands and is in force; only a power cut could undo it. */
		failed("", s->name, "fsync");
	close(fd);
	if (rc == 0)
		touch(s);
	return rc;
}

/* No signal but KILL gets in between the temporary file and the rename, and a limit
 * on file sizes is an error like a full disk. */
int spool_replace(const struct spool *s, const struct request *r, struct slice table)
{
	sigset_t all, before;

	signal(SIGXFSZ, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	int rc = replace(s, r, table);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}
