/* state: what jobs have learnt, by their identity, and how far time was handled.
 * Flow: start, outcome_in and control ask and tell; what must outlive the scheduler is
 * appended to a file in the run-time directory (memory, not disk), folded together at
 * start; who is paused stands in the state directory (pauses.c). */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/text.h"

enum {
	STATE_MAGIC = 0x736e7243, STAMP_MAGIC = 0x746e7243, STATE_VERSION = 3, STAMP_VERSION = 1,
	STATE_HEAD = 8, STATE_FILE_MOST = 64 << 20, FOLD_AT = 65536, LATELY_MOST = 10000,
	FORGET_FROM = 1000,
};

/* What stands behind `second` came later: who ends there knows nothing of clocks set back. */
struct stamp_record {
	uint32_t magic, version;
	int64_t second;
	struct stretch past, lapped;
	int64_t repeat, since;
	uint64_t laps;
};

enum { STAMP_SHORT = offsetof(struct stamp_record, past) };

struct state_record {
	uint64_t identity;
	int64_t last_start, last_end;
	uint32_t failures, restarts;
	int16_t last_code;
	uint8_t last_signal, last_result, failed, zero[3];
	uint32_t alerts, alert_failed;
	int64_t alerted;
	int64_t last_success; /* from version 3 on; likewise: */
	uint64_t taken;
};

enum { RECORD_2 = offsetof(struct state_record, last_success) };

static int state_order(const struct job_state *a, const struct job_state *b)
{
	return a->identity < b->identity ? -1 : a->identity > b->identity;
}

RB_GENERATE(state_tree, job_state, link, state_order)

struct job_state *state_find(struct crond *c, uint64_t identity)
{
	struct job_state key = { .identity = identity };

	return RB_FIND(state_tree, &c->states, &key);
}

struct job_state *state_get(struct crond *c, uint64_t identity)
{
	struct job_state *s = state_find(c, identity);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->identity = identity;
	s->last_result = RESULTS;
	RB_INSERT(state_tree, &c->states, s);
	c->state_count++;
	return s;
}

/* How a plain line ended lately is known for as many as a person would look at. */
static bool state_blank(const struct crond *c, const struct job_state *s)
{
	if (s->running || s->waiting || s->failures || s->paused || s->failed || s->recorded)
		return false;
	return s->last_result == RESULTS || c->state_count > LATELY_MOST;
}

static void state_drop(struct crond *c, struct job_state *s)
{
	RB_REMOVE(state_tree, &c->states, s);
	c->state_count--;
	free(s->name);
	free(s);
}

void state_release(struct crond *c, struct job_state *s)
{
	if (!state_blank(c, s))
		return;
	state_drop(c, s);
}

/* --- on file */

static struct state_record record_of(const struct job_state *s)
{
	return (struct state_record){ .identity = s->identity, .last_start = s->last_start,
		.last_end = s->last_end, .failures = s->failures, .restarts = s->restarts,
		.last_code = s->last_code, .last_signal = s->last_signal, .last_result = s->last_result,
		.failed = s->failed, .alerts = s->alerting.count,
		.alert_failed = s->alerting.failed, .alerted = s->alerting.told,
		.last_success = s->last_success, .taken = s->taken };
}

/* Writes what is known anew, without what has been forgotten. */
static int state_fold(struct crond *c)
{
	uint32_t head[STATE_HEAD / sizeof(uint32_t)] = { STATE_MAGIC, STATE_VERSION };
	struct buf b = { 0 };
	struct job_state *s;
	size_t records = 0;
	int result;

	buf_append(&b, head, sizeof(head));
	RB_FOREACH(s, state_tree, &c->states) {
		struct state_record r = record_of(s);

		if (s->recorded) {
			buf_append(&b, &r, sizeof(r));
			records++;
		}
	}
	result = b.failed ? -1 : file_replace(c->run_fd, "jobs", 0600, b.data, b.len, 0);
	buf_free(&b);
	if (result < 0) {
		c->state_folded = c->state_records / 2; /* not at each record from now on */
		return -1;
	}
	c->state_records = c->state_folded = records;
	if (c->state_fd >= 0)
		close(c->state_fd);
	c->state_fd = openat(c->run_fd, "jobs", O_WRONLY | O_CLOEXEC);
	return c->state_fd < 0 ? -1 : 0;
}

/* Behind the last whole one: of one that found no room a part may stand there. */
static int record_append(struct crond *c, const struct state_record *r)
{
	ssize_t n = pwrite(c->state_fd, r, sizeof(*r),
		(off_t)(STATE_HEAD + c->state_records * sizeof(*r)));

	if (n == (ssize_t)sizeof(*r))
		c->state_records++;
	else if (n >= 0)
		errno = ENOSPC;
	return n == (ssize_t)sizeof(*r) ? 0 : -1;
}

static void say_unkept(struct crond *c)
{
	if (!c->state_said)
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (%s/jobs: %s)", c->set.run_dir, strerror(errno));
	c->state_said = true;
}

void state_record(struct crond *c, struct job_state *s)
{
	struct state_record r = record_of(s);

	s->recorded = true;
	if ((c->state_fd < 0 ? state_fold(c) : record_append(c, &r)) < 0)
		say_unkept(c);
	else
		c->state_said = false;
	if (c->state_records > c->state_folded * 2 + FOLD_AT)
		state_fold(c);
}

