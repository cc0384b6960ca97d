/* hook: commands around a job, as its user and dressed as it is.
 * Flow: the keeper runs pre before the job, on-success or on-failure and then post behind
 * it; they end before the run does. */
#include "config.h"

#include "crond/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/cgroup.h"
#include "crond/hold.h"
#include "crond/rundir.h"

enum { SETTINGS = 7 };

/* One hook, from its text to how it ended. */
struct hook {
	const char *name, *command;
	uint64_t most_ms;
	bool bounded;    /* whatever on-timeout says */
	int64_t from_ns; /* monotonic: when its time began */
	char *const *env;
	char reason[128];
	bool overran;        /* its time was over, and it went on */
	enum result stopped; /* RESULT_OK: nobody did; RESULT_SPAWN: it never began */
};

bool hook_any(const struct run *r)
{
	return r->dress.pre || r->dress.post || r->dress.on_success || r->dress.on_failure;
}

/* --- one hook */

static int judge(struct hook *k, const struct guard *g, const struct stop_order *order)
{
	unsigned long long ms = k->most_ms;
	char why[100];

	k->stopped = g->stopped;
	if (g->stopped == RESULT_TIMEOUT)
		snprintf(k->reason, sizeof(k->reason), "%s: ran longer than %llu %s", k->name,
		        ms % 1000 ? ms : ms / 1000, ms % 1000 ? "ms" : "s");
	else if (g->stopped != RESULT_OK) {
		stop_order_say(order, why, sizeof(why));
		snprintf(k->reason, sizeof(k->reason), "%s: %s", k->name, why);
	} else if (WIFSIGNALED(g->status))
		snprintf(k->reason, sizeof(k->reason), "%s: signal %s", k->name,
		        text_signal(WTERMSIG(g->status)));
	else if (WEXITSTATUS(g->status))
		snprintf(k->reason, sizeof(k->reason), "%s: exit status %d", k->name,
		        WEXITSTATUS(g->status));
	else
		return 0;
	return -1;
}

static int begin(struct hold *h, struct hook *k, struct run *r, struct spawn *s)
{
	int n, rc;

	*r = h->run;
	r->command = k->command;
	r->timeout_ms = k->most_ms;
	r->stop_signal = 0; /* the job's own */
	if (k->bounded)
		r->flags &= ~(uint32_t)RUN_TIMEOUT_ALERT;
	*s = h->spawn;
	s->door = h->cgroup >= 0 ? cgroup_door(h->cgroup) : -1;
	s->run = r;
	s->log = NULL; /* what is announced is the job */
	s->words = NULL;
	s->shell = true;
	s->env = (char **)(uintptr_t)k->env;
	s->in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	rc = spawn_patiently(s, h->guard.told);
	if (s->in >= 0)
		close(s->in);
	if (s->door >= 0)
		close(s->door);
	if (rc == 0)
		return 0;
	k->stopped = RESULT_SPAWN;
	n = snprintf(k->reason, sizeof(k->reason), "%s: ", k->name);
	spawn_reason(s, k->reason + n, sizeof(k->reason) - (size_t)n);
	return -1;
}

/* Guarded like the job, by the same guard: it is what signals and orders reach. log: what goes wrong
 * with its mark on file; NULL: there is none. */
static int run_hook(struct hold *h, struct hook *k, struct log *log)
{
	struct guard *g = &h->guard;
	const struct guard before = *g;
	struct spawn s;
	struct run r;
	int64_t grace_ns;
	int rc;

	if (begin(h, k, &r, &s) < 0)
		return -1;
	g->run = &r;
	g->job = s.pid;
	g->pidfd = s.pidfd;
	g->in = -1;
	g->input = (struct slice){ 0 };
	g->started_ns = k->from_ns;
	g->deadline_ns = g->next_ns = 0;
	g->ended = false;
	if (log)
		hold_running(h, &s, log);
	guard_wait(g);
	if (g->stopped == RESULT_KILLED && h->order.why == STOP_NONE)
		h->order.why = STOP_SHUTDOWN; /* by a signal that has no order with it */
	output_drain(&h->output);
	rc = judge(k, g, &h->order);
	k->overran = g->run->timeout_ms && !g->deadline_ns;
	grace_ns = g->grace_ns; /* it may have been called */
	*g = before;
	g->grace_ns = grace_ns;
	return rc;
}

/* --- before the job */

