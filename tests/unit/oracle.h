/* oracle: when a schedule starts, found the slow way, for tests and fuzzers to compare with.
 * Flow: a text (oracle_read) or the parser's bits (oracle_bits), and the turns of a zone, in; each
 * second looked at in turn. Nothing of crond/core but what its inputs look like. */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/core/schedule.h"

enum { ORACLE_TURNS = 1200, ORACLE_YEAR_FIRST = 1970, ORACLE_YEARS = 384 };

struct oracle_turn {
	int64_t at;
	int32_t offset; /* seconds east of UTC, from then on */
};

/* Local time: the offset from UTC that holds from each turn on. */
struct oracle_zone {
	int32_t first; /* before the first of them */
	size_t n;
	struct oracle_turn turns[ORACLE_TURNS];
};

/* What an expression says, as sets. */
struct oracle_when {
	bool second[60], minute[60], hour[24];
	bool dom[32], month[13], dow[7];
	bool dom_near[32];            /* 15W */
	bool last[32], last_near[32]; /* L-n, L-nW */
	bool dow_last[7];             /* 5L */
	bool dow_nth[5][7];           /* [n - 1]: 5#n */
	bool any_year, year[ORACLE_YEARS];
	bool wildcard;  /* minute or hour begins with a star: follows the clock on the wall */
	bool both;      /* a day field begins with a star: days match where both fields do */
	bool reboot;    /* never by the clock */
	uint32_t every; /* seconds, on a grid from the epoch; 0: the fields count */
};

enum oracle_verdict {
	ORACLE_TAKEN,
	ORACLE_REFUSED,
	ORACLE_UNSURE, /* `~` (which of them is the parser's to choose), and numbers of ten digits or more */
};

/* A whole expression, as schedule_parse() is to take it. */
enum oracle_verdict oracle_read(struct oracle_when *w, const char *text, size_t n, enum grammar grammar);
/* The same from what a parser made of it. */
void oracle_bits(struct oracle_when *w, const struct schedule *s);
bool oracle_same(const struct oracle_when *a, const struct oracle_when *b);

/* A zone of made-up turns: rising, at most ORACLE_TURNS. */
void oracle_zone_turns(struct oracle_zone *z, int32_t first, const struct oracle_turn *turns, size_t n);
/* As the C library has it for a value of TZ (a name or a POSIX string): turns between two instants.
 * Asked twice a day: turns that are nearer to each other than that are not all found. */
void oracle_zone_library(struct oracle_zone *z, const char *tz, int64_t from, int64_t to);
int32_t oracle_offset(const struct oracle_zone *z, int64_t t);

/* Does it start at this very second? z may be NULL where `every` is set. */
bool oracle_starts(const struct oracle_when *w, const struct oracle_zone *z, int64_t t);
#define ORACLE_NEVER INT64_MAX
/* The first second behind `after`, up to and with `until`, that starts it: looked for one by one, but
 * for minutes, hours and days of which none can. */
int64_t oracle_next(const struct oracle_when *w, const struct oracle_zone *z, int64_t after, int64_t until);

#endif
