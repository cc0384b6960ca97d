/* clock: the wall clock, seen against the one that nobody sets.
 * Flow: the loop arms it for the next due second and lets due advance when it fired, was
 * set, or the host had been asleep. */
#include "config.h"

#include "crond/crond.h"

#include <inttypes.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <unistd.h>

static int64_t ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static void clock_look(struct clock *k)
{
	clock_gettime(CLOCK_REALTIME, &k->real);
	clock_gettime(CLOCK_MONOTONIC, &k->mono);
}

/* Its seconds come another time, and their runs have numbers of their own. */
static void clock_lap(struct clock *k)
{
	if (!k->laps++) {
		k->lapped = k->past;
		return;
	}
	if (k->lapped.from > k->past.from)
		k->lapped.from = k->past.from;
	if (k->lapped.to < k->past.to)
		k->lapped.to = k->past.to;
}

/* A clock that is behind, as one without a battery at a boot. By a little: it was set back while
 * nobody looked, and goes through that again. */
static void clock_behind(struct crond *c, int64_t stamp)
{
	struct clock *k = &c->clock;

	k->past = (struct stretch){ stamp, stamp };
	if (step_classify(k->handled - stamp) != STEP_BACK)
		return;
	k->past.from = k->handled + 1;
	clock_lap(k);
	if (c->due.repeat < stamp)
		c->due.repeat = stamp;
}

/* From the stamp on, so that a scheduler that starts again within a second repeats
 * nothing and leaves nothing out; see clock_missed(). */
void clock_init(struct crond *c, int64_t stamp)
{
	clock_look(&c->clock);
	c->clock.handled = c->clock.real.tv_sec;
	if (stamp > 0 && stamp < c->clock.handled)
		c->clock.handled = stamp;
	c->clock.high = c->clock.handled;
	if (!c->clock.since || c->clock.since > c->clock.handled)
		c->clock.since = c->clock.handled + 1;
	if (stamp > c->clock.handled)
		clock_behind(c, stamp);
	due_reset(&c->due, c->clock.handled, 0);
}

static void say_missed_rest(struct crond *c)
{
	if (c->missed_unsaid)
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (%zu more jobs were missed and are not named)", c->missed_unsaid);
	if (c->missed_unrecorded)
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (%zu more jobs were missed and are not in the history)",
			c->missed_unrecorded);
	c->missed_said = c->missed_unsaid = c->missed_records = c->missed_unrecorded = 0;
}

/* On record, and so is what became of its jobs: who starts after us decides nothing of it again. */
static void clock_handled(struct crond *c, int64_t now)
{
	c->clock.handled = now;
	if (now > c->clock.high)
		c->clock.high = now;
	backlog_flush(c);
	state_stamp(c, now);
}

static void clock_on_disk(struct crond *c)
{
	if (c->clock.catchup)
		downtime_write(c, c->clock.handled);
	c->clock.catchup = false;
}

static void clock_found_missed(void *arg, const struct due_found *found)
{
	start_missed(arg, found, "no scheduler was running");
}

void clock_missed(struct crond *c)
{
	int64_t from = c->clock.real.tv_sec - LATE_START - 1;

	if (c->clock.handled < from) {
		due_skip(&c->due, from, clock_found_missed, c);
		say_missed_rest(c);
		clock_handled(c, from);
		clock_on_disk(c);
		if (c->clock.over_boot)
			c->clock.since = from + 1;
	} else {
		state_stamp(c, c->clock.handled); /* whoever dies before anything is due was there, too */
	}
	c->clock.over_boot = false;
}

int64_t clock_new(const struct clock *k, int64_t first, int64_t until)
{
	return first <= k->past.to && until >= k->past.from ? k->past.to + 1 : first;
}

/* A table that is loaded after a quiet time starts counting now. */
void clock_touch(struct crond *c)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (c->working && due_first(&c->due) > now.tv_sec && now.tv_sec > c->due.now)
		c->due.now = now.tv_sec;
}

/* Also without anything due the timer is armed: it tells when the clock is set. */
void clock_arm(struct crond *c)
{
	int64_t first = due_first(&c->due);
	struct itimerspec at = { .it_value = { .tv_sec = c->clock.real.tv_sec + 10LL * 365 * 86400 } };

	if (first != SCHEDULE_NEVER && first < at.it_value.tv_sec)
		at.it_value.tv_sec = first > 0 ? first : 1;
	timerfd_settime(c->w_clock.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
}

static void clock_found(void *arg, const struct due_found *found)
{
	start_due(arg, found);
}

static void say_step(struct crond *c, int64_t step)
{
	log_line(&c->log, LOG_WARNING, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) INFO (the clock moved by %" PRId64 " s beyond the time that passed)", step);
}

/* What it has gone through is not missed when it comes to go over it again. */
static void clock_back(struct crond *c, int64_t now, int64_t step)
{
	struct clock *k = &c->clock;

	if (k->past.to + 1 < k->since || k->past.from > k->handled + 1)
		k->past = (struct stretch){ k->since, k->handled };
	if (k->past.from > k->since)
		k->past.from = k->since;
	if (k->past.to < k->handled)
		k->past.to = k->handled;
	k->since = now + 1;
	clock_lap(k);
	due_reset(&c->due, now, step);
	c->clock.handled = now;
	state_stamp(c, now);
}

/* By so many seconds it was set since then. */
static int64_t moved(const struct clock *k, const struct clock *before)
{
	return (ns(&k->real) - ns(&before->real) - (ns(&k->mono) - ns(&before->mono))) / 1000000000;
}

void clock_zones(struct crond *c)
{
	clock_advance(c); /* what is due by the old rules still is */
	if (host_zones_again(c))
		due_reset(&c->due, c->clock.real.tv_sec, 0);
}

void clock_meanwhile(struct crond *c)
{
	struct clock k = c->clock;

	clock_look(&k);
	if (due_first(&c->due) > k.real.tv_sec || moved(&k, &c->clock))
		return;
	c->clock.real = k.real;
	c->clock.mono = k.mono;
	c->due_turn++;
	due_advance(&c->due, k.real.tv_sec, 0, clock_found, c);
}

void clock_advance(struct crond *c)
{
	const struct clock before = c->clock;
	int64_t step, now;

	if (c->stop.stage) /* nothing is started any more */
		return;
	clock_look(&c->clock);
	now = c->clock.real.tv_sec;
	step = moved(&c->clock, &before);
	if (step <= -1 || step >= 2)
		say_step(c, step);
	if (now < c->clock.handled) {
		clock_back(c, now, step < 0 ? step : now - c->clock.handled);
		return;
	}
	if (due_first(&c->due) > now)
		return;
	reports_take(c); /* what has ended counts no more */
	user_refresh(c);
	c->due_turn++;
	due_advance(&c->due, now, step > 0 ? step : 0, clock_found, c);
	crowd_start(c);
	say_missed_rest(c);
	if (step_classify(step) == STEP_JUMP)
		c->clock.since = now;
	launch_flush(c);
	clock_handled(c, c->clock.real.tv_sec);
	clock_on_disk(c);
}
