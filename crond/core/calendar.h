/* calendar: days and dates of the Gregorian calendar, without a clock or a zone.
 * Flow: asked by zone (rules of a year) and schedule (days of a month). */
#ifndef CORE_CALENDAR_H
#define CORE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum { CALENDAR_CYCLE_DAYS = 146097 }; /* 400 years: a whole number of weeks */

struct calendar_date {
	int64_t year;
	int month; /* 1 to 12 */
	int day;   /* 1 to 31 */
};

bool calendar_leap(int64_t year);
int calendar_month_length(int64_t year, int month);
/* Days since 1970-01-01; negative before. */
int64_t calendar_day(int64_t year, int month, int day);
struct calendar_date calendar_date(int64_t day);
/* 0 is Sunday. */
int calendar_weekday(int64_t day);

/* Division that rounds down, for seconds and days before 1970. b > 0. */
static inline int64_t calendar_floor(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

#endif
