/* grace: what was to start, and has not.
 * Flow: start and pending send a run to the launcher, here it is seen whether a keeper has it in
 * time; what waits because its options say so is not late. */
#include "config.h"

#include "crond/start.h"

#include <syslog.h>
#include <unistd.h>

#include "crond/metrics.h"
#include "crond/tell.h"

static void late_say(struct crond *c, const struct live_run *run, const struct job *job,
	const char *why)
{
	const char *user = job->common->user->name;
	char name[JOB_NAME_MOST];
	struct log_about about = { .job = name, .run = run->id, .user = user,
		.result = result_name(RESULT_MISSED), .reason = why, .exit_code = -1,
		.scheduled = run->scheduled };

	job_name(job, user, name);
	log_about(&c->log, &about, LOG_ERR, c->set.dialect->daemon_tag,
		"FAIL job=%s run=%s result=missed reason=\"%s\" user=%s", name, run->id, why, user);
	metrics_nothing(c, job, RESULT_MISSED);
	tell_start(c, job, run->id, run->scheduled, RESULT_MISSED, why);
}

void grace_begin(struct crond *c, struct live_run *run, const struct job *job, uint64_t late_ms)
{
	uint64_t grace;

	if (!(run->flags & RUN_GRACE))
		return;
	if (!job && run->job)
		job = pending_job_of(c, run->job->identity);
	grace = job ? job->common->options->grace_ms : 0;
	if (!grace || run->attempt > 1)
		return;
	if (late_ms > grace) {
		late_say(c, run, job, "it starts later than its grace");
		return;
	}
	if (run->state != RUN_STATE_WAITING) /* for what its options say: that is not late */
		return;
	run->grace_until = wait_awake_ms() + (int64_t)(grace - late_ms);
	wait_later(c, LATER_GRACE, (int64_t)(grace - late_ms) + 1);
}

static void grace_over(struct crond *c, struct live_run *run)
{
	const struct job *job = run->job ? pending_job_of(c, run->job->identity) : NULL;

	run->grace_until = 0;
	if (job)
		late_say(c, run, job, "not started within its grace");
}

void grace_look(struct crond *c)
{
	int64_t now = wait_awake_ms(), next = INT64_MAX;
	struct live_run *run;

	RB_FOREACH(run, run_tree, &c->live) {
		if (run->state != RUN_STATE_WAITING || !run->grace_until)
			continue;
		if (run->grace_until <= now)
			grace_over(c, run);
		else if (run->grace_until < next)
			next = run->grace_until;
	}
	if (next != INT64_MAX)
		wait_later(c, LATER_GRACE, next - now + 1);
}
