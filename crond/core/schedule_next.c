/* schedule_next: the next second at which a schedule starts, found by its bits.
 * Flow: due and cronctl ask; zone gives the offsets, step the rule for what its
 * transitions swallow or repeat. */
#include "crond/core/schedule.h"

#include "crond/core/calendar.h"
#include "crond/core/schedule_extra.h"
#include "crond/core/step.h"
#include "crond/core/zone.h"

enum {
	DAY = 86400,
	OFFSET_MOST = 26 * 3600, /* no zone is farther from UTC */
	YEARS_MOST = 400,
};

/* Instants are kept within these, so that sums stay within 64 bits. */
#define EARLIEST (-((int64_t)1 << 46))
#define LATEST ((int64_t)1 << 46)

/* --- days: bit d of a mask is day d of the month, 1 to 31 */

struct month {
	int64_t year;
	int month, length;
	int first; /* weekday of day 1 */
};

static uint32_t bit(int n)
{
	return UINT32_C(1) << n;
}

/* Monday to Friday, nearest to a day and within the month. */
static int nearest_weekday(const struct month *m, int day)
{
	int weekday = (m->first + day - 1) % 7;

	if (weekday == 6)
		return day > 1 ? day - 1 : day + 2;
	if (weekday == 0)
		return day < m->length ? day + 1 : day - 2;
	return day;
}

/* A week's bits laid out over a month that begins with weekday `first`. */
static uint32_t week_days(uint8_t dow, int first)
{
	uint64_t week = (uint64_t)(dow >> first | dow << (7 - first)) & 0x7f;

	return (uint32_t)((week | week << 7 | week << 14 | week << 21 | week << 28) << 1);
}

/* The day that is n before the last, or 0. */
static int last_but(const struct month *m, int n)
{
	return n < m->length ? m->length - n : 0;
}

/* What L, L-3, W and LW mean in one month. */
static uint32_t extra_days(const struct schedule_extra *x, const struct month *m)
{
	uint32_t days = 0;

	for (uint32_t b = x->last; b; b &= b - 1)
		days |= bit(last_but(m, __builtin_ctz(b)));
	for (uint32_t b = x->dom_near; b; b &= b - 1) {
		if (__builtin_ctz(b) <= m->length)
			days |= bit(nearest_weekday(m, __builtin_ctz(b)));
	}
	for (uint32_t b = x->last_near; b; b &= b - 1) {
		int day = last_but(m, __builtin_ctz(b));

		days |= day ? bit(nearest_weekday(m, day)) : 0;
	}
	return days;
}

/* What 5L and 5#3 mean in one month. */
static uint32_t extra_weekdays(const struct schedule_extra *x, const struct month *m)
{
	uint32_t days = week_days(x->dow_last, m->first) & ~(bit(m->length - 6) - 1);

	for (int n = 0; n < 5; n++)
		days |= week_days(x->dow_nth[n], m->first) & (UINT32_C(0xfe) << (7 * n));
	return days;
}

static uint32_t month_days(const struct schedule *s, const struct month *m)
{
	uint32_t all = (uint32_t)((UINT64_C(2) << m->length) - 2);
	uint32_t dom = s->dom;
	uint32_t dow = week_days(s->dow, m->first);

	if (s->extra) {
		dom |= extra_days(s->extra, m);
		dow |= extra_weekdays(s->extra, m);
	}
	if (s->flags & (SCHEDULE_DOM_STAR | SCHEDULE_DOW_STAR))
		return dom & dow & all;
	return (dom | dow) & all;
}

static bool has_years(const struct schedule_extra *x)
{
	uint64_t any = 0;

	for (int i = 0; x && i < SCHEDULE_YEAR_WORDS; i++)
		any |= x->year[i];
	return any != 0;
}

