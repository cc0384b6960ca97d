/* outfit: what a keeper has at hand for a run whose options ask for more than the job.
 * Flow: made before the job starts (settings of its env-file, its log, its directory for
 * artifacts), and put away when it has ended. */
#include "config.h"

#include "crond/outfit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/artifacts.h"
#include "crond/envfile.h"
#include "crond/hold.h"
#include "crond/plan.h"
#include "crond/retention.h"
#include "crond/runlog_open.h"

#define SETTING "CRON_ARTIFACTS="

static void say(
        const struct hold *h, struct log *log, const char *what, const char *which, int error)
{
	log_line(log, LOG_ERR, hold_tag(h), getpid(), 0, "(%.64s) ERROR (%s: %s%.300s: %s)",
	        h->run.user, h->run.id, what, which, strerror(error));
}

static int settings_take(struct hold *h)
{
	struct buf *b = &h->outfit->settings;
	struct slice rest;
	const char *setting;

	if (envfile_read(&h->spawn, b, h->reason, sizeof(h->reason)) < 0)
		return -1;
	rest = (struct slice){ b->data, b->len };
	while ((setting = run_list_next(&rest)))
		if (plan_env_put(h, setting) < 0)
			return -1;
	return 0;
}

/* A log is for people: that it cannot be is no reason not to run. */
static void log_begin(struct hold *h, struct log *log)
{
	struct outfit *f = h->outfit;

	f->log.path = f->log_path;
	f->log.path_n = sizeof(f->log_path);
	runlog_expect(&h->run, h->progress.started_ns, f->log_path, sizeof(f->log_path));
	if (scribe_begin(&f->log, &h->spawn, h->progress.started_ns) < 0)
		say(h, log, "log ", f->log_path, errno);
}

const char *outfit_log(struct outfit *f)
{
	scribe_settle(&f->log);
	return f->log.fd >= 0 && !f->log.open_error ? f->log_path : NULL;
}

static int artifacts_begin(struct hold *h)
{
	struct outfit *f = h->outfit;
	const size_t n = sizeof(SETTING) - 1;
	char *path = f->artifacts + n;

	memcpy(f->artifacts, SETTING, n);
	f->artifacts_lock = artifacts_make(&h->spawn, path, sizeof(f->artifacts) - n);
	if (f->artifacts_lock < 0) {
		snprintf(h->reason, sizeof(h->reason),
		        "cannot make the directory of artifacts %.150s: %s", path, strerror(errno));
		*f->artifacts = '\0';
		return -1;
	}
	return plan_env_put(h, f->artifacts);
}

int outfit_make(struct hold *h, struct log *log)
{
	const struct dress *d = &h->run.dress;

	h->outfit = calloc(1, sizeof(*h->outfit));
	if (!h->outfit) {
		snprintf(h->reason, sizeof(h->reason), "out of memory");
		return -1;
	}
	h->outfit->log.fd = h->outfit->artifacts_lock = -1;
	if (d->log)
		log_begin(h, log);
	if (d->env_file && settings_take(h) < 0)
		return -1;
	return d->given & DRESS_ARTIFACTS ? artifacts_begin(h) : 0;
}

const char *outfit_artifacts(const struct outfit *f)
{
	return *f->artifacts ? f->artifacts + sizeof(SETTING) - 1 : NULL;
}

/* True: they are not where they were. */
static bool artifacts_end(struct hold *h, struct log *log)
{
	struct outfit *f = h->outfit;

	if (artifacts_keep(&h->spawn, h->progress.started_ns, f->kept, sizeof(f->kept)) < 0) {
		say(h, log, "keeping its ", "artifacts", errno);
		return false;
	}
	h->outcome.artifacts = *f->kept ? f->kept : NULL;
	return true;
}

bool outfit_put_away(struct hold *h, struct log *log)
{
	struct outfit *f = h->outfit;
	const struct dress *d = &h->run.dress;

	if (!f)
		return false;
	scribe_end(&f->log);
	if (f->log.open_error)
		say(h, log, "log ", f->log_path, f->log.open_error);
	else if (f->log.error)
		say(h, log, "log ", d->log, f->log.error);
	return *f->artifacts && artifacts_end(h, log);
}

void outfit_say(struct hold *h, const char *reason)
{
	char line[320];
	int n = snprintf(line, sizeof(line), "crond: %s\n", reason);

	scribe_add(&h->outfit->log, 1, line, (size_t)n);
}

void outfit_retain(struct hold *h)
{
	const struct dress *d = &h->run.dress;

	if (h->outfit && (d->log || d->given & DRESS_ARTIFACTS) && (d->retention_ms || d->retention_count))
		retention_prune(&h->spawn, h->progress.started_ns);
}

void outfit_free(struct hold *h)
{
	if (!h->outfit)
		return;
	if (h->outfit->log.fd >= 0)
		close(h->outfit->log.fd);
	if (h->outfit->artifacts_lock >= 0)
		close(h->outfit->artifacts_lock);
	buf_free(&h->outfit->settings);
	free(h->outfit);
	h->outfit = NULL;
}
