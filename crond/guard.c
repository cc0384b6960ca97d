/* guard: watches over one job until nothing of it is left to wait for.
 * Flow: the keeper starts the job, the guard feeds and reads it, stops it when its time
 * is up or the keeper is told to end, and knows at the end how it ended. */
#include "config.h"

#include "crond/guard.h"

#include <errno.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/moment.h"
#include "crond/cgroup.h"
#include "crond/heart.h"
#include "crond/output.h"
#include "crond/tree.h"

static const int64_t MS = 1000 * 1000;
static const int64_t PAUSE_LEAST = 2 * 1000 * 1000, PAUSE_MOST = 100 * 1000 * 1000;
static const int64_t KILL_PATIENCE = INT64_C(10) * 1000 * 1000 * 1000;
static const int64_t KILL_AFTER_DEFAULT = INT64_C(10) * 1000 * 1000 * 1000;
static const int64_t KILL_MOST = INT64_C(600) * 1000 * 1000 * 1000;
static const int64_t FOREVER = INT64_MAX;
enum { KILL_ROUNDS = 4 };

int64_t guard_now(void)
{
	return moment_ns(CLOCK_MONOTONIC);
}

static int64_t later(int64_t from, uint64_t ms)
{
	return ms > (uint64_t)(FOREVER - from) / (uint64_t)MS ? FOREVER : from + (int64_t)ms * MS;
}

/* --- the main process and what it left */

static void main_ended(struct guard *g)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	g->finished_ns = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
	g->ended_ns = guard_now();
	g->ended = true;
	close(g->pidfd);
	g->pidfd = -1;
}

static void time_add(struct timeval *sum, const struct timeval *more)
{
	sum->tv_sec += more->tv_sec + (sum->tv_usec + more->tv_usec) / 1000000;
	sum->tv_usec = (sum->tv_usec + more->tv_usec) % 1000000;
}

/* Of the job and of all it left to us. */
static void usage_add(struct guard *g, const struct rusage *more)
{
	time_add(&g->usage.ru_utime, &more->ru_utime);
	time_add(&g->usage.ru_stime, &more->ru_stime);
	if (more->ru_maxrss > g->usage.ru_maxrss)
		g->usage.ru_maxrss = more->ru_maxrss;
}

static void main_reap(struct guard *g)
{
	struct rusage usage;

	if (wait4(g->job, &g->status, WNOHANG, &usage) != g->job)
		return;
	usage_add(g, &usage);
	main_ended(g);
}

/* Whoever was handed to us; true when nobody is left. */
static bool others_reap(struct guard *g)
{
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		if (pid == g->job) {
			g->status = status;
			usage_add(g, &usage);
			main_ended(g);
		} else {
			usage_add(g, &usage);
		}
	}
	return pid < 0 && errno == ECHILD;
}

/* --- stopping */

static void ask(struct guard *g)
{
	const struct tree tree = { g->job, g->cgroup };
	uint64_t after = g->run->kill_after_ms;

	g->stage = GUARD_ASKED;
	g->pause_ns = PAUSE_LEAST;
	g->deadline_ns = after ? later(guard_now(), after) : guard_now() + KILL_AFTER_DEFAULT;
	g->kill_most_ns = guard_now() + KILL_MOST;
	if (g->kill_most_ns < g->deadline_ns)
		g->kill_most_ns = g->deadline_ns;
	g->next_ns = guard_now() + g->pause_ns;
	g->left = tree_signal(&tree, g->run->stop_signal ? (int)g->run->stop_signal : SIGTERM) + 1;
	/* who forks is seen at the next look */
}

static void stop(struct guard *g, enum result as)
{
	if (!g->ended)
		g->stopped = as;
	ask(g);
}

bool guard_stop(struct guard *g, enum result as)
{
	if (g->ended || g->stage != GUARD_RUNNING)
		return false;
	stop(g, as);
	return true;
}

