/* debug: what the log is told at log-level=debug: why something happens, or does not.
 * Flow: load, start, adopt and the loop pass by here; at any other level each costs one look. */
#include "config.h"

#include "crond/debug.h"

#include <inttypes.h>
#include <stdio.h>
#include <syslog.h>

#include "crond/start.h"

enum { JOBS_SHOWN = 500, WORDS_MOST = 512 };

static bool wanted(const struct crond *c)
{
	return c->log.level >= LOG_DEBUG && !c->set.check;
}

/* --- what is loaded, and when it is due */

static void say_job(struct crond *c, const struct job *job)
{
	const struct job_state *state = state_find(c, job->identity);
	const struct options *o = job->common->options;
	const struct timer *t = due_timer(&c->due, job, NULL);
	struct admit v = { .verdict = ADMIT_SKIP };
	char name[JOB_NAME_MOST], why[128] = "by its schedule";
	struct log_about about = { .job = name, .user = job->common->user->name, .exit_code = -1 };
	struct admit_case a = { .enabled = o->enabled, .paused = state && state->paused,
		.here = !o->hosts || hosts_match(o->hosts, host_self(c)) };

	v = admit(&a);
	if (v.verdict == ADMIT_SKIP)
		admit_text(&a, v.why, why, sizeof(why));
	else if (o->type == JOB_TYPE_DAEMON)
		snprintf(why, sizeof(why), "it is kept running");
	else if (!t)
		snprintf(why, sizeof(why), "it is started at boot");
	else if (t->next == SCHEDULE_NEVER)
		snprintf(why, sizeof(why), "its schedule has no time any more");
	job_name(job, job->common->user->name, name);
	log_about(&c->log, &about, LOG_DEBUG, c->set.dialect->daemon_tag,
		"DEBUG job=%s next=%" PRId64 " reason=\"%s\" user=%s", name,
		v.verdict != ADMIT_SKIP && t && t->next != SCHEDULE_NEVER ? t->next : 0, why,
		job->common->user->name);
}

void debug_loaded(struct crond *c, const struct source *s)
{
	size_t count = s->jobs ? s->jobs->count : 0, shown = 0;

	if (!wanted(c))
		return;
	log_about(&c->log, NULL, LOG_DEBUG, c->set.dialect->daemon_tag, "DEBUG file=%s jobs=%zu%s", s->path,
		count, s->good ? "" : " refused: as it last was good");
	for (size_t i = 0; i < count && shown < JOBS_SHOWN; i++) {
		if (!s->jobs->jobs[i].common->has_options)
			continue;
		say_job(c, &s->jobs->jobs[i]);
		shown++;
	}
}

/* --- starts */

static const char *const causes[] = {
	[START_DUE] = "schedule", [START_REBOOT] = "boot", [START_HAND] = "hand", [START_RETRY] = "retry",
	[START_DAEMON] = "daemon", [START_CATCHUP] = "catchup",
};

static const char *const verdicts[] = {
	[ADMIT_START] = "start", [ADMIT_WAIT] = "wait", [ADMIT_REPLACE] = "replace", [ADMIT_SKIP] = "skip",
};

void debug_judged(const struct start *s, const struct admit *v, const char *why)
{
	struct crond *c = s->c;
	struct log_about about = { .job = s->name, .run = s->id, .user = s->common->user->name,
		.reason = why, .exit_code = -1, .scheduled = s->scheduled };

	if (!wanted(c))
		return;
	log_about(&c->log, &about, LOG_DEBUG, c->set.dialect->daemon_tag,
		"DEBUG job=%s run=%s cause=%s verdict=%s reason=\"%s\" user=%s", s->name, s->id,
		causes[s->cause], verdicts[v->verdict], why, s->common->user->name);
}

/* --- adoption */

