/* metrics_text: the text of the metrics-file, a piece at a time.
 * Flow: metrics gives turns; what there is to tell is looked up in the scheduler here. */
#include "config.h"

#include "crond/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crond/base/moment.h"
#include "crond/crond.h"

#define SECOND_NS INT64_C(1000000000)
#define MS_NS INT64_C(1000000)

enum { LABELS_MOST = 1024 };

/* --- the scheduler itself */

static void one(struct buf *b, const char *name, enum metric_type type, const char *help, uint64_t value)
{
	metric_head(b, name, type, help);
	metric_count(b, name, "", value);
}

static void one_time(struct buf *b, const char *name, const char *help, int64_t ns)
{
	metric_head(b, name, METRIC_GAUGE, help);
	metric_seconds(b, name, "", ns);
}

static void put_info(const struct crond *c, struct buf *b)
{
	struct buf labels = { 0 };

	metric_label(&labels, true, "version", slice_of(PACKAGE_VERSION));
	metric_label(&labels, false, "dialect", slice_of(c->set.dialect->name));
	metric_head(b, "crond_info", METRIC_GAUGE, "Version and dialect of the scheduler, as labels.");
	metric_number(b, "crond_info", buf_text(&labels) ? labels.data : "", 1);
	buf_free(&labels);
}

static void put_results(const struct metrics *m, struct buf *b)
{
	metric_head(b, "crond_runs_total", METRIC_COUNTER,
		"Ends of runs of all jobs, plain lines too, and starts that came to nothing, by result.");
	for (enum result r = 0; r < RESULTS; r++) {
		char label[32];

		snprintf(label, sizeof(label), "result=\"%s\"", result_name(r));
		metric_count(b, "crond_runs_total", label, m->runs[r]);
	}
}

static void put_helpers(const struct crond *c, struct buf *b)
{
	metric_head(b, "crond_helper_up", METRIC_GAUGE,
		"Whether a helper runs; notify is started when there is something to tell.");
	metric_number(b, "crond_helper_up", "helper=\"launcher\"", c->launcher > 0);
	metric_number(b, "crond_helper_up", "helper=\"notify\"", c->notify > 0);
	metric_number(b, "crond_helper_up", "helper=\"history\"", c->history > 0);
}

static size_t files_refused(struct crond *c)
{
	size_t refused = 0;
	struct source *s;

	RB_FOREACH(s, source_tree, &c->sources)
		refused += s->tried && !s->good;
	return refused;
}

static void put_daemon(struct crond *c, struct metrics *m, struct buf *b)
{
	int64_t next = due_first(&c->due);

	put_info(c, b);
	one_time(b, "crond_start_time_seconds", "When the scheduler was started.", m->opened);
	one_time(b, "crond_last_reload_timestamp_seconds", "When tables were last taken in.", m->reloaded);
	one(b, "crond_reloads_total", METRIC_COUNTER, "How often tables were taken in.", m->reloads);
	one(b, "crond_jobs", METRIC_GAUGE, "Jobs in force.", c->reload.jobs);
	one(b, "crond_jobs_without_series", METRIC_GAUGE,
		"Jobs with a name that have no series here, beyond the first 20000.", m->left_out);
	one(b, "crond_files_refused", METRIC_GAUGE, "Files that are not in force as they are now.",
		files_refused(c));
	one_time(b, "crond_next_run_timestamp_seconds", "When the first job is due; 0: none is.",
		next == SCHEDULE_NEVER ? 0 : next * SECOND_NS);
	one(b, "crond_runs_running", METRIC_GAUGE, "Runs under way.", c->running);
	one(b, "crond_starts_queued", METRIC_GAUGE, "Runs that no keeper has taken yet.", c->waiting);
	one(b, "crond_starts_waiting", METRIC_GAUGE,
		"Starts that are held back by queue, pool, jitter, retry or a limit.", c->pending_count);
	one(b, "crond_alerts_unsent", METRIC_GAUGE, "Events that crond-notify does not have yet.",
		c->outbox_count);
	one(b, "crond_history_backlog_bytes", METRIC_GAUGE,
		"Records of runs that crond-history has not written yet.",
		c->backlog.on ? backlog_waits(c) : 0);
	one(b, "crond_log_lines_lost_total", METRIC_COUNTER, "Lines that the log did not take.",
		atomic_load(&c->shared->log_lost));
	put_helpers(c, b);
	put_results(m, b);
	metric_head(b, "crond_start_late_seconds", METRIC_HISTOGRAM,
		"How long after its second a job that started by its schedule began, as its end was taken in.");
	metric_times_put(b, "crond_start_late_seconds", &m->late);
}

/* --- jobs */

/* What is told of one job. */
struct told {
	const struct job *job;
	const struct job_state *state; /* NULL: nothing is known */
	const struct metrics_job *counts; /* NULL: nothing happened */
	const char *labels;
};

static void put_success(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	(void)c;
	metric_seconds(&m->text, name, t->labels, t->state ? t->state->last_success * MS_NS : 0);
}

static void put_start(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	(void)c;
	metric_seconds(&m->text, name, t->labels, t->state ? t->state->last_start * MS_NS : 0);
}

