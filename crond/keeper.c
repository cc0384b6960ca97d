/* keeper: takes one run from the claim to its outcome.
 * Flow: forked by the launcher; starts the job, guards it, records how it ended, mails
 * its output, and may then take another run from the queue. */
#include "config.h"

#include "crond/keeper.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/kernel.h"
#include "crond/core/dialect.h"
#include "crond/guard.h"
#include "crond/hold.h"
#include "crond/hook.h"
#include "crond/mail.h"
#include "crond/rundir.h"
#include "crond/told.h"

enum { FINISH_TRIES = 50, FINISH_PAUSE_MS = 100 };

static sigset_t waiting_mask;

/* --- starts in flight */

void keeper_slot_take(struct keeper *k)
{
	atomic_fetch_add(&k->shared->starting, 1);
	k->slot = true;
}

void keeper_slot_release(struct keeper *k)
{
	uint32_t n = atomic_load(&k->shared->starting);

	if (!k->slot)
		return;
	k->slot = false;
	/* the launcher may have set it to nothing meanwhile */
	while (n > 0 && !atomic_compare_exchange_weak(&k->shared->starting, &n, n - 1))
		;
	if (atomic_exchange(&k->shared->waiting, 0))
		syscall(SYS_futex, &k->shared->starting, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* The grace of the next run, in ns. */
static int64_t grace(const struct keeper *k)
{
	int64_t us = (int64_t)atomic_load_explicit(&k->shared->usual_us, memory_order_relaxed) * GRACE_TIMES;

	us = us < GRACE_LEAST_US ? GRACE_LEAST_US : us > GRACE_MOST_US ? GRACE_MOST_US : us;
	return us * 1000;
}

/* A run has lasted so long; which one updates it last does not matter. One that has
 * outlived the longest grace is none of the short ones, and takes some of it away. */
static void grace_learn(struct keeper *k, int64_t took_ns)
{
	int64_t usual = atomic_load_explicit(&k->shared->usual_us, memory_order_relaxed);
	int64_t took = took_ns / 1000 < GRACE_MOST_US ? took_ns / 1000 : 0;

	atomic_store_explicit(&k->shared->usual_us, (uint32_t)((usual * 7 + took) / 8), memory_order_relaxed);
}

/* --- reports */

static void report_send(struct keeper *k, enum report_type type, const char *id, struct slice outcome,
	int pidfd)
{
	struct report r = { .type = (uint32_t)type, .keeper_pid = getpid() };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec parts[2] = { { &r, REPORT_HEAD }, { (char *)(uintptr_t)outcome.s, outcome.n } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };

	memcpy(r.id, id, strnlen(id, sizeof(r.id) - 1));
	if (pidfd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &pidfd, sizeof(pidfd));
	}
	k->unheard = sendmsg(k->report, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0;
	k->last |= k->unheard; /* the end of this process is the report then */
}

/* The scheduler watches whoever has a run for more than a moment. */
static void report_taken(struct keeper *k, struct slice pipes)
{
	int self = k->named ? -1 : kernel_pidfd(getpid());

	if (k->untold || pipes.n)
		report_send(k, REPORT_TAKEN, k->untold ? k->untold : k->hold->run.id, pipes, self);
	k->untold = NULL;
	k->named = true;
	if (self >= 0)
		close(self);
}

static void report_ended(struct keeper *k, const struct hold *h)
{
	struct slice outcome = { h->progress.outcome, h->progress.outcome_n };

	k->untold = NULL;
	report_send(k, REPORT_ENDED, h->run.id, outcome, -1);
}

/* Not one of the short jobs: others may start, and this keeper is in for a wait. */
static void grace_over(void *arg)
{
	struct keeper *k = arg;

	keeper_slot_release(arg);
	grace_learn(arg, INT64_MAX);
	report_taken(k, (struct slice){ (const char *)k->hold->progress.pipes,
		sizeof(k->hold->progress.pipes) });
	spawn_memory_free();
	pam_memory_free();
}

/* --- what it is told meanwhile */

static void stop_look(struct keeper *k, struct hold *h)
{
	struct stop_order order;
	struct buf text = { 0 };

	if (rundir_read(k->runs, h->run.id, RUNDIR_STOP, &text) == 0 &&
		stop_order_decode(&order, (struct slice){ text.data, text.len }) == 0)
		hold_stop(h, &order);
	buf_free(&text);
}

/* There was no room to write down more of it. */
static void stop_bare(struct hold *h, enum stop_reason why)
{
	struct stop_order order;

	stop_order_set(&order, why < STOP_REASONS ? why : STOP_NONE, NULL);
	hold_stop(h, &order);
}

static void hear(void *arg)
{
	struct keeper *k = arg;
	struct hold *h = k->hold;
	int sig;

	told_look();
	stop_look(k, h);
	while ((sig = told_signal(h->run.id))) {
		if (sig >= RUN_SIGNAL_STOP)
			stop_bare(h, (enum stop_reason)(sig - RUN_SIGNAL_STOP));
		else if (!h->guard.ended)
			kernel_signal(h->guard.pidfd, h->guard.job, sig);
	}
}

static void overran(void *arg)
{
	struct keeper *k = arg;
	const char *id = k->hold->run.id;
	struct buf nothing = { 0 };

	rundir_write(k->runs, id, RUNDIR_OVERRAN, &nothing);
	report_send(k, REPORT_OVERRAN, id, (struct slice){ 0 }, -1);
}

/* --- the end of a run */

/* A full run-time directory gets a while to become less full. */
static void outcome_write(struct keeper *k, struct hold *h)
{
	const char *id = h->run.id;
	int tries = 0;

	if (rundir_finish(k->runs, id, h->lock, &h->progress, &h->outcome) == 0)
		return;
	log_line(&k->log, LOG_ERR, hold_tag(h), getpid(), 0,
		"(CRON) ERROR (cannot write the outcome of %s: %s)", id, strerror(errno));
	h->outcome.stdout_tail.n = h->outcome.stderr_tail.n = h->outcome.stderr_head.n = 0;
	keeper_slot_release(k);
	while (rundir_finish(k->runs, id, h->lock, &h->progress, &h->outcome) < 0 &&
		tries++ < FINISH_TRIES && !*told_to_end())
		poll(NULL, 0, FINISH_PAUSE_MS);
}

static bool mail_wanted(const struct hold *h)
{
	uint32_t flags = h->run.flags;
	bool failed = h->outcome.result != RESULT_OK;

	return flags & RUN_MAIL && h->output.total > 0 &&
		(!(flags & RUN_MAIL_ON_FAILURE) || failed);
}

/* What may last is done by a child of ours, and we end: to whoever has taken this run over
 * from a scheduler that died our end is what says that the run is over. */
static void end_at_once(const struct hold *h)
{
	if ((mail_wanted(h) || h->pam || h->outfit || output_open(&h->output)) && fork() > 0)
		_exit(0);
}

/* The run counts as running until its hooks have ended, too; how it ended stands by then, and
 * once more when its artifacts are where they are kept. */
static void finish(struct keeper *k, struct hold *h)
{
	outcome_write(k, h);
	if (h->run.dress.given) {
		hook_after(h, &k->log);
		if (outfit_put_away(h, &k->log))
			rundir_amend(k->runs, h->run.id, h->lock, &h->progress, &h->outcome);
	}
	close(h->lock);
	h->lock = -1;
	report_ended(k, h);
	if (k->unheard)
		end_at_once(h);
}

/* END as Debian and CMDEND as cronie have it, by the keeper's own pid. */
static void log_end(struct keeper *k, const struct hold *h)
{
	const struct run *r = &h->run;
	char text[1200];

	if (!(r->flags & RUN_LOG_END) || r->flags & RUN_QUIET)
		return;
	snprintf(text, sizeof(text), "[%d] %s", (int)h->spawn.pid, r->command);
	log_classic(&k->log, hold_tag(h), getpid(), 0, r->user,
		r->dialect == DIALECT_CRONIE ? "CMDEND" : "END",
		r->flags & RUN_LOG_PID ? text : r->command);
}

static void log_failed(struct keeper *k, const struct hold *h)
{
	char text[128];

	if (!(h->run.flags & RUN_LOG_FAILED) || !h->outcome.job_pid)
		return;
	if (WIFEXITED(h->guard.status) && WEXITSTATUS(h->guard.status))
		snprintf(text, sizeof(text), "grandchild #%d failed with exit status %d",
			h->outcome.job_pid, WEXITSTATUS(h->guard.status));
	else if (WIFSIGNALED(h->guard.status))
		snprintf(text, sizeof(text), "grandchild #%d terminated by signal %d%s",
			h->outcome.job_pid, WTERMSIG(h->guard.status),
			WCOREDUMP(h->guard.status) ? ", dumped core" : "");
	else
		return;
	log_classic(&k->log, hold_tag(h), getpid(), 0, "CRON", "error", text);
}

/* Somebody may still write to the job's pipes, and is to come to no harm by it. */
static void linger(struct hold *h)
{
	while (output_open(&h->output) && !*told_to_end()) {
		struct pollfd p[2] = {
			{ .fd = h->output.streams[0].fd, .events = POLLIN },
			{ .fd = h->output.streams[1].fd, .events = POLLIN },
		};

		if (ppoll(p, 2, NULL, &waiting_mask) > 0)
			output_discard(&h->output);
		/* whatever the job left us ends without a trace */
		while (h->guard.subreaper && waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

/* What is left of it for later: see mail_again(). NULL: nothing. */
static struct mail *mail_begin(struct keeper *k, struct hold *h, bool failed)
{
	const struct mail_means means = { .log = &k->log,
		.mask = &waiting_mask,
		.told = told_to_end(),
		.shared = k->shared,
		.shared_fd = k->shared_fd,
		.runs = k->runs };

	return mail_send(&means, &h->spawn, &h->output, failed);
}

static void aftermath(struct keeper *k, struct hold *h)
{
	bool mail = mail_wanted(h);
	struct mail *later = NULL;

	if (mail || h->pam || output_open(&h->output))
		keeper_slot_release(k);
	log_failed(k, h);
	/* before the session's end: what a module does then must not cost its owner the mail */
	if (mail)
		later = mail_begin(k, h, h->run.flags & RUN_LOG_FAILED && h->outcome.result != RESULT_OK);
	log_end(k, h);
	mail_again(later);
	hold_session_close(h, &k->log);
	outfit_retain(h);
	linger(h);
}

/* --- a run */

/* A shell that is not there is for the owner to know: what would have executed it says so
 * to where the job's output goes. */
static void refused_output(struct hold *h)
{
	const struct run *r = &h->run;
	char text[512];
	int n;

	if (h->spawn.step != SPAWN_EXEC || r->flags & RUN_TASK)
		return;
	n = r->dialect == DIALECT_CRONIE ?
		snprintf(text, sizeof(text), "execl: couldn't exec `%.200s'\nexecl: %s\n", r->shell,
			strerror(h->spawn.error)) :
		snprintf(text, sizeof(text), "%.200s: execle: %s\n", r->shell, strerror(h->spawn.error));
	output_say(&h->output, 0, text, (size_t)n);
	output_end(&h->output);
}

/* cronie's line about it, and the end of what has been announced. */
static void refused_chdir(struct keeper *k, const struct hold *h)
{
	const struct run *r = &h->run;

	if (h->spawn.step != SPAWN_CHDIR || r->dialect != DIALECT_CRONIE || r->flags & RUN_TASK)
		return;
	log_line(&k->log, LOG_ERR, hold_tag(h), getpid(), 0, "(CRON) ERROR chdir failed (%.200s): %s",
		h->spawn.what, strerror(h->spawn.error));
}

static void refused_say(struct keeper *k, struct hold *h)
{
	/* PAM's refusals are told in their own words, and other results by the scheduler */
	if (h->refusal == RESULT_SPAWN && (h->pam || !(h->run.flags & RUN_PAM)))
		log_line(&k->log, LOG_ERR, hold_tag(h), getpid(), 0, "(%.64s) ERROR (%s: %s)",
			h->run.user ? h->run.user : "CRON", h->run.id, h->reason);
	if (h->outfit)
		outfit_say(h, h->reason);
}

/* The run is over before it began. */
static void refuse(struct keeper *k, struct hold *h)
{
	struct mail *later = NULL;

	hold_refused(h);
	refused_say(k, h);
	finish(k, h);
	refused_chdir(k, h);
	refused_output(h);
	if (mail_wanted(h))
		later = mail_begin(k, h, h->run.flags & RUN_LOG_FAILED);
	if (h->spawn.step > SPAWN_FORK)
		log_end(k, h);
	mail_again(later);
	hold_session_close(h, &k->log);
	outfit_retain(h);
}

/* Debian's starts a job somewhere else when its directory is not there; the log says where, but
 * for users who are to have none (/nonexistent, Debian's policy 9.2.3). */
static void strayed_say(struct keeper *k, const struct hold *h)
{
	if (strcmp(h->run.dir, "/nonexistent") == 0)
		return;
	log_line(&k->log, LOG_WARNING, hold_tag(h), getpid(), 0,
		"(%.64s) WARNING (%.200s: %s; run %s is in %.200s)", h->run.user ? h->run.user : "CRON",
		h->run.dir, strerror(h->spawn.strayed), h->run.id, h->spawn.refuge);
}

/* What whoever is guarded in this run, the job or a hook, has us listen to. */
static void guard_equip(struct keeper *k, struct hold *h)
{
	h->guard.told = told_to_end();
	h->guard.heard = told_something();
	h->guard.hear = hear;
	h->guard.overran = overran;
	h->guard.mask = &waiting_mask;
	h->guard.grace = grace_over;
	h->guard.arg = k;
	k->hold = h;
	h->guard.grace_ns = h->guard.started_ns + grace(k);
}

static void said(void *arg, const struct said *said)
{
	struct keeper *k = arg;

	report_send(k, REPORT_SAID, k->hold->run.id, (struct slice){ (const char *)said, sizeof(*said) },
		-1);
}

/* The socket that it may speak on. A job that is stopped for its silence needs it. */
static int heart_prepare(struct keeper *k, struct hold *h)
{
	const struct run *r = &h->run;
	int error;

	if (!r->notify || heart_open(&h->heart, r, k->runs, &k->log, hold_tag(h)) == 0)
		return 0;
	error = errno;
	if (r->watchdog_ms) {
		snprintf(h->reason, sizeof(h->reason), "cannot make its socket %.120s: %s", r->notify,
			strerror(error));
		return -1;
	}
	log_line(&k->log, LOG_WARNING, hold_tag(h), getpid(), 0,
		"(CRON) WARNING (run %s: cannot make its socket: %s)", r->id, strerror(error));
	return 0;
}

static void heart_run(struct keeper *k, struct hold *h)
{
	if (h->heart.fd < 0)
		return;
	h->heart.job = h->spawn.pid;
	h->heart.report = said;
	h->heart.arg = k;
	heart_begin(&h->heart, guard_now());
	h->guard.heart = &h->heart;
}

/* The job's process. 0, or -1: it is not to be, for h->reason. */
static int begin(struct keeper *k, struct hold *h)
{
	if (h->reason[0] || heart_prepare(k, h) < 0 || hold_prepare(h, &k->log) < 0)
		return -1;
	guard_equip(k, h);
	if (h->run.dress.pre && hook_before(h, &k->log) < 0)
		return -1;
	return hold_start(h, told_to_end());
}

static void guard_run(struct keeper *k, struct hold *h)
{
	hold_running(h, &h->spawn, &k->log);
	if (h->spawn.strayed)
		strayed_say(k, h);
	heart_run(k, h);
	guard_wait(&h->guard);
	heart_close(&h->heart);
	h->guard.heart = NULL;
	grace_learn(k, h->guard.ended_ns - h->guard.started_ns);
	hold_ended(h);
	finish(k, h);
	aftermath(k, h);
}

/* Everything about one run. What cannot be shared with the next sets k->last. */
static void keep(struct keeper *k, const char *id)
{
	static struct hold h;
	struct log_about about;

	if (hold_take(&h, k->runs, id) < 0) {
		if (h.reason[0])
			log_line(&k->log, LOG_ERR, "CRON", getpid(), 0, "(CRON) ERROR (run %s: %s)",
				id, h.reason);
		return;
	}
	h.spawn.spared = k->shared->spared;
	k->untold = id;
	about = (struct log_about){ .job = h.run.job, .run = h.run.id, .user = h.run.user,
		.attempt = h.run.attempt, .scheduled = h.run.scheduled, .exit_code = -1 };
	k->log.about = &about;
	if (h.run.flags & RUN_PAM) /* its modules may take their time */
		report_taken(k, (struct slice){ 0 });
	if (begin(k, &h) < 0)
		refuse(k, &h);
	else
		guard_run(k, &h);
	heart_close(&h.heart);
	k->last |= !hold_clean(&h);
	k->log.about = NULL;
	hold_free(&h);
}

/* --- the process */

/* The next run, if this keeper may take one. Where its slot is gone already it counts
 * itself in beyond the limit: one start more for one that has ended, and no fork. */
static bool next(struct keeper *k, char *id)
{
	ssize_t n;

	if (k->last || *told_to_end())
		return false;
	n = recv(k->queue, id, RUN_ID_MOST, MSG_DONTWAIT);
	if (n <= 0)
		return false;
	if (!run_id_ok(id, (size_t)n)) {
		log_line(&k->log, LOG_ERR, "CRON", getpid(), 0, "(CRON) ERROR (bad run id in the queue)");
		return next(k, id);
	}
	id[n] = '\0';
	if (!k->slot)
		keeper_slot_take(k);
	return true;
}

void keeper_main(struct keeper *k, const char *first)
{
	char id[RUN_ID_MOST + 1];

	snprintf(id, sizeof(id), "%s", first);
	signal(SIGCHLD, SIG_DFL);
	told_begin(&waiting_mask);
	do
		keep(k, id);
	while (next(k, id));
	keeper_slot_release(k);
	_exit(0);
}
