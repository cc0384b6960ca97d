/* control_status: how the daemon itself is.
 * Flow: cronctl status -> what the scheduler knows of itself and its helpers -> one line. */
#include "config.h"

#include "crond/control.h"

#include <string.h>
#include <unistd.h>

#include "crond/metrics.h"

enum { LATE_PERCENT = 99 };

static void put_jobs(struct crond *c, struct buf *b)
{
	size_t jobs = 0;
	struct source *s;

	RB_FOREACH(s, source_tree, &c->sources)
		jobs += s->jobs ? s->jobs->count : 0;
	ctlmsg_number(b, "jobs", (int64_t)jobs);
	ctlmsg_number(b, "running", (int64_t)c->running);
	if (due_first(&c->due) != SCHEDULE_NEVER)
		ctlmsg_number(b, "next", due_first(&c->due));
}

/* Not to be changed by whoever may look; of all jobs, and so for who may see them all. */
static void put_queues(struct crond *c, struct buf *b)
{
	size_t refused = 0;
	struct source *s;

	RB_FOREACH(s, source_tree, &c->sources)
		refused += s->tried && !s->good;
	ctlmsg_number(b, "files_refused", (int64_t)refused);
	ctlmsg_number(b, "log_lines_lost", (int64_t)atomic_load(&c->shared->log_lost));
	ctlmsg_bool(b, "stopping", c->stop.stage != STOP_NOT);
	ctlmsg_number(b, "clients", (int64_t)control_clients(c));
	ctlmsg_number(b, "queued", (int64_t)c->waiting);
	ctlmsg_number(b, "waiting", (int64_t)c->pending_count);
	ctlmsg_number(b, "alerts_unsent", (int64_t)c->outbox_count);
}

static void put_helpers(struct crond *c, struct buf *b)
{
	ctlmsg_bool(b, "launcher", c->launcher > 0);
	ctlmsg_bool(b, "notify", c->notify > 0);
	ctlmsg_text(b, "history", c->history > 0 ? "up" : c->backlog.on ? "down" : "off");
	if (c->backlog.on) {
		ctlmsg_number(b, "history_waits", (int64_t)backlog_waits(c));
		ctlmsg_number(b, "history_left_out", (int64_t)c->backlog.left_out);
	}
}

static void put_metrics(struct crond *c, struct buf *b)
{
	const struct metrics *m = c->metrics;
	int64_t late = metric_times_below(&m->late, LATE_PERCENT);

	ctlmsg_number(b, "reloaded", m->reloaded / 1000000000);
	ctlmsg_number(b, "starts", (int64_t)m->late.count);
	if (late >= 0)
		ctlmsg_number(b, "late_ms", late);
	if (!c->set.conf.metrics_file)
		return;
	ctlmsg_text(b, "metrics_file", c->set.conf.metrics_file);
	if (m->written)
		ctlmsg_number(b, "metrics_written", m->written);
	if (m->error)
		ctlmsg_text(b, "metrics_error", strerror(m->error));
}

enum control_step control_status(struct crond *c, struct control_client *k)
{
	struct buf *b = &k->out;

	ctlmsg_open(b);
	ctlmsg_text(b, "daemon", PACKAGE_VERSION);
	ctlmsg_text(b, "dialect", c->set.dialect->name);
	ctlmsg_number(b, "pid", getpid());
	ctlmsg_text(b, "host", c->fqdn);
	ctlmsg_number(b, "started", control_opened(c));
	put_jobs(c, b);
	if (control_all(c, k)) {
		put_queues(c, b);
		put_helpers(c, b);
		if (c->metrics)
			put_metrics(c, b);
	}
	ctlmsg_close(b);
	return control_ok(k);
}