static void put_next(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	const struct options *o = t->job->common->options;
	bool starts = o->enabled && !(t->state && t->state->paused) &&
		(!o->hosts || hosts_match(o->hosts, host_self(c)));
	const struct timer *timer = starts ? due_timer(&c->due, t->job, m->marks) : NULL;

	metric_number(&m->text, name, t->labels, timer && timer->next != SCHEDULE_NEVER ? timer->next : 0);
}

static void put_code(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	bool ended = t->state && t->state->last_result < RESULTS;

	(void)c;
	metric_number(&m->text, name, t->labels, !ended ? 0 :
		t->state->last_signal ? 128 + t->state->last_signal : t->state->last_code);
}

static void put_took(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	int64_t ns = t->counts ? t->counts->took_ns : 0;

	(void)c;
	if (!ns && t->state && t->state->last_end > t->state->last_start) /* before our time */
		ns = (t->state->last_end - t->state->last_start) * MS_NS;
	metric_seconds(&m->text, name, t->labels, ns);
}

static void put_running(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	(void)c;
	metric_count(&m->text, name, t->labels, t->state ? t->state->running : 0);
}

static void put_paused(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	(void)c;
	metric_count(&m->text, name, t->labels, t->state && t->state->paused);
}

static void put_runs(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	char labels[LABELS_MOST + 32];

	(void)c;
	for (enum result r = 0; r < RESULTS; r++) {
		snprintf(labels, sizeof(labels), "%s,result=\"%s\"", t->labels, result_name(r));
		metric_count(&m->text, name, labels, t->counts ? t->counts->runs[r] : 0);
	}
}

static void put_missed(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	(void)c;
	metric_count(&m->text, name, t->labels, t->counts ? t->counts->runs[RESULT_MISSED] : 0);
}

static void put_skipped(struct crond *c, struct metrics *m, const char *name, const struct told *t)
{
	(void)c;
	metric_count(&m->text, name, t->labels, t->counts ? t->counts->runs[RESULT_SKIPPED] : 0);
}

static const struct family {
	const char *name;
	enum metric_type type;
	const char *help;
	void (*put)(struct crond *c, struct metrics *m, const char *name, const struct told *t);
} families[] = {
	{ "cron_job_last_success_timestamp_seconds", METRIC_GAUGE,
		"When its last success ended; 0: none is known since boot.", put_success },
	{ "cron_job_last_start_timestamp_seconds", METRIC_GAUGE,
		"When its last run started; 0: none is known since boot.", put_start },
	{ "cron_job_next_run_timestamp_seconds", METRIC_GAUGE,
		"When it is due next; 0: not by itself.", put_next },
	{ "cron_job_last_exit_code", METRIC_GAUGE,
		"Exit code of its last run; 128 and the signal, -1: it had none, 0 also before the first.",
		put_code },
	{ "cron_job_last_duration_seconds", METRIC_GAUGE, "How long its last run took.", put_took },
	{ "cron_job_running", METRIC_GAUGE, "Its runs under way.", put_running },
	{ "cron_job_paused", METRIC_GAUGE, "Whether it is off by hand.", put_paused },
	{ "cron_job_runs_total", METRIC_COUNTER,
		"Ends of its runs, and starts that came to nothing, by result.", put_runs },
	{ "cron_job_missed_total", METRIC_COUNTER, "What fell due and was not started.", put_missed },
	{ "cron_job_skipped_total", METRIC_COUNTER, "What was due and not to be started.", put_skipped },
};

enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

/* "job=...,user=..."; "": it does not fit. */
static void labels_of(const struct job *job, char out[LABELS_MOST])
{
	char name[JOB_NAME_MOST];
	struct buf b = { .data = NULL };

	job_name(job, job->common->user->name, name);
	metric_label(&b, true, "job", slice_of(name));
	metric_label(&b, false, "user", slice_of(job->common->user->name));
	snprintf(out, LABELS_MOST, "%s", buf_text(&b) && b.len < LABELS_MOST ? b.data : "");
	buf_free(&b);
}

static void put_job(struct crond *c, struct metrics *m, const struct job *job)
{
	char labels[LABELS_MOST];
	struct told t = { .job = job, .state = state_find(c, job->identity),
		.counts = metrics_find(m, job->identity), .labels = labels };

	labels_of(job, labels);
	families[m->family].put(c, m, families[m->family].name, &t);
}

/* One family, from where it was left. true: it is whole. */
static bool put_family(struct crond *c, struct metrics *m, int64_t until_us)
{
	const struct family *f = &families[m->family];

	if (m->slot == 0)
		metric_head(&m->text, f->name, f->type, f->help);
	for (; m->slot < c->tasks.count; m->slot++) {
		const struct job *job = c->tasks.slots[m->slot];

		if (!job || m->told++ >= METRICS_JOBS_MOST)
			continue;
		put_job(c, m, job);
		if (moment_us(CLOCK_MONOTONIC) >= until_us) {
			m->slot++;
			return false;
		}
	}
	m->left_out = m->told > METRICS_JOBS_MOST ? m->told - METRICS_JOBS_MOST : 0;
	m->slot = m->told = 0;
	m->family++;
	return true;
}

bool metrics_text(struct crond *c, struct metrics *m, int64_t until_us)
{
	while (m->family < FAMILIES && moment_us(CLOCK_MONOTONIC) < until_us) {
		if (!put_family(c, m, until_us))
			return false;
	}
	if (m->family < FAMILIES)
		return false;
	put_daemon(c, m, &m->text);
	return true;
}
