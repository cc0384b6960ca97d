/* schedule_parse: time fields in, bitmaps out.
 * Flow: crontab lines, option values and task files bring the text; schedule_next
 * reads the bits. */
#include "crond/core/schedule.h"

#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/schedule_extra.h"
#include "crond/core/schedule_field.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
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

static int field_bad(const struct parse *x, const struct field *s)
{
	const char *end = s->element;

	if (x->grammar != GRAMMAR_EXTENDED)
		return diag_error(x->d, 0, column_of(x, s->element), "%s", s->kind->bad);
	while (end < s->end && *end != ',')
		end++;
	if (end - s->element > 40)
		end = s->element + 40;
	return diag_error(x->d, 0, column_of(x, s->element), "%s: \"%.*s\": %s", s->kind->bad,
		(int)(end - s->element), s->element, s->why ? s->why : "not understood");
}

static void field_junk(const struct parse *x, const struct field *s)
{
	int n = s->end - s->junk > 40 ? 40 : (int)(s->end - s->junk);

	if (x->d && !x->d->text[0])
		diag_warning(x->d, 0, column_of(x, s->junk),
			"%s: \"%.*s\" is left over, and Debian's cron ignores it", s->kind->bad, n, s->junk);
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
	case FIELDS:
		break;
	}
}

static void skip_blanks(struct parse *x)
{
	while (x->p < x->end && is_blank(*x->p))
		x->p++;
}

/* The next field, and the blanks behind it. */
static int take_field(struct parse *x, enum field_id id)
{
	struct field s = { .p = x->p, .end = x->p, .element = x->p, .kind = &field_kinds[id],
		.grammar = x->grammar, .seed = x->seed, .extra = &x->extra };
	char first;

	while (s.end < x->end && !is_blank(*s.end))
		s.end++;
	if (s.p == s.end && x->grammar == GRAMMAR_EXTENDED)
		return diag_error(x->d, 0, column_of(x, s.p), "%s: the field is missing", s.kind->bad);
	first = s.p < s.end ? *s.p : '\0';
	if (field_parse(&s) < 0)
		return field_bad(x, &s);
	if (s.junk)
		field_junk(x, &s);
	if (first == '*' || (first == '?' && x->grammar == GRAMMAR_EXTENDED))
		x->out->flags |= s.kind->star;
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
		if (take_field(x, id) < 0)
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
	if (take_field(&x, FIELD_SECOND) < 0)
		return -1;
	if (x.p < x.end)
		return diag_error(d, 0, column_of(&x, x.p), "bad second: one field is taken");
	s->second = scratch.second;
	s->flags |= SCHEDULE_SECONDS;
	return 0;
}
