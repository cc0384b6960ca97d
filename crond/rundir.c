/* rundir: the directory of a run, and its lock.
 * Flow: the claim (scheduler), the take (keeper), the outcome (keeper, or who adopts). */
#include "config.h"

#include "crond/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crond/core/event.h"
#include "crond/core/run_first.h"

enum { PATH_MOST = RUN_ID_MOST + 32, FILE_MOST = 64 * 1024 * 1024 };

static int path_make(char *path, const char *id, const char *file)
{
	size_t n = strlen(id), more = strlen(file) + 1;

	if (n + 1 + more > PATH_MOST) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, id, n);
	path[n] = '/';
	memcpy(path + n + 1, file, more);
	return 0;
}

/* In one call where that is possible: the claim is on the way to each start. */
static int run_file_write(int fd, const struct run_progress *p, const struct buf *record)
{
	struct run_progress head = *p;
	struct iovec parts[2] = { { &head, sizeof(head) }, { record->data, record->len } };
	ssize_t n = writev(fd, parts, 2);

	if (n == (ssize_t)(sizeof(head) + record->len))
		return 0;
	if (n < 0)
		return -1;
	if ((size_t)n < sizeof(head)) {
		errno = ENOSPC;
		return -1;
	}
	return file_write(fd, record->data + ((size_t)n - sizeof(head)),
		record->len - ((size_t)n - sizeof(head)));
}

int rundir_claim(int runs, const char *id, const struct buf *record)
{
	static const struct run_progress claimed = {
		.magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION, .phase = RUN_CLAIMED
	};

	return rundir_claim_as(runs, id, &claimed, record);
}

int rundir_claim_as(int runs, const char *id, const struct run_progress *p,
	const struct buf *record)
{
	char path[PATH_MOST];
	int fd, saved;

	if (record->failed) {
		errno = ENOMEM;
		return -1;
	}
	if (path_make(path, id, "run") < 0 || mkdirat(runs, id, 0700) < 0)
		return -1;
	fd = openat(runs, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		goto out;
	if (run_file_write(fd, p, record) == 0) {
		close(fd);
		return 0;
	}
out:
	saved = errno;
	if (fd >= 0)
		close(fd);
	rundir_remove(runs, id);
	errno = saved;
	return -1;
}

int rundir_lock(int runs, const char *id)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MOST];
	struct stat st;
	int fd, saved;

	if (path_make(path, id, "run") < 0)
		return -1;
	fd = openat(runs, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0 && fstat(fd, &st) == 0) {
		if (st.st_nlink > 0)
			return fd;
		errno = ENOENT; /* removed between open and lock: somebody is through with it */
	}
	saved = errno == EACCES ? EAGAIN : errno;
	close(fd);
	errno = saved;
	return -1;
}

/* In a file of the first version as that has it: the record begins behind the shorter head. */
static ssize_t mark_first(int fd, const struct run_progress *p)
{
	struct run_first first = run_first_encode(p);
	ssize_t n = pwrite(fd, &first, sizeof(first), 0);

	return n == (ssize_t)sizeof(first) ? (ssize_t)sizeof(*p) : n;
}

int rundir_mark(int fd, const struct run_progress *p)
{
	ssize_t n = p->version == RUN_PROGRESS_FIRST ? mark_first(fd, p) : pwrite(fd, p, sizeof(*p), 0);

	if (n == (ssize_t)sizeof(*p))
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	return -1;
}