/* The first year of the schedule's at or after one; INT64_MAX: there is none. */
static int64_t next_year(const struct schedule_extra *x, int64_t year)
{
	int64_t n = year < SCHEDULE_YEAR_FIRST ? 0 : year - SCHEDULE_YEAR_FIRST;

	for (; n < 64 * SCHEDULE_YEAR_WORDS; n++) {
		if (x->year[n / 64] >> n % 64 & 1)
			return SCHEDULE_YEAR_FIRST + n;
	}
	return INT64_MAX;
}

/* Leap days apart, can any day of any month match? Cheap, and true where the
 * scan has to find out. */
static bool day_possible(const struct schedule *s)
{
	bool both = s->flags & (SCHEDULE_DOM_STAR | SCHEDULE_DOW_STAR);

	if (!s->second || !s->minute || !s->hour || !s->month)
		return false;
	if (s->extra)
		return true;
	if (both && !s->dow)
		return false;
	if (!both && s->dow)
		return true;
	for (int month = 1; month <= 12; month++) {
		if ((s->month & bit(month)) && (s->dom & (bit(calendar_month_length(2000, month)) * 2 - 1)))
			return true;
	}
	return false;
}

/* The first matching day at or after one; INT64_MAX: none for 400 years. */
static int64_t next_day(const struct schedule *s, int64_t day)
{
	struct calendar_date date = calendar_date(day);
	int64_t end = date.year + YEARS_MOST;
	bool years = has_years(s->extra);
	struct month m = { .year = date.year, .month = date.month };
	uint32_t from = ~(bit(date.day) - 1);

	for (;;) {
		int64_t year = years ? next_year(s->extra, m.year) : m.year;
		uint32_t months;

		if (year > end)
			return INT64_MAX;
		if (year > m.year) {
			m.year = year;
			m.month = 1;
			from = ~UINT32_C(0);
		}
		months = s->month & ~(bit(m.month) - 1);
		if (months) {
			int month = __builtin_ctz(months);
			int64_t first = calendar_day(m.year, month, 1);
			uint32_t days;

			if (month != m.month)
				from = ~UINT32_C(0);
			m.month = month;
			m.length = calendar_month_length(m.year, month);
			m.first = calendar_weekday(first);
			days = month_days(s, &m) & from;
			if (days)
				return first + __builtin_ctz(days) - 1;
		}
		from = ~UINT32_C(0);
		if (!months || ++m.month > 12) {
			m.month = 1;
			m.year++;
		}
	}
}

/* --- times of a day */

/* The first bit at or after n; -1: none. */
static int next_bit(uint64_t bits, int n)
{
	bits = n < 64 ? bits & (~UINT64_C(0) << n) : 0;
	return bits ? __builtin_ctzll(bits) : -1;
}

/* The first matching second of a day at or after one; -1: none. */
static int next_time(const struct schedule *s, int from)
{
	int hour = next_bit(s->hour, from / 3600);
	int minute = from / 60 % 60;
	int second = from % 60;

	while (hour >= 0) {
		int h = hour * 3600;

		if (h > from - from % 3600)
			minute = second = 0;
		for (int m = next_bit(s->minute, minute); m >= 0; m = next_bit(s->minute, m + 1)) {
			int n = next_bit(s->second, m > minute ? 0 : second);

			if (n >= 0)
				return h + m * 60 + n;
		}
		hour = next_bit(s->hour, hour + 1);
	}
	return -1;
}

/* --- local time, as if there were no transitions */

/* The first matching local second at or after one; SCHEDULE_NEVER: none. */
static int64_t next_local(const struct schedule *s, int64_t local)
{
	int64_t today = calendar_floor(local, DAY);
	int64_t day = next_day(s, today);

	if (day == today) {
		int time = next_time(s, (int)(local - today * DAY));

		if (time >= 0)
			return day * DAY + time;
		day = next_day(s, today + 1);
	}
	return day == INT64_MAX ? SCHEDULE_NEVER : day * DAY + next_time(s, 0);
}

/* --- instants */

