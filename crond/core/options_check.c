/* options_check: what options say together: what cannot be, and what is in vain.
 * Flow: the parsers check each job once it is whole; checks of files lint it too. */
#include "crond/base/diag.h"
#include "crond/core/options_table.h"

/* --- what cannot be */

/* With the place of what the job says itself of it. */
static int wrong(const struct options *o, enum option_id id, const char *what, struct diag *d)
{
	struct option_place at = option_place(o, id);

	return diag_error(d, at.line, at.column, "%s", what);
}

static int check_command(const struct options *o, struct diag *d)
{
	if (!o->command && !o->argv)
		return diag_error(d, 0, 0, "'command' or 'argv' is missing");
	if (o->command && o->argv)
		return wrong(o, OPTION_ARGV, "'command' and 'argv' exclude each other", d);
	return 0;
}

static int check_daemon(const struct options *o, struct diag *d)
{
	if (o->max == 0)
		return wrong(o, OPTION_MAX, "'max' of a daemon is how many are kept running: a number is "
			"needed", d);
	if (o->restart_max_delay_ms < o->restart_delay_ms)
		return wrong(o, OPTION_RESTART_MAX_DELAY, "'restart-max-delay' is below 'restart-delay'",
			d);
	return 0;
}

int options_check(const struct options *o, enum job_kind kind, struct diag *d)
{
	if (kind == JOB_TASK && !o->schedule && o->type == JOB_TYPE_CRON)
		return diag_error(d, 0, 0, "'schedule' is missing");
	if (kind == JOB_TASK && check_command(o, d))
		return -1;
	if (o->type == JOB_TYPE_DAEMON && check_daemon(o, d))
		return -1;
	if (o->retry_max_delay_ms < o->retry_delay_ms)
		return wrong(o, OPTION_RETRY_MAX_DELAY, "'retry-max-delay' is below 'retry-delay'", d);
	return 0;
}

/* --- what is in vain */

static bool no_queue(const struct options *o)
{
	return o->concurrency != CONCURRENCY_QUEUE;
}

static bool no_pool(const struct options *o)
{
	return !o->pool;
}

static bool no_timeout(const struct options *o)
{
	return !o->timeout_ms;
}

static bool no_retries(const struct options *o)
{
	return !o->retries;
}

static bool no_catchup(const struct options *o)
{
	return o->catchup == CATCHUP_NONE;
}

static bool no_watchdog(const struct options *o)
{
	return !o->watchdog_ms;
}

static bool no_alert(const struct options *o)
{
	return !o->alert;
}

static bool no_mail(const struct options *o)
{
	return o->kind == JOB_TASK && !o->mail;
}

static bool is_daemon(const struct options *o)
{
	return o->type == JOB_TYPE_DAEMON;
}

static bool no_daemon(const struct options *o)
{
	return o->type != JOB_TYPE_DAEMON;
}

static bool unlimited(const struct options *o)
{
	return o->max == 0 && o->concurrency != CONCURRENCY_ALLOW;
}

static bool zero_fails(const struct options *o)
{
	return !option_exit_succeeds(o, 0);
}

static const struct {
	enum option_id id;
	bool (*when)(const struct options *o);
	const char *why;
} vain[] = {
	{ OPTION_QUEUE_MAX, no_queue, "does nothing without concurrency=queue" },
	{ OPTION_POOL_MAX, no_pool, "does nothing without 'pool'" },
	{ OPTION_ON_TIMEOUT, no_timeout, "does nothing without 'timeout'" },
	{ OPTION_RETRY_DELAY, no_retries, "does nothing without 'retries'" },
	{ OPTION_RETRY_MAX_DELAY, no_retries, "does nothing without 'retries'" },
	{ OPTION_CATCHUP_WINDOW, no_catchup, "does nothing without 'catchup'" },
	{ OPTION_WATCHDOG_MISS, no_watchdog, "does nothing without 'watchdog'" },
	{ OPTION_ALERT_ON, no_alert, "does nothing without 'alert'" },
	{ OPTION_ALERT_AFTER, no_alert, "does nothing without 'alert'" },
	{ OPTION_ALERT_EVERY, no_alert, "does nothing without 'alert'" },
	{ OPTION_MAIL_FROM, no_mail, "does nothing without 'mail'" },
	{ OPTION_RESTART, no_daemon, "is only for daemons" },
	{ OPTION_RESTART_DELAY, no_daemon, "is only for daemons" },
	{ OPTION_RESTART_MAX_DELAY, no_daemon, "is only for daemons" },
	{ OPTION_RESTART_LIMIT, no_daemon, "is only for daemons" },
	{ OPTION_SCHEDULE, is_daemon, "does nothing: a daemon is kept running" },
	{ OPTION_TIMEZONE, is_daemon, "does nothing: a daemon has no schedule" },
	{ OPTION_CONCURRENCY, is_daemon, "does nothing: a daemon has 'max' copies" },
	{ OPTION_RETRIES, is_daemon, "does nothing: a daemon has 'restart'" },
	{ OPTION_START_DEADLINE, is_daemon, "does nothing: a daemon has no schedule" },
	{ OPTION_CATCHUP, is_daemon, "does nothing: a daemon has no schedule" },
	{ OPTION_GRACE, is_daemon, "does nothing: a daemon has no schedule" },
	{ OPTION_JITTER, is_daemon, "does nothing: a daemon has no schedule" },
	{ OPTION_CONCURRENCY, unlimited, "does nothing while 'max' is none" },
	{ OPTION_SUCCESS_EXIT, zero_fails, "does not name 0: a run that ends well counts as failed" },
};

void options_lint(const struct options *o, const struct diag_sink *sink)
{
	for (size_t i = 0; i < sizeof(vain) / sizeof(vain[0]); i++) {
		struct option_place at = option_place(o, vain[i].id);
		struct diag d;

		if (!option_own(o, vain[i].id) || !vain[i].when(o))
			continue;
		diag_warning(&d, at.line, at.column, "'%s' %s", option_row(vain[i].id)->def.name,
			vain[i].why);
		sink->report(sink->arg, &d);
	}
}
