/* Any expression in any grammar, in a zone that is made up too: schedule_next against an
 * oracle that goes second by second. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/diag.h"
#include "crond/core/calendar.h"
#include "crond/core/schedule.h"
#include "crond/core/schedule_extra.h"
#include "crond/core/zone.h"
#include "tests/unit/tzif.h"

enum { HEAD = 16, WINDOW = 40000, FIRES_MOST = 50 };

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* --- the oracle: does this second start it? */

static bool is_weekday(int64_t day)
{
	return calendar_weekday(day) >= 1 && calendar_weekday(day) <= 5;
}

/* The working day nearest to `day`, in [first, last]: the earlier of two equally near
 * ones cannot happen, as a weekend has two days. */
static int64_t nearest(int64_t day, int64_t first, int64_t last)
{
	for (int64_t away = 0;; away++) {
		if (day - away >= first && is_weekday(day - away))
			return day - away;
		if (day + away <= last && is_weekday(day + away))
			return day + away;
	}
}

static bool dom_matches(const struct schedule *s, int64_t day, const struct calendar_date *date)
{
	int64_t first = day - date->day + 1;
	int64_t last = first + calendar_month_length(date->year, date->month) - 1;

	if (s->dom >> date->day & 1)
		return true;
	if (!s->extra)
		return false;
	if (s->extra->last >> (last - day) & 1)
		return true;
	for (int64_t d = first; d <= last; d++) {
		bool asked = (s->extra->dom_near >> (d - first + 1) & 1) ||
			(s->extra->last_near >> (last - d) & 1);

		if (asked && nearest(d, first, last) == day)
			return true;
	}
	return false;
}

static bool dow_matches(const struct schedule *s, int64_t day, const struct calendar_date *date)
{
	int w = calendar_weekday(day);

	if (s->dow >> w & 1)
		return true;
	if (!s->extra)
		return false;
	if ((s->extra->dow_last >> w & 1) &&
		date->day + 7 > calendar_month_length(date->year, date->month))
		return true;
	return s->extra->dow_nth[(date->day - 1) / 7] >> w & 1;
}

static bool year_matches(const struct schedule_extra *x, int64_t year)
{
	static const uint64_t none[SCHEDULE_YEAR_WORDS];
	int64_t n = year - SCHEDULE_YEAR_FIRST;

	if (!x || memcmp(x->year, none, sizeof(none)) == 0)
		return true;
	return n >= 0 && n < 64 * SCHEDULE_YEAR_WORDS && (x->year[n / 64] >> n % 64 & 1);
}

static bool day_matches(const struct schedule *s, int64_t day)
{
	struct calendar_date date = calendar_date(day);
	bool dom = dom_matches(s, day, &date), dow = dow_matches(s, day, &date);
	bool both = s->flags & (SCHEDULE_DOM_STAR | SCHEDULE_DOW_STAR);

	if (!(s->month >> date.month & 1) || !year_matches(s->extra, date.year))
		return false;
	return both ? dom && dow : dom || dow;
}

/* One question, with the day that was judged last. */
struct oracle {
	const struct schedule *s;
	const struct zone *z;
	int64_t day;
	bool day_matches;
};

static bool local_matches(struct oracle *o, int64_t local)
{
	const struct schedule *s = o->s;
	int64_t day = calendar_floor(local, 86400);
	int64_t time = local - day * 86400;

	if (!(s->second >> time % 60 & 1) || !(s->minute >> time / 60 % 60 & 1) ||
		!(s->hour >> time / 3600 & 1))
		return false;
	if (day != o->day)
		o->day_matches = day_matches(s, day);
	o->day = day;
	return o->day_matches;
}

/* What the turn of the clock at `turn` swallowed, before -> after. */
static bool swallowed(struct oracle *o, int64_t turn, int32_t before, int32_t after)
{
	for (int64_t local = turn + before; local < turn + after; local++) {
		if (local_matches(o, local))
			return true;
	}
	return false;
}

static bool starts(struct oracle *o, int64_t t)
{
	bool wildcard = o->s->flags & (SCHEDULE_MINUTE_STAR | SCHEDULE_HOUR_STAR);
	struct zone_span span = zone_span(o->z, t);
	int64_t local = t + span.offset;
	int32_t before;

	if (span.from < -((int64_t)1 << 40))
		return local_matches(o, local);
	before = zone_span(o->z, span.from - 1).offset;
	if (t == span.from && span.offset > before && span.offset - before < 3 * 3600 &&
		(!wildcard || span.offset - before < 300) && swallowed(o, t, before, span.offset))
		return true;
	if (!wildcard && span.offset < before && before - span.offset <= 3 * 3600 &&
		local < span.from + before)
		return false;
	return local_matches(o, local);
}

