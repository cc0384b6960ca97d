/* spooldir: the spool's directory, read at the start, and its files' names.
 * Flow: below spool, which knows what the files mean. */
#include "config.h"

#include "crond/notify/spooldir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/notify/entry.h"
#include "crond/base/report.h"
#include "crond/notify/spool.h"

static const char *const suffixes[] = {
	[SPOOL_EVENT] = ".event",
	[SPOOL_STATE] = ".state",
	[SPOOL_DIGEST] = ".digest",
};

void spool_name(char name[SPOOL_NAME], const char *id, enum spool_file kind)
{
	snprintf(name, SPOOL_NAME, "%s%s", id, suffixes[kind]);
}

int spool_read_file(int dirfd, const char *name, size_t most, struct buf *out)
{
	struct stat st;
	int fd = file_open(dirfd, name, 0, &st);
	int bad, saved;

	if (fd < 0)
		return -1;
	bad = file_read(fd, most, out);
	saved = errno;
	close(fd);
	errno = saved;
	return bad;
}

int64_t spool_mtime(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtime : time(NULL);
}

void spool_unlink(int dirfd, const char *id)
{
	char name[SPOOL_NAME];

	spool_name(name, id, SPOOL_EVENT);
	unlinkat(dirfd, name, 0);
	spool_name(name, id, SPOOL_STATE);
	unlinkat(dirfd, name, 0);
}

static int move_state(int from, int to, const char *id)
{
	char name[SPOOL_NAME];

	spool_name(name, id, SPOOL_STATE);
	return renameat(from, name, to, name) && errno != ENOENT ? -1 : 0;
}

int spool_move(int from, int to, const char *id)
{
	char name[SPOOL_NAME];

	spool_name(name, id, SPOOL_EVENT);
	if (renameat(from, name, to, name) || move_state(from, to, id))
		return -1;
	return fsync(to) || fsync(from) ? -1 : 0;
}

int spool_move_back(int from, int to, const char *id)
{
	char name[SPOOL_NAME];

	spool_name(name, id, SPOOL_EVENT);
	if (move_state(from, to, id) || renameat(from, name, to, name))
		return -1;
	return fsync(to) || fsync(from) ? -1 : 0;
}

void spool_put_aside(struct spool *s, const char *name, const char *why)
{
	char bad[NAME_MAX + 1];

	snprintf(bad, sizeof(bad), "%.*s.bad", (int)sizeof(bad) - 5, name);
	if (renameat(s->dirfd, name, s->dirfd, bad))
		report_log(s->report, LOG_ERR, "bad spool file %s: %s; it cannot be put aside: %m",
			name, why);
	else
		report_log(s->report, LOG_ERR, "bad spool file %s: %s; put aside as %s", name, why, bad);
}

/* Nothing is wrong with one that cannot be read for now: it is no reason to keep it from whoever
 * is started next. */
static void put_aside_or_leave(struct spool *s, const char *name, const char *why, int error)
{
	if (error == EIO || error == ENOMEM || error == EMFILE || error == ENFILE || error == EINTR)
		report_log(s->report, LOG_ERR, "spool file %s: %s; it waits for the next start", name, why);
	else
		spool_put_aside(s, name, why);
}

/* Calls each with every name; a name may vanish meanwhile. */
static int each_name(int dirfd, int (*each)(void *arg, const char *name), void *arg)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *found;
	int bad = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (!bad && (errno = 0, found = readdir(dir)))
		bad = each(arg, found->d_name);
	bad |= !bad && errno != 0;
	closedir(dir);
	return bad ? -1 : 0;
}

bool spool_id_of(char id[EVENT_ID_MOST], const char *name, enum spool_file kind)
{
	size_t n = strlen(name), tail = strlen(suffixes[kind]);

	if (n <= tail || n - tail >= EVENT_ID_MOST || strcmp(name + n - tail, suffixes[kind]) != 0)
		return false;
	memcpy(id, name, n - tail);
	id[n - tail] = '\0';
	return event_id_ok((struct slice){ id, n - tail });
}

/* What cannot be read stays where it is: people put it there, or can see to it. */
static int load_failed(void *arg, const char *name)
{
	struct spool *s = arg;
	char id[EVENT_ID_MOST];
	struct diag d;

	if (!spool_id_of(id, name, SPOOL_EVENT))
		return 0;
	if (!spool_take_in(s, name, true, &d))
		report_log(s->report, LOG_ERR, "bad spool file failed/%s: %s", name, d.text);
	return known_note(&s->known, id, spool_mtime(s->failed_fd, name));
}

/* A temporary file that a death left behind; a state whose event went. */
static bool swept(struct spool *s, const char *name)
{
	char id[EVENT_ID_MOST], event[SPOOL_NAME];

	if (strncmp(name, ".tmp-", 5) == 0) {
		unlinkat(s->dirfd, name, 0);
		return true;
	}
	if (!spool_id_of(id, name, SPOOL_STATE))
		return false;
	spool_name(event, id, SPOOL_DIGEST);
	if (file_exists(s->dirfd, event))
		return true;
	spool_name(event, id, SPOOL_EVENT);
	if (file_exists(s->dirfd, event))
		return true;
	if (file_exists(s->failed_fd, event))
		move_state(s->dirfd, s->failed_fd, id);
	else
		unlinkat(s->dirfd, name, 0);
	return true;
}

static bool is_kind(const char *name, enum spool_file kind)
{
	size_t n = strlen(name), tail = strlen(suffixes[kind]);

	return n > tail && strcmp(name + n - tail, suffixes[kind]) == 0;
}

static int load_one(void *arg, const char *name)
{
	struct spool *s = arg;
	char id[EVENT_ID_MOST];
	struct diag d;

	if (swept(s, name) || !is_kind(name, SPOOL_EVENT))
		return 0;
	if (spool_id_of(id, name, SPOOL_EVENT) && known_has(&s->known, id))
		spool_unlink(s->dirfd, id);
	else if (!spool_take_in(s, name, false, &d))
		put_aside_or_leave(s, name, d.text, errno);
	return 0;
}

static int load_digest(void *arg, const char *name)
{
	struct diag d;

	if (is_kind(name, SPOOL_DIGEST) && spool_take_digest(arg, name, &d))
		put_aside_or_leave(arg, name, d.text, errno);
	return 0;
}

static bool is_digest(const void *arg, const struct entry *e)
{
	(void)arg;
	return e->members != NULL;
}

static bool is_event(const void *arg, const struct entry *e)
{
	(void)arg;
	return !e->members && !e->kept;
}

/* Digests first, and events only then: one that was settled already takes its members along. */
static int hand_over(struct spool *s, bool (*which)(const void *arg, const struct entry *e),
	void (*each)(void *arg, struct entry *e), void *arg)
{
	size_t n;
	struct entry **list = spool_sorted(s, which, NULL, &n);

	if (!list)
		return -1;
	for (size_t i = 0; i < n; i++)
		each(arg, list[i]);
	free(list);
	return 0;
}

int spool_load(struct spool *s, void (*each)(void *arg, struct entry *e), void *arg,
	struct diag *d)
{
	if (known_open(&s->known, s->dirfd) || each_name(s->failed_fd, load_failed, s) ||
		each_name(s->dirfd, load_one, s) || each_name(s->dirfd, load_digest, s) ||
		hand_over(s, is_digest, each, arg) || hand_over(s, is_event, each, arg))
		return diag_error(d, 0, 0, "cannot read the spool: %m");
	return 0;
}
