/* times: durations, of which the middle, the slowest and those in between are asked for.
 * Flow: stats adds one a run. */
#include "config.h"

#include <stdlib.h>

#include "crond/history/stats.h"

/* Below TIMES_STEPS each has a step of its own; above, each power of two has so many. */
static size_t step_of(int64_t ns)
{
	unsigned octave = 0;

	while (ns >> octave >= 2 * TIMES_STEPS)
		octave++;
	return ns < TIMES_STEPS ? (size_t)ns : octave * TIMES_STEPS + (size_t)(ns >> octave);
}

/* Its middle. */
static int64_t step_ns(size_t step)
{
	size_t octave = step < 2 * TIMES_STEPS ? 0 : step / TIMES_STEPS - 1;
	int64_t least = (int64_t)(step - octave * TIMES_STEPS) << octave;

	return octave ? least + ((int64_t)1 << (octave - 1)) : least;
}

void times_add(struct times *t, int64_t ns)
{
	if (ns < 0)
		ns = 0;
	if (t->count < TIMES_EXACT)
		t->exact[t->count] = ns;
	t->counts[step_of(ns)]++;
	t->count++;
	if (ns > t->most)
		t->most = ns;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t times_part(struct times *t, unsigned percent)
{
	uint64_t rank = (t->count * percent + 99) / 100, below = 0;
	size_t step = 0;
	int64_t ns;

	if (!t->count)
		return -1;
	rank = rank ? rank : 1;
	if (t->count <= TIMES_EXACT) {
		qsort(t->exact, t->count, sizeof(t->exact[0]), by_size);
		return t->exact[rank - 1];
	}
	while (step < TIMES_COUNTS && (below += t->counts[step]) < rank)
		step++;
	ns = step_ns(step);
	return ns < t->most ? ns : t->most;
}