static void compare(const struct schedule *s, const struct zone *z, int64_t base)
{
	struct oracle o = { .s = s, .z = z, .day = INT64_MIN };
	int64_t next = schedule_next(s, z, STEP_CRONTAB, base);

	for (int64_t t = base + 1, n = 0; t < base + WINDOW && n < FIRES_MOST; t++) {
		bool due = starts(&o, t);

		if (due != (t == next)) {
			fprintf(stderr, "at %lld: %d, but next is %lld\n", (long long)t, due, (long long)next);
			abort();
		}
		if (due) {
			next = schedule_next(s, z, STEP_CRONTAB, t);
			demand(next > t);
			n++;
		}
	}
}

/* --- a zone from a few bytes, with turns around the base */

static struct zone *zone_from(const uint8_t head[HEAD], int64_t base)
{
	static const char *const footers[] = { "", "UTC0", "EST5EDT,M3.2.0,M11.1.0",
		"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "IST-1GMT0,M10.5.0,M3.5.0/1",
		"<+00>0<+02>-2,M3.5.0/1,M10.5.0/3" };
	struct tzif_turn turns[4];
	unsigned char bytes[TZIF_ROOM];
	size_t count = head[6] % 5;
	int64_t at = base - 2000;
	int32_t offset = (int8_t)head[7] * 400;

	for (size_t i = 0; i < count; i++) {
		at += head[8 + 2 * i] * 91 + 1;
		/* minutes, now and then seconds */
		offset += (int8_t)head[9 + 2 * i] * (head[9 + 2 * i] % 7 ? 120 : 97);
		if (offset > 90000 || offset < -90000)
			offset = 0;
		turns[i] = (struct tzif_turn){ at, offset };
	}
	return zone_parse(bytes,
		tzif_make(bytes, (int8_t)head[7] * 400, turns, count, footers[head[1] % 6]), NULL);
}

static void check_equal(const struct schedule *s)
{
	struct arena arena = { 0 };
	struct schedule copy;

	demand(schedule_copy(&copy, s, &arena) == 0);
	demand(schedule_equal(s, &copy) && schedule_hash(s) == schedule_hash(&copy));
	copy.flags ^= SCHEDULE_HOUR_STAR;
	demand(!schedule_equal(s, &copy));
	arena_free(&arena);
}

static void check_line(struct slice text, enum grammar grammar, bool seconds)
{
	struct arena arena = { 0 };
	struct schedule s;
	struct diag d;
	size_t used = SIZE_MAX;

	if (schedule_parse_line(&s, text, grammar, seconds, 7, &arena, &used, &d) == 0)
		demand(used <= text.n);
	else
		demand(d.level == DIAG_ERROR && d.column <= text.n + 1 && d.text[0]);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Grammar, footer, base (4 bytes), turns (10 bytes), expression. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct schedule s;
	struct diag d;
	struct slice text;
	int64_t base;

	if (size < HEAD)
		return 0;
	text = (struct slice){ (const char *)data + HEAD, size - HEAD };
	base = (int64_t)((uint32_t)data[2] << 24 | data[3] << 16 | data[4] << 8 | data[5]) * 3;
	check_line(text, data[0] % GRAMMARS, data[0] & 0x80);
	if (schedule_parse(&s, text, data[0] % GRAMMARS, data[0], &arena, &d) == 0) {
		struct zone *z = zone_from(data, base);

		demand(d.text[0] == '\0' || (d.level == DIAG_WARNING && data[0] % GRAMMARS == GRAMMAR_DEBIAN));
		demand(z != NULL);
		check_equal(&s);
		if (schedule_lint(&s) && strstr(schedule_lint(&s), "never fires"))
			demand(schedule_next(&s, z, STEP_TASK, base) == SCHEDULE_NEVER);
		if (!(s.flags & (SCHEDULE_REBOOT | SCHEDULE_EVERY)))
			compare(&s, z, base);
		zone_free(z);
	} else {
		demand(d.level == DIAG_ERROR && d.text[0]);
	}
	arena_free(&arena);
	return 0;
}
