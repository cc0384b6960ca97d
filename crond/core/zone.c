/* zone: local time as data.
 * Flow: bytes of a TZif file (or a POSIX TZ string) in, offsets out; schedule
 * asks it, tests make one up. */
#include "crond/core/zone.h"

#include <stdbool.h>
#include <stdlib.h>

#include "crond/base/diag.h"
#include "crond/core/calendar.h"

/* The Gregorian calendar with its weekdays repeats after 400 years, and so do the
 * rules of a TZ string: 400 years of them, written out, stand for all. */
#define CYCLE ((int64_t)CALENDAR_CYCLE_DAYS * 86400)
/* Transitions farther out than this (18 milliard years) are no local time. */
#define FAR ((int64_t)1 << 59)
/* Beyond this a rule is no longer followed, so that sums stay within 64 bits. */
#define EDGE ((int64_t)1 << 61)

enum {
	OFFSET_MOST = 26 * 3600, /* RFC 8536, 3.2 */
	TZIF_MOST = 1 << 20,
	HEADER = 44,
	POSIX_MOST = 255,
};

struct transition {
	int64_t at;
	int32_t offset;
};

struct zone {
	size_t n, room;
	size_t cycle; /* first transition of the 400 years; n: there are none */
	bool endless; /* the cycle reaches into the past as well */
	struct transition *t; /* t[0].at is INT64_MIN */
};

/* --- a zone in the making */

static int zone_add(struct zone *z, int64_t at, int32_t offset)
{
	struct transition *t;

	if (z->n && z->t[z->n - 1].offset == offset)
		return 0;
	if (z->n == z->room) {
		t = realloc(z->t, (z->room * 2 + 8) * sizeof(*t));
		if (!t)
			return -1;
		z->t = t;
		z->room = z->room * 2 + 8;
	}
	z->t[z->n++] = (struct transition){ at, offset };
	return 0;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->t);
	free(z);
}

/* --- POSIX TZ strings */

enum rule_kind { RULE_JULIAN, RULE_DAY, RULE_MONTH };

/* A day of each year and a time on it: J60, 59, M3.2.0. */
struct rule {
	enum rule_kind kind;
	int day, month, week;
	int64_t time; /* local seconds after that day's midnight, -167 to 167 hours */
};

struct posix {
	int32_t standard, daylight;
	bool has_daylight;
	struct rule start, end;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int take_number(const char **p, int least, int most, int *value)
{
	int v = 0;
	const char *s = *p;

