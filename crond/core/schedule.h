/* schedule: when, as bitmaps.
 * Flow: text of a crontab line or a task -> schedule_parse -> schedule_next -> due. */
#ifndef CORE_SCHEDULE_H
#define CORE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"
#include "crond/core/step.h"

struct arena;
struct diag;
struct schedule_extra;
struct zone;

enum grammar {
	GRAMMAR_DEBIAN,   /* crontab lines as Debian's cron 3.0pl1 reads them */
	GRAMMAR_CRONIE,   /* crontab lines as cronie 1.7 reads them */
	GRAMMAR_EXTENDED, /* task files and cronctl next */
	GRAMMARS
};

enum {
	SCHEDULE_MINUTE_STAR = 1 << 0, /* the field's first character is a star */
	SCHEDULE_HOUR_STAR = 1 << 1,
	SCHEDULE_DOM_STAR = 1 << 2,
	SCHEDULE_DOW_STAR = 1 << 3,
	SCHEDULE_REBOOT = 1 << 4, /* never due by the clock */
	SCHEDULE_EVERY = 1 << 5,  /* each `every` seconds, on a grid from the epoch */
	SCHEDULE_SECONDS = 1 << 6, /* a seconds field was given */
};

/* At most 40 bytes. A classic schedule has second == 1 (second 0) and no extra.
 * Compared with schedule_equal(), never with memcmp. */
struct schedule {
	uint64_t second; /* bits 0 to 59 */
	uint64_t minute; /* bits 0 to 59 */
	uint32_t hour;   /* bits 0 to 23 */
	uint32_t dom;    /* bits 1 to 31 */
	uint16_t month;  /* bits 1 to 12 */
	uint8_t dow;     /* bits 0 to 6, 0 is Sunday */
	uint8_t flags;
	uint32_t every;  /* seconds; only with SCHEDULE_EVERY */
	const struct schedule_extra *extra; /* year, L, W, #: in the arena; or NULL */
};

/* A whole expression: 5 fields, in the extended grammar also 6 (seconds first) or
 * 7 (year last), or a macro (@daily ..., extended: @every 90s). seed decides what
 * `~` picks: equal seeds pick equally. 0, or -1 with *d (column counts from the
 * expression's start; the text begins as the classic programs say it: "bad minute",
 * "bad hour", "bad day-of-month", "bad month", "bad day-of-week", "bad time
 * specifier", and ends there in the classic grammars; in the extended one a colon, the
 * offending text and the reason follow). cronie's warning about a step size above the
 * range is not given.
 *
 * Debian's daemon takes a number, a range or a star with junk behind it (*foo, 0~30,
 * 1#2) as if the junk were not there. So does GRAMMAR_DEBIAN: it returns 0 and leaves
 * a DIAG_WARNING in *d ("bad minute: ..."). Whoever must refuse that, as crontab(1)
 * does here, looks: after a 0 d->text is empty unless there is such a warning. */
int schedule_parse(struct schedule *out, struct slice text, enum grammar grammar, uint64_t seed,
	struct arena *arena, struct diag *d);
/* The fields at the start of a crontab line: 5, or 6 with `seconds`, or a macro
 * (@every too with `seconds`). *used gets the number of bytes taken, blanks behind
 * the last field included; blanks before the first are taken too. A line ends at its
 * slice's end or at a newline. */
int schedule_parse_line(struct schedule *out, struct slice line, enum grammar grammar, bool seconds,
	uint64_t seed, struct arena *arena, size_t *used, struct diag *d);
/* Adds a seconds field (`#@ second=`) to a schedule that has none. 0, or -1 ("bad
 * second", or what has no seconds: @reboot, @every). Warnings as above. */
int schedule_set_second(struct schedule *s, struct slice field, enum grammar grammar, uint64_t seed,
	struct diag *d);

/* Minute or hour field begins with a star: follows the wall clock over steps. */
bool schedule_wildcard(const struct schedule *s);
bool schedule_equal(const struct schedule *a, const struct schedule *b);
uint64_t schedule_hash(const struct schedule *s);
/* A copy of s whose extra lives in the arena. 0 or -1 when memory is out. */
int schedule_copy(struct schedule *out, const struct schedule *s, struct arena *arena);

#define SCHEDULE_NEVER INT64_MAX
/* The first instant strictly after `after` (epoch seconds) at which s starts, by
 * the step rule at the zone's transitions; SCHEDULE_NEVER when there is none within 400
 * years. A fixed nominal time that a gap swallowed falls on the gap's end. A stretch
 * of local time is met twice (and suppressed for fixed ones) only as far as the
 * offset that ends it reaches. z is not looked at for @every, and may be NULL then. */
int64_t schedule_next(const struct schedule *s, const struct zone *z, enum step_source source,
	int64_t after);
/* Something that will never fire as written (22-2, fri-sun, 30 February), or a
 * weekday or day field that never matches beside one that does; text for a lint, or
 * NULL. */
const char *schedule_lint(const struct schedule *s);

#endif
