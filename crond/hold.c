/* hold: one run in a keeper's hands.
 * Flow: taken from its directory, turned into a process, and at the end into an outcome. */
#include "config.h"

#include "crond/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/moment.h"
#include "crond/cgroup.h"
#include "crond/core/dialect.h"
#include "crond/core/direct.h"
#include "crond/hook.h"
#include "crond/plan.h"
#include "crond/rundir.h"
#include "crond/tick.h"

enum { RECORD_FIRST = 8 * 1024, RECORD_MOST = 64 * 1024 * 1024 };

const char *hold_tag(const struct hold *h)
{
	return dialect_get(h->run.dialect < DIALECTS ? (enum dialect_id)h->run.dialect :
		DIALECT_DEBIAN)->job_tag;
}

/* --- taking */

static int record_room(struct hold *h, size_t want)
{
	char *at;

	if (h->record_cap >= want)
		return 0;
	at = realloc(h->record, want);
	if (!at)
		return -1;
	h->record = at;
	h->record_cap = want;
	return 0;
}

/* The whole file into h->record; its length, or -1 with errno. */
static ssize_t record_read(struct hold *h)
{
	struct stat st;
	ssize_t n;

	if (record_room(h, RECORD_FIRST) < 0)
		return -1;
	n = pread(h->lock, h->record, h->record_cap, 0);
	if (n < 0 || (size_t)n < h->record_cap)
		return n;
	if (fstat(h->lock, &st) < 0)
		return -1;
	if (st.st_size > RECORD_MOST) {
		errno = EFBIG;
		return -1;
	}
	if (record_room(h, (size_t)st.st_size + 1) < 0)
		return -1;
	return pread(h->lock, h->record, h->record_cap, 0);
}

static int not_ours(struct hold *h, const char *what, int error)
{
	if (h->lock >= 0)
		close(h->lock);
	h->lock = -1;
	if (what)
		snprintf(h->reason, sizeof(h->reason), "%s: %s", what, strerror(error));
	return -1;
}

int hold_take(struct hold *h, int runs, const char *id)
{
	struct diag d = { .text = "" };
	ssize_t n;

	h->reason[0] = '\0';
	h->pam = NULL;
	h->cgroup = -1;
	h->outfit = NULL;
	h->refusal = RESULT_SPAWN;
	h->spawn = (struct spawn){ .in = -1, .out = -1, .err = -1, .pidfd = -1, .door = -1 };
	h->lock = rundir_lock(runs, id);
	if (h->lock < 0)
		return not_ours(h, errno == EAGAIN || errno == ENOENT ? NULL : "lock", errno);
	n = record_read(h);
	if (n < 0)
		return not_ours(h, "read", errno);
	h->run = (struct run){ .id = id };
	memset(&h->outcome, 0, sizeof(h->outcome));
	memset(&h->output, 0, sizeof(h->output));
	memset(&h->guard, 0, sizeof(h->guard));
	stop_order_set(&h->order, STOP_NONE, NULL);
	h->heart.fd = -1;
	h->output.file = h->output.streams[0].fd = h->output.streams[1].fd = -1;
	if (run_progress_decode(&h->progress, (struct slice){ h->record, (size_t)n }, &d) < 0) {
		if (rundir_has_outcome(runs, id))
			return not_ours(h, NULL, 0);
		h->progress = (struct run_progress){
			.magic = RUN_PROGRESS_MAGIC, .version = RUN_PROGRESS_VERSION
		};
	} else if (h->progress.phase != RUN_CLAIMED) {
		return not_ours(h, NULL, 0);
	} else if (run_decode(&h->run, run_record(&h->progress, (struct slice){ h->record, (size_t)n }),
			&d) == 0 && strcmp(h->run.id, id) != 0) {
		snprintf(d.text, sizeof(d.text), "the record is of another run");
	}
	if (d.text[0]) {
		h->run = (struct run){ .id = id };
		snprintf(h->reason, sizeof(h->reason), "%s", d.text);
	}
	h->progress.phase = RUN_STARTED;
	h->progress.keeper_pid = getpid();
	h->progress.started_ns = moment_ns(CLOCK_REALTIME);
	/* nobody takes it twice: not without this mark */
	return rundir_mark(h->lock, &h->progress) == 0 ? 0 : not_ours(h, "mark", errno);
}

