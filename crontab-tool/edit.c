/* edit: crontab -e.
 * Flow: table -> private copy -> editor -> install. All of it but reading the table
 * and putting the new one in place is done as the caller, in a directory that nobody
 * else may enter; what the editor left is judged by the open descriptor. */
#include "config.h"

#include "crontab-tool/edit.h"

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
#include "crontab-tool/answer.h"
#include "crontab-tool/audit.h"
#include "crontab-tool/editor.h"
#include "crontab-tool/header.h"
#include "crontab-tool/install.h"
#include "crontab-tool/spool.h"
#include "crontab-tool/words.h"

static const char name[] = "crontab";

struct edit {
	char *directory; /* private, 0700 */
	char *path;      /* the copy in it */
	int dir;
	struct buf before, after;
};

enum step { STEP_AGAIN, STEP_DONE, STEP_KEEP, STEP_FAILED };

/* --- the copy */

/* What is edited: the table without its header, or the words for a first one. */
static int take_table(const struct request *r, const struct spool *s, struct edit *e)
{
	identity_own(&r->identity);
	int rc = spool_read(s, r->user, &e->before);
	int saved = errno;
	identity_caller(&r->identity);
	if (rc != 0 && saved == ENOENT) {
		fprintf(stderr, "no crontab for %s - using an empty one\n", r->user);
		buf_puts(&e->before, words_get(r->dialect->id)->first);
	} else if (rc != 0) {
		if (s->cronie)
			spool_complain(s, r->user, saved);
		else /* Debian's line does not end */
			fprintf(stderr, "%s/%s/: fdopen: %s", s->name, r->user, strerror(saved));
		return -1;
	} else if (words_get(r->dialect->id)->header && e->before.len) {
		size_t n = header_length((struct slice){ e->before.data, e->before.len });
		e->before.len -= n;
		memmove(e->before.data, e->before.data + n, e->before.len);
	}
	return e->before.failed ? -1 : 0;
}

/* TMPDIR is the caller's word, so it counts only where the program has no rights that
 * the caller lacks. */
static const char *directory_base(void)
{
	const char *base = secure_getenv("TMPDIR");

	return base && *base == '/' ? base : "/tmp";
}

