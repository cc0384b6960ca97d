/* schedule_extra: what only the extended grammar can say.
 * Flow: schedule_parse fills it, schedule_next asks it; classic lines have none. */
#ifndef CORE_SCHEDULE_EXTRA_H
#define CORE_SCHEDULE_EXTRA_H

#include <stdint.h>

enum {
	SCHEDULE_YEAR_FIRST = 1970,
	SCHEDULE_YEAR_LAST = 2299,
	SCHEDULE_YEAR_WORDS = 6,
};

/* No padding, and zeroed before it is filled: compared and hashed as bytes. */
struct schedule_extra {
	uint64_t year[SCHEDULE_YEAR_WORDS]; /* bit y - 1970; all zero: any year */
	uint32_t dom_near;  /* bit d: 15W, the weekday nearest to day d */
	uint32_t last;      /* bit n: L-n, the n-th day before the last; bit 0: L */
	uint32_t last_near; /* bit n: the weekday nearest to that day; bit 0: LW */
	uint8_t dow_last;   /* bit w: 5L, the last such weekday */
	uint8_t dow_nth[5]; /* [n - 1], bit w: 5#n */
	uint8_t spare[6];
};

_Static_assert(sizeof(struct schedule_extra) == 8 * SCHEDULE_YEAR_WORDS + 24, "no padding");

#endif
