/* step: what is done about local times that a clock jumped over or met twice.
 * Flow: one table, asked by schedule (zone transitions) and by due (clock set,
 * suspend, a late wake-up). The rule is that of the Vixie family, to the second. */
#ifndef CORE_STEP_H
#define CORE_STEP_H

#include <stdbool.h>
#include <stdint.h>

/* The Vixie family compares minutes: a clock that skipped G minutes is G + 1 minutes
 * from the last one handled, and differences up to 5 and 180 are its classes. In
 * seconds skipped that gives the bounds below. */
enum {
	STEP_SMALL_BELOW = 5 * 60,
	STEP_MEDIUM_BELOW = 180 * 60,
	STEP_BACK_MOST = 180 * 60,
};

enum step_class {
	STEP_NONE,   /* nothing skipped, nothing met twice */
	STEP_SMALL,  /* forward, less than 5 minutes */
	STEP_MEDIUM, /* forward, less than 3 hours */
	STEP_BACK,   /* back, up to and with 3 hours */
	STEP_JUMP,   /* forward by 3 hours or more, back by more */
	STEP_CLASSES
};

enum step_source { STEP_CRONTAB, STEP_TASK, STEP_SOURCES };

enum step_action {
	STEP_RUN_ONCE, /* what was skipped starts once, at the first instant after */
	STEP_SKIP,     /* what was skipped is not made up for */
	STEP_REPEAT,   /* (back) matches again as the clock passes again */
	STEP_SUPPRESS, /* (back) does not start again until the clock has caught up */
};

/* seconds: by how much local time moved beyond what passed; negative: back. */
enum step_class step_classify(int64_t seconds);
/* wildcard: minute or hour field begins with a star. A jump back answers STEP_SKIP
 * too: nothing is made up for, and nothing is suppressed. */
enum step_action step_action(enum step_class class, bool wildcard, enum step_source source);

#endif
