/* state: what jobs have learnt, by their identity, and how far time was handled.
 * Flow: start and outcome_in ask and tell; what must outlive the scheduler is appended
 * to a file in the run-time directory (memory, not disk), folded together at start. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/file.h"

enum {
	STATE_MAGIC = 0x736e7243, STAMP_MAGIC = 0x746e7243, STATE_VERSION = 1,
	STATE_FILE_MOST = 64 << 20, FOLD_AT = 65536,
};

struct stamp_record {
	uint32_t magic, version;
	int64_t second;
};

struct failures_record {
	uint64_t identity;
	uint32_t failures, zero;
};

static int state_order(const struct job_state *a, const struct job_state *b)
{
	return a->identity < b->identity ? -1 : a->identity > b->identity;
}

RB_GENERATE(state_tree, job_state, link, state_order)

struct job_state *state_get(struct crond *c, uint64_t identity)
{
	struct job_state key = { .identity = identity };
	struct job_state *s = RB_FIND(state_tree, &c->states, &key);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->identity = identity;
	RB_INSERT(state_tree, &c->states, s);
	return s;
}

void state_release(struct crond *c, struct job_state *s)
{
	if (s->running || s->failures)
		return;
	RB_REMOVE(state_tree, &c->states, s);
	free(s);
}

/* Writes what is known anew, without what has been forgotten. */
static int state_fold(struct crond *c)
{
	uint32_t head[2] = { STATE_MAGIC, STATE_VERSION };
	struct buf b = { 0 };
	struct job_state *s;
	int result;

	buf_append(&b, head, sizeof(head));
	c->state_records = 0;
	RB_FOREACH(s, state_tree, &c->states) {
		struct failures_record r = { .identity = s->identity, .failures = s->failures };

		if (s->failures) {
			buf_append(&b, &r, sizeof(r));
			c->state_records++;
		}
	}
	result = b.failed ? -1 : file_replace(c->run_fd, "failures", 0600, b.data, b.len, 0);
	buf_free(&b);
	if (result < 0)
		return -1;
	if (c->state_fd >= 0)
		close(c->state_fd);
	c->state_fd = openat(c->run_fd, "failures", O_WRONLY | O_APPEND | O_CLOEXEC);
	return c->state_fd < 0 ? -1 : 0;
}

void state_failures(struct crond *c, struct job_state *s, uint32_t failures)
{
	struct failures_record r = { .identity = s->identity, .failures = failures };

	if (s->failures == failures)
		return;
	s->failures = failures;
	if (c->state_fd < 0 || file_write(c->state_fd, &r, sizeof(r)) < 0)
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (%s/failures: %s)", c->set.run_dir, strerror(errno));
	if (++c->state_records > FOLD_AT)
		state_fold(c);
}

static void say_unknown(struct crond *c, const char *file)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (%s/%s: not of a version that is known, put aside as %s.old)",
		c->set.run_dir, file, file);
}

static void state_read(struct crond *c)
{
	uint32_t head[2];
	struct failures_record r;
	struct buf b = { 0 };
	struct stat st;
	int fd = file_open(c->run_fd, "failures", 0, &st);

	if (fd < 0)
		return;
	if (file_read(fd, STATE_FILE_MOST, &b) == 0 && b.len >= sizeof(head)) {
		memcpy(head, b.data, sizeof(head));
		if (head[0] != STATE_MAGIC || head[1] != STATE_VERSION) {
			say_unknown(c, "failures");
			renameat(c->run_fd, "failures", c->run_fd, "failures.old");
			b.len = 0;
		}
	}
	for (size_t at = sizeof(head); at + sizeof(r) <= b.len; at += sizeof(r)) {
		struct job_state *s;

		memcpy(&r, b.data + at, sizeof(r));
		s = state_get(c, r.identity);
		if (s) {
			s->failures = r.failures;
			state_release(c, s);
		}
	}
	buf_free(&b);
	close(fd);
}

static int64_t stamp_read(struct crond *c)
{
	struct stamp_record r;
	ssize_t n = pread(c->stamp_fd, &r, sizeof(r), 0);

	if (n == 0)
		return 0;
	if (n != sizeof(r) || r.magic != STAMP_MAGIC || r.version != STATE_VERSION) {
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (%s/stamp: not of a version that is known, not used)", c->set.run_dir);
		return 0;
	}
	return r.second;
}

int state_open(struct crond *c, int64_t *stamp)
{
	c->stamp_fd = openat(c->run_fd, "stamp", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->stamp_fd < 0)
		return -1;
	*stamp = stamp_read(c);
	state_read(c);
	return state_fold(c);
}

int state_stamp(struct crond *c, int64_t second)
{
	struct stamp_record r = { .magic = STAMP_MAGIC, .version = STATE_VERSION, .second = second };

	return pwrite(c->stamp_fd, &r, sizeof(r), 0) == sizeof(r) ? 0 : -1;
}
