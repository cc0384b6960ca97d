/* when: moments as people name them on a command line.
 * Flow: one form after the other is tried; what is left over makes it none. */
#include "config.h"

#include "crontab-tool/when.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "crond/base/text.h"

#define EPOCH_MOST ((uint64_t)1 << 40)

static bool is_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* The C library moves what does not exist (a 31st of June): that is no date here. */
static int moment(struct tm *tm, bool utc, int64_t *at)
{
	struct tm made = *tm;
	time_t t;

	made.tm_isdst = -1;
	t = utc ? timegm(&made) : mktime(&made);
	if (made.tm_mday != tm->tm_mday || made.tm_mon != tm->tm_mon || made.tm_year != tm->tm_year)
		return -1;
	*at = t;
	return 0;
}

/* So many digits at most, and at least one: no sign, no blanks. *text moves on behind them. */
static bool digits_take(const char **text, int most, int *value)
{
	int n = 0;

	for (*value = 0; n < most && isdigit((unsigned char)**text); n++)
		*value = *value * 10 + *(*text)++ - '0';
	return n > 0;
}

static bool letter_take(const char **text, char letter)
{
	bool there = **text == letter;

	*text += there;
	return there;
}

/* "14:00" or "14:00:05". */
static bool clock_take(const char **text, struct tm *tm)
{
	if (!digits_take(text, 2, &tm->tm_hour) || !letter_take(text, ':') || !digits_take(text, 2, &tm->tm_min))
		return false;
	if (letter_take(text, ':') && !digits_take(text, 2, &tm->tm_sec))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

static int date_parse(const char *text, int64_t *at)
{
	struct tm tm = { 0 };
	bool utc = false;

	if (!digits_take(&text, 4, &tm.tm_year) || !letter_take(&text, '-') || !digits_take(&text, 2, &tm.tm_mon) ||
		!letter_take(&text, '-') || !digits_take(&text, 2, &tm.tm_mday))
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	if (letter_take(&text, 'T') || letter_take(&text, ' ')) {
		if (!clock_take(&text, &tm))
			return -1;
		utc = letter_take(&text, 'Z');
	}
	return *text ? -1 : moment(&tm, utc, at);
}

static int day_parse(const char *text, int64_t now, int64_t *at)
{
	time_t t = (time_t)now;
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return -1;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (strcmp(text, "today") == 0)
		return moment(&tm, false, at);
	if (strcmp(text, "yesterday") == 0) {
		tm.tm_mday--;
		tm.tm_isdst = -1;
		*at = mktime(&tm);
		return 0;
	}
	return clock_take(&text, &tm) && !*text ? moment(&tm, false, at) : -1;
}

int when_parse(const char *text, int64_t now, int64_t *at)
{
	uint64_t number;

	if (strcmp(text, "now") == 0) {
		*at = now;
		return 0;
	}
	if (*text == '@' || is_digits(text)) {
		if (text_number(slice_of(text + (*text == '@')), EPOCH_MOST, &number) < 0)
			return -1;
		*at = (int64_t)number;
		return 0;
	}
	if (text_duration(slice_of(text), &number) == 0) {
		*at = now - (int64_t)((number + 999) / 1000);
		return 0;
	}
	return date_parse(text, at) == 0 ? 0 : day_parse(text, now, at);
}
