/* daemon_say: what the log and people are told of daemons.
 * Flow: daemon.c starts a copy again, gives it up, or finds it well again. */
#include "config.h"

#include "crond/daemon.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/text.h"
#include "crond/core/alerting.h"
#include "crond/crond.h"
#include "crond/tell.h"

enum { COMMAND_SHOWN = 200 };

static void say_line(struct crond *c, int priority, const char *what, const struct job *job,
	const char *run, const char *rest)
{
	const char *command = job_command(job);
	char name[JOB_NAME_MOST];
	struct log_about about = { .job = name, .run = run, .user = job->common->user->name,
		.command = command, .exit_code = -1 };
	struct buf b = { 0 };

	job_name(job, job->common->user->name, name);
	buf_printf(&b, "%s job=%s run=%s %s user=%s cmd=", what, name, run, rest,
		job->common->user->name);
	text_quoted(&b, slice_of(command ? command : job->common->options->argv[0]), COMMAND_SHOWN);
	log_about(&c->log, &about, priority, c->set.dialect->daemon_tag, "%s",
		buf_text(&b) ? b.data : what);
	buf_free(&b);
}

void daemon_say_restarted(struct crond *c, const struct daemon *d, const struct daemon_copy *copy,
	const char *previous)
{
	char rest[RUN_ID_MOST + 64];

	snprintf(rest, sizeof(rest), "restarts=%" PRIu32 " previous=%s", copy->state.restarts,
		previous);
	say_line(c, LOG_NOTICE, "RESTARTED", d->job, copy->run, rest);
}

void daemon_say_given_up(struct crond *c, const struct daemon *d, const struct daemon_copy *copy,
	enum result result)
{
	char reason[160], rest[320], name[JOB_NAME_MOST];
	struct buf limit = { 0 };

	job_name(d->job, d->job->common->user->name, name);
	option_print(d->job->common->options, OPTION_RESTART_LIMIT, &limit);
	snprintf(reason, sizeof(reason),
		"its restart-limit is reached; cronctl restart %s starts it again", name);
	snprintf(rest, sizeof(rest), "result=%s restarts=%" PRIu32 " limit=%s reason=\"%s\"",
		result_name(result), copy->state.restarts, buf_text(&limit) ? limit.data : "?", reason);
	say_line(c, LOG_ERR, "FAILED", d->job, copy->run, rest);
	tell_job(c, d->job, *copy->run ? copy->run : name, &(struct tell){ .event = "daemon.failed",
		.mark = "failed", .status = result_name(result), .reason = reason });
	buf_free(&limit);
}

void daemon_say_recovered(struct crond *c, const struct daemon *d, struct job_state *s)
{
	const struct alerting_rule any = { 0 };
	const char *run = d->copies[0].run;
	char rest[64];

	snprintf(rest, sizeof(rest), "fails=%" PRIu32, s->failures);
	if (s->failures)
		say_line(c, LOG_NOTICE, "RECOVERED", d->job, run, rest);
	if (alerting_take(&s->alerting, &any, RESULT_OK, 0) & ALERTING_RECOVERED)
		tell_run(c, run, &(struct tell){ .event = "job.recovered", .mark = "up" });
	s->failures = 0;
	state_record(c, s);
}
