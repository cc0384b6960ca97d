/* places: time zones of every kind, each as a file or a TZ string has it and as the C library does.
 * Flow: tests that compare with an oracle (oracle.h) ask for one of them. */
#ifndef TESTS_PLACES_H
#define TESTS_PLACES_H

#include "crond/core/zone.h"
#include "tests/unit/made.h"
#include "tests/unit/oracle.h"

struct arena;

struct place {
	const char *tz; /* a name, or a POSIX string */
	struct zone *z;
	struct oracle_zone oz; /* true between these: */
};

/* 1970 to 2080 */
#define PLACE_FROM INT64_C(0)
#define PLACE_TO INT64_C(3471292800)

enum { PLACES_NAMED = 14, PLACES = 21 }; /* the first of them have names */

/* Loaded when it is asked for first. */
struct place *place_get(uint32_t n);
void places_free(void);
/* A moment, mostly near to one of its turns; ten years and more are left before PLACE_TO. */
int64_t place_moment(struct dice *d, const struct place *p);
/* A random expression that the grammar takes (mostly ours), parsed. */
void place_schedule(struct dice *d, struct schedule *s, enum made_kind kind, char text[MADE_ROOM],
	struct arena *arena);

#endif
