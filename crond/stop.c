/* stop: jobs are brought to an end before we end ourselves, as the first process of a
 * container (whose end would kill them), or where crond.conf says so.
 * Flow: a signal begins it, the loop turns on without starting anything until nobody is
 * left or the grace is over; keepers stop their jobs and write down how they ended. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/kernel.h"

/* With what a container's manager gives by default, 10 s, there is time for both. Outcomes of killed
 * jobs come at once but where the machine is at its end; who waits for them longer than a manager
 * does loses no more than who does not. */
enum { GRACE_MS = 8000, KILLED_MS = 1000, OUTCOMES_MS = 4000, AGAIN_MS = 100 };

static int64_t grace_ms(struct crond *c)
{
	if (c->set.conf.stop_grace_ms)
		return (int64_t)c->set.conf.stop_grace_ms;
	/* a directory that goes with us has nothing for a scheduler after us to find daemons by */
	return getpid() == 1 || (c->set.remove_dir && daemon_runs(c)) ? GRACE_MS : 0;
}

/* --- telling keepers: once to stop their jobs, a second time to kill them, and that again and again:
 * two signals make one where the first is not taken yet (signal(7)) */

static bool tell_again(struct crond *c)
{
	int64_t now = wait_now_ms();

	if (c->stop.stage != STOP_KILLING)
		return false;
	wait_later(c, LATER_STOP, AGAIN_MS);
	if (now < c->stop.again)
		return false;
	c->stop.again = now + AGAIN_MS;
	return true;
}

static void tell_all(struct crond *c)
{
	bool again = tell_again(c);
	struct live_run *run;
	struct keeper *k;

	RB_FOREACH(k, keeper_tree, &c->keepers) {
		if (again || k->told < c->stop.stage)
			kernel_signal(k->watch->fd, k->pid, SIGTERM);
		k->told = c->stop.stage;
	}
	RB_FOREACH(run, run_tree, &c->live) {
		if (run->state == RUN_STATE_LIVE && !run->keeper && (again || run->told < c->stop.stage)) {
			run_tell(c, run, SIGTERM);
			run->told = c->stop.stage;
		}
	}
}

/* --- what nobody has taken yet */

/* Names that wait in the queue are taken out of it: no keeper is to begin with one. */
static void queue_empty(struct crond *c)
{
	char id[RUN_ID_MOST + 1];
	struct live_run *run;

	while ((run = TAILQ_FIRST(&c->unsent))) {
		TAILQ_REMOVE(&c->unsent, run, queue);
		run->queued = QUEUE_NONE;
	}
	while (recv(c->queue_far, id, sizeof(id), MSG_DONTWAIT) > 0)
		;
}

/* Once there is no launcher any more, who has no keeper will not get one. */
static void waiting_end(struct crond *c)
{
	struct live_run *run, *next;

	RB_FOREACH_SAFE(run, run_tree, &c->live, next) {
		if (run->state == RUN_STATE_WAITING)
			run_event(c, run, RUN_EVENT_KEEPER_GONE);
	}
}

/* --- the stages */

static void stage_set(struct crond *c, enum stop_stage stage, int64_t in_ms)
{
	c->stop.stage = stage;
	c->stop.deadline = wait_now_ms() + in_ms;
	wait_not(c, LATER_STOP);
	wait_later(c, LATER_STOP, in_ms);
}

void stop_asked(struct crond *c)
{
	int64_t grace = grace_ms(c);

	if (!grace) {
		c->stopping = true;
	} else if (c->stop.stage == STOP_NOT) {
		log_line(&c->log, LOG_INFO, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) INFO (Shutting down; %zu running jobs get up to %lld s to end)", c->running,
			(long long)grace / 1000);
		service_tell(c, SERVICE_STOPPING);
		stage_set(c, STOP_ASKED, grace);
		if (c->launcher > 0)
			kill(c->launcher, SIGTERM);
		wait_not(c, LATER_LAUNCHER);
		queue_empty(c);
	} else if (c->stop.stage == STOP_ASKED) {
		stage_set(c, STOP_KILLING, KILLED_MS);
	}
}

/* Whoever else is left in the container: what jobs have left, crond-notify. */
static bool others_gone(struct crond *c)
{
	if (getpid() != 1 || c->stop.alone)
		return true;
	if (!c->stop.others_told)
		kill(-1, SIGTERM);
	c->stop.others_told = true;
	return false;
}

void stop_step(struct crond *c)
{
	bool late = wait_now_ms() >= c->stop.deadline;

	if (c->stop.stage == STOP_ASKED && late) {
		log_line(&c->log, LOG_WARNING, c->set.dialect->daemon_tag, getpid(), 0,
			c->running ? "(CRON) INFO (%zu jobs have not ended in time and are killed)" :
			"(CRON) INFO (what jobs have left running has not ended in time and is killed)",
			c->running);
		stage_set(c, STOP_KILLING, KILLED_MS);
		late = false;
	}
	if (late && c->running > 0 && !c->stop.extended) {
		c->stop.extended = true;
		stage_set(c, STOP_KILLING, OUTCOMES_MS);
		late = false;
	}
	tell_all(c);
	if (!c->launcher)
		waiting_end(c);
	if (late || (c->running == 0 && RB_EMPTY(&c->keepers) && others_gone(c)))
		c->stopping = true;
}
