/* zone_build: what a zone is made of, for the two that make one.
 * Flow: zone_tzif and zone_posix add transitions, zone answers from them. */
#ifndef CORE_ZONE_BUILD_H
#define CORE_ZONE_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/core/calendar.h"
#include "crond/core/zone.h"

/* The Gregorian calendar with its weekdays repeats after 400 years, and so do the
 * rules of a TZ string: 400 years of them, written out, stand for all. */
#define ZONE_CYCLE ((int64_t)CALENDAR_CYCLE_DAYS * 86400)
/* Transitions farther out than this (18 milliard years) are no local time. */
#define ZONE_FAR ((int64_t)1 << 59)

enum { ZONE_POSIX_MOST = 255 }; /* length of a TZ string */

struct zone_transition {
	int64_t at;
	int32_t offset;
};

struct zone {
	size_t n, room;
	size_t cycle; /* first transition of the 400 years; n: there are none */
	bool endless; /* the cycle reaches into the past as well */
	struct zone_transition *t; /* t[0].at is INT64_MIN */
};

/* A day of each year and a time on it: J60, 59, M3.2.0. */
struct zone_rule {
	enum { RULE_JULIAN, RULE_DAY, RULE_MONTH } kind;
	int day, month, week;
	int64_t time; /* local seconds after that day's midnight, -167 to 167 hours */
};

struct zone_posix_rules {
	int32_t standard, daylight;
	bool has_daylight;
	struct zone_rule start, end;
};

/* Appends a transition; one that changes nothing is left out. 0, or -1 when memory is
 * out. */
int zone_add(struct zone *z, int64_t at, int32_t offset);
/* 0 or -1. */
int zone_posix_parse(const char *tz, struct zone_posix_rules *x);
/* Adds 400 years of transitions after `after`. 0, or -1 when memory is out. */
int zone_posix_extend(struct zone *z, const struct zone_posix_rules *x, int64_t after);

#endif