	if (!is_digit(*s))
		return -1;
	for (; is_digit(*s); s++) {
		v = v * 10 + (*s - '0');
		if (v > most)
			return -1;
	}
	if (v < least)
		return -1;
	*p = s;
	*value = v;
	return 0;
}

/* EST or <+0330>: at least three characters. */
static int take_name(const char **p)
{
	const char *s = *p;
	size_t n = 0;

	if (*s == '<') {
		for (s++; is_letter(*s) || is_digit(*s) || *s == '+' || *s == '-'; s++)
			n++;
		if (*s++ != '>')
			return -1;
	} else {
		for (; is_letter(*s); s++)
			n++;
	}
	*p = s;
	return n >= 3 ? 0 : -1;
}

/* [+-]hh[:mm[:ss]], in seconds. */
static int take_time(const char **p, int hours_most, int64_t *seconds)
{
	int part[3] = { 0, 0, 0 };
	int sign = 1;

	if (**p == '+' || **p == '-')
		sign = *(*p)++ == '-' ? -1 : 1;
	if (take_number(p, 0, hours_most, &part[0]) < 0)
		return -1;
	for (int i = 1; i < 3 && **p == ':'; i++) {
		(*p)++;
		if (take_number(p, 0, 59, &part[i]) < 0)
			return -1;
	}
	*seconds = sign * ((int64_t)part[0] * 3600 + part[1] * 60 + part[2]);
	return 0;
}

static int take_month_rule(const char **p, struct rule *r)
{
	r->kind = RULE_MONTH;
	if (take_number(p, 1, 12, &r->month) < 0 || *(*p)++ != '.')
		return -1;
	if (take_number(p, 1, 5, &r->week) < 0 || *(*p)++ != '.')
		return -1;
	return take_number(p, 0, 6, &r->day);
}

static int take_rule(const char **p, struct rule *r)
{
	int bad;

	if (*(*p)++ != ',')
		return -1;
	if (**p == 'M') {
		(*p)++;
		bad = take_month_rule(p, r);
	} else if (**p == 'J') {
		(*p)++;
		r->kind = RULE_JULIAN;
		bad = take_number(p, 1, 365, &r->day);
	} else {
		r->kind = RULE_DAY;
		bad = take_number(p, 0, 365, &r->day);
	}
	if (bad)
		return -1;
	r->time = 2 * 3600;
	if (**p != '/')
		return 0;
	(*p)++;
	return take_time(p, 167, &r->time);
}

static int posix_parse(const char *s, struct posix *x)
{
	int64_t west;

	if (take_name(&s) < 0 || take_time(&s, 24, &west) < 0)
		return -1;
	x->standard = (int32_t)-west;
	x->has_daylight = *s != '\0';
	if (!x->has_daylight)
		return 0;
	if (take_name(&s) < 0)
		return -1;
	x->daylight = x->standard + 3600;
	if (*s != ',' && *s != '\0') {
		if (take_time(&s, 24, &west) < 0)
			return -1;
		x->daylight = (int32_t)-west;
	}
	if (take_rule(&s, &x->start) < 0 || take_rule(&s, &x->end) < 0)
		return -1;
	return *s == '\0' ? 0 : -1;
}

/* The instant of a rule in a year; offset is the one in force before it. */
static int64_t rule_at(const struct rule *r, int64_t year, int32_t offset)
{
	int64_t day = calendar_day(year, 1, 1);

	if (r->kind == RULE_JULIAN) {
		day += r->day - 1 + (r->day >= 60 && calendar_leap(year));
	} else if (r->kind == RULE_DAY) {
		day += r->day;
	} else {
		int length = calendar_month_length(year, r->month);
		int first, on;

		day = calendar_day(year, r->month, 1);
		first = calendar_weekday(day);
		on = (r->day - first + 7) % 7 + (r->week - 1) * 7;
		while (on >= length)
			on -= 7;
		day += on;
	}
	return day * 86400 + r->time - offset;
}

/* The turns of a rule in the order of time, from a year on. */
struct turns {
	const struct posix *x;
	int64_t year;
	bool south; /* the year begins in daylight time: its end comes first */
};

static bool turn_starts(const struct turns *w, int k)
{
	return (k & 1) == (w->south ? 1 : 0);
}

static int64_t turn_at(const struct turns *w, int k)
{
	int64_t year = w->year + k / 2;

	return turn_starts(w, k) ? rule_at(&w->x->start, year, w->x->standard)
				 : rule_at(&w->x->end, year, w->x->daylight);
}

/* Adds 400 years of a rule's transitions after `after`. Daylight time is in force
 * while a start stands without its end; of several turns at one instant the last
 * decides (permanent daylight time is written that way). */
static int posix_extend(struct zone *z, const struct posix *x, int64_t after)
{
	struct turns w = { .x = x };
	int64_t cycle_end = INT64_MAX;
	int depth;

	w.year = calendar_date(calendar_floor(after, 86400)).year - 1;
	w.south = rule_at(&x->end, w.year, x->daylight) < rule_at(&x->start, w.year, x->standard);
	depth = w.south;
	z->cycle = z->n;
	for (int k = 0; k < 2 * 410; k++) {
		int64_t at = turn_at(&w, k);

		depth += turn_starts(&w, k) ? 1 : -1;
		if (at >= cycle_end)
			return 0;
		if (at <= after || turn_at(&w, k + 1) <= at)
			continue;
		if (zone_add(z, at, depth > 0 ? x->daylight : x->standard) < 0)
			return -1;
		if (cycle_end == INT64_MAX && z->n > z->cycle)
			cycle_end = at + CYCLE;
	}
	return 0;
}

struct zone *zone_posix(const char *tz, struct diag *d)
{
	struct zone *z;
	struct posix x;

