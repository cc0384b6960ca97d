/* step: what is done about local times that a clock jumped over or met twice.
 * Flow: one table, asked by schedule (zone transitions) and by due (clock set,
 * suspend, a late wake-up). The rule is that of the Vixie family, to the second. */
#ifndef CORE_STEP_H
#define CORE_STEP_H

#include <stdbool.h>
#include <stdint.h>

enum step_class {
	STEP_NONE,     /* nothing skipped beyond the ordinary minute */
	STEP_SMALL,    /* up to 5 minutes forward */
	STEP_MEDIUM,   /* up to 3 hours forward */
	STEP_BACK,     /* up to 3 hours back */
	STEP_JUMP,     /* beyond 3 hours either way */
	STEP_CLASSES
};

enum step_source { STEP_CRONTAB, STEP_TASK, STEP_SOURCES };

enum step_action {
	STEP_RUN_ONCE,  /* what was skipped starts once, at the first instant after */
	STEP_SKIP,      /* what was skipped is not made up for */
	STEP_REPEAT,    /* (back) matches again as the clock passes again */
	STEP_SUPPRESS,  /* (back) does not start again until the clock has caught up */
};

/* seconds: by how much local time moved beyond what passed; negative: back. */
enum step_class step_classify(int64_t seconds);
/* wildcard: minute or hour field begins with a star. */
enum step_action step_action(enum step_class class, bool wildcard, enum step_source source);

#endif