/* --- starting */

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The job's ends in h->spawn, ours in the output and in *in. Only our ends never wait: the
 * flag belongs to an end, not to the pipe. */
static int pipes(struct hold *h, int *in)
{
	int a[2] = { -1, -1 }, b[2] = { -1, -1 }, c[2] = { -1, -1 };

	if (pipe2(a, O_CLOEXEC) < 0 || pipe2(b, O_CLOEXEC) < 0 ||
		(h->run.flags & RUN_TASK && pipe2(c, O_CLOEXEC) < 0) ||
		(h->run.input.n && fcntl(a[1], F_SETFL, O_NONBLOCK) < 0) ||
		fcntl(b[0], F_SETFL, O_NONBLOCK) < 0 || (c[0] >= 0 && fcntl(c[0], F_SETFL, O_NONBLOCK) < 0)) {
		int saved = errno;

		for (int i = 0; i < 2; i++)
			shut(&a[i]), shut(&b[i]), shut(&c[i]);
		errno = saved;
		return -1;
	}
	h->spawn.in = a[0];
	h->spawn.out = b[1];
	h->spawn.err = c[1] >= 0 ? c[1] : b[1];
	if (!h->run.input.n)
		shut(&a[1]);
	*in = a[1];
	output_begin(&h->output, b[0], c[0], h->run.flags & RUN_MAIL ? h->run.output_most : 0);
	return 0;
}

void hold_running(struct hold *h, const struct spawn *s, struct log *log)
{
	h->progress.phase = RUN_RUNNING;
	h->progress.job_pid = s->pid;
	h->progress.born_after_ns = s->born_after_ns;
	h->progress.born_before_ns = s->born_before_ns;
	if (rundir_mark(h->lock, &h->progress) < 0)
		log_line(log, LOG_ERR, hold_tag(h), getpid(), 0,
			"(CRON) ERROR (run %s: who it is cannot be put on file: %s)", h->run.id, strerror(errno));
}

/* The job's ends of its output are ours too until it has ended: its end wakes us once, not
 * first as the end of its output. */
void hold_ends_close(struct hold *h)
{
	if (h->spawn.err != h->spawn.out)
		shut(&h->spawn.err);
	h->spawn.err = -1;
	shut(&h->spawn.out);
}

/* Those who lose their parent are handed to us, and are to wake us when they end. */
static void on_child(int sig)
{
	(void)sig;
}

static void subreaper(bool on)
{
	struct sigaction sa = { .sa_handler = on ? on_child : SIG_DFL };

	prctl(PR_SET_CHILD_SUBREAPER, on ? 1UL : 0UL, 0UL, 0UL, 0UL);
	sigaction(SIGCHLD, &sa, NULL);
}

static struct pam_for pam_who(struct hold *h, struct log *log)
{
	/* below a subreaper may be what the job has left, and was told to leave */
	return (struct pam_for){ .run = &h->run, .log = log, .lock = h->lock,
		.progress = &h->progress,
		.may_sweep = !h->guard.subreaper || h->run.flags & RUN_TREE };
}

/* Its own cgroup, where its options ask for one. 0, or -1 with a reason: it cannot do without,
 * and cannot have it. */
static int cgroup_begin(struct hold *h)
{
	const struct run *r = &h->run;
	bool needed = cgroup_needed(r);

	if (!r->cgroup && !needed)
		return 0;
	h->cgroup = cgroup_make(r, h->reason, sizeof(h->reason));
	if (h->cgroup >= 0) {
		h->spawn.door = cgroup_door(h->cgroup);
		h->spawn.must_enter = needed;
	} else if (!needed) {
		h->reason[0] = '\0';
	}
	return h->cgroup < 0 && needed ? -1 : 0;
}

static void cgroup_end(struct hold *h)
{
	shut(&h->spawn.door);
	if (h->cgroup < 0)
		return;
	close(h->cgroup);
	h->cgroup = -1;
	cgroup_remove(&h->run); /* whom it was told to leave keeps it */
}

