/* zone_posix: TZ strings in, transitions of 400 years out.
 * Flow: zone_tzif hands in the footer of a file, others a string of their own. */
#include "crond/core/zone.h"

#include <stdlib.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/core/zone_build.h"

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

static int take_month_rule(const char **p, struct zone_rule *r)
{
	r->kind = RULE_MONTH;
	if (take_number(p, 1, 12, &r->month) < 0 || *(*p)++ != '.')
		return -1;
	if (take_number(p, 1, 5, &r->week) < 0 || *(*p)++ != '.')
		return -1;
	return take_number(p, 0, 6, &r->day);
}

static int take_rule(const char **p, struct zone_rule *r)
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

int zone_posix_parse(const char *s, struct zone_posix_rules *x)
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
static int64_t rule_at(const struct zone_rule *r, int64_t year, int32_t offset)
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
	const struct zone_posix_rules *x;
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
int zone_posix_extend(struct zone *z, const struct zone_posix_rules *x, int64_t after)
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
			cycle_end = at + ZONE_CYCLE;
	}
	return 0;
}

struct zone *zone_posix(const char *tz, struct diag *d)
{
	struct zone *z;
	struct zone_posix_rules x;

	if (strlen(tz) > ZONE_POSIX_MOST || zone_posix_parse(tz, &x) < 0) {
		diag_error(d, 0, 0, "not a POSIX time zone: \"%.60s\"", tz);
		return NULL;
	}
	z = calloc(1, sizeof(*z));
	if (!z || zone_add(z, INT64_MIN, x.standard) < 0)
		goto out;
	z->cycle = z->n;
	z->endless = x.has_daylight;
	if (!x.has_daylight || zone_posix_extend(z, &x, 0) == 0)
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
