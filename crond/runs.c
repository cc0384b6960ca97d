/* runs: what is under way, and who has it.
 * Flow: start and adopt put runs in, reports and pidfds move them on by the table in
 * core/runstate, outcome_in takes their ends. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "crond/room.h"
#include "crond/rundir.h"

enum { ADOPT_AGAIN_MS = 100, UNWATCHED_MS = 3000 };

static int live_order(const struct live_run *a, const struct live_run *b)
{
	return strcmp(a->id, b->id);
}

static int keeper_order(const struct keeper *a, const struct keeper *b)
{
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

RB_GENERATE(run_tree, live_run, link, live_order)
RB_GENERATE(keeper_tree, keeper, link, keeper_order)

/* --- counts */

static void count_in(struct crond *c, struct live_run *run)
{
	run->job->running++;
	c->running++;
	c->catchups += run->flags & RUN_CATCHUP ? 1 : 0;
	if (run->pool)
		run->pool->running++;
}

/* Those that wait. */
static void waits_in(struct crond *c, struct live_run *run)
{
	run->job->waiting++;
	c->catchups_waiting += run->flags & RUN_CATCHUP ? 1 : 0;
}

static void waits_out(struct crond *c, struct live_run *run)
{
	run->job->waiting--;
	c->catchups_waiting -= run->flags & RUN_CATCHUP ? 1 : 0;
}

static void count_out(struct crond *c, struct live_run *run)
{
	run->job->running--;
	c->running--;
	c->catchups -= run->flags & RUN_CATCHUP ? 1 : 0;
	if (run->pool)
		run->pool->running--;
}

struct live_run *run_new(struct crond *c, const char *id, const struct run *record)
{
	size_t n = strlen(id) + 1;
	struct live_run *run = calloc(1, sizeof(*run) + n);

	if (!run)
		return NULL;
	memcpy(run->id, id, n);
	run->scheduled = record->scheduled;
	run->flags = record->flags;
	run->pipes[0] = run->pipes[1] = -1;
	run->speaks = record->notify;
	run->attempt = record->attempt;
	run->job = state_get(c, record->identity);
	if (!run->job || (record->pool && pool_join(c, run, record->pool) < 0) ||
		RB_INSERT(run_tree, &c->live, run)) {
		pool_leave(c, run);
		if (run->job)
			state_release(c, run->job);
		free(run);
		return NULL;
	}
	count_in(c, run);
	c->waiting++;
	return run;
}

struct live_run *run_find(struct crond *c, const char *id)
{
	struct live_run *run = RB_ROOT(&c->live);

	while (run) {
		int order = strcmp(id, run->id);

		if (order == 0)
			return run;
		run = order < 0 ? RB_LEFT(run, link) : RB_RIGHT(run, link);
	}
	return NULL;
}

static void run_set(struct crond *c, struct live_run *run, enum run_state state)
{
	if (run->state == RUN_STATE_WAITING && state != RUN_STATE_WAITING && --c->waiting == 0) {
		wait_not(c, LATER_WAITING);
		wait_not(c, LATER_GRACE);
	} else if (run->state != RUN_STATE_WAITING && state == RUN_STATE_WAITING) {
		c->waiting++;
	}
	run->state = state;
	if (state != RUN_STATE_WAITING)
		launch_left(c, run);
}

void run_hold(struct crond *c, struct live_run *run)
{
	count_out(c, run);
	waits_in(c, run);
	run_set(c, run, RUN_STATE_PENDING);
}

void run_release(struct crond *c, struct live_run *run)
{
	waits_out(c, run);
	count_in(c, run);
	run->job->last_start = (int64_t)c->clock.real.tv_sec * 1000;
	run_set(c, run, RUN_STATE_WAITING);
}

void run_over(struct crond *c, struct live_run *run)
{
	struct job_state *state = run->job;

	if (!state)
		return;
	if (run->pending) {
		pending_drop(c, run);
		waits_out(c, run);
	} else {
		count_out(c, run);
	}
	pool_leave(c, run);
	run->job = NULL;
	c->places_freed = true;
	state_release(c, state);
}

static void run_unqueue(struct crond *c, struct live_run *run)
{
	if (run->queued == QUEUE_SEND)
		TAILQ_REMOVE(&c->unsent, run, queue);
	else if (run->queued == QUEUE_HELD)
		TAILQ_REMOVE(&run->taker->held, run, queue);
	else if (run->queued == QUEUE_REMOVE)
		TAILQ_REMOVE(&c->removable, run, queue);
	run->queued = QUEUE_NONE;
}

void run_forget(struct crond *c, struct live_run *run)
{
	if (run->awaited)
		control_run_over(c, run, NULL);
	if (run->job && run->flags & RUN_DAEMON)
		daemon_ended(c, run, run->job->identity, NULL, false);
	run_set(c, run, RUN_STATE_DONE);
	run_over(c, run);
	run_unqueue(c, run);
	if (run->keeper)
		run->keeper->run = NULL;
	RB_REMOVE(run_tree, &c->live, run);
	room_give(run);
	drain_drop(run);
	free(run->said);
	free(run);
}

/* --- keepers */

static struct keeper *keeper_find(struct crond *c, pid_t pid)
{
	struct keeper key = { .pid = pid };

	return RB_FIND(keeper_tree, &c->keepers, &key);
}

static void keeper_drop(struct crond *c, struct keeper *k)
{
	if (k->run)
		k->run->keeper = NULL;
	RB_REMOVE(keeper_tree, &c->keepers, k);
	wait_drop(c, k->watch);
	free(k);
}

