/* ask: what a keeper is asked to do with the run it has: stop it, hand a signal to it.
 * Flow: control, policy and daemons want it; it stands in the run's directory, so that it
 * outlives us, and the keeper is woken. How the run ends comes back as its outcome. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/kernel.h"
#include "crond/cgroup.h"
#include "crond/core/stop_order.h"
#include "crond/rundir.h"

/* The keeper of a run that we have no pidfd of: while its lock is held the recorded pid is
 * the keeper's. 0: nobody has it now. */
static pid_t keeper_of(struct crond *c, const struct live_run *run)
{
	int lock = rundir_lock(c->runs, run->id), error = errno;
	struct run_progress p;
	struct buf b = { 0 };
	pid_t pid = 0;

	if (lock >= 0)
		close(lock);
	else if (error == EAGAIN && rundir_read(c->runs, run->id, "run", &b) == 0 &&
		run_progress_decode(&p, (struct slice){ b.data, b.len }, NULL) == 0 && p.keeper_pid > 1)
		pid = p.keeper_pid;
	buf_free(&b);
	return pid;
}

/* value: with LAUNCH_SIGNAL. */
static int tell(struct crond *c, const struct live_run *run, int sig, int value)
{
	pid_t pid = run->keeper ? run->keeper->pid : keeper_of(c, run);
	int pidfd = run->keeper ? run->keeper->watch->fd : -1;

	errno = ESRCH;
	if (pid <= 1)
		return -1;
	if (run->first) /* all that its keeper knows; what else it is told kills it */
		return kernel_signal(pidfd, pid, SIGTERM);
	if (sig == LAUNCH_SIGNAL)
		return kernel_signal_value(pidfd, pid, sig, value);
	return kernel_signal(pidfd, pid, sig);
}

int run_tell(struct crond *c, const struct live_run *run, int sig)
{
	return tell(c, run, sig, 0);
}

static bool is_over(const struct live_run *run)
{
	return run->state == RUN_STATE_DONE;
}

/* It waits, and will not start. */
static int not_started(struct crond *c, struct live_run *run, const struct stop_order *order)
{
	char why[STOP_TEXT_MOST + 32];

	stop_order_say(order, why, sizeof(why));
	pending_end(c, run, stop_reason_result(order->why), why);
	return 0;
}

int run_stop(struct crond *c, struct live_run *run, enum stop_reason why, const char *text)
{
	struct stop_order order;
	struct buf b = { 0 };
	int rc = 0, saved;

	if (is_over(run)) {
		errno = ESRCH;
		return -1;
	}
	if (run->stopping)
		return 0;
	stop_order_set(&order, why, text);
	if (run->state == RUN_STATE_PENDING)
		return not_started(c, run, &order);
	stop_order_encode(&order, &b);
	rc = rundir_write(c->runs, run->id, RUNDIR_STOP, &b);
	saved = errno;
	buf_free(&b);
	/* a full run-time directory keeps nobody running */
	if (rc < 0 && tell(c, run, LAUNCH_SIGNAL, run_signal_value(run->id, RUN_SIGNAL_STOP + (int)why)) < 0) {
		errno = saved;
		return -1;
	}
	run->stopping = why;
	if (rc == 0)
		run_stop_tell(c, run);
	return 0;
}

void run_stop_tell(struct crond *c, struct live_run *run)
{
	if (run->stopping && run->state == RUN_STATE_LIVE)
		tell(c, run, LAUNCH_LOOK, 0);
}

void run_stop_adopt(struct crond *c, struct live_run *run)
{
	struct stop_order order;
	struct buf b = { 0 };

	if (rundir_read(c->runs, run->id, RUNDIR_STOP, &b) == 0 &&
		stop_order_decode(&order, (struct slice){ b.data, b.len }) == 0)
		run->stopping = order.why;
	buf_free(&b);
	run_stop_tell(c, run);
}

int run_signal(struct crond *c, const struct live_run *run, int sig)
{
	errno = EINVAL;
	if (sig < 1 || sig >= RUN_SIGNAL_STOP)
		return -1;
	errno = ESRCH;
	if (run->state != RUN_STATE_LIVE)
		return -1;
	errno = EOPNOTSUPP;
	if (run->first)
		return -1;
	return tell(c, run, LAUNCH_SIGNAL, run_signal_value(run->id, sig));
}

int run_usage(struct crond *c, const struct live_run *run, struct tree_usage *u)
{
	struct tree tree = { 0, -1 };
	struct run_progress p;
	struct buf b = { 0 };
	struct run r;
	int rc = -1;

	if (run->state != RUN_STATE_LIVE || rundir_read(c->runs, run->id, "run", &b) < 0 ||
		run_file_decode(&p, &r, (struct slice){ b.data, b.len }, NULL) < 0 ||
		p.phase != RUN_RUNNING)
		goto out;
	tree = (struct tree){ p.job_pid, cgroup_find(&r) };
	rc = tree_usage(p.keeper_pid, &tree, u);
	if (rc == 0 && tree.cgroup >= 0)
		cgroup_cpu(tree.cgroup, &u->cpu_us);
out:
	if (tree.cgroup >= 0)
		close(tree.cgroup);
	buf_free(&b);
	return rc;
}