void guard_extend(struct guard *g, uint64_t us)
{
	int64_t until = later(guard_now(), us / 1000 + (us % 1000 > 0));

	if (g->stage == GUARD_ASKED && until > g->kill_most_ns)
		until = g->kill_most_ns;
	if (g->stage <= GUARD_ASKED && g->deadline_ns && until > g->deadline_ns)
		g->deadline_ns = until;
}

/* All of it, at once. A look around is slower than what forks and ends at once: what is
 * handed to us by that is killed first, and nobody waits while there was somebody. */
static void kill_all(struct guard *g)
{
	const struct tree tree = { g->job, g->cgroup };

	for (int i = 0; i < KILL_ROUNDS; i++) {
		if (g->cgroup >= 0)
			cgroup_kill(g->cgroup);
		if (g->subreaper)
			tree_hunt(g->ended ? 0 : g->job);
		g->left = tree_signal(&tree, SIGKILL);
		if (!g->left)
			return;
	}
}

/* One step of stopping: looks whether somebody is left, and turns to KILL in time. */
static void stop_step(struct guard *g, int64_t now)
{
	bool hurry = g->stage == GUARD_ASKED && *g->told > 1; /* who told us cannot wait longer */

	if (now < g->next_ns && now < g->deadline_ns && !hurry)
		return;
	if (g->stage == GUARD_ASKED && (now >= g->deadline_ns || hurry)) {
		g->stage = GUARD_KILLING;
		g->pause_ns = PAUSE_LEAST;
		g->deadline_ns = now + KILL_PATIENCE;
	}
	if (g->stage == GUARD_KILLING) {
		kill_all(g);
		if (now >= g->deadline_ns && g->ended && g->left)
			g->stage = GUARD_GAVE_UP;
	} else if (!g->subreaper && g->ended) {
		g->left = tree_signal(&(struct tree){ g->job, g->cgroup }, 0);
	}
	g->next_ns = guard_now() + g->pause_ns;
	g->pause_ns = g->pause_ns * 2 < PAUSE_MOST ? g->pause_ns * 2 : PAUSE_MOST;
}

/* --- standard input */

static void input_close(struct guard *g)
{
	close(g->in);
	g->in = -1;
}

static void input_write(struct guard *g)
{
	ssize_t n = write(g->in, g->input.s, g->input.n);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) { /* EPIPE: it does not want the rest */
		input_close(g);
		return;
	}
	g->input.s += n;
	g->input.n -= (size_t)n;
	if (g->input.n == 0)
		input_close(g);
}

/* --- the loop */

static int64_t first_of(const struct guard *g)
{
	int64_t at = FOREVER;

	if (g->grace_ns && g->grace_ns < at)
		at = g->grace_ns;
	if (g->stage <= GUARD_ASKED && g->deadline_ns && g->deadline_ns < at)
		at = g->deadline_ns;
	if (g->stage != GUARD_RUNNING && g->next_ns < at)
		at = g->next_ns;
	if (g->heart && heart_due(g->heart) < at)
		at = heart_due(g->heart);
	return at;
}

/* The monotonic clock stands still while the system sleeps; where that time is to count,
 * another one wakes us, and the timeout is over then. */
static void timer_set(struct guard *g)
{
	int64_t in = g->deadline_ns - guard_now();
	struct itimerspec at = { .it_value = { in > 0 ? in / 1000000000 : 0, in > 0 ? in % 1000000000 : 1 } };

	if (g->timer_ns == g->deadline_ns || g->stage > GUARD_ASKED)
		return;
	g->timer_ns = g->deadline_ns;
	timerfd_settime(g->timer, 0, g->deadline_ns ? &at : &(struct itimerspec){ 0 }, NULL);
}

static void timer_read(struct guard *g)
{
	uint64_t times;

	if (read(g->timer, &times, sizeof(times)) == sizeof(times) && g->deadline_ns)
		g->deadline_ns = g->timer_ns = guard_now();
}