int hook_before(struct hold *h, struct log *log)
{
	struct hook k = { .name = "pre",
		.command = h->run.dress.pre,
		.most_ms = h->run.timeout_ms,
		.from_ns = h->guard.started_ns,
		.env = h->spawn.env };

	if (!k.command || run_hook(h, &k, log) == 0) {
		if (k.overran)
			h->run.timeout_ms = 0; /* that is said, once for the whole run */
		return 0;
	}
	h->refusal = k.stopped == RESULT_OK ? RESULT_SKIPPED : k.stopped;
	snprintf(h->reason, sizeof(h->reason), "%s", k.reason);
	if (h->guard.in >= 0)
		close(h->guard.in);
	h->guard.in = -1;
	return -1;
}

/* --- behind it */

static void put(struct buf *b, const char *name, const char *value)
{
	if (value)
		buf_printf(b, "%s=%s%c", name, value, 0);
}

static void put_number(struct buf *b, const char *name, long long value)
{
	buf_printf(b, "%s=%lld%c", name, value, 0);
}

/* How it ended: NUL-separated settings. */
static void settings_after(const struct hold *h, struct buf *b)
{
	const struct outcome *o = &h->outcome;
	const long long ms = o->took_ns / 1000000;
	const long long before = o->result == RESULT_OK ? 0 : h->run.dress.failures;

	put(b, "CRON_RESULT", result_name(o->result));
	if (o->exit_code >= 0)
		put_number(b, "CRON_EXIT_CODE", o->exit_code);
	put(b, "CRON_SIGNAL", o->signal ? text_signal(o->signal) : NULL);
	put(b, "CRON_REASON", o->reason);
	buf_printf(b, "CRON_DURATION=%lld.%03lld%c", ms / 1000, ms % 1000, 0);
	put_number(b, "CRON_FAILURES", before + result_failed(o->result));
	put(b, "CRON_LOG", o->log);
}

/* The job's environment and settings behind it, which end with their NULs. To be freed. */
static char **env_after(const struct hold *h, struct slice settings)
{
	char **env = calloc(h->spawn.env_count + SETTINGS + 2, sizeof(*env));
	size_t n = h->spawn.env_count;
	const char *one;

	if (!env)
		return NULL;
	memcpy(env, h->spawn.env, n * sizeof(*env));
	for (int i = 0; i < SETTINGS && (one = run_list_next(&settings)); i++)
		env[n++] = (char *)(uintptr_t)one;
	return env;
}

static void run_after(
        struct hold *h, struct log *log, const char *name, const char *command, uint64_t most_ms)
{
	struct buf settings = { 0 };
	struct hook k = {
		.name = name, .command = command, .most_ms = most_ms, .from_ns = guard_now()
	};
	char **env = NULL;

	if (!command)
		return;
	settings_after(h, &settings);
	if (!settings.failed)
		env = env_after(h, (struct slice){ settings.data, settings.len });
	k.env = env;
	snprintf(k.reason, sizeof(k.reason), "%s: out of memory", name);
	if (!env || run_hook(h, &k, NULL) < 0)
		log_line(log, LOG_ERR, hold_tag(h), getpid(), 0, "(%.64s) ERROR (%s: %s)",
		        h->run.user, h->run.id, k.reason);
	free(env);
	buf_free(&settings);
}

static void run_all_after(struct hold *h, struct log *log)
{
	static const volatile sig_atomic_t never;
	const struct run *r = &h->run;
	const struct dress *d = &r->dress;
	uint64_t most = r->timeout_ms ? r->timeout_ms : HOOK_MOST_MS;
	bool shutdown = *h->guard.told > 0;

	if (h->outcome.stopped != STOP_NONE)
		h->guard.heard = &never; /* the order has been obeyed, however often it is given */
	if (shutdown) {
		h->guard.told = &never; /* that it was told to end is no news to this one */
		most = r->kill_after_ms ? r->kill_after_ms : 1000;
	} else if (h->outcome.result == RESULT_OK) {
		run_after(h, log, "on-success", d->on_success, most);
	} else if (h->outcome.result != RESULT_SKIPPED) {
		run_after(h, log, "on-failure", d->on_failure, most);
	}
	run_after(h, log, "post", d->post, most);
}

void hook_after(struct hold *h, struct log *log)
{
	if (hook_any(&h->run) && h->guard.run) /* it was prepared, at least */
		run_all_after(h, log);
	hold_ends_close(h);
	output_drain(&h->output);
	output_end(&h->output);
}