static struct keeper *keeper_new(struct crond *c, pid_t pid, int pidfd)
{
	struct keeper *k = calloc(1, sizeof(*k));
	struct watch *w = calloc(1, sizeof(*w));

	if (!k || !w) {
		free(k);
		free(w);
		close(pidfd);
		return NULL;
	}
	*w = (struct watch){ .kind = WATCH_KEEPER, .fd = pidfd, .keeper = k };
	k->pid = pid;
	k->watch = w;
	RB_INSERT(keeper_tree, &c->keepers, k);
	if (wait_for(c, w, EPOLLIN) < 0) {
		keeper_drop(c, k);
		return NULL;
	}
	return k;
}

/* A pidfd comes with a keeper's first report: an entry of the same pid is then one
 * that ended and whose end has not been read yet. */
void run_watch_keeper(struct crond *c, struct live_run *run, pid_t pid, int pidfd)
{
	struct keeper *k = keeper_find(c, pid);

	if (k && pidfd >= 0) {
		run_keeper_gone(c, k);
		k = NULL;
	}
	if (pidfd >= 0 && (rlim_t)pidfd + FILES_RESERVED > c->files_hard)
		close(pidfd); /* the rest is for starts and outcomes */
	else if (pidfd >= 0)
		k = keeper_new(c, pid, pidfd);
	if (!k) {
		wait_later(c, LATER_UNWATCHED, UNWATCHED_MS);
		return;
	}
	if (k->run)
		k->run->keeper = NULL;
	k->run = run;
	run->keeper = k;
}

void run_keeper_gone(struct crond *c, struct keeper *k)
{
	const struct watch *w = k->watch;
	struct live_run *run;

	reports_take(c); /* what it said before it went */
	k = w->keeper;
	if (!k) /* its pid is another keeper's already, whose report has told us */
		return;
	run = k->run;
	keeper_drop(c, k);
	if (run)
		run_event(c, run, RUN_EVENT_KEEPER_GONE);
}

/* --- what follows from an event */

/* It is over as far as is known, and what there is of it cannot be had now. */
static void run_put_off(struct crond *c, struct live_run *run)
{
	run_set(c, run, RUN_STATE_WAITING);
	if (run->adopted)
		wait_later(c, LATER_ADOPT, ADOPT_AGAIN_MS);
	else
		wait_later(c, LATER_WAITING, UNWATCHED_MS);
}

static void run_take(struct crond *c, struct live_run *run)
{
	if (outcome_take(c, run) == 0)
		run_set(c, run, RUN_STATE_DONE);
	else
		run_put_off(c, run);
}

/* Its keeper is gone: either an outcome stands, or it is lost. */
static void run_judge(struct crond *c, struct live_run *run)
{
	int lock = rundir_lock(c->runs, run->id), ended;

	/* another keeper's, that reports; or no descriptor is free */
	ended = lock < 0 && errno != ENOENT ? -1 : rundir_has_outcome(c->runs, run->id);
	if (ended > 0)
		run_take(c, run);
	else if (ended == 0 && outcome_lost(c, run, lock, "its keeper died") == 0)
		run_set(c, run, RUN_STATE_DONE);
	else
		run_put_off(c, run);
	if (lock >= 0)
		close(lock);
}

/* Those whose keeper we have no pidfd of: its lock tells whether it lives. */
void run_unwatched(struct crond *c)
{
	struct live_run *run, *next;
	bool again = false;

	RB_FOREACH_SAFE(run, run_tree, &c->live, next) {
		int lock;

		if (run->state != RUN_STATE_LIVE || run->keeper)
			continue;
		lock = rundir_lock(c->runs, run->id);
		again |= lock < 0;
		if (lock < 0)
			continue;
		close(lock);
		run_event(c, run, RUN_EVENT_KEEPER_GONE);
	}
	if (again)
		wait_later(c, LATER_UNWATCHED, UNWATCHED_MS);
}

static void run_settle(struct crond *c, struct live_run *run)
{
	drain_drop(run);
	run_over(c, run);
	run_unqueue(c, run);
	if (run->keeper) {
		run->keeper->run = NULL;
		run->keeper = NULL;
	}
	if (run->state == RUN_STATE_DONE) {
		run->queued = QUEUE_REMOVE;
		TAILQ_INSERT_TAIL(&c->removable, run, queue);
	}
}

void run_event(struct crond *c, struct live_run *run, enum run_event event)
{
	switch (run_action(run->state, event)) {
	case RUN_ACTION_WATCH:
		run_set(c, run, RUN_STATE_LIVE);
		break;
	case RUN_ACTION_TAKE:
		run_take(c, run);
		break;
	case RUN_ACTION_JUDGE:
		run_judge(c, run);
		break;
	case RUN_ACTION_RESEND:
		if (run->queued == QUEUE_NONE)
			launch_send(c, run);
		return;
	case RUN_ACTION_NONE:
		return;
	}
	if (run->state == RUN_STATE_DONE)
		run_settle(c, run);
}

/* May its id be given again? A due second is claimed once; what starts at nobody's second may
 * do so often within one, by numbers that are free. */
static bool id_is_over(const struct crond *c, const struct live_run *run)
{
	if (run->flags & (RUN_DAEMON | RUN_ASKED))
		return c->stop.stage || run->scheduled < c->clock.real.tv_sec;
	return run->scheduled <= c->clock.high;
}

/* Directories go once their second lies before the stamp. */
void run_sweep(struct crond *c)
{
	struct live_run *run, *next;

	TAILQ_FOREACH_SAFE(run, &c->removable, queue, next) {
		if (!id_is_over(c, run))
			continue;
		rundir_remove(c->runs, run->id);
		run_forget(c, run);
	}
}