static int make_directory(struct edit *e)
{
	if (asprintf(&e->directory, "%s/crontab.XXXXXX", directory_base()) < 0) {
		e->directory = NULL;
		return -1;
	}
	/* The caller's umask is the editor's, but must not shut us out here. */
	mode_t before = umask(077);
	const char *made = mkdtemp(e->directory);
	umask(before);
	if (!made) {
		perror(e->directory);
		free(e->directory);
		e->directory = NULL;
		return -1;
	}
	e->dir = open(e->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (e->dir < 0 || asprintf(&e->path, "%s/%s", e->directory, name) < 0) {
		e->path = NULL;
		return -1;
	}
	return 0;
}

static int make_copy(struct edit *e)
{
	int fd = openat(e->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	int rc = fchmod(fd, 0600);
	if (rc == 0)
		rc = file_write(fd, e->before.data, e->before.len);
	int saved = errno;
	if (close(fd) != 0 && rc == 0)
		return -1;
	errno = saved;
	return rc;
}

static int start(const struct request *r, struct edit *e)
{
	if (make_directory(e) == 0 && make_copy(e) == 0)
		return 0;
	if (e->path)
		perror(e->path);
	if (r->dialect->id != DIALECT_CRONIE)
		fputs("Creation of temporary crontab file failed - aborting\n", stderr);
	return -1;
}

/* Nothing but what was made here is removed: a directory with more in it stays. */
static void clean(struct edit *e)
{
	if (e->dir >= 0)
		unlinkat(e->dir, name, 0);
	if (e->directory)
		rmdir(e->directory);
}

/* --- after the editor */

static enum step refuse(const struct request *r, const char *why)
{
	if (r->dialect->id == DIALECT_CRONIE) {
		fputs("crontab: illegal crontab\n", stderr);
		return STEP_DONE;
	}
	fprintf(stderr, "%s\nError while editing crontab\n", why);
	return STEP_FAILED;
}

static enum step not_opened(const struct request *r)
{
	if (errno == ELOOP || errno == EISDIR || errno == ENXIO)
		return refuse(r, "The temporary crontab must remain a regular file");
	if (r->dialect->id == DIALECT_CRONIE)
		fprintf(stderr, "lstat: %s\n", strerror(errno));
	else
		fprintf(stderr, "Can't open tempfile after edit: %s\nError while editing crontab\n",
		        strerror(errno));
	return STEP_FAILED;
}

/* An editor may have put a new file in the place of the old one, but it must be a
 * file and the caller's: no link leads out of the directory. STEP_AGAIN: it was read. */
static enum step read_back(const struct request *r, struct edit *e)
{
	enum step step = STEP_FAILED;
	struct stat st;
	int fd = file_open(e->dir, name, 0, &st);

	if (fd < 0)
		return not_opened(r);
	buf_clear(&e->after);
	if (st.st_uid != r->identity.uid)
		step = refuse(r, "Temporary crontab no longer owned by you.");
	else if (file_read(fd, TABLE_MOST, &e->after) != 0)
		fprintf(stderr, "crontab: %s: %s\n", e->path, strerror(errno));
	else
		step = STEP_AGAIN;
	close(fd);
	return step;
}

static bool unchanged(const struct edit *e)
{
	return e->after.len == e->before.len &&
	        (e->after.len == 0 || memcmp(e->after.data, e->before.data, e->after.len) == 0);
}

static enum step offer(const struct request *r, const struct spool *s, struct edit *e)
{
	const struct words *words = words_get(r->dialect->id);

	fputs("crontab: installing new crontab\n", stderr);
	switch (install_table(r, s, e->path,
	        (struct slice){ e->after.data ? e->after.data : "", e->after.len })) {
	case INSTALL_DONE:
		return STEP_DONE;
	case INSTALL_BAD:
		return answer_yes(words->retry, words->which, true) ? STEP_AGAIN : STEP_KEEP;
	default:
		return STEP_FAILED;
	}
}

/* Nothing is left of a round that ends without the copy's being wanted any more. */
static enum step end(struct edit *e, enum step step)
{
	clean(e);
	return step;
}

static enum step round_of(const struct request *r, const struct spool *s, struct edit *e)
{
	const struct words *words = words_get(r->dialect->id);

	if (editor_run(r, words->editor, e->path) != 0)
		return end(e, STEP_FAILED);
	enum step step = read_back(r, e);
	if (step != STEP_AGAIN)
		return end(e, step);
	if (unchanged(e)) {
		fputs(words->unchanged, stderr);
		return end(e, STEP_DONE);
	}
	step = offer(r, s, e);
	if (step == STEP_DONE)
		return end(e, step);
	if (step != STEP_AGAIN)
		fprintf(stderr, "crontab: edits left in %s\n", e->path);
	return step;
}

static enum step rounds(const struct request *r, const struct spool *s, struct edit *e)
{
	enum step step;

	do
		step = round_of(r, s, e);
	while (step == STEP_AGAIN);
	if (step != STEP_FAILED)
		audit_log(r->caller, "END EDIT", r->user);
	return step;
}

/* The keys that stop a program, and a polite kill, wait until nothing is left lying
 * about; while the editor runs they are its own, see editor.h. */
static void hold_signals(sigset_t *before)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGQUIT);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, before);
}

int edit_run(const struct request *r, const struct spool *s)
{
	struct edit e = { .dir = -1 };
	enum step step = STEP_FAILED;
	sigset_t before;

	audit_log(r->caller, "BEGIN EDIT", r->user);
	hold_signals(&before);
	if (take_table(r, s, &e) == 0) {
		if (start(r, &e) == 0)
			step = rounds(r, s, &e);
		else
			clean(&e);
	}
	if (e.dir >= 0)
		close(e.dir);
	free(e.directory);
	free(e.path);
	buf_free(&e.before);
	buf_free(&e.after);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return step == STEP_FAILED;
}
