/* calendar: days and dates of the Gregorian calendar, without a clock or a zone.
 * Flow: asked by zone (rules of a year) and schedule (days of a month). */
#include "crond/core/calendar.h"

/* Years are counted from March, so that the leap day comes last. */
enum { MARCH_EPOCH = 719468 }; /* days from 0000-03-01 to 1970-01-01 */

bool calendar_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int calendar_month_length(int64_t year, int month)
{
	static const int8_t length[] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return length[month] + (month == 2 && calendar_leap(year));
}

int64_t calendar_day(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t cycle = calendar_floor(y, 400);
	int64_t in_cycle = y - cycle * 400;
	int march = (month + 9) % 12; /* 0 is March; five months have 153 days */
	int64_t in_year = (153 * march + 2) / 5 + day - 1;

	return cycle * CALENDAR_CYCLE_DAYS + in_cycle * 365 + in_cycle / 4 - in_cycle / 100 +
		in_year - MARCH_EPOCH;
}

struct calendar_date calendar_date(int64_t day)
{
	int64_t cycle = calendar_floor(day + MARCH_EPOCH, CALENDAR_CYCLE_DAYS);
	int32_t rest = (int32_t)(day + MARCH_EPOCH - cycle * CALENDAR_CYCLE_DAYS);
	/* leap days of the cycle so far are taken out, then all years are equal */
	int32_t year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	int32_t in_year = rest - (365 * year + year / 4 - year / 100);
	int32_t march = (5 * in_year + 2) / 153;
	int month = march < 10 ? march + 3 : march - 9;

	return (struct calendar_date){
		.year = cycle * 400 + year + (month <= 2),
		.month = month,
		.day = in_year - (153 * march + 2) / 5 + 1,
	};
}

int calendar_weekday(int64_t day)
{
	int64_t w = (day + 4) % 7; /* 1970-01-01 was a Thursday */

	return (int)(w < 0 ? w + 7 : w);
}
