/* metrics: what can be counted of the scheduler and its jobs, in a file for Prometheus.
 * Flow: ends of runs and starts that came to nothing are counted here; now and then, when something
 * has changed, the loop gives a turn in which a piece of the text is put together; a helper
 * puts the whole in place, so that no disk holds the scheduler up. */
#ifndef CROND_METRICS_H
#define CROND_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/tree.h>

#include "crond/base/buf.h"
#include "crond/core/due.h"
#include "crond/core/metric.h"
#include "crond/core/outcome.h"

struct crond;
struct job;
struct live_run;

/* Of a job that has a name, while there is a metrics-file. */
struct metrics_job {
	RB_ENTRY(metrics_job) link;
	uint64_t identity;
	uint32_t runs[RESULTS];
	int64_t took_ns; /* the last run; 0: none ended yet */
};
RB_HEAD(metrics_tree, metrics_job);
RB_PROTOTYPE(metrics_tree, metrics_job, link, job_order)

enum metrics_stage { METRICS_IDLE, METRICS_TEXT, METRICS_PUT };

struct metrics {
	/* of all jobs, plain lines too */
	uint64_t runs[RESULTS];
	struct metric_times late; /* starts by their schedule */
	int64_t opened, reloaded; /* epoch ns */
	uint64_t reloads;
	struct metrics_tree jobs;
	/* the file */
	enum metrics_stage stage;
	bool changed;
	pid_t helper;
	int64_t begun;        /* monotonic ms; of the last file */
	int64_t written;      /* epoch second; 0: never */
	int error;            /* errno of the last try; 0: it stands */
	unsigned fails;       /* in a row */
	int fd;               /* what is put together; -1: nothing */
	struct buf text;
	struct due_marks *marks;
	size_t family, slot, told; /* where in it, and how many jobs of this family so far */
	size_t used, slots;   /* of which names; likewise: */
	uint64_t tables;
	size_t left_out;      /* jobs beyond those that have series */
};

/* How many jobs have series of their own. */
enum { METRICS_JOBS_MOST = 20000 };

void metrics_open(struct crond *c);   /* c->metrics; NULL where memory is out: nothing is counted */
void metrics_config(struct crond *c); /* crond.conf was read (again) */
/* A run of a job has ended so. */
void metrics_ended(struct crond *c, const struct live_run *run, const struct outcome *o);
/* A start came to nothing: skipped, missed or spawn. */
void metrics_nothing(struct crond *c, const struct job *job, enum result result);
void metrics_reloaded(struct crond *c);
/* Something that the file tells of is another now. */
void metrics_changed(struct crond *c);
void metrics_turn(struct crond *c);   /* LATER_METRICS has passed */
void metrics_put(struct crond *c, int status); /* its helper ended, as waitpid() tells */

/* metrics_text.c: appends some of the text. true: it is whole. */
bool metrics_text(struct crond *c, struct metrics *m, int64_t until_us);
/* NULL: nothing was counted of it. */
const struct metrics_job *metrics_find(struct metrics *m, uint64_t identity);

#endif