static void output_aim(struct hold *h, struct log *log)
{
	const struct run *r = &h->run;

	h->output.keep = r->flags & RUN_MAIL;
	h->output.tails = r->flags & RUN_KEEP_TAIL;
	h->output.echo = r->flags & RUN_ECHO ? log : NULL;
	if (r->flags & RUN_LOG_OUTPUT) {
		h->output.echo = log;
		h->output.user = r->user;
		h->output.tag = hold_tag(h);
	}
	h->output.job = r->job ? r->job : r->id;
	h->output.run = r->id;
	h->output.log = h->outfit ? &h->outfit->log : NULL;
}

int hold_prepare(struct hold *h, struct log *log)
{
	const struct run *r = &h->run;
	int in = -1;

	if (r->flags & RUN_PAM) {
		const struct pam_for who = pam_who(h, log);

		h->pam = pam_begin(&who, h->reason, sizeof(h->reason));
		if (!h->pam)
			return -1;
	}
	if (plan_make(h, log) < 0 || (r->dress.given && outfit_make(h, log) < 0) || plan_words(h) < 0 ||
		cgroup_begin(h) < 0 || pipes(h, &in) < 0) {
		if (!h->reason[0])
			snprintf(h->reason, sizeof(h->reason), "cannot prepare the job: %s", strerror(errno));
		return -1;
	}
	for (int i = 0; i < 2; i++)
		h->progress.pipes[i] = (int16_t)h->output.streams[i].fd;
	output_aim(h, log);
	tick_settle(r->scheduled);
	h->guard = (struct guard){
		.run = r, .output = &h->output, .in = in, .input = r->input,
		.cgroup = h->cgroup,
		.subreaper = r->flags & RUN_TREE || r->timeout_ms || r->watchdog_ms || hook_any(r),
		.started_ns = guard_now(),
	};
	if (h->guard.subreaper)
		subreaper(true);
	return 0;
}

int hold_start(struct hold *h, const volatile sig_atomic_t *told)
{
	int rc = spawn_patiently(&h->spawn, told);

	shut(&h->spawn.in);
	shut(&h->spawn.door);
	if (rc < 0) {
		if (!hook_any(&h->run))
			hold_ends_close(h);
		shut(&h->guard.in);
		spawn_reason(&h->spawn, h->reason, sizeof(h->reason));
		return -1;
	}
	h->guard.job = h->spawn.pid;
	h->guard.pidfd = h->spawn.pidfd;
	return 0;
}

/* --- ending */

static bool exit_succeeds(const struct dress *d, int code)
{
	return d->success.n ? d->success.s[code / 8 % 32] >> code % 8 & 1 : code == 0;
}

static void outcome_status(struct outcome *o, const struct dress *d, int status)
{
	o->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	o->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	o->result = o->signal ? RESULT_SIGNAL : exit_succeeds(d, o->exit_code) ? RESULT_OK : RESULT_EXIT;
}

static void outcome_reason(struct hold *h)
{
	const struct guard *g = &h->guard;
	unsigned long long most = h->run.timeout_ms;
	bool whole = most % 1000 == 0;
	size_t n;

	if (g->stopped == RESULT_TIMEOUT)
		snprintf(h->reason, sizeof(h->reason), "ran longer than %llu %s",
			whole ? most / 1000 : most, whole ? "s" : "ms");
	else if (g->stopped != RESULT_OK)
		stop_order_say(&h->order, h->reason, sizeof(h->reason));
	n = strlen(h->reason);
	if (g->stage == GUARD_GAVE_UP)
		snprintf(h->reason + n, sizeof(h->reason) - n, "%s%d processes could not be ended",
			n ? ", " : "", g->left);
}

/* dash stays in front of what it executes and says what killed it; where it was left
 * out, that is ours to say. */
static void tell_death(struct hold *h)
{
	struct guard *g = &h->guard;
	char line[64];

	if (!h->spawn.words || !h->spawn.shell || !(h->run.flags & RUN_SHELL_WAITS) ||
		g->stopped != RESULT_OK || !WIFSIGNALED(g->status))
		return;
	/* as wait() has an exit status */
	g->status = direct_death(WTERMSIG(g->status), WCOREDUMP(g->status), line, sizeof(line)) << 8;
	output_say(&h->output, h->run.flags & RUN_TASK ? 1 : 0, line, strlen(line));
}

