/* metrics: what can be counted of the scheduler and its jobs, in a file for Prometheus.
 * Flow: ends of runs and starts that came to nothing are counted here; now and then, when something
 * has changed, the loop gives a turn in which a piece of the text is put together; a helper
 * puts the whole in place, so that no disk holds the scheduler up. */
#include "config.h"

#include "crond/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/base/kernel.h"
#include "crond/base/moment.h"
#include "crond/helper.h"
#include "crond/crond.h"

/* A turn takes so long, and one in so many is ours; none where something is due that soon. */
enum { TURN_US = 2000, REST_MS = 4, DUE_MS = 10, CHUNK = 64 * 1024, FAILS_MOST = 5,
	STUCK_MS = 60 * 1000 };

static int job_order(const struct metrics_job *a, const struct metrics_job *b)
{
	return a->identity < b->identity ? -1 : a->identity > b->identity;
}

RB_GENERATE(metrics_tree, metrics_job, link, job_order)

void metrics_open(struct crond *c)
{
	c->metrics = calloc(1, sizeof(*c->metrics));
	if (!c->metrics)
		return;
	c->metrics->opened = moment_ns(CLOCK_REALTIME);
	c->metrics->fd = -1;
}

static bool wanted(const struct crond *c)
{
	return c->metrics && c->set.conf.metrics_file;
}

/* --- counts */

const struct metrics_job *metrics_find(struct metrics *m, uint64_t identity)
{
	struct metrics_job key = { .identity = identity };

	return RB_FIND(metrics_tree, &m->jobs, &key);
}

static struct metrics_job *job_get(struct metrics *m, uint64_t identity)
{
	struct metrics_job *j = (struct metrics_job *)metrics_find(m, identity);

	if (j)
		return j;
	j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->identity = identity;
	RB_INSERT(metrics_tree, &m->jobs, j);
	return j;
}

/* Of jobs that are in force no more nothing is told. */
static void jobs_forget(struct crond *c)
{
	struct metrics_job *j, *next;

	RB_FOREACH_SAFE(j, metrics_tree, &c->metrics->jobs, next) {
		if (names_find(&c->tasks, j->identity))
			continue;
		RB_REMOVE(metrics_tree, &c->metrics->jobs, j);
		free(j);
	}
}

static void jobs_free(struct metrics *m)
{
	struct metrics_job *j, *next;

	RB_FOREACH_SAFE(j, metrics_tree, &m->jobs, next) {
		RB_REMOVE(metrics_tree, &m->jobs, j);
		free(j);
	}
}

static void job_count(struct crond *c, uint64_t identity, enum result result, int64_t took_ns)
{
	struct metrics_job *j = NULL;

	if (wanted(c) && names_find(&c->tasks, identity))
		j = job_get(c->metrics, identity);
	if (!j)
		return;
	j->runs[result]++;
	if (took_ns)
		j->took_ns = took_ns;
}

void metrics_ended(struct crond *c, const struct live_run *run, const struct outcome *o)
{
	if (!c->metrics)
		return;
	c->metrics->runs[o->result]++;
	if (run->by_schedule && o->started_ns)
		metric_times_add(&c->metrics->late, o->started_ns - run->scheduled * 1000000000);
	if (run->flags & RUN_LEARN && run->job)
		job_count(c, run->job->identity, o->result, o->took_ns);
	metrics_changed(c);
}

void metrics_nothing(struct crond *c, const struct job *job, enum result result)
{
	if (!c->metrics)
		return;
	c->metrics->runs[result]++;
	if (job->common->name)
		job_count(c, job->identity, result, 0);
	metrics_changed(c);
}

void metrics_reloaded(struct crond *c)
{
	if (!c->metrics)
		return;
	c->metrics->reloaded = moment_ns(CLOCK_REALTIME);
	c->metrics->reloads++;
	metrics_changed(c);
}

/* --- when */

/* A file that cannot be written is tried again, ever more seldom. */
static int64_t interval_ms(const struct crond *c)
{
	return (int64_t)c->set.conf.metrics_interval_ms << c->metrics->fails;
}

/* Some time from now, which many changes share. */
void metrics_changed(struct crond *c)
{
	struct metrics *m = c->metrics;
	int64_t left;

	if (!wanted(c) || m->changed)
		return;
	m->changed = true;
	if (m->stage == METRICS_TEXT)
		return; /* looked at again when that one is done */
	left = m->begun ? m->begun + interval_ms(c) - wait_now_ms() : 0;
	wait_later(c, LATER_METRICS, left > 0 ? left : 0);
}

static void text_drop(struct metrics *m)
{
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	free(m->marks);
	m->marks = NULL;
	buf_free(&m->text);
	m->stage = METRICS_IDLE;
}

