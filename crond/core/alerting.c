/* alerting: is somebody to be told of how a run ended?
 * Flow: tell asks for each outcome that counts; what it has to remember is the job's. */
#include "crond/core/alerting.h"

#include <stdbool.h>

static unsigned success_take(struct alerting *a, bool named)
{
	unsigned what = (named ? ALERTING_TELL : 0u) | (a->failed ? ALERTING_RECOVERED : 0u);

	*a = (struct alerting){ 0 };
	return what;
}

enum { EARLY_SHARE = 20 };

/* A clock that was set back by much must not keep reminders away, nor must a run of a job that
 * runs as often as they come, and has failed sooner this time. */
static bool reminder_due(const struct alerting *a, uint64_t every_ms, int64_t now)
{
	int64_t passed = now - a->told;

	if (!every_ms)
		return false;
	return passed < 0 || (uint64_t)passed * 1000 >= every_ms - every_ms / EARLY_SHARE;
}

unsigned alerting_take(struct alerting *a, const struct alerting_rule *rule, enum result result,
	int64_t now)
{
	bool named = rule->on >> result & 1;

	if (result == RESULT_OK)
		return success_take(a, named);
	if (!named)
		return 0;
	if (a->count < UINT32_MAX)
		a->count++;
	if (a->count < rule->after || (a->told && !reminder_due(a, rule->every_ms, now)))
		return 0;
	a->told = now;
	a->failed |= result_failed(result);
	return ALERTING_TELL;
}