/* What its cgroup knows is true of all that was in it. */
static void outcome_cgroup(struct hold *h)
{
	struct outcome *o = &h->outcome;

	cgroup_cpu(h->cgroup, &o->cpu_us);
	cgroup_memory(h->cgroup, true, &o->memory_kb);
	if (h->guard.stopped == RESULT_OK && o->result != RESULT_OK && cgroup_oom_kills(h->cgroup)) {
		o->result = RESULT_OOM;
		o->exit_code = -1;
		snprintf(h->reason, sizeof(h->reason), "it used more than its memory-max of %llu KB",
			(unsigned long long)h->run.memory_max / 1024);
	}
}

void hold_stop(struct hold *h, const struct stop_order *order)
{
	if (guard_stop(&h->guard, stop_reason_result(order->why)))
		h->order = *order;
}

static void order_watchdog(struct hold *h)
{
	char text[STOP_TEXT_MOST];

	heart_reason(&h->heart, text, sizeof(text));
	stop_order_set(&h->order, STOP_WATCHDOG, text);
}

/* What else there is of it to be read. */
static void outcome_kept(struct hold *h)
{
	struct outcome *o = &h->outcome;

	o->stderr_head = output_head(&h->output);
	o->one_stream = !h->output.apart && o->stdout_tail.n;
	if (h->outfit) {
		o->log = outfit_log(h->outfit);
		o->artifacts = outfit_artifacts(h->outfit);
	}
}

void hold_ended(struct hold *h)
{
	const struct guard *g = &h->guard;
	struct outcome *o = &h->outcome;

	if (!hook_any(&h->run))
		hold_ends_close(h);
	output_drain(&h->output);
	tell_death(h);
	outcome_status(o, &h->run.dress, g->status);
	if (g->stopped != RESULT_OK) {
		if (g->stopped == RESULT_KILLED && h->order.why == STOP_NONE)
			h->order.why = STOP_SHUTDOWN; /* by a signal that has no order with it */
		if (g->stopped == RESULT_WATCHDOG && h->order.why == STOP_NONE)
			order_watchdog(h);
		o->result = g->stopped;
		o->stopped = h->order.why;
		o->exit_code = -1;
	}
	outcome_reason(h);
	o->started_ns = h->progress.started_ns;
	o->finished_ns = g->finished_ns;
	o->took_ns = g->ended_ns - g->started_ns;
	o->cpu_us = (uint64_t)(g->usage.ru_utime.tv_sec + g->usage.ru_stime.tv_sec) * 1000000 +
		(uint64_t)(g->usage.ru_utime.tv_usec + g->usage.ru_stime.tv_usec);
	o->memory_kb = (uint64_t)g->usage.ru_maxrss;
	if (h->cgroup >= 0)
		outcome_cgroup(h);
	o->reason = h->reason[0] ? h->reason : NULL;
	o->job_pid = g->job;
	output_end(&h->output);
	o->output_bytes = h->output.total;
	o->truncated = h->output.truncated;
	o->stdout_tail = output_tail(&h->output, 0);
	o->stderr_tail = output_tail(&h->output, 1);
	outcome_kept(h);
}

void hold_refused(struct hold *h)
{
	h->outcome = (struct outcome){
		.result = h->refusal, .exit_code = -1, .reason = h->reason, .finished_ns = moment_ns(CLOCK_REALTIME),
		.stopped = h->order.why,
		.output_bytes = h->output.total, /* what a hook has printed */
		.stdout_tail = output_tail(&h->output, 0), .stderr_tail = output_tail(&h->output, 1)
	};
	outcome_kept(h);
}

void hold_session_close(struct hold *h, struct log *log)
{
	const struct pam_for who = pam_who(h, log);

	pam_finish(h->pam, &who);
	h->pam = NULL;
}

bool hold_clean(const struct hold *h)
{
	if (h->run.flags & RUN_PAM)
		return false;
	/* whom it left behind would be found among the next job's */
	return !h->guard.subreaper || (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

void hold_free(struct hold *h)
{
	output_free(&h->output);
	outfit_free(h);
	shut(&h->spawn.in);
	hold_ends_close(h);
	cgroup_end(h);
	if (h->guard.subreaper)
		subreaper(false);
	h->guard.subreaper = false;
	if (h->record_cap > RECORD_FIRST) { /* a great one is not kept for ever */
		free(h->record);
		h->record = NULL;
		h->record_cap = 0;
	}
}
