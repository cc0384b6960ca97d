/* retention: what a job has left behind of earlier runs, and is not to be kept longer.
 * Flow: at the end of a run its keeper removes older logs and artifacts of its job, with
 * its user's rights. */
#include "config.h"

#include "crond/retention.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/artifacts.h"
#include "crond/base/buf.h"
#include "crond/core/logpath.h"
#include "crond/core/run.h"
#include "crond/errand.h"
#include "crond/logdir.h"
#include "crond/runlog_open.h"
#include "crond/spawn.h"

enum {
	REMOVED_MOST = 1000,
	NAMES_MOST = 100 * 1000,
	DEPTH_MOST = 64,
	DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK
};

/* How a name stands to the oldest that is kept. */
enum age { AGE_OLDER, AGE_SAME, AGE_NEWER };

struct prune {
	const struct run *run;
	int64_t now_ns;
	bool trees;       /* artifacts: directories, whole */
	bool locked;      /* what a lock is held on is in use */
	const char *also; /* another shape of the last component; NULL: none */
	uint32_t kept, removed, seen;
};

/* What there is still to go down. */
struct level {
	struct slice format, oldest; /* oldest: a path of that format */
	enum age age;
	bool stays; /* the directory itself: another run may be about to use it */
};

struct names {
	struct buf text;
	char **at;
	size_t n;
};

/* --- names */

static int newest_first(const void *a, const void *b)
{
	return -strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_sort(struct names *l)
{
	char *name = l->text.data;

	l->at = l->text.failed ? NULL : calloc(l->n ? l->n : 1, sizeof(*l->at));
	if (!l->at)
		l->n = 0;
	for (size_t i = 0; i < l->n; i++) {
		l->at[i] = name;
		name += strlen(name) + 1;
	}
	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), newest_first);
}

static bool wanted(const struct prune *p, struct slice format, const char *name, bool last)
{
	return logpath_match(format, name, p->run->job) ||
	        (last && p->also && logpath_match(slice_of(p->also), name, p->run->job));
}

static void names_read(struct names *l, struct prune *p, int dir, struct slice format, bool last)
{
	bool plain = !memchr(format.s, '%', format.n);
	int again = plain ? -1 : openat(dir, ".", DIR_FLAGS);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	const struct dirent *e;

	if (plain) { /* the only one it can be */
		buf_append(&l->text, format.s, format.n);
		buf_putc(&l->text, '\0');
		l->n = 1;
	}
	while (d && p->seen < NAMES_MOST && (e = readdir(d))) {
		if (!wanted(p, format, e->d_name, last))
			continue;
		buf_append(&l->text, e->d_name, strlen(e->d_name) + 1);
		l->n++;
		p->seen++;
	}
	if (d)
		closedir(d);
	else if (again >= 0)
		close(again);
	names_sort(l);
}

/* --- removing */

static void remove_tree(int dir, const char *name, int depth)
{
	int fd = openat(dir, name, DIR_FLAGS | O_NOFOLLOW);
	DIR *d = fd >= 0 && depth < DEPTH_MOST ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) < 0 && (errno == EISDIR || errno == EPERM))
			remove_tree(fd, e->d_name, depth + 1);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	unlinkat(dir, name, AT_REMOVEDIR);
}

/* Its keeper has a lock on it. Where there can be none (NFS wants a directory to be open for
 * writing) nobody knows, and it stays. */
