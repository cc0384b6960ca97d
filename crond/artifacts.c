/* artifacts: a fresh directory for each run, kept if something is in it at the end.
 * Flow: made before the job starts and moved to the job's history afterwards, both with its
 * user's rights. */
#include "config.h"

#include "crond/artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/core/logpath.h"
#include "crond/core/run.h"
#include "crond/errand.h"
#include "crond/logdir.h"
#include "crond/runlog_open.h"
#include "crond/spawn.h"

enum { NAMES_TRIED = 100 };

struct move {
	const struct run *run;
	char from[PATH_MAX], to[PATH_MAX]; /* below log_dir */
};

static int parent_of(const struct run *r, const char *path, const char **name)
{
	int unused;

	return logdir_open(r->dress.log_dir, path, name, 0, &unused);
}

/* --- errands */

static void make_as_user(void *arg, struct errand *e)
{
	const struct move *m = arg;
	const char *name;
	int dir = parent_of(m->run, m->from, &name);

	if (dir >= 0 && mkdirat(dir, name, 0700) == 0)
		e->fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (e->fd < 0 || flock(e->fd, LOCK_SH | LOCK_NB) < 0)
		e->error = errno;
}

/* Two runs may begin in one second: the later one gets a number behind its name. */
static int keep(int from, const char *name, int to, const char *as, char room[NAME_MAX + 1])
{
	for (int n = 1; n < NAMES_TRIED; n++) {
		snprintf(room, NAME_MAX + 1, n == 1 ? "%.200s" : "%.200s_%d", as, n);
		/* over an empty directory it would go: mkdir tells whether there is one */
		if (mkdirat(to, room, 0700) < 0) {
			if (errno == EEXIST)
				continue;
			return -1;
		}
		if (renameat(from, name, to, room) == 0)
			return 0;
		unlinkat(to, room, AT_REMOVEDIR);
		return -1;
	}
	return -1;
}

static void keep_as_user(void *arg, struct errand *e)
{
	const struct move *m = arg;
	const char *name, *as;
	int from = parent_of(m->run, m->from, &name), to;

	if (from >= 0 && (unlinkat(from, name, AT_REMOVEDIR) == 0 || errno == ENOENT))
		return; /* nothing in it, or the job itself has put it elsewhere */
	if (from < 0 || (errno != ENOTEMPTY && errno != EEXIST)) {
		e->error = errno;
		return;
	}
	to = parent_of(m->run, m->to, &as);
	if (to < 0 || keep(from, name, to, as, e->text) < 0) {
		*e->text = '\0';
		e->error = errno;
	}
}

/* --- the keeper */

static int from_make(struct move *m, const struct run *r)
{
	m->run = r;
	errno = ENAMETOOLONG;
	return snprintf(m->from, sizeof(m->from), "%s/" LOGPATH_ARTIFACTS "/%s", r->dress.home, r->id) <
	                (int)sizeof(m->from)
	        ? 0
	        : -1;
}

/* name: what it is called now; "": there is none. */
static void kept_path(const struct move *m, const char *name, char *path, size_t n)
{
	const char *end = strrchr(m->to, '/');

	*path = '\0';
	if (*name && end)
		snprintf(path, n, "%s/%.*s/%s", m->run->dress.log_dir, (int)(end - m->to), m->to, name);
}

int artifacts_make(const struct spawn *as, char *path, size_t n)
{
	const struct run *r = as->run;
	struct move m;
	struct errand e;

	if (from_make(&m, r) < 0 ||
	        snprintf(path, n, "%s/%s", r->dress.log_dir, m.from) >= (int)n ||
	        logdir_give(r, m.from) < 0)
		return -1;
	if (errand_run(as, make_as_user, &m, &e) == 0)
		return e.fd;
	errno = e.error;
	return -1;
}

int artifacts_keep(const struct spawn *as, int64_t started_ns, char *path, size_t n)
{
	const struct run *r = as->run;
	const struct logpath_of of = runlog_of(r, started_ns);
	struct buf to = { 0 };
	struct move m;
	struct errand e;
	int rc = -1;

	buf_printf(&to, "%s/history/", r->dress.home);
	errno = ENAMETOOLONG;
	if (from_make(&m, r) == 0 && logpath_expand(slice_of(ARTIFACTS_KEPT), &of, &to) == 0 &&
	        to.len < sizeof(m.to)) {
		memcpy(m.to, to.data, to.len);
		m.to[to.len] = '\0';
		rc = errand_run(as, keep_as_user, &m, &e);
		if (rc == 0)
			kept_path(&m, e.text, path, n);
		errno = e.error;
	}
	buf_free(&to);
	return rc;
}
