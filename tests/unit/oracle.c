/* oracle: when a schedule starts, found the slow way.
 * Flow: tests and fuzzers ask it beside schedule_next. Written apart from that: dates are counted
 * year by year, seconds looked at in turn. Where it is slow it is meant to be. */
#include "tests/unit/oracle.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crond/core/schedule_extra.h"

enum {
	MINUTE = 60,
	HOUR = 3600,
	DAY = 86400,
	LOOK = 12 * HOUR,
	/* the rule for daylight saving, as crontab(5) has it */
	GAP_SMALL = 5 * MINUTE,   /* a gap below that is made up for by all */
	GAP_MEDIUM = 180 * MINUTE, /* below that by fixed ones */
	BACK_MOST = 180 * MINUTE, /* up to that fixed ones do not start again */
};

/* --- dates, counted from 1970 */

struct date {
	int64_t year;
	int month, day, length, weekday; /* 0 is Sunday */
};

static int64_t whole(int64_t a, int64_t b)
{
	int64_t rest = ((a % b) + b) % b;

	return (a - rest) / b;
}

static bool leap(int64_t year)
{
	if (year % 400 == 0)
		return true;
	return year % 4 == 0 && year % 100 != 0;
}

static int month_length(int64_t year, int month)
{
	if (month == 2)
		return leap(year) ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static struct date date_of(int64_t days)
{
	/* the first of January 1970 was a Thursday */
	struct date d = { .year = 1970, .month = 1, .weekday = (int)(days + 4 - 7 * whole(days + 4, 7)) };

	while (days < 0) {
		d.year--;
		days += leap(d.year) ? 366 : 365;
	}
	while (days >= (leap(d.year) ? 366 : 365)) {
		days -= leap(d.year) ? 366 : 365;
		d.year++;
	}
	while (days >= month_length(d.year, d.month)) {
		days -= month_length(d.year, d.month);
		d.month++;
	}
	d.day = (int)days + 1;
	d.length = month_length(d.year, d.month);
	return d;
}

/* --- does a day match? */

static int weekday_of(const struct date *d, int day)
{
	return (d->weekday + day - d->day + 35) % 7;
}

static bool working(const struct date *d, int day)
{
	return day >= 1 && day <= d->length && weekday_of(d, day) != 0 && weekday_of(d, day) != 6;
}

/* The working day nearest to a day, in the same month. */
static int nearest(const struct date *d, int day)
{
	for (int away = 0;; away++) {
		if (working(d, day - away))
			return day - away;
		if (working(d, day + away))
			return day + away;
	}
}

static bool dom_matches(const struct oracle_when *w, const struct date *d)
{
	if (w->dom[d->day] || w->last[d->length - d->day])
		return true;
	for (int day = 1; day <= d->length; day++) {
		if ((w->dom_near[day] || w->last_near[d->length - day]) && nearest(d, day) == d->day)
			return true;
	}
	return false;
}

static bool dow_matches(const struct oracle_when *w, const struct date *d)
{
	bool last = d->day + 7 > d->length;

	return w->dow[d->weekday] || (last && w->dow_last[d->weekday]) ||
		w->dow_nth[(d->day - 1) / 7][d->weekday];
}

static bool year_matches(const struct oracle_when *w, int64_t year)
{
	if (w->any_year)
		return true;
	year -= ORACLE_YEAR_FIRST;
	return year >= 0 && year < ORACLE_YEARS && w->year[year];
}

static bool day_matches(const struct oracle_when *w, int64_t day)
{
	struct date d = date_of(day);
	bool dom, dow;

	if (!w->month[d.month] || !year_matches(w, d.year))
		return false;
	dom = dom_matches(w, &d);
	dow = dow_matches(w, &d);
	return w->both ? dom && dow : dom || dow;
}

/* --- does a second of local time match? */

/* One question, and what has just been found out on the way: the same is asked again at once. */
struct question {
	const struct oracle_when *w;
	const struct oracle_zone *z;
	int64_t day;
	bool day_known, day_matches;
	size_t turns; /* there have been so many */
};

static bool in_day(struct question *q, int64_t day)
{
	if (!q->day_known || day != q->day)
		q->day_matches = day_matches(q->w, day);
	q->day_known = true;
	q->day = day;
	return q->day_matches;
}

static bool local_matches(struct question *q, int64_t local)
{
	const struct oracle_when *w = q->w;
	int64_t day = whole(local, DAY);
	int time = (int)(local - day * DAY);

	return w->second[time % MINUTE] && w->minute[time / MINUTE % 60] && w->hour[time / HOUR] &&
		in_day(q, day);
}

/* --- zones */

void oracle_zone_turns(struct oracle_zone *z, int32_t first, const struct oracle_turn *turns, size_t n)
{
	int32_t before = first;

	z->first = first;
	z->n = 0;
	for (size_t i = 0; i < n && z->n < ORACLE_TURNS; i++) {
		if (turns[i].offset != before)
			z->turns[z->n++] = turns[i];
		before = turns[i].offset;
	}
}

static int32_t library_offset(int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm;

	return localtime_r(&at, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* The first second at or behind `low` at which the clock is `now` no more; it is at `high`. */
static int64_t turn_between(int64_t low, int64_t high, int32_t now)
{
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;

		if (library_offset(middle) == now)
			low = middle;
		else
			high = middle;
	}
	return high;
}

void oracle_zone_library(struct oracle_zone *z, const char *tz, int64_t from, int64_t to)
{
	const char *old = getenv("TZ");
	char *kept = old ? strdup(old) : NULL;
	int32_t now;

	setenv("TZ", tz, 1);
	tzset();
	z->first = now = library_offset(from);
	z->n = 0;
	for (int64_t t = from; t < to && z->n < ORACLE_TURNS; t += LOOK) {
		if (library_offset(t + LOOK) == now)
			continue;
		z->turns[z->n].at = turn_between(t, t + LOOK, now);
		z->turns[z->n++].offset = now = library_offset(t + LOOK);
	}
	if (kept)
		setenv("TZ", kept, 1);
	else
		unsetenv("TZ");
	tzset();
	free(kept);
}

/* How many turns there have been by then; from so many on that are known. */
static size_t turns_by(const struct oracle_zone *z, size_t n, int64_t t)
{
	while (n < z->n && z->turns[n].at <= t)
		n++;
	return n;
}

static int32_t offset_behind(const struct oracle_zone *z, size_t turns)
{
	return turns ? z->turns[turns - 1].offset : z->first;
}

int32_t oracle_offset(const struct oracle_zone *z, int64_t t)
{
	return offset_behind(z, turns_by(z, 0, t));
}

/* --- does it start? */

/* A turn forward: is there anything to make up for among the local times it left out? */
static bool gap_starts(struct question *q, int64_t at, int32_t before, int32_t behind)
{
	int32_t gap = behind - before;

	if (gap >= GAP_MEDIUM || (q->w->wildcard && gap >= GAP_SMALL))
		return false;
	for (int64_t local = at + before; local < at + behind; local++) {
		if (local_matches(q, local))
			return true;
	}
	return false;
}

/* The seconds that are asked about rise. */
static bool starts(struct question *q, int64_t t)
{
	const struct oracle_when *w = q->w;
	int32_t behind;

	if (w->reboot)
		return false;
	if (w->every)
		return t - whole(t, w->every) * w->every == 0;
	q->turns = turns_by(q->z, q->turns, t);
	behind = offset_behind(q->z, q->turns);
	if (q->turns) {
		int64_t at = q->z->turns[q->turns - 1].at;
		int32_t before = offset_behind(q->z, q->turns - 1);

		if (behind > before && t == at && gap_starts(q, at, before, behind))
			return true;
		/* local time is gone through again until it is where it was at the turn */
		if (behind < before && before - behind <= BACK_MOST && !w->wildcard && t + behind < at + before)
			return false;
	}
	return local_matches(q, t + behind);
}

bool oracle_starts(const struct oracle_when *w, const struct oracle_zone *z, int64_t t)
{
	struct question q = { .w = w, .z = z };

	return starts(&q, t);
}

/* The next second to be looked at. */
static int64_t behind_idle(struct question *q, int64_t t)
{
	const struct oracle_zone *z = q->z;
	int64_t local = t + offset_behind(z, q->turns);
	int64_t day = whole(local, DAY);
	int time = (int)(local - day * DAY);
	int64_t to = local + 1;

	if (!in_day(q, day))
		to = (day + 1) * DAY;
	else if (!q->w->hour[time / HOUR])
		to = day * DAY + (time / HOUR + 1) * HOUR;
	else if (!q->w->minute[time / MINUTE % 60])
		to = day * DAY + (time / MINUTE + 1) * MINUTE;
	else
		while (to % MINUTE && !q->w->second[(to - day * DAY) % MINUTE])
			to++;
	to += t - local;
	return q->turns < z->n && to > z->turns[q->turns].at ? z->turns[q->turns].at : to;
}

int64_t oracle_next(const struct oracle_when *w, const struct oracle_zone *z, int64_t after, int64_t until)
{
	struct question q = { .w = w, .z = z };

	if (w->reboot)
		return ORACLE_NEVER;
	for (int64_t t = after + 1; t <= until;) {
		if (starts(&q, t))
			return t;
		if (w->every)
			t = (whole(t, w->every) + 1) * w->every;
		else
			t = behind_idle(&q, t);
	}
	return ORACLE_NEVER;
}

/* --- from the parser's bits */

static void bits_out(bool *set, uint64_t bits, int low, int high)
{
	for (int i = low; i <= high; i++)
		set[i] = bits >> i & 1;
}

static void extra_out(struct oracle_when *w, const struct schedule_extra *x)
{
	for (int i = 0; i < ORACLE_YEARS; i++) {
		w->year[i] = x->year[i / 64] >> i % 64 & 1;
		w->any_year &= !w->year[i];
	}
	bits_out(w->dom_near, x->dom_near, 1, 31);
	bits_out(w->last, x->last, 0, 30);
	bits_out(w->last_near, x->last_near, 0, 30);
	bits_out(w->dow_last, x->dow_last, 0, 6);
	for (int n = 0; n < 5; n++)
		bits_out(w->dow_nth[n], x->dow_nth[n], 0, 6);
}

void oracle_bits(struct oracle_when *w, const struct schedule *s)
{
	memset(w, 0, sizeof(*w));
	w->any_year = true;
	w->reboot = s->flags & SCHEDULE_REBOOT;
	w->every = s->flags & SCHEDULE_EVERY ? s->every : 0;
	if (w->reboot || w->every)
		return;
	bits_out(w->second, s->second, 0, 59);
	bits_out(w->minute, s->minute, 0, 59);
	bits_out(w->hour, s->hour, 0, 23);
	bits_out(w->dom, s->dom, 1, 31);
	bits_out(w->month, s->month, 1, 12);
	bits_out(w->dow, s->dow, 0, 6);
	w->wildcard = s->flags & (SCHEDULE_MINUTE_STAR | SCHEDULE_HOUR_STAR);
	w->both = s->flags & (SCHEDULE_DOM_STAR | SCHEDULE_DOW_STAR);
	if (s->extra)
		extra_out(w, s->extra);
}

bool oracle_same(const struct oracle_when *a, const struct oracle_when *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
