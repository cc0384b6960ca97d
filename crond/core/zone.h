/* zone: local time as data.
 * Flow: bytes of a TZif file (or a POSIX TZ string) in, offsets out; schedule
 * asks it, tests make one up. */
#ifndef CORE_ZONE_H
#define CORE_ZONE_H

#include <stdint.h>

#include "crond/base/slice.h"

struct diag;
struct zone;

/* A stretch of time with one offset from UTC. */
struct zone_span {
	int64_t from, to; /* epoch seconds, to is exclusive; INT64_MIN and INT64_MAX at the ends */
	int32_t offset;   /* seconds east of UTC */
};

/* From the bytes of a TZif file (RFC 8536, versions 1 to 4, with its footer).
 * The caller frees it with zone_free(); NULL with *d. */
struct zone *zone_parse(const void *tzif, size_t n, struct diag *d);
/* From a POSIX TZ string ("UTC0", "EST5EDT,M3.2.0,M11.1.0"). */
struct zone *zone_posix(const char *tz, struct diag *d);
struct zone *zone_utc(void);
void zone_free(struct zone *z);
/* Every clock of the zone is put back by so many seconds: what is due by it is due that much
 * later. */
void zone_delay(struct zone *z, int32_t seconds);
/* z gets the rules of by, which is freed. False: they were the same. */
bool zone_become(struct zone *z, struct zone *by);
struct zone_span zone_span(const struct zone *z, int64_t when);
/* True for a name that may be looked up below a zoneinfo directory: relative, no
 * "..", ordinary characters, at most 255 bytes. */
bool zone_name_ok(struct slice name);

#endif