void debug_adopted(struct crond *c, const struct live_run *run, const struct run_progress *p)
{
	static const char *const phases[] = {
		[RUN_CLAIMED] = "claimed", [RUN_STARTED] = "started", [RUN_RUNNING] = "running",
		[RUN_ENDED] = "ended", [RUN_PENDING] = "waiting",
	};
	struct log_about about = { .run = run->id, .exit_code = -1, .scheduled = run->scheduled };

	if (wanted(c))
		log_about(&c->log, &about, LOG_DEBUG, c->set.dialect->daemon_tag,
			"DEBUG run=%s adopted phase=%s keeper=%d pid=%d", run->id,
			p->phase <= RUN_PENDING ? phases[p->phase] : "?", (int)p->keeper_pid,
			(int)p->job_pid);
}

/* --- wake-ups */

static const char *const watches[WATCHES] = {
	[WATCH_CLOCK] = "clock", [WATCH_LATER] = "deadline", [WATCH_SIGNAL] = "signal",
	[WATCH_FILES] = "files", [WATCH_REPORT] = "report", [WATCH_QUEUE] = "queue",
	[WATCH_KEEPER] = "keeper", [WATCH_OLD_LAUNCHER] = "launcher", [WATCH_NOTIFY] = "notify",
	[WATCH_ADDRESSES] = "addresses", [WATCH_NAME] = "name", [WATCH_CONTROL] = "control",
	[WATCH_CLIENT] = "client", [WATCH_HISTORY] = "history", [WATCH_HISTORY_ASKED] = "history",
	[WATCH_ALERTS_ASKED] = "notify", [WATCH_LOOKUP] = "lookup",
};

static const char *const laters[LATERS] = {
	[LATER_RELOAD] = "reload", [LATER_GONE] = "gone", [LATER_SETTLE] = "settle",
	[LATER_GRACE] = "grace", [LATER_LAUNCHER] = "launcher", [LATER_NOTIFY] = "notify",
	[LATER_LOG] = "log", [LATER_ADOPT] = "adopt", [LATER_POLL] = "poll", [LATER_WAITING] = "waiting",
	[LATER_ALERTS] = "alerts", [LATER_UNWATCHED] = "unwatched", [LATER_ZONES] = "zones",
	[LATER_STOP] = "stop", [LATER_SERVICE] = "service", [LATER_REPORTS] = "reports",
	[LATER_CONTROL] = "control", [LATER_CONTROL_TURN] = "control-turn", [LATER_DAEMONS] = "daemons",
	[LATER_PENDING] = "pending", [LATER_HOLD] = "hold", [LATER_HISTORY] = "history",
	[LATER_METRICS] = "metrics", [LATER_HEARTBEAT] = "heartbeat",
	[LATER_REMOVED] = "removed", [LATER_BACKLOG] = "backlog", [LATER_PULSE] = "pulse",
	[LATER_LOOKUP] = "lookup", [LATER_USERS] = "users", [LATER_MAILS] = "mails",
};

/* A word of a list. */
static void put(char text[WORDS_MOST], const char *word)
{
	size_t n = strlen(text);

	snprintf(text + n, WORDS_MOST - n, "%s%s", n ? "," : "", word ? word : "?");
}

static void say_woken(struct crond *c, const char *by)
{
	int64_t next = due_first(&c->due);

	log_about(&c->log, NULL, LOG_DEBUG, c->set.dialect->daemon_tag, "DEBUG woken by=%s next=%" PRId64, by,
		next == SCHEDULE_NEVER ? 0 : next);
}

void debug_woken(struct crond *c, const struct epoll_event *events, int n)
{
	char text[WORDS_MOST] = "";

	if (!wanted(c))
		return;
	for (int i = 0; i < n; i++) {
		const struct watch *w = events[i].data.ptr;

		if (w->kind != WATCH_LATER) /* says itself what for */
			put(text, watches[w->kind]);
	}
	if (*text)
		say_woken(c, text);
}

void debug_expired(struct crond *c, uint32_t expired)
{
	char text[WORDS_MOST] = "";

	if (!wanted(c))
		return;
	for (int i = 0; i < LATERS; i++) {
		if (expired & 1u << i)
			put(text, laters[i]);
	}
	if (*text)
		say_woken(c, text);
}
