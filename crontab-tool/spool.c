/* spool: the directory of users' tables.
 * Flow: see spool.h. A new table is written beside the old one and renamed over it,
 * with signals held back, so that nobody ever sees a half. */
#include "config.h"

#include "crontab-tool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crontab-tool/slot.h"

/* --- the directory */

/* cronie's crontab makes the directory where there is none, and says so. */
static int make(const struct spool *s, struct stat *st)
{
	if (stat(s->path, st) == 0 || errno != ENOENT || !s->cronie)
		return 0;
	perror(s->path);
	if (mkdir(s->path, 0700) != 0) {
		fprintf(stderr, "%s: mkdir: %s\n", s->path, strerror(errno));
		return -1;
	}
	fprintf(stderr, "%s: created\n", s->path);
	return 0;
}

static int not_opened(const struct spool *s)
{
	if (s->cronie && errno == ENOTDIR)
		fprintf(stderr, "'%s' is not a directory, bailing out.\n", s->path);
	else
		fprintf(stderr, "%s: %s\n", s->cronie ? s->path : s->name, strerror(errno));
	return -1;
}

int spool_open(struct spool *s, const struct request *r)
{
	const char *slash = strrchr(r->spool, '/');
	struct stat st;

	s->path = r->spool;
	s->name = slash + 1;
	snprintf(s->parent, sizeof(s->parent), "%.*s", (int)(slash - s->path), s->path);
	s->cronie = r->dialect->id == DIALECT_CRONIE;
	if (make(s, &st) != 0)
		return -1;
	s->dir = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 || fstat(s->dir, &st) != 0)
		return not_opened(s);
	s->follow =
	        r->dialect->table_symlinks && st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH));
	return 0;
}

void spool_close(struct spool *s)
{
	if (s->dir >= 0)
		close(s->dir);
}

void spool_complain(const struct spool *s, const char *user, int error)
{
	if (error == ENOENT)
		fprintf(stderr, "no crontab for %s\n", user);
	else if (s->cronie)
		fprintf(stderr, "%s/%s: %s\n", s->path, user, strerror(error));
	else
		fprintf(stderr, "%s/%s/: fopen: %s\n", s->name, user, strerror(error));
}

/* --- what is there */

int spool_read(const struct spool *s, const char *name, struct buf *out)
{
	struct stat st;
	int fd = file_open(s->dir, name, s->follow, &st);

	if (fd < 0)
		return -1;
	int rc = file_read(fd, TABLE_MOST, out);
	int saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

bool spool_has(const struct spool *s, const char *user)
{
	return file_exists(s->dir, user);
}

/* --- changes */

/* Daemons that look at the directory's time alone are to notice. The change itself
 * has set it on any usual file system, so a failure is only said. */
static void touch(const struct spool *s)
{
	if (utimensat(AT_FDCWD, s->path, NULL, 0) != 0)
		perror("crontab: can't update mtime on spooldir");
}

/* Makes a rename or removal last. Members of the spool's group may not open it for
 * reading; then the fsync of the file that it was done to has to do, which takes the
 * change of its name along. */
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

/* Says what failed; for the caller to return. */
static int failed(const char *what, const char *name, const char *step)
{
	fprintf(stderr, "crontab: %s%s: %s%s%s\n", what, name, step, *step ? ": " : "",
	        strerror(errno));
	return -1;
}

int spool_remove(const struct spool *s, const struct request *r)
{
	int fd = openat(s->dir, r->user, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int rc = unlinkat(s->dir, r->user, 0);
	int saved = errno;

	if (rc == 0) {
		touch(s);
		if (settle(s, fd) != 0)
			/* It is gone; only a power cut could bring it back. */
			failed("", s->name, "fsync");
		slot_sweep(s->dir, r);
	}
	if (fd >= 0)
		close(fd);
	errno = saved;
	return rc;
}

/* Who may give a file away gives a table to its user; cronie's crontab, called by root,
 * leaves it with root. */
static uid_t owner_of(const struct request *r, const char *name)
{
	const struct identity *i = &r->identity;

	if (i->own_uid != 0)
		return (uid_t)-1;
	if (r->dialect->id == DIALECT_CRONIE && ((i->gid == 0 && i->own_gid == 0) || *name == '.'))
		return 0;
	return r->uid;
}

static int fill(
        const struct request *r, const struct slot *slot, const char *name, struct slice bytes)
{
	uid_t owner = owner_of(r, name);

	if (file_write(slot->fd, bytes.s, bytes.n) != 0)
		return failed("error while writing new crontab to ", slot->name, "");
	if (fchmod(slot->fd, 0600) != 0)
		return failed("", slot->name, "chmod");
	if (owner != (uid_t)-1 && fchown(slot->fd, owner, (gid_t)-1) != 0)
		return failed("", slot->name, "chown");
	if (fsync(slot->fd) != 0)
		return failed("error while writing new crontab to ", slot->name, "");
	return 0;
}

static int rename_over(const struct spool *s, const struct slot *slot, const char *name)
{
	if (renameat(s->dir, slot->name, s->dir, name) == 0)
		return 0;
	fprintf(stderr, "crontab: %s/%s: rename: %s\n", s->cronie ? s->path : s->name, name,
	        strerror(errno));
	return -1;
}

static int not_made(const struct spool *s, const struct slot *slot)
{
	if (s->cronie)
		fprintf(stderr, "%s/%s: %s\n", s->path, slot->name, strerror(errno));
	else
		fprintf(stderr, "%s/: mkstemp: %s\n", s->parent, strerror(errno));
	return -1;
}

static int put(const struct spool *s, const struct request *r, const char *name, struct slice bytes)
{
	struct slot slot;

	slot_sweep(s->dir, r);
	if (slot_open(&slot, s->dir, r) != 0)
		return not_made(s, &slot);
	int rc = fill(r, &slot, name, bytes);
	if (rc == 0)
		rc = rename_over(s, &slot, name);
	if (rc != 0)
		unlinkat(s->dir, slot.name, 0);
	else if (settle(s, slot.fd) != 0)
		/* It stands and is in force; only a power cut could undo it. */
		failed("", s->name, "fsync");
	close(slot.fd);
	if (rc == 0)
		touch(s);
	return rc;
}

/* No signal but KILL gets in between the slot and the rename, and a limit on file sizes
 * is an error like a full disk. The caller's umask is no word on tables. */
int spool_put(const struct spool *s, const struct request *r, const char *name, struct slice bytes)
{
	sigset_t all, before;
	mode_t mask = umask(077);

	signal(SIGXFSZ, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	int rc = put(s, r, name, bytes);
	sigprocmask(SIG_SETMASK, &before, NULL);
	umask(mask);
	return rc;
}