int rundir_write(int runs, const char *id, const char *file, const struct buf *text)
{
	char path[PATH_MOST], temp[PATH_MOST + 4];
	int fd = -1, rc = -1, saved;

	if (text->failed) {
		errno = ENOMEM;
		return -1;
	}
	if (path_make(path, id, file) < 0)
		return -1;
	snprintf(temp, sizeof(temp), "%s.new", path);
	fd = openat(runs, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if (file_write(fd, text->data, text->len) == 0)
		rc = renameat(runs, temp, runs, path);
	saved = errno;
	close(fd);
	if (rc < 0)
		unlinkat(runs, temp, 0);
	errno = saved;
	return rc;
}

static int outcome_within(int fd, struct run_progress *p, const struct buf *out)
{
	uint16_t was = p->phase;

	p->phase = RUN_ENDED;
	p->outcome_n = (uint32_t)out->len;
	memcpy(p->outcome, out->data, out->len);
	if (rundir_mark(fd, p) == 0)
		return 0;
	p->phase = was;
	p->outcome_n = 0;
	return -1;
}

/* The head's page is there already, however full the disk is. */
static int outcome_shortened(int fd, struct run_progress *p, const struct outcome *o)
{
	struct buf out = { 0 };
	int rc = -1, saved = errno;

	outcome_encode_short(o, sizeof(p->outcome), &out);
	if (!out.failed && out.len <= sizeof(p->outcome))
		rc = outcome_within(fd, p, &out);
	buf_free(&out);
	errno = saved;
	return rc;
}

int rundir_finish(int runs, const char *id, int fd, struct run_progress *p, const struct outcome *o)
{
	bool head = fd >= 0 && p->magic == RUN_PROGRESS_MAGIC;
	bool room = head && p->version == RUN_PROGRESS_VERSION;
	struct buf out = { 0 };
	int rc = -1;

	outcome_encode(o, &out);
	if (out.failed) {
		errno = ENOMEM;
	} else if (room && out.len <= sizeof(p->outcome)) {
		rc = outcome_within(fd, p, &out);
	} else {
		if (head && (p->phase == RUN_CLAIMED || p->phase == RUN_PENDING)) { /* all that a keeper looks at */
			p->phase = RUN_STARTED;
			rundir_mark(fd, p);
		}
		rc = rundir_write(runs, id, "outcome", &out);
		if (rc < 0 && room)
			rc = outcome_shortened(fd, p, o);
	}
	buf_free(&out);
	return rc;
}

/* Beside the head once there is no room in it; until the head lets go of the former that counts. */
int rundir_amend(int runs, const char *id, int fd, struct run_progress *p, const struct outcome *o)
{
	struct buf out = { 0 };
	int rc = -1;

	outcome_encode(o, &out);
	if (out.failed) {
		errno = ENOMEM;
	} else if (p->phase == RUN_ENDED && out.len <= sizeof(p->outcome)) {
		rc = outcome_within(fd, p, &out);
	} else {
		rc = rundir_write(runs, id, "outcome", &out);
		if (rc == 0 && p->phase == RUN_ENDED) {
			p->phase = p->job_pid ? RUN_RUNNING : RUN_STARTED;
			p->outcome_n = 0;
			rc = rundir_mark(fd, p);
		}
	}
	buf_free(&out);
	return rc;
}

static int ended_within(int runs, const char *path)
{
	struct run_progress p;
	int fd = openat(runs, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), saved;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = pread(fd, &p, sizeof(p), 0);
	saved = errno;
	close(fd);
	errno = saved;
	if (n < 0)
		return -1;
	return n == (ssize_t)sizeof(p) &&
		run_progress_decode(&p, (struct slice){ (const char *)&p, sizeof(p) }, NULL) == 0 &&
		p.phase == RUN_ENDED;
}

int rundir_has_outcome(int runs, const char *id)
{
	char path[PATH_MOST];
	struct stat st;
	int within;

	if (path_make(path, id, "run") < 0)
		return 0;
	within = ended_within(runs, path);
	if (within || path_make(path, id, "outcome") < 0)
		return within;
	if (fstatat(runs, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -1;
}

int rundir_read(int runs, const char *id, const char *file, struct buf *out)
{
	char path[PATH_MOST];
	struct stat st;
	int fd, rc, saved;

	if (path_make(path, id, file) < 0)
		return -1;
	fd = file_open(runs, path, 0, &st);
	if (fd < 0)
		return -1;
	rc = file_read(fd, FILE_MOST, out);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

void rundir_unlink(int runs, const char *id, const char *file)
{
	char path[PATH_MOST];

	if (path_make(path, id, file) == 0)
		unlinkat(runs, path, 0);
}

/* Whatever is in it: who was killed may have left what was to be renamed. */
static void files_remove(int runs, const char *id)
{
	int fd = openat(runs, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		unlinkat(fd, e->d_name, 0);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

/* The run file first: without it a directory is one that was never claimed whole. */
void rundir_remove(int runs, const char *id)
{
	rundir_unlink(runs, id, "run");
	if (unlinkat(runs, id, AT_REMOVEDIR) == 0 || errno != ENOTEMPTY)
		return;
	files_remove(runs, id);
	unlinkat(runs, id, AT_REMOVEDIR);
}

int rundir_logged(int runs, const char *id)
{
	char path[PATH_MOST];
	int fd;

	if (path_make(path, id, RUNDIR_LOGGED) < 0)
		return -1;
	fd = openat(runs, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : errno == EEXIST ? 1 : -1;
}

bool rundir_has(int runs, const char *id, const char *file)
{
	char path[PATH_MOST];

	return path_make(path, id, file) == 0 && file_exists(runs, path);
}

int rundir_post(int runs, const struct event *e)
{
	char path[EVENT_ID_MOST + sizeof(RUNDIR_OUTBOX) + 1];
	struct buf b = { 0 };
	int rc;

	event_encode(e, &b);
	snprintf(path, sizeof(path), "%s/%s", RUNDIR_OUTBOX, e->id);
	errno = EINVAL;
	rc = b.failed ? -1
		      : file_replace(runs, path, e->trusted ? RUNDIR_POST_ROOT : RUNDIR_POST_USER, b.data,
				b.len, 0);
	buf_free(&b);
	return rc;
}

bool rundir_posted(int runs, const char *event_id)
{
	char path[EVENT_ID_MOST + sizeof(RUNDIR_OUTBOX) + 1];

	snprintf(path, sizeof(path), "%s/%s", RUNDIR_OUTBOX, event_id);
	return file_exists(runs, path);
}