	if (strlen(tz) > POSIX_MOST || posix_parse(tz, &x) < 0) {
		diag_error(d, 0, 0, "not a POSIX time zone: \"%.60s\"", tz);
		return NULL;
	}
	z = calloc(1, sizeof(*z));
	if (!z || zone_add(z, INT64_MIN, x.standard) < 0)
		goto out;
	z->cycle = z->n;
	z->endless = x.has_daylight;
	if (!x.has_daylight || posix_extend(z, &x, 0) == 0)
		return z;
out:
	zone_free(z);
	diag_error(d, 0, 0, "out of memory");
	return NULL;
}

struct zone *zone_utc(void)
{
	return zone_posix("UTC0", NULL);
}

/* --- TZif (RFC 8536) */

struct tzif {
	const unsigned char *p;
	size_t n;
	int version;
	size_t isut, isstd, leap, time, type, chars;
	size_t width; /* bytes of a time */
};

static uint32_t big32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big_time(const unsigned char *p, size_t width)
{
	if (width == 4)
		return (int32_t)big32(p);
	return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

static size_t tzif_size(const struct tzif *f)
{
	return HEADER + f->time * (f->width + 1) + f->type * 6 + f->chars +
		f->leap * (f->width + 4) + f->isstd + f->isut;
}

/* The header at the start of f->p; the block behind it is all there. */
static int tzif_header(struct tzif *f, size_t width)
{
	size_t *counts[] = { &f->isut, &f->isstd, &f->leap, &f->time, &f->type, &f->chars };

	if (f->n < HEADER || memcmp(f->p, "TZif", 4) != 0)
		return -1;
	f->version = f->p[4] == '\0' ? 1 : f->p[4] - '0';
	if (f->version < 1 || f->version > 9)
		return -1;
	f->width = width;
	for (int i = 0; i < 6; i++) {
		*counts[i] = big32(f->p + 20 + 4 * i);
		if (*counts[i] > TZIF_MOST)
			return -1;
	}
	return tzif_size(f) <= f->n ? 0 : -1;
}

/* Version 2 and later repeat everything with 64-bit times. */
static int tzif_open(struct tzif *f, const void *bytes, size_t n)
{
	size_t first;

	*f = (struct tzif){ .p = bytes, .n = n };
	if (n > TZIF_MOST || tzif_header(f, 4) < 0)
		return -1;
	if (f->version == 1)
		return 0;
	first = tzif_size(f);
	f->p += first;
	f->n -= first;
	return tzif_header(f, 8);
}

static int tzif_offset(const struct tzif *f, size_t type, int32_t *offset)
{
	const unsigned char *types = f->p + HEADER + f->time * (f->width + 1);

	if (type >= f->type)
		return -1;
	*offset = (int32_t)big32(types + 6 * type);
	return *offset >= -OFFSET_MOST && *offset <= OFFSET_MOST ? 0 : -1;
}

/* The TZ string between the two newlines at the end; empty: none. */
static int tzif_footer(const struct tzif *f, char out[POSIX_MOST + 1])
{
	const char *s = (const char *)f->p + tzif_size(f);
	size_t n = f->n - tzif_size(f);
	const char *end;

	out[0] = '\0';
	if (f->version == 1)
		return 0;
	if (n < 2 || s[0] != '\n')
		return -1;
	end = memchr(s + 1, '\n', n - 1);
	if (!end || end - s - 1 > POSIX_MOST)
		return -1;
	memcpy(out, s + 1, (size_t)(end - s - 1));
	out[end - s - 1] = '\0';
	return 0;
}

/* 0, -1: out of memory, or what is wrong. */
static const char *tzif_table(struct zone *z, const struct tzif *f, int64_t *last)
{
	const unsigned char *times = f->p + HEADER;
	int64_t before = INT64_MIN;
	int32_t offset;

	if (tzif_offset(f, 0, &offset) < 0)
		return "a bad first local time type";
	if (zone_add(z, INT64_MIN, offset) < 0)
		return "";
	for (size_t i = 0; i < f->time; i++) {
		int64_t at = big_time(times + i * f->width, f->width);

		if (tzif_offset(f, times[f->time * f->width + i], &offset) < 0)
			return "a bad local time type";
		if (i && at <= before)
			return "transitions out of order";
		before = at;
		if (at >= FAR)
			break;
		if (at <= -FAR)
			z->t[0].offset = offset;
		else if (zone_add(z, at, offset) < 0)
			return "";
		*last = at;
	}
	return NULL;
}

/* NULL: good; else what is wrong, "" for memory. */
static const char *tzif_build(struct zone *z, const struct tzif *f)
{
	char footer[POSIX_MOST + 1];
	int64_t last = INT64_MIN;
	struct posix x;
	const char *why;

	if (f->leap)
		return "leap seconds (a \"right\" zone)";
	if (tzif_footer(f, footer) < 0)
		return "a bad footer";
	why = tzif_table(z, f, &last);
	if (why)
		return why;
	z->cycle = z->n;
	if (!footer[0])
		return NULL;
	if (posix_parse(footer, &x) < 0)
		return "a bad TZ string in its footer";
	if (!f->time)
		z->t[0].offset = x.standard;
	if (!x.has_daylight)
		return NULL;
	z->endless = !f->time;
	return posix_extend(z, &x, last > -FAR ? last : 0) < 0 ? "" : NULL;
}

struct zone *zone_parse(const void *tzif, size_t n, struct diag *d)
{
	const char *why;
	struct zone *z;
	struct tzif f;

	if (tzif_open(&f, tzif, n) < 0) {
		diag_error(d, 0, 0, "not a time zone file (TZif)");
		return NULL;
	}
	z = calloc(1, sizeof(*z));
	why = z ? tzif_build(z, &f) : "";
	if (!why)
		return z;
	zone_free(z);
	if (*why)
		diag_error(d, 0, 0, "the time zone file has %s", why);
	else
		diag_error(d, 0, 0, "out of memory");
	return NULL;
}

/* --- asking */

/* The last transition at or before when, at or behind `low`. */
static size_t zone_find(const struct zone *z, size_t low, int64_t when)
{
	size_t high = z->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (z->t[middle].at <= when)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* A stretch of the 400 years, moved to where when is. */
static struct zone_span zone_cycle(const struct zone *z, int64_t when)
{
	int64_t base = z->t[z->cycle].at;
	int64_t shift = calendar_floor(when - base, CYCLE) * CYCLE;
	size_t i = zone_find(z, z->cycle, when - shift);
	int64_t from = z->t[i].at + shift;
	int64_t to = (i + 1 < z->n ? z->t[i + 1].at : base + CYCLE) + shift;

	return (struct zone_span){ from < -EDGE ? -EDGE : from, to > EDGE ? EDGE : to, z->t[i].offset };
}

struct zone_span zone_span(const struct zone *z, int64_t when)
{
	bool cycles = z->cycle < z->n;
	size_t i;

	if (cycles && when >= EDGE)
		return (struct zone_span){ EDGE, INT64_MAX, z->t[z->cycle].offset };
	if (cycles && z->endless && when < -EDGE)
		return (struct zone_span){ INT64_MIN, -EDGE, z->t[z->cycle].offset };
	if (cycles && (z->endless || when >= z->t[z->cycle].at))
		return zone_cycle(z, when);
	i = zone_find(z, 0, when);
	return (struct zone_span){ z->t[i].at, i + 1 < z->n ? z->t[i + 1].at : INT64_MAX,
		z->t[i].offset };
}

bool zone_name_ok(struct slice name)
{
	size_t start = 0;

	if (name.n == 0 || name.n > 255)
		return false;
	for (size_t i = 0; i <= name.n; i++) {
		char c = i < name.n ? name.s[i] : '/';

		if (c == '/') {
			/* also refuses empty parts, and with them absolute names */
			if (i == start || name.s[start] == '.')
				return false;
			start = i + 1;
		} else if (!is_letter(c) && !is_digit(c) && !(c && strchr("+-_.", c))) {
			return false;
		}
	}
	return true;
}
