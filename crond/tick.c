/* tick: the clock that time(2) reads, which runs behind.
 * Flow: a keeper that has everything ready asks it before it starts the job. */
#include "config.h"

#include "crond/tick.h"

#include <time.h>

enum { MARGIN_NS = 20 * 1000 };

static int64_t nanoseconds(const struct timespec *ts)
{
	return ts->tv_sec * INT64_C(1000000000) + ts->tv_nsec;
}

/* time(2), and the times of files, come from a clock that the kernel moves on with its
 * tick, up to 4 ms after the second began: a job that asks at once would still be told the
 * second before, at midnight yesterday's. The tick's phase is known, so one sleep ends just
 * behind it. It is cut short, for the rest mostly passes while a shell or an interpreter
 * starts. */
void tick_settle(int64_t second)
{
	struct timespec coarse, tick, real, pause = { 0 };
	int64_t since, left;

	clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
	if (coarse.tv_sec >= second)
		return;
	clock_getres(CLOCK_REALTIME_COARSE, &tick);
	clock_gettime(CLOCK_REALTIME, &real);
	since = nanoseconds(&real) - second * INT64_C(1000000000);
	left = nanoseconds(&coarse) + nanoseconds(&tick) + MARGIN_NS - nanoseconds(&real);
	if (left > TICK_SETTLE_NS - since)
		left = TICK_SETTLE_NS - since;
	pause.tv_nsec = (long)left;
	if (since >= 0 && left > 0)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}