static void wait_for_news(struct guard *g)
{
	struct pollfd p[6] = {
		{ .fd = g->pidfd, .events = POLLIN },
		{ .fd = g->output->streams[0].fd, .events = POLLIN },
		{ .fd = g->output->streams[1].fd, .events = POLLIN },
		{ .fd = g->in, .events = POLLOUT },
		{ .fd = -1, .events = POLLIN },
		{ .fd = g->timer, .events = POLLIN },
	};
	int64_t until = first_of(g), left = until == FOREVER ? 0 : until - guard_now();
	struct timespec ts = { 0 };

	if (left > 0) {
		ts.tv_sec = left / 1000000000;
		ts.tv_nsec = left % 1000000000;
	}
	if (g->heart)
		p[4].fd = heart_fd(g->heart, guard_now());
	if (g->timer >= 0)
		timer_set(g);
	if (ppoll(p, 6, until == FOREVER ? NULL : &ts, g->mask) <= 0)
		return;
	for (int i = 0; i < 2; i++)
		if (p[1 + i].revents)
			output_read(g->output, i);
	if (p[4].revents)
		heart_read(g->heart, guard_now());
	if (p[3].revents)
		input_write(g);
	if (p[5].revents)
		timer_read(g);
	if (p[0].revents)
		main_reap(g);
}

/* What it said, and did not say. */
static void beat(struct guard *g, int64_t now)
{
	heart_turn(g->heart, now);
	if (g->heart->extend_us)
		guard_extend(g, g->heart->extend_us);
	g->heart->extend_us = 0;
	if (heart_missed(g->heart, now)) {
		guard_stop(g, RESULT_WATCHDOG);
		heart_give_up(g->heart);
	}
}

static void timeout(struct guard *g)
{
	if (!(g->run->flags & RUN_TIMEOUT_ALERT)) {
		stop(g, RESULT_TIMEOUT);
		return;
	}
	g->deadline_ns = 0;
	g->overran(g->arg);
}

static void timers(struct guard *g)
{
	int64_t now = g->grace_ns || g->deadline_ns || g->heart ? guard_now() : 0;

	if (g->grace_ns && now >= g->grace_ns) {
		g->grace_ns = 0;
		g->grace(g->arg);
	}
	if (*g->heard)
		g->hear(g->arg);
	if (g->heart)
		beat(g, now);
	if (g->stage != GUARD_RUNNING)
		stop_step(g, now);
	else if (*g->told)
		stop(g, RESULT_KILLED);
	else if (g->deadline_ns && now >= g->deadline_ns && !g->ended)
		timeout(g);
}

/* Is nobody of the job left, as far as its end is concerned? */
static bool tree_gone(struct guard *g)
{
	bool empty;

	if (!g->subreaper)
		return g->stage == GUARD_RUNNING || g->left == 0;
	empty = others_reap(g);
	return empty || (g->stage == GUARD_RUNNING && !(g->run->flags & RUN_TREE));
}

static bool done(struct guard *g)
{
	bool gone = tree_gone(g);

	if (!g->ended)
		return false;
	if (gone || g->stage == GUARD_GAVE_UP)
		return true;
	if (g->stage == GUARD_RUNNING)
		ask(g); /* what outlived its main process */
	return false;
}

void guard_wait(struct guard *g)
{
	g->stage = GUARD_RUNNING;
	g->stopped = RESULT_OK;
	g->timer = -1;
	g->timer_ns = 0;
	if (g->run->timeout_ms)
		g->deadline_ns = later(g->started_ns, g->run->timeout_ms);
	if (g->run->timeout_ms && g->run->flags & RUN_COUNT_SUSPEND)
		g->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (g->in >= 0)
		input_write(g);
	do {
		wait_for_news(g);
		timers(g);
	} while (!done(g));
	if (g->in >= 0)
		input_close(g);
	if (g->timer >= 0)
		close(g->timer);
}
