/* step: what is done about local times that a clock jumped over or met twice.
 * Flow: one table, asked by schedule (zone transitions) and by due (clock set,
 * suspend, a late wake-up). */
#include "crond/core/step.h"

/* Tasks follow the same rule; they have a column so that this stays the only place
 * where the two could ever differ. */
static const enum step_action actions[STEP_CLASSES][2][STEP_SOURCES] = {
	/*                fixed                                wildcard */
	[STEP_NONE] =   { { STEP_RUN_ONCE, STEP_RUN_ONCE }, { STEP_RUN_ONCE, STEP_RUN_ONCE } },
	[STEP_SMALL] =  { { STEP_RUN_ONCE, STEP_RUN_ONCE }, { STEP_RUN_ONCE, STEP_RUN_ONCE } },
	[STEP_MEDIUM] = { { STEP_RUN_ONCE, STEP_RUN_ONCE }, { STEP_SKIP, STEP_SKIP } },
	[STEP_BACK] =   { { STEP_SUPPRESS, STEP_SUPPRESS }, { STEP_REPEAT, STEP_REPEAT } },
	[STEP_JUMP] =   { { STEP_SKIP, STEP_SKIP }, { STEP_SKIP, STEP_SKIP } },
};

enum step_class step_classify(int64_t seconds)
{
	if (seconds == 0)
		return STEP_NONE;
	if (seconds < 0)
		return seconds >= -STEP_BACK_MOST ? STEP_BACK : STEP_JUMP;
	if (seconds < STEP_SMALL_BELOW)
		return STEP_SMALL;
	return seconds < STEP_MEDIUM_BELOW ? STEP_MEDIUM : STEP_JUMP;
}

enum step_action step_action(enum step_class class, bool wildcard, enum step_source source)
{
	return actions[class][wildcard][source];
}
