/* schedule_parse: time fields in, bitmaps out.
 * Flow: crontab lines, option values and task files bring the text; schedule_next
 * reads the bits. */
#include "crond/core/schedule.h"

#include <limits.h>
#include <strings.h>

#include "crond/base/arena.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/schedule_extra.h"

enum field_id { FIELD_SECOND, FIELD_MINUTE, FIELD_HOUR, FIELD_DOM, FIELD_MONTH, FIELD_DOW, FIELD_YEAR };

static const struct field {
	const char *bad;
	int low, high;
	const char *const *names; /* from low on */
	uint8_t star;
} fields[] = {
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

/* Where the parser stands in one field, and what it makes. */
struct scan {
	const char *p, *end; /* the field's rest */
	const char *element; /* where the list element began */
	const struct field *field;
	enum grammar grammar;
	uint64_t seed;
	uint64_t bits;                /* value v is bit v, 7 a Sunday still; years: not here */
	struct schedule_extra *extra; /* what of L, W, # and years came up */
	bool has_extra;
	const char *why;              /* what is wrong, for the extended grammar */
	const char *junk;             /* what Debian's daemon overlooks, or NULL */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char peek(const struct scan *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static bool extended(const struct scan *s)
{
	return s->grammar == GRAMMAR_EXTENDED;
}

static bool is_field(const struct scan *s, enum field_id id)
{
	return s->field == &fields[id];
}

static int wrong(struct scan *s, const char *why)
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
static int name_value(const struct scan *s, size_t n, int *value)
{
	for (int i = 0; s->field->names && s->field->names[i]; i++) {
		const char *name = s->field->names[i];

		if ((n == 3 || (extended(s) && n == strlen(name))) && strncasecmp(name, s->p, n) == 0) {
			*value = s->field->low + i;
			return 0;
		}
	}
	return -1;
}

/* A number or name; the extended grammar has it in range at once. */
static int take_value(struct scan *s, int *value)
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
	if (extended(s) && (*value < s->field->low || *value > s->field->high))
		return wrong(s, "out of range");
	s->p += n;
	return 0;
}

/* "/N" if it is there. */
static int take_step(struct scan *s, int *step)
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

static void set_value(struct scan *s, int value)
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
static int set_range(struct scan *s, int low, int high, int step)
{
	if (step == 1 && !is_field(s, FIELD_YEAR) && low >= s->field->low && low <= high &&
		high <= s->field->high) {
		s->bits |= (UINT64_C(2) << high) - (UINT64_C(1) << low);
		return 0;
	}
	for (int64_t v = low; v <= high; v += step) {
		if (v < s->field->low || v > s->field->high)
			return wrong(s, "out of range");
		set_value(s, (int)v);
	}
	return 0;
}

/* The extended grammar's ranges go over the top: 22-2, fri-mon, nov-feb. */
static int set_wrapping(struct scan *s, int low, int high, int step)
{
	int top = is_field(s, FIELD_DOW) ? 6 : s->field->high;
	int count = top - s->field->low + 1;

	if (low <= high)
		return set_range(s, low, high, step);
	if (is_field(s, FIELD_YEAR))
		return wrong(s, "the range runs backwards");
	for (int64_t v = low; v <= high + count; v += step)
		set_value(s, v > top ? (int)v - count : (int)v);
	return 0;
}

/* low~high: one of them, chosen by the seed and by where it stands. */
static int set_random(struct scan *s, int low, int high)
{
	uint64_t h;
	uint64_t place[2] = { (uint64_t)(s->field - fields), (uint64_t)low << 32 | (uint64_t)high };

	if (low > high || low < s->field->low || high > s->field->high)
		return wrong(s, "a random range must lie within the field's");
	h = text_hash(s->seed, place, sizeof(place));
	set_value(s, low + (int)(h % (uint64_t)(high - low + 1)));
	return 0;
}

/* --- one element of a list */

/* Behind "~": the upper bound, if there is one. */
static int element_random(struct scan *s, int low)
{
	int high = s->field->high;

	s->p++;
	if (s->p < s->end && peek(s) != ',' && take_value(s, &high) < 0)
		return -1;
	return set_random(s, low, high);
}

/* L, L-3, LW, L-3W in the day-of-month field. */
static int element_last(struct scan *s)
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
static int element_special(struct scan *s, int value)
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

static int element_star(struct scan *s)
{
	int high = is_field(s, FIELD_DOW) && extended(s) ? 6 : s->field->high;
	int step;

	s->p++;
	if (take_step(s, &step) < 0)
		return -1;
	return set_range(s, s->field->low, high, step);
}

static bool in_field(const struct scan *s, int value)
{
	return value >= s->field->low && value <= s->field->high;
}

static int element_range(struct scan *s, int low)
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
static int element_from(struct scan *s, int low)
{
	int top = is_field(s, FIELD_DOW) ? 6 : s->field->high;
	int step;

	if (is_field(s, FIELD_DOW))
		low %= 7;
	if (take_step(s, &step) < 0)
		return -1;
	return set_range(s, low, top, step);
}

static int element(struct scan *s)
{
	char c = peek(s);
	int special, value;

	s->element = s->p;
	if (c == '*')
		return element_star(s);
	if (c == '~' && s->grammar != GRAMMAR_DEBIAN)
		return element_random(s, s->field->low);
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

static int field_list(struct scan *s)
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

/* --- one field */

/* Where an expression is taken apart. */
struct parse {
	const char *start, *p, *end;
	enum grammar grammar;
	uint64_t seed;
	struct schedule *out;
	struct schedule_extra extra;
	bool has_extra;
	struct diag *d;
};

static uint32_t column_of(const struct parse *x, const char *p)
{
	return (uint32_t)(p - x->start) + 1;
}

static int field_bad(const struct parse *x, const struct scan *s)
{
	const char *end = s->element;

	if (!extended(s))
		return diag_error(x->d, 0, column_of(x, s->element), "%s", s->field->bad);
	while (end < s->end && *end != ',')
		end++;
	if (end - s->element > 40)
		end = s->element + 40;
	return diag_error(x->d, 0, column_of(x, s->element), "%s: \"%.*s\": %s", s->field->bad,
		(int)(end - s->element), s->element, s->why ? s->why : "not understood");
}

static void field_junk(const struct parse *x, const struct scan *s)
{
	int n = s->end - s->junk > 40 ? 40 : (int)(s->end - s->junk);

	if (x->d && !x->d->text[0])
		diag_warning(x->d, 0, column_of(x, s->junk), "%s: \"%.*s\" is ignored, as Debian's cron does",
			s->field->bad, n, s->junk);
}

static void field_store(struct schedule *out, enum field_id id, uint64_t bits)
{
	switch (id) {
	case FIELD_SECOND:
		out->second = bits;
		out->flags |= SCHEDULE_SECONDS;
		break;
	case FIELD_MINUTE:
		out->minute = bits;
		break;
	case FIELD_HOUR:
		out->hour = (uint32_t)bits;
		break;
	case FIELD_DOM:
		out->dom = (uint32_t)bits;
		break;
	case FIELD_MONTH:
		out->month = (uint16_t)bits;
		break;
	case FIELD_DOW:
		out->dow = (uint8_t)((bits | bits >> 7) & 0x7f);
		break;
	case FIELD_YEAR:
		break;
	}
}

static void skip_blanks(struct parse *x)
{
	while (x->p < x->end && is_blank(*x->p))
		x->p++;
}

/* The next field, and the blanks behind it. */
static int field(struct parse *x, enum field_id id)
{
	struct scan s = { .p = x->p, .end = x->p, .element = x->p, .field = &fields[id],
		.grammar = x->grammar, .seed = x->seed, .extra = &x->extra };
	char first;

	while (s.end < x->end && !is_blank(*s.end))
		s.end++;
	if (s.p == s.end && x->grammar == GRAMMAR_EXTENDED)
		return diag_error(x->d, 0, column_of(x, s.p), "%s: the field is missing", s.field->bad);
	first = peek(&s);
	if (field_list(&s) < 0)
		return field_bad(x, &s);
	if (s.junk)
		field_junk(x, &s);
	if (first == '*' || (first == '?' && x->grammar == GRAMMAR_EXTENDED))
		x->out->flags |= s.field->star;
	field_store(x->out, id, s.bits);
	x->has_extra |= s.has_extra;
	x->p = s.end;
	skip_blanks(x);
	return 0;
}

/* --- macros */

static const struct macro {
	const char *name;
	struct schedule schedule;
} macros[] = {
#define ALL_DOM 0xfffffffe
#define ALL_MONTH 0x1ffe
#define ALL_DOW 0x7f
	{ "@reboot", { .flags = SCHEDULE_REBOOT } },
	{ "@yearly", { 1, 1, 1, 2, 2, ALL_DOW, SCHEDULE_DOW_STAR, 0, NULL } },
	{ "@annually", { 1, 1, 1, 2, 2, ALL_DOW, SCHEDULE_DOW_STAR, 0, NULL } },
	{ "@monthly", { 1, 1, 1, 2, ALL_MONTH, ALL_DOW, SCHEDULE_DOW_STAR, 0, NULL } },
	{ "@weekly", { 1, 1, 1, ALL_DOM, ALL_MONTH, 1, SCHEDULE_DOM_STAR, 0, NULL } },
	{ "@daily", { 1, 1, 1, ALL_DOM, ALL_MONTH, ALL_DOW, 0, 0, NULL } },
	{ "@midnight", { 1, 1, 1, ALL_DOM, ALL_MONTH, ALL_DOW, 0, 0, NULL } },
	{ "@hourly", { 1, 1, 0xffffff, ALL_DOM, ALL_MONTH, ALL_DOW, SCHEDULE_HOUR_STAR, 0, NULL } },
};

static int macro_every(struct parse *x)
{
	const char *start = x->p;
	uint64_t ms;

	while (x->p < x->end && !is_blank(*x->p))
		x->p++;
	if (text_duration((struct slice){ start, (size_t)(x->p - start) }, &ms) < 0)
		return diag_error(x->d, 0, column_of(x, start),
			"bad time specifier: @every takes a duration (90s, 5m, 1h30m)");
	if (ms < 1000 || ms % 1000 || ms / 1000 > UINT32_MAX)
		return diag_error(x->d, 0, column_of(x, start),
			"bad time specifier: @every takes whole seconds, at least 1");
	*x->out = (struct schedule){ .flags = SCHEDULE_EVERY, .every = (uint32_t)(ms / 1000) };
	skip_blanks(x);
	return 0;
}

/* every: @every has a meaning here. */
static int macro(struct parse *x, bool every)
{
	struct slice word = { x->p, 0 };

	while (word.s + word.n < x->end && !is_blank(word.s[word.n]))
		word.n++;
	x->p += word.n;
	skip_blanks(x);
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (slice_is(word, macros[i].name)) {
			*x->out = macros[i].schedule;
			return 0;
		}
	}
	if (every && slice_is(word, "@every"))
		return macro_every(x);
	if (x->grammar != GRAMMAR_EXTENDED)
		return diag_error(x->d, 0, column_of(x, word.s), "bad time specifier");
	return diag_error(x->d, 0, column_of(x, word.s), "bad time specifier: \"%.*s\" is not known",
		word.n > 40 ? 40 : (int)word.n, word.s);
}

/* --- whole expressions */

static void parse_begin(struct parse *x, struct schedule *out, struct slice text,
	enum grammar grammar, uint64_t seed, struct diag *d)
{
	*out = (struct schedule){ .second = 1 };
	if (!text.s)
		text = slice_of("");
	*x = (struct parse){ .start = text.s, .p = text.s, .end = text.s + text.n,
		.grammar = grammar, .seed = seed, .out = out, .d = d };
	if (d) {
		d->level = DIAG_ERROR;
		d->line = d->column = 0;
		d->text[0] = '\0';
	}
	skip_blanks(x);
}

/* What is beyond bitmaps goes to the arena. */
static int parse_extra(struct parse *x, struct arena *arena)
{
	struct schedule_extra *extra;

	if (!x->has_extra)
		return 0;
	extra = arena_alloc(arena, sizeof(*extra));
	if (!extra)
		return diag_error(x->d, 0, 0, "out of memory");
	*extra = x->extra;
	x->out->extra = extra;
	return 0;
}

static int count_fields(const struct parse *x)
{
	int n = 0;

	for (const char *p = x->p; p < x->end; p++)
		n += !is_blank(*p) && (p == x->p || is_blank(p[-1]));
	return n;
}

static int parse_fields(struct parse *x, enum field_id first, enum field_id last)
{
	for (enum field_id id = first; id <= last; id++) {
		if (field(x, id) < 0)
			return -1;
	}
	return 0;
}

int schedule_parse(struct schedule *out, struct slice text, enum grammar grammar, uint64_t seed,
	struct arena *arena, struct diag *d)
{
	bool more = grammar == GRAMMAR_EXTENDED;
	struct parse x;
	int n;

	parse_begin(&x, out, text, grammar, seed, d);
	n = more ? count_fields(&x) : 5;
	if (x.p < x.end && *x.p == '@') {
		if (macro(&x, more) < 0)
			return -1;
	} else if (parse_fields(&x, more && n >= 6 ? FIELD_SECOND : FIELD_MINUTE,
			   more && n >= 7 ? FIELD_YEAR : FIELD_DOW) < 0) {
		return -1;
	}
	if (x.p < x.end)
		return diag_error(d, 0, column_of(&x, x.p), more ? "too many fields: 5 to 7 are known" :
			"too many fields: 5 are known");
	return parse_extra(&x, arena);
}

int schedule_parse_line(struct schedule *out, struct slice line, enum grammar grammar, bool seconds,
	uint64_t seed, struct arena *arena, size_t *used, struct diag *d)
{
	const char *newline = line.n ? memchr(line.s, '\n', line.n) : NULL;
	struct parse x;

	if (newline)
		line.n = (size_t)(newline - line.s);
	parse_begin(&x, out, line, grammar, seed, d);
	if (x.p < x.end && *x.p == '@') {
		if (macro(&x, seconds || grammar == GRAMMAR_EXTENDED) < 0)
			return -1;
	} else if (parse_fields(&x, seconds ? FIELD_SECOND : FIELD_MINUTE, FIELD_DOW) < 0) {
		return -1;
	}
	*used = (size_t)(x.p - x.start);
	return parse_extra(&x, arena);
}

int schedule_set_second(struct schedule *s, struct slice text, enum grammar grammar, uint64_t seed,
	struct diag *d)
{
	struct schedule scratch;
	struct parse x;

	if (s->flags & (SCHEDULE_REBOOT | SCHEDULE_EVERY | SCHEDULE_SECONDS))
		return diag_error(d, 0, 0, "bad second: this schedule takes no seconds field");
	parse_begin(&x, &scratch, text, grammar, seed, d);
	if (field(&x, FIELD_SECOND) < 0)
		return -1;
	if (x.p < x.end)
		return diag_error(d, 0, column_of(&x, x.p), "bad second: one field is taken");
	s->second = scratch.second;
	s->flags |= SCHEDULE_SECONDS;
	return 0;
}
