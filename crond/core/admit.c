/* admit: may it start now?
 * Flow: start and pending hand in what is known; the answer is theirs to carry out. */
#include "crond/core/admit.h"

#include <inttypes.h>
#include <stdio.h>

static struct admit skip(enum admit_why why)
{
	return (struct admit){ .verdict = ADMIT_SKIP, .why = why };
}

static struct admit wait_for(enum admit_why why, uint64_t ms)
{
	return (struct admit){ .verdict = ADMIT_WAIT, .why = why, .wait_ms = ms };
}

/* By hand a job runs that is off by its file or paused: somebody wants it now. */
static enum admit_why unwanted(const struct admit_case *a)
{
	if (a->cause != START_HAND && !a->enabled)
		return ADMIT_DISABLED;
	if (a->cause != START_HAND && a->paused)
		return ADMIT_PAUSED;
	if (!a->here)
		return ADMIT_HOST;
	if (a->deadline_ms && a->late_ms > a->deadline_ms)
		return ADMIT_DEADLINE;
	return ADMIT_FREE;
}

static struct admit replace(const struct admit_case *a)
{
	return (struct admit){ .verdict = ADMIT_REPLACE, .why = ADMIT_OVERLAP,
		.stop = a->running - a->max + 1 };
}

/* Its own limit. Who waits in front of it under allow or forbid waits for a moment only, and
 * counts as if it ran; under replace it will give way. */
static struct admit limit_own(const struct admit_case *a)
{
	bool queue = a->concurrency == CONCURRENCY_QUEUE;
	uint64_t others = a->running;

	if (!a->max && !(queue && a->ahead))
		return (struct admit){ .verdict = ADMIT_START };
	if (a->concurrency == CONCURRENCY_ALLOW || a->concurrency == CONCURRENCY_FORBID)
		others += a->ahead;
	if ((!a->max || others < a->max) && !(queue && a->ahead))
		return (struct admit){ .verdict = ADMIT_START };
	if (a->cause == START_DAEMON)
		return skip(ADMIT_OVERLAP);
	if (a->concurrency == CONCURRENCY_REPLACE)
		return replace(a);
	if (!queue)
		return skip(ADMIT_OVERLAP);
	if (!a->waited && a->ahead >= a->queue_max)
		return skip(ADMIT_QUEUE_FULL);
	return wait_for(a->ahead ? ADMIT_QUEUE : ADMIT_OVERLAP, 0);
}

/* A limit that it shares. Only who queues, or makes up for something, waits for others to end. */
static struct admit limit_shared(const struct admit_case *a, enum admit_why why)
{
	if (a->concurrency != CONCURRENCY_QUEUE && a->cause != START_CATCHUP)
		return skip(why);
	if (!a->waited && a->ahead >= a->queue_max)
		return skip(ADMIT_QUEUE_FULL);
	return wait_for(why, 0);
}

struct admit admit(const struct admit_case *a)
{
	enum admit_why why = unwanted(a);
	struct admit own;

	if (why)
		return skip(why);
	if (a->jitter_ms && !a->waited)
		return wait_for(ADMIT_JITTER, a->jitter_ms);
	own = limit_own(a);
	if (own.verdict != ADMIT_START)
		return own;
	if (a->pool_max && a->pool_running >= a->pool_max) {
		if (a->concurrency == CONCURRENCY_REPLACE && a->pool_own && a->cause != START_DAEMON)
			return (struct admit){ .verdict = ADMIT_REPLACE, .why = ADMIT_POOL, .stop = 1 };
		return limit_shared(a, ADMIT_POOL);
	}
	if (a->all_max && a->all_running >= a->all_max)
		return limit_shared(a, ADMIT_MAX_RUNNING);
	if (a->cause == START_CATCHUP && a->catchup_max &&
		(a->catchup_running >= a->catchup_max || a->catchup_ahead))
		return wait_for(ADMIT_CATCHUP, 0);
	if (a->rate_ms)
		return wait_for(ADMIT_RATE, a->rate_ms);
	return own;
}

static const struct why_row {
	const char *text, *word;
} rows[ADMIT_WHYS] = {
	[ADMIT_FREE] = { "", "" },
	[ADMIT_DISABLED] = { "it is not enabled", "disabled" },
	[ADMIT_PAUSED] = { "paused", "paused" },
	[ADMIT_HOST] = { "it does not belong on this host", "elsewhere" },
	[ADMIT_DEADLINE] = { "later than its start-deadline", "late" },
	[ADMIT_OVERLAP] = { "it is running already", "queued" },
	[ADMIT_QUEUE] = { "others wait in front of it", "queued" },
	[ADMIT_QUEUE_FULL] = { "its queue is full", "queued" },
	[ADMIT_POOL] = { "its pool is full", "pool" },
	[ADMIT_MAX_RUNNING] = { "max-running of crond.conf is reached", "queued" },
	[ADMIT_JITTER] = { "its jitter", "jitter" },
	[ADMIT_RATE] = { "start-rate of crond.conf is reached", "rate" },
	[ADMIT_RETRY] = { "the delay before it is tried again", "retry" },
	[ADMIT_CATCHUP] = { "catchup-max of crond.conf is reached", "queued" },
};

bool admit_said(enum admit_why why)
{
	return why != ADMIT_DISABLED && why != ADMIT_HOST;
}

const char *admit_word(enum admit_why why)
{
	return why < ADMIT_WHYS ? rows[why].word : "";
}

void admit_text(const struct admit_case *a, enum admit_why why, char *out, size_t n)
{
	switch (why) {
	case ADMIT_OVERLAP:
		snprintf(out, n, "%" PRIu32 " running already, max is %" PRIu32, a->running, a->max);
		break;
	case ADMIT_QUEUE_FULL:
		snprintf(out, n, "%" PRIu32 " waiting already, queue-max is %" PRIu32, a->ahead, a->queue_max);
		break;
	case ADMIT_POOL:
		snprintf(out, n, "%" PRIu32 " running in its pool, pool-max is %" PRIu32, a->pool_running,
			a->pool_max);
		break;
	case ADMIT_DEADLINE:
		snprintf(out, n, "%" PRIu64 ".%" PRIu64 " s late, start-deadline is %" PRIu64 ".%" PRIu64 " s",
			a->late_ms / 1000, a->late_ms % 1000 / 100, a->deadline_ms / 1000,
			a->deadline_ms % 1000 / 100);
		break;
	default:
		snprintf(out, n, "%s", rows[why].text);
		break;
	}
}

uint64_t admit_retry_ms(uint64_t first, uint64_t most, uint32_t attempt, uint64_t salt)
{
	uint64_t ms = first, tenth, part;

	for (uint32_t n = 2; n < attempt && ms < UINT64_MAX / 4 && (!most || ms < most); n++)
		ms *= 2;
	if (most && ms > most)
		ms = most;
	if (ms > UINT64_MAX / 4)
		ms = UINT64_MAX / 4;
	tenth = ms / 10;
	part = tenth + (salt >> 1) % (ms * 3 / 20 + 1); /* a tenth to a quarter */
	return salt & 1 ? ms + part : ms - part;
}