void metrics_config(struct crond *c)
{
	if (!c->metrics)
		return;
	if (!c->set.conf.metrics_file) {
		text_drop(c->metrics);
		jobs_free(c->metrics);
		wait_not(c, LATER_METRICS);
	}
	c->metrics->changed = false;
	c->metrics->fails = 0;
	metrics_changed(c);
}

/* The end of a try. What has changed since the text was begun is for the next one. */
static void done(struct crond *c, int error)
{
	struct metrics *m = c->metrics;

	if (error && error != m->error)
		trouble_say(c, c->set.conf.metrics_file ? c->set.conf.metrics_file : "metrics-file",
			strerror(error));
	m->error = error;
	if (error)
		m->fails += m->fails < FAILS_MOST;
	else
		m->fails = 0;
	if (!error)
		m->written = moment_ns(CLOCK_REALTIME) / 1000000000;
	text_drop(m);
	if (m->changed || error) {
		m->changed = false;
		metrics_changed(c);
	}
}

/* --- a file */

static bool due_soon(const struct crond *c)
{
	int64_t next = due_first(&c->due);
	struct timespec now;

	if (next == SCHEDULE_NEVER)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return (next - now.tv_sec) * 1000 - now.tv_nsec / 1000000 < DUE_MS;
}

static void begin(struct crond *c)
{
	struct metrics *m = c->metrics;

	m->begun = wait_now_ms();
	m->changed = false;
	m->family = m->slot = m->told = 0;
	if (m->tables != c->tables_changed || m->used != c->tasks.used)
		jobs_forget(c);
	m->tables = c->tables_changed;
	m->used = c->tasks.used;
	m->slots = c->tasks.count;
	m->marks = calloc(1, sizeof(*m->marks));
	m->fd = kernel_shared(c->run_fd, 0);
	if (!m->marks || m->fd < 0) {
		done(c, m->marks ? errno : ENOMEM);
		return;
	}
	m->stage = METRICS_TEXT;
}

static int flush(struct metrics *m)
{
	int rc;

	if (m->text.failed)
		errno = ENOMEM;
	rc = m->text.failed ? -1 : file_write(m->fd, m->text.data, m->text.len);
	buf_clear(&m->text);
	return rc;
}

static void put(struct crond *c)
{
	struct metrics *m = c->metrics;
	const char *const argv[] = { "crond-launcher", "--put", c->set.conf.metrics_file, NULL };

	m->helper = helper_run(c, argv[0], argv, &m->fd, 1, (uid_t)-1, (gid_t)-1);
	if (m->helper < 0) {
		m->helper = 0;
		done(c, errno);
		return;
	}
	m->stage = METRICS_PUT;
}

void metrics_put(struct crond *c, int status)
{
	c->metrics->helper = 0;
	if (c->metrics->stage == METRICS_PUT)
		done(c, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR);
}

/* Tables that changed meanwhile: begun anew, once it is time again. */
static bool stale(const struct crond *c)
{
	const struct metrics *m = c->metrics;

	return m->tables != c->tables_changed || m->used != c->tasks.used || m->slots != c->tasks.count;
}

static void text_turn(struct crond *c)
{
	struct metrics *m = c->metrics;
	bool whole;

	if (stale(c)) {
		text_drop(m);
		m->changed = false;
		metrics_changed(c);
		return;
	}
	whole = metrics_text(c, m, moment_us(CLOCK_MONOTONIC) + TURN_US);
	if ((whole || m->text.len >= CHUNK) && flush(m) < 0)
		done(c, errno);
	else if (whole)
		put(c);
	else
		wait_later(c, LATER_METRICS, REST_MS);
}

/* The helper may wait for its file system for ever: nobody else does. */
static void stuck_say(struct crond *c)
{
	struct metrics *m = c->metrics;
	int64_t left = m->begun + STUCK_MS - wait_now_ms();

	if (m->error == ETIMEDOUT)
		return;
	if (left > 0) {
		wait_later(c, LATER_METRICS, left);
		return;
	}
	trouble_say(c, c->set.conf.metrics_file, strerror(ETIMEDOUT));
	m->error = ETIMEDOUT;
}

void metrics_turn(struct crond *c)
{
	struct metrics *m = c->metrics;

	if (!wanted(c) || c->stop.stage)
		return;
	if (m->stage == METRICS_PUT) {
		stuck_say(c);
		return;
	}
	if (m->helper) { /* of a file that is another one now */
		wait_later(c, LATER_METRICS, (int64_t)c->set.conf.metrics_interval_ms);
		return;
	}
	if (due_soon(c)) {
		wait_later(c, LATER_METRICS, DUE_MS);
		return;
	}
	if (m->stage == METRICS_IDLE)
		begin(c);
	if (m->stage == METRICS_TEXT)
		text_turn(c);
}