/* One stretch of even local time, as a schedule sees it. */
struct stretch {
	struct zone_span span;
	int64_t lower;  /* the first local second that may start something */
	int64_t gap;    /* local second where the gap before it began, if it is made up for */
	bool make_up;
};

static struct stretch stretch_of(const struct schedule *s, const struct zone *z,
	enum step_source source, int64_t start)
{
	struct stretch t = { .span = zone_span(z, start) };
	bool recent = t.span.from > EARLIEST && start - t.span.from <= STEP_BACK_MOST;
	enum step_action action;
	int64_t delta, before;

	t.lower = start + t.span.offset;
	if (!recent)
		return t;
	before = zone_span(z, t.span.from - 1).offset;
	delta = t.span.offset - before;
	action = step_action(step_classify(delta), schedule_wildcard(s), source);
	t.gap = t.span.from + before;
	t.make_up = delta > 0 && start == t.span.from && action == STEP_RUN_ONCE;
	if (delta < 0 && action == STEP_SUPPRESS && t.lower < t.gap)
		t.lower = t.gap; /* where local time had been before */
	return t;
}

/* The first start at or after `start`. What lies between two matching local times is
 * passed over in one go, whatever transitions are in between. */
static int64_t next_instant(const struct schedule *s, const struct zone *z, enum step_source source,
	int64_t start)
{
	for (int64_t last = start + (int64_t)CALENDAR_CYCLE_DAYS * DAY; start <= last;) {
		struct stretch t = stretch_of(s, z, source, start);
		int64_t local, far;

		if (t.make_up && next_local(s, t.gap) < t.lower)
			return start;
		local = next_local(s, t.lower);
		if (t.span.to == INT64_MAX || local < t.span.to + t.span.offset)
			return local == SCHEDULE_NEVER ? local : local - t.span.offset;
		/* No local time from here to `far` matches: skip what can only show those. */
		far = next_local(s, t.span.to - OFFSET_MOST);
		if (far == SCHEDULE_NEVER)
			return far;
		start = far - OFFSET_MOST > t.span.to ? far - OFFSET_MOST : t.span.to;
	}
	return SCHEDULE_NEVER;
}

static int64_t next_every(const struct schedule *s, int64_t after)
{
	return (calendar_floor(after, s->every) + 1) * s->every;
}

int64_t schedule_next(const struct schedule *s, const struct zone *z, enum step_source source,
	int64_t after)
{
	if ((s->flags & SCHEDULE_REBOOT) || after >= LATEST)
		return SCHEDULE_NEVER;
	if (after < EARLIEST)
		after = EARLIEST;
	if (s->flags & SCHEDULE_EVERY)
		return next_every(s, after);
	if (!day_possible(s))
		return SCHEDULE_NEVER;
	return next_instant(s, z, source, after + 1);
}

const char *schedule_lint(const struct schedule *s)
{
	bool both = s->flags & (SCHEDULE_DOM_STAR | SCHEDULE_DOW_STAR);

	if (s->flags & (SCHEDULE_REBOOT | SCHEDULE_EVERY))
		return NULL;
	if (!s->minute)
		return "the minute range runs backwards: this never fires";
	if (!s->hour)
		return "the hour range runs backwards: this never fires";
	if (!s->month)
		return "the month range runs backwards: this never fires";
	if (!s->second)
		return "the seconds range runs backwards: this never fires";
	if (!s->extra && !s->dow)
		return both ? "the weekday range runs backwards: this never fires"
			    : "the weekday range runs backwards: no weekday matches";
	if (!s->extra && !s->dom)
		return both ? "the day range runs backwards: this never fires"
			    : "the day range runs backwards: no day of the month matches";
	/* 2000 to 2399 stand for all years */
	if (!day_possible(s) || (!has_years(s->extra) && next_day(s, 10957) == INT64_MAX))
		return "no month has such a day: this never fires";
	return NULL;
}