uint64_t state_mark(const char *run_id, enum result result)
{
	return text_hash(6 + (uint64_t)result, run_id, strlen(run_id));
}

void state_ended(struct crond *c, struct job_state *s, const struct outcome *o, uint32_t failures,
	bool keep)
{
	bool told = s->failures != failures;

	s->failures = failures;
	s->last_result = (uint8_t)o->result;
	s->last_code = (int16_t)o->exit_code;
	s->last_signal = (uint8_t)o->signal;
	s->last_start = o->started_ns / 1000000;
	s->last_end = o->finished_ns / 1000000;
	if (o->result == RESULT_OK)
		s->last_success = s->last_end;
	if (keep || told)
		state_record(c, s);
}

void state_failed(struct crond *c, uint64_t identity, bool failed, uint32_t restarts)
{
	struct job_state *s = state_get(c, identity);

	if (!s)
		return;
	if (s->failed != failed || s->restarts != restarts) {
		s->failed = failed;
		s->restarts = restarts;
		state_record(c, s);
	}
	state_release(c, s);
}

static void states_mark(struct crond *c)
{
	struct job_state *state;
	struct source *s;

	RB_FOREACH(state, state_tree, &c->states)
		state->wanted = state->running || state->waiting || state->paused;
	RB_FOREACH(s, source_tree, &c->sources) {
		for (size_t i = 0; s->jobs && i < s->jobs->count; i++) {
			state = state_find(c, s->jobs->jobs[i].identity);
			if (state)
				state->wanted = true;
		}
	}
}

void state_forget(struct crond *c)
{
	struct job_state *s, *next;

	if (c->state_count <= c->states_kept * 2 + FORGET_FROM)
		return;
	states_mark(c);
	RB_FOREACH_SAFE(s, state_tree, &c->states, next) {
		if (!s->wanted)
			state_drop(c, s);
	}
	c->states_kept = c->state_count;
	state_fold(c);
}

static void say_unknown(struct crond *c, const char *file)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (%s/%s: not of a version that is known, put aside as %s.old)",
		c->set.run_dir, file, file);
}

/* The last record of a job is the one that counts. */
static void record_take(struct crond *c, const struct state_record *r)
{
	struct job_state *s = state_get(c, r->identity);

	if (!s)
		return;
	s->recorded = true;
	s->last_start = r->last_start;
	s->last_end = r->last_end;
	s->last_success = r->last_success;
	s->failures = r->failures;
	s->restarts = r->restarts;
	s->last_code = r->last_code;
	s->last_signal = r->last_signal;
	s->last_result = r->last_result < RESULTS ? r->last_result : RESULTS;
	s->failed = r->failed;
	s->taken = r->taken;
	s->alerting = (struct alerting){ .count = r->alerts, .failed = r->alert_failed, .told = r->alerted };
}

static void records_take(struct crond *c, struct slice b, size_t each)
{
	struct state_record r = { 0 };

	for (size_t at = 0; at + each <= b.n; at += each) {
		memcpy(&r, b.s + at, each);
		record_take(c, &r);
	}
}

static void state_read(struct crond *c)
{
	uint32_t head[STATE_HEAD / sizeof(uint32_t)];
	struct buf b = { 0 };
	struct stat st;
	int fd = file_open(c->run_fd, "jobs", 0, &st);

	if (fd < 0)
		return;
	if (file_read(fd, STATE_FILE_MOST, &b) == 0 && b.len >= sizeof(head)) {
		memcpy(head, b.data, sizeof(head));
		if (head[0] == STATE_MAGIC && (head[1] == STATE_VERSION || head[1] == 2)) {
			records_take(c, (struct slice){ b.data + sizeof(head), b.len - sizeof(head) },
				head[1] == 2 ? RECORD_2 : sizeof(struct state_record));
		} else {
			say_unknown(c, "jobs");
			renameat(c->run_fd, "jobs", c->run_fd, "jobs.old");
		}
	}
	buf_free(&b);
	close(fd);
}

static int64_t stamp_read(struct crond *c)
{
	struct stamp_record r = { 0 };
	ssize_t n = pread(c->stamp_fd, &r, sizeof(r), 0);

	if (n == 0)
		return 0;
	if ((n != sizeof(r) && n != STAMP_SHORT) || r.magic != STAMP_MAGIC || r.version != STAMP_VERSION) {
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (%s/stamp: not of a version that is known, not used)", c->set.run_dir);
		return 0;
	}
	c->clock.past = r.past;
	c->clock.lapped = r.lapped;
	c->clock.laps = r.laps;
	c->due.repeat = r.repeat;
	c->clock.since = r.since;
	return r.second;
}

int state_open(struct crond *c, int64_t *stamp)
{
	c->stamp_fd = openat(c->run_fd, "stamp", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->stamp_fd < 0)
		return -1;
	*stamp = stamp_read(c);
	state_read(c);
	pauses_read(c);
	if (state_fold(c) < 0) /* what is there stays, and jobs need none of it */
		say_unkept(c);
	return 0;
}

int state_stamp(struct crond *c, int64_t second)
{
	struct stamp_record r = { .magic = STAMP_MAGIC, .version = STAMP_VERSION, .second = second,
		.past = c->clock.past, .lapped = c->clock.lapped, .repeat = c->due.repeat, .since = c->clock.since, .laps = c->clock.laps };

	return pwrite(c->stamp_fd, &r, sizeof(r), 0) == sizeof(r) ? 0 : -1;
}
