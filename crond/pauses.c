/* pauses: which jobs are off by hand.
 * Flow: control asks -> what jobs have learnt -> one file in the state directory, replaced
 * whole; read once, at start. Its lines: an identity in hexadecimal, a blank, a name. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/metrics.h"

#define PAUSES_HEAD "# crond: jobs that are paused, 1\n"
/* Of these users have a part, or they would keep root from pausing, and make each pause slow. */
enum { PAUSES_MOST = 16 << 20, PAUSES_USERS = 1 << 20, IDENTITY_DIGITS = 16 };

static void say_pauses(struct crond *c, const char *why)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (%s/paused: %s)", c->set.state_dir, why);
}

static int state_dir_open(struct crond *c)
{
	return open(c->set.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Not if there is more of it than most. */
static int pauses_write(struct crond *c, size_t most)
{
	int dir = state_dir_open(c), rc = -1, saved;
	struct buf b = { 0 };
	struct job_state *s;

	buf_puts(&b, PAUSES_HEAD);
	RB_FOREACH(s, state_tree, &c->states) {
		if (s->paused)
			buf_printf(&b, "%016" PRIx64 " %s\n", s->identity, s->name);
	}
	if (b.failed)
		errno = ENOMEM;
	else if (b.len > most)
		errno = EFBIG;
	else if (dir >= 0)
		rc = file_replace(dir, "paused", 0600, b.data, b.len, 1);
	saved = errno;
	if (dir >= 0)
		close(dir);
	buf_free(&b);
	errno = saved;
	return rc;
}

static size_t pauses_most(uint64_t identity, bool paused)
{
	if (!paused)
		return SIZE_MAX;
	return job_identity_trusted(identity) ? PAUSES_MOST : PAUSES_USERS;
}

/* name: NULL where it is paused no more. */
static int pause_set(struct job_state *s, const char *name)
{
	char *copy = name ? strdup(name) : NULL;

	if (name && !copy) {
		errno = ENOMEM;
		return -1;
	}
	free(s->name);
	s->name = copy;
	s->paused = copy != NULL;
	return 0;
}

int state_pause(struct crond *c, uint64_t identity, const char *name, bool paused)
{
	struct job_state *s = state_get(c, identity);
	int rc = 0, saved = 0;

	if (!s || (paused && (!name || strpbrk(name, "\n")))) {
		errno = s ? EINVAL : ENOMEM;
		return -1;
	}
	if (s->paused != paused && (rc = pause_set(s, paused ? name : NULL)) == 0) {
		rc = pauses_write(c, pauses_most(identity, paused));
		saved = errno;
		if (rc < 0) /* as it was: what is said and what is on disk are one */
			pause_set(s, paused ? NULL : name ? name : "?");
	}
	daemon_look(c);
	metrics_changed(c);
	state_release(c, s);
	errno = saved;
	return rc;
}

static int line_take(struct crond *c, char *line)
{
	const char *name = line + IDENTITY_DIGITS + 1;
	struct job_state *s;

	/* as we write it: strtoull() takes signs, and blanks before them, too */
	if (strspn(line, "0123456789abcdef") != IDENTITY_DIGITS || name[-1] != ' ' || !*name)
		return -1;
	s = state_get(c, strtoull(line, NULL, 16));
	return s ? pause_set(s, name) : -1;
}

/* n bytes, and a NUL behind them. */
static void pauses_take(struct crond *c, char *text, size_t n)
{
	size_t head = strlen(PAUSES_HEAD), bad = 0;
	char *line = text + head, *end, *all = text + n;

	if (strncmp(text, PAUSES_HEAD, head) != 0) {
		say_pauses(c, "not of a version that is known, not used");
		return;
	}
	for (; line < all; line = end + 1) {
		end = memchr(line, '\n', (size_t)(all - line));
		end = end ? end : all;
		*end = '\0';
		bad += strlen(line) != (size_t)(end - line) || (*line && line_take(c, line) < 0);
	}
	if (bad)
		say_pauses(c, "has lines that are not understood");
}

void pauses_read(struct crond *c)
{
	int dir = state_dir_open(c), fd = -1;
	struct buf b = { 0 };
	struct stat st;

	if (dir >= 0)
		fd = file_open(dir, "paused", 0, &st);
	if (fd >= 0 && file_read(fd, PAUSES_MOST, &b) == 0 && buf_text(&b))
		pauses_take(c, b.data, b.len);
	else if (errno != ENOENT)
		say_pauses(c, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	buf_free(&b);
}