static bool in_use(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat st = { 0 };
	bool tree = fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	bool busy = fd >= 0 && flock(fd, (tree ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 &&
	        (tree || errno == EWOULDBLOCK);

	if (fd >= 0)
		close(fd);
	return busy;
}

static void leaf(struct prune *p, int dir, const char *name, enum age age)
{
	uint32_t count = p->run->dress.retention_count;

	if ((age != AGE_OLDER && (!count || p->kept < count)) || p->removed >= REMOVED_MOST ||
	        (p->locked && in_use(dir, name))) {
		p->kept++;
		return;
	}
	p->removed++;
	if (p->trees)
		remove_tree(dir, name, 0);
	else
		unlinkat(dir, name, 0);
}

/* --- going down */

static void down(struct prune *p, int dir, struct level l);

static enum age age_of(const struct level *l, struct slice oldest, const char *name)
{
	size_t n = strlen(name), common = n < oldest.n ? n : oldest.n;
	int order = l->age == AGE_SAME ? memcmp(name, oldest.s, common) : 0;

	if (l->age != AGE_SAME)
		return l->age;
	if (order == 0)
		order = (n > oldest.n) - (n < oldest.n);
	return order < 0 ? AGE_OLDER : order > 0 ? AGE_NEWER : AGE_SAME;
}

static void visit(struct prune *p, int dir, const char *name, struct level next)
{
	uint32_t before = p->removed;
	int fd;

	if (next.format.n == 0) {
		leaf(p, dir, name, next.age);
		return;
	}
	if (next.age == AGE_NEWER && !p->run->dress.retention_count)
		return; /* all of it stays */
	fd = openat(dir, name, DIR_FLAGS | logdir_follow(dir));
	if (fd < 0)
		return;
	down(p, fd, next);
	close(fd);
	if (p->removed > before && !next.stays)
		unlinkat(dir, name, AT_REMOVEDIR); /* if it was the last one */
}

static void down(struct prune *p, int dir, struct level l)
{
	struct slice one = logpath_component(&l.format), oldest = logpath_component(&l.oldest);
	struct names list = { 0 };

	names_read(&list, p, dir, one, l.format.n == 0);
	for (size_t i = 0; i < list.n && p->removed < REMOVED_MOST; i++) {
		struct level next = { l.format, l.oldest, age_of(&l, oldest, list.at[i]),
			!memchr(one.s, '%', one.n) };

		visit(p, dir, list.at[i], next);
	}
	free(list.at);
	buf_free(&list.text);
}

/* --- the errand */

static void prune(struct prune *p, const char *format)
{
	const struct run *r = p->run;
	int64_t oldest_ns = p->now_ns - (int64_t)r->dress.retention_ms * 1000000;
	struct logpath_of of = runlog_of(r, oldest_ns);
	struct level l = { .format = slice_of(format),
		.age = r->dress.retention_ms ? AGE_SAME : AGE_NEWER };
	struct buf oldest = { 0 };
	char id[RUN_ID_MOST];
	int dir = open(*format == '/' ? "/" : r->dress.log_dir, DIR_FLAGS);

	snprintf(id, sizeof(id), "%s-%lld-0", r->job, (long long)of.epoch);
	of.id = id;
	if (*format == '/')
		l.format.s++, l.format.n--;
	if (dir >= 0 && logpath_ordered(l.format) && logpath_expand(l.format, &of, &oldest) == 0) {
		l.oldest = (struct slice){ oldest.data, oldest.len };
		down(p, dir, l);
	}
	if (dir >= 0)
		close(dir);
	buf_free(&oldest);
}

static void prune_as_user(void *arg, struct errand *e)
{
	struct prune *p = arg, kept = *p, left = *p;
	const struct run *r = p->run;
	struct buf format = { 0 };

	(void)e;
	if (r->dress.log)
		prune(p, r->dress.log);
	if (!(r->dress.given & DRESS_ARTIFACTS))
		return;
	kept.trees = true;
	kept.locked = false;
	kept.also = "%d_%H%M%S_%s";
	logpath_quote(&format, r->dress.home);
	buf_puts(&format, "/history/" ARTIFACTS_KEPT);
	if (buf_text(&format))
		prune(&kept, format.data);
	/* of runs whose keepers were killed */
	left.trees = true;
	buf_clear(&format);
	logpath_quote(&format, r->dress.home);
	buf_puts(&format, "/" LOGPATH_ARTIFACTS "/%i");
	if (buf_text(&format))
		prune(&left, format.data);
	buf_free(&format);
}

void retention_prune(const struct spawn *as, int64_t now_ns)
{
	struct prune p = { .run = as->run, .now_ns = now_ns, .locked = true };
	struct errand e;

	errand_run(as, prune_as_user, &p, &e);
}
