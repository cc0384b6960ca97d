/* schedule_field: one time field in, bits out.
 * Flow: schedule_parse cuts an expression into fields, this reads one of them as its
 * grammar says. */
#include "crond/core/schedule_field.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "crond/base/text.h"

const struct field_kind field_kinds[FIELDS] = {
	[FIELD_SECOND] = { "bad second", 0, 59, NULL, 0 },
	[FIELD_MINUTE] = { "bad minute", 0, 59, NULL, SCHEDULE_MINUTE_STAR },
	[FIELD_HOUR] = { "bad hour", 0, 23, NULL, SCHEDULE_HOUR_STAR },
	[FIELD_DOM] = { "bad day-of-month", 1, 31, NULL, SCHEDULE_DOM_STAR },
	[FIELD_MONTH] = { "bad month", 1, 12, (const char *const[]){ "january", "february", "march",
		"april", "may", "june", "july", "august", "september", "october", "november",
		"december", NULL }, 0 },
	[FIELD_DOW] = { "bad day-of-week", 0, 7, (const char *const[]){ "sunday", "monday", "tuesday",
		"wednesday", "thursday", "friday", "saturday", NULL }, SCHEDULE_DOW_STAR },
	[FIELD_YEAR] = { "bad year", SCHEDULE_YEAR_FIRST, SCHEDULE_YEAR_LAST, NULL, 0 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char peek(const struct field *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static bool extended(const struct field *s)
{
	return s->grammar == GRAMMAR_EXTENDED;
}

static bool is_field(const struct field *s, enum field_id id)
{
	return s->kind == &field_kinds[id];
}

static int wrong(struct field *s, const char *why)
{
	if (!s->why)
		s->why = why;
	return -1;
}

/* --- numbers and names */

/* As the classic programs: strtol(), cut down to an int. */
static int number_classic(const char *p, size_t n, int *value)
{
	int64_t v = 0;
	bool above = false;

	for (size_t i = 0; i < n; i++) {
		if (!is_digit(p[i]))
			return -1;
		above |= v > (INT64_MAX - 9) / 10;
		v = above ? INT64_MAX : v * 10 + (p[i] - '0');
	}
	*value = (int)(int32_t)v;
	return 0;
}

static int number_extended(const char *p, size_t n, int *value)
{
	uint64_t v;

	if (text_number((struct slice){ p, n }, INT_MAX, &v) < 0)
		return -1;
	*value = (int)v;
	return 0;
}

/* Three letters of a name, or in the extended grammar all. */
static int name_value(const struct field *s, size_t n, int *value)
{
	for (int i = 0; s->kind->names && s->kind->names[i]; i++) {
		const char *name = s->kind->names[i];

		if ((n == 3 || (extended(s) && n == strlen(name))) && strncasecmp(name, s->p, n) == 0) {
			*value = s->kind->low + i;
			return 0;
		}
	}
	return -1;
}

/* A number or name; the extended grammar has it in range at once. */
static int take_value(struct field *s, int *value)
{
	size_t n = 0;
	int bad;

	while (s->p + n < s->end && is_alnum(s->p[n]))
		n++;
	/* 5L, LW, 15W: the letters behind a number are not the number's */
	if (extended(s) && n && is_digit(*s->p)) {
		for (n = 0; s->p + n < s->end && is_digit(s->p[n]);)
			n++;
	} else if (extended(s) && n > 1 && is_field(s, FIELD_DOW) && (s->p[n - 1] | 0x20) == 'l') {
		n--; /* friL: no weekday's name ends in an L */
	}
	if (n == 0)
		return wrong(s, "a value is missing");
	if (!is_digit(*s->p))
		bad = name_value(s, n, value);
	else
		bad = extended(s) ? number_extended(s->p, n, value) : number_classic(s->p, n, value);
	if (bad)
		return wrong(s, "not a number or name that is known here");
	if (extended(s) && (*value < s->kind->low || *value > s->kind->high))
		return wrong(s, "out of range");
	s->p += n;
	return 0;
}

/* "/N" if it is there. */
static int take_step(struct field *s, int *step)
{
	const char *p;
	size_t n = 0;

	*step = 1;
	if (peek(s) != '/')
		return 0;
	p = ++s->p;
	while (p + n < s->end && is_alnum(p[n]))
		n++;
	if (n == 0 || (extended(s) ? number_extended(p, n, step) : number_classic(p, n, step)) < 0)
		return wrong(s, "the step is not a number");
	if (*step == 0)
		return wrong(s, "the step is 0");
	s->p += n;
	return 0;
}

/* --- setting bits */

static void set_value(struct field *s, int value)
{
	if (is_field(s, FIELD_YEAR)) {
		value -= SCHEDULE_YEAR_FIRST;
		s->extra->year[value / 64] |= UINT64_C(1) << value % 64;
		s->has_extra = true;
		return;
	}
	s->bits |= UINT64_C(1) << value;
}

/* low to high; values out of the field's range are refused when they are met. */
static int set_range(struct field *s, int low, int high, int step)
{
	if (step == 1 && !is_field(s, FIELD_YEAR) && low >= s->kind->low && low <= high &&
		high <= s->kind->high) {
		s->bits |= (UINT64_C(2) << high) - (UINT64_C(1) << low);
		return 0;
	}
	for (int64_t v = low; v <= high; v += step) {
		if (v < s->kind->low || v > s->kind->high)
			return wrong(s, "out of range");
		set_value(s, (int)v);
	}
	return 0;
}

/* The extended grammar's ranges go over the top: 22-2, fri-mon, nov-feb. */
static int set_wrapping(struct field *s, int low, int high, int step)
{
	int top = is_field(s, FIELD_DOW) ? 6 : s->kind->high;
	int count = top - s->kind->low + 1;

	if (low <= high)
		return set_range(s, low, high, step);
	if (is_field(s, FIELD_YEAR))
		return wrong(s, "the range runs backwards");
	for (int64_t v = low; v <= high + count; v += step)
		set_value(s, v > top ? (int)v - count : (int)v);
	return 0;
}

/* low~high: one of them, chosen by the seed and by where it stands. */
static int set_random(struct field *s, int low, int high)
{
	uint64_t h;
	uint64_t place[2] = { (uint64_t)(s->kind - field_kinds), (uint64_t)low << 32 | (uint64_t)high };

	if (low > high || low < s->kind->low || high > s->kind->high)
		return wrong(s, "a random range must lie within the field's");
	h = text_hash(s->seed, place, sizeof(place));
	set_value(s, low + (int)(h % (uint64_t)(high - low + 1)));
	return 0;
}

/* --- one element of a list */

/* Behind "~": the upper bound, if there is one. */
static int element_random(struct field *s, int low)
{
	int high = s->kind->high;

	s->p++;
	if (s->p < s->end && peek(s) != ',' && take_value(s, &high) < 0)
		return -1;
	return set_random(s, low, high);
}

/* L, L-3, LW, L-3W in the day-of-month field. */
static int element_last(struct field *s)
{
	int before = 0;

	s->p++;
	if (peek(s) == '-') {
		size_t n = 0;

		s->p++;
		while (s->p + n < s->end && is_digit(s->p[n]))
			n++;
		if (number_extended(s->p, n, &before) < 0 || before > 30)
			return wrong(s, "L- takes 0 to 30 days");
		s->p += n;
	}
	s->has_extra = true;
	if (peek(s) == 'W' || peek(s) == 'w') {
		s->p++;
		s->extra->last_near |= UINT32_C(1) << before;
	} else {
		s->extra->last |= UINT32_C(1) << before;
	}
	return 0;
}

/* 15W, 5L and 5#3: 1 when it was one of them, 0 when not. */
static int element_special(struct field *s, int value)
{
	char c = peek(s);

	if (is_field(s, FIELD_DOM) && (c == 'W' || c == 'w')) {
		s->extra->dom_near |= UINT32_C(1) << value;
	} else if (is_field(s, FIELD_DOW) && (c == 'L' || c == 'l')) {
		s->extra->dow_last |= (uint8_t)(1 << value % 7);
	} else if (is_field(s, FIELD_DOW) && c == '#') {
		s->p++;
		if (peek(s) < '1' || peek(s) > '5')
			return wrong(s, "# takes 1 to 5");
		s->extra->dow_nth[peek(s) - '1'] |= (uint8_t)(1 << value % 7);
	} else {
		return 0;
	}
	s->p++;
	s->has_extra = true;
	return 1;
}

static int element_star(struct field *s)
{
	int high = is_field(s, FIELD_DOW) && extended(s) ? 6 : s->kind->high;
	int step;

	s->p++;
	if (take_step(s, &step) < 0)
		return -1;
	return set_range(s, s->kind->low, high, step);
}

static bool in_field(const struct field *s, int value)
{
	return value >= s->kind->low && value <= s->kind->high;
}

static int element_range(struct field *s, int low)
{
	int high, step;
	bool plain;

	s->p++;
	if (take_value(s, &high) < 0)
		return -1;
	plain = peek(s) != '/';
	if (take_step(s, &step) < 0)
		return -1;
	if (extended(s))
		return set_wrapping(s, low, high, step);
	/* Debian looks at both ends, even of a range that runs backwards or steps over its end */
	if (s->grammar == GRAMMAR_DEBIAN && !(in_field(s, low) && in_field(s, high)))
		return wrong(s, "out of range");
	/* cronie: fri-sun ends with the Sunday that is 7, but not with a step */
	if (s->grammar == GRAMMAR_CRONIE && is_field(s, FIELD_DOW) && plain && low > high && high == 0)
		high = 7;
	return set_range(s, low, high, step);
}

/* N/step: from N to the top. */
static int element_from(struct field *s, int low)
{
	int top = is_field(s, FIELD_DOW) ? 6 : s->kind->high;
	int step;

	if (is_field(s, FIELD_DOW))
		low %= 7;
	if (take_step(s, &step) < 0)
		return -1;
	return set_range(s, low, top, step);
}

static int element(struct field *s)
{
	char c = peek(s);
	int special, value;

	s->element = s->p;
	if (c == '*')
		return element_star(s);
	if (c == '~' && s->grammar != GRAMMAR_DEBIAN)
		return element_random(s, s->kind->low);
	if (extended(s) && c == '?' && (is_field(s, FIELD_DOM) || is_field(s, FIELD_DOW)))
		return element_star(s);
	if (extended(s) && (c == 'L' || c == 'l') && is_field(s, FIELD_DOM))
		return element_last(s);
	if (take_value(s, &value) < 0)
		return -1;
	special = extended(s) ? element_special(s, value) : 0;
	if (special)
		return special < 0 ? -1 : 0;
	if (peek(s) == '-')
		return element_range(s, value);
	if (peek(s) == '~' && s->grammar != GRAMMAR_DEBIAN)
		return element_random(s, value);
	if (peek(s) == '/')
		return extended(s) ? element_from(s, value) : -1;
	return set_range(s, value, value, 1);
}

int field_parse(struct field *s)
{
	for (;;) {
		if (element(s) < 0)
			return -1;
		if (s->p == s->end)
			return 0;
		if (*s->p != ',') {
			s->junk = s->p;
			return s->grammar == GRAMMAR_DEBIAN ? 0 : wrong(s, "something is left over");
		}
		s->p++;
	}
}
