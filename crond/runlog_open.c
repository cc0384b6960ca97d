/* runlog_open: the file that a run's output goes to, and the link that shows it.
 * Flow: as the run starts, in its scribe; an errand opens it as the run's user, and the scribe
 * writes into what it is handed. */
#include "config.h"

#include "crond/runlog_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/logpath.h"
#include "crond/core/run.h"
#include "crond/errand.h"
#include "crond/logdir.h"
#include "crond/spawn.h"

enum { LOG_MODE = 0640, LINK_MOST = 512 };

struct wish {
	const struct run *run;
	const char *path, *rest; /* rest: behind the directories that have no % in them */
	int fixed;               /* how many these are */
};

/* --- the errand */

/* Where others may have put it, root writes to its own only. */
static int open_there(int dir, const char *name)
{
	const int shared = logdir_follow(dir);
	struct stat st;
	int fd = openat(dir, name, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | shared), error = 0;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		error = ENXIO;
	else if (shared && (st.st_uid != geteuid() || st.st_nlink != 1))
		error = EPERM;
	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

/* Another run of this job is at it as long as the file is locked. */
static bool busy(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int open_log(int dir, char *name, size_t room, const char *id)
{
	const int make = O_RDWR | O_CREAT | O_EXCL | O_NOCTTY | O_CLOEXEC;
	size_t n = strlen(name);
	int fd = openat(dir, name, make, LOG_MODE);

	if (fd < 0 && errno == EEXIST)
		fd = open_there(dir, name);
	if (fd < 0 || !busy(fd))
		return fd;
	close(fd);
	snprintf(name + n, room - n, ".%s", id);
	fd = openat(dir, name, make, LOG_MODE);
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

/* Whole at any moment; where something else is called so it stays. */
static void link_latest(int dir, const char *target, const char *id)
{
	char early[NAME_MAX + 1];

	if (dir < 0)
		return;
	snprintf(early, sizeof(early), ".latest-%s", id);
	if (symlinkat(target, dir, early) == 0 && renameat(dir, early, dir, "latest") < 0)
		unlinkat(dir, early, 0);
}

static void open_as_user(void *arg, struct errand *e)
{
	const struct wish *w = arg;
	const char *name, *id = w->run->id;
	char file[NAME_MAX + 1], target[LOGPATH_MOST];
	int links, dir = logdir_open(w->run->dress.log_dir, w->path, &name, w->fixed, &links);

	if (dir >= 0 && strlen(name) < sizeof(file)) {
		memcpy(file, name, strlen(name) + 1);
		e->fd = open_log(dir, file, sizeof(file), id);
	} else if (dir >= 0) {
		errno = ENAMETOOLONG;
	}
	if (dir < 0 || e->fd < 0) {
		e->error = errno;
		return;
	}
	snprintf(e->text, sizeof(e->text), "%s", file);
	snprintf(target, sizeof(target), "%.*s%s", (int)(name - w->rest), w->rest, file);
	if (strcmp(file, "latest") != 0)
		link_latest(links, target, id);
}

/* --- the scribe */

static const char *behind(const char *path, int components)
{
	for (path += *path == '/'; components > 0; components--)
		path += strcspn(path, "/") + 1;
	return path;
}

struct logpath_of runlog_of(const struct run *r, int64_t started_ns)
{
	time_t at = (time_t)(started_ns / 1000000000);
	struct tm tm;

	return (struct logpath_of){ .epoch = at,
		.id = r->id,
		.offset = localtime_r(&at, &tm) ? (int32_t)tm.tm_gmtoff : 0 };
}

static int path_make(const struct run *r, int64_t started_ns, struct buf *path)
{
	const struct slice format = slice_of(r->dress.log);
	const struct logpath_of of = runlog_of(r, started_ns);
	struct diag d;

	errno = EINVAL;
	if (logpath_check(format, &d) < 0 || logpath_expand(format, &of, path) < 0)
		return -1;
	if (*r->dress.log == '/' && !(r->flags & RUN_TRUSTED)) {
		errno = EPERM; /* as the options' own rules say */
		return -1;
	}
	return buf_text(path) ? 0 : -1;
}

/* -1: it has none, and what is the format. */
static int expect(const struct run *r, int64_t started_ns, struct buf *path, char *what, size_t n)
{
	snprintf(what, n, "%s", r->dress.log);
	if (path_make(r, started_ns, path) < 0)
		return -1;
	snprintf(what, n, "%s%s%s", *path->data == '/' ? "" : r->dress.log_dir,
	        *path->data == '/' ? "" : "/", path->data);
	return 0;
}

void runlog_expect(const struct run *r, int64_t started_ns, char *path, size_t n)
{
	struct buf unused = { 0 };

	expect(r, started_ns, &unused, path, n);
	buf_free(&unused);
}

int runlog_open(struct runlog *l, const struct spawn *as, int64_t started_ns, char *what, size_t n)
{
	const struct run *r = as->run;
	struct buf path = { 0 };
	struct wish w = { .run = r };
	struct errand e = { .fd = -1 };
	struct stat st;
	char *name;
	int rc = -1;

	if (expect(r, started_ns, &path, what, n) < 0)
		goto out;
	w.path = path.data;
	w.fixed = logpath_fixed(r->dress.log);
	w.rest = behind(w.path, w.fixed);
	if (*w.path != '/' && logdir_give(r, w.path) < 0)
		goto out;
	if (errand_run(as, open_as_user, &w, &e) < 0 || fstat(e.fd, &st) < 0 ||
	        !S_ISREG(st.st_mode)) {
		errno = e.error ? e.error : ENXIO;
		goto out;
	}
	name = strrchr(what, '/'); /* what it is called in the end */
	if (name)
		snprintf(name + 1, n - (size_t)(name + 1 - what), "%s", e.text);
	*l = (struct runlog){ .fd = e.fd,
		.base = (uint64_t)st.st_size,
		.most = r->dress.log_most,
		.apart = r->flags & RUN_TASK };
	e.fd = -1;
	rc = 0;
out:
	if (e.fd >= 0)
		close(e.fd);
	buf_free(&path);
	return rc;
}
