/* overran: a run's timeout is over, and it goes on (on-timeout=alert).
 * Flow: its keeper leaves a file in its directory and reports; it is said once, by whichever
 * scheduler comes to see it: at the report, when it adopts, at the latest at the run's end. */
#include "config.h"

#include "crond/crond.h"

#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/text.h"
#include "crond/rundir.h"
#include "crond/tell.h"

enum { COMMAND_SHOWN = 200 };

static void say(struct crond *c, const struct run *r, const char *reason)
{
	struct log_about about = { .job = r->job, .run = r->id, .user = r->user, .reason = reason,
		.command = r->command, .exit_code = -1, .attempt = r->attempt, .scheduled = r->scheduled };
	struct buf cmd = { 0 };

	text_quoted(&cmd, slice_of(r->command), COMMAND_SHOWN);
	log_about(&c->log, &about, LOG_WARNING, c->set.dialect->daemon_tag,
		"TIMEOUT job=%s run=%s reason=\"%s\" attempt=%u user=%s cmd=%s", r->job, r->id, reason,
		(unsigned)r->attempt, r->user, buf_text(&cmd) ? cmd.data : "");
	buf_free(&cmd);
}

void run_overran(struct crond *c, struct live_run *run)
{
	struct run_progress p;
	struct buf b = { 0 };
	char reason[96];
	struct run r;

	if (!(run->flags & RUN_TIMEOUT_ALERT) || !rundir_has(c->runs, run->id, RUNDIR_OVERRAN) ||
		rundir_read(c->runs, run->id, "run", &b) < 0 ||
		run_file_decode(&p, &r, (struct slice){ b.data, b.len }, NULL) < 0)
		goto out;
	snprintf(reason, sizeof(reason), "runs longer than %llu %s, and goes on",
		(unsigned long long)(r.timeout_ms % 1000 ? r.timeout_ms : r.timeout_ms / 1000),
		r.timeout_ms % 1000 ? "ms" : "s");
	say(c, &r, reason);
	tell_run(c, run->id, &(struct tell){ .event = result_event(RESULT_TIMEOUT), .mark = "timeout",
		.status = result_name(RESULT_TIMEOUT), .reason = reason });
	rundir_unlink(c->runs, run->id, RUNDIR_OVERRAN);
out:
	buf_free(&b);
}
