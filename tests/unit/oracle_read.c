/* oracle_read: an expression's text as sets, for tests and fuzzers to compare with.
 * Flow: oracle.c looks at the sets. Written apart from schedule_parse, from what crontab(5) and
 * crond.conf(5) say of the three grammars. */
#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "tests/unit/oracle.h"

enum { DIGITS_MOST = 9 };

static const char *const months[] = { "january", "february", "march", "april", "may", "june", "july",
	"august", "september", "october", "november", "december", NULL };
static const char *const days[] = { "sunday", "monday", "tuesday", "wednesday", "thursday", "friday",
	"saturday", NULL };

/* One field's text, and where its values go. */
struct text {
	const char *p, *end;
	enum grammar grammar;
	char kind; /* Second, Minute, Hour, Day, mOnth, Weekday, Year */
	int low, high;
	const char *const *names;
	struct oracle_when *w;
	bool unsure;
};

static bool ours(const struct text *x)
{
	return x->grammar == GRAMMAR_EXTENDED;
}

static bool at(const struct text *x, char c)
{
	return x->p < x->end && *x->p == c;
}

static bool at_letter(const struct text *x, char c)
{
	return x->p < x->end && toupper((unsigned char)*x->p) == c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void put(struct text *x, int v)
{
	switch (x->kind) {
	case 'S':
		x->w->second[v] = true;
		break;
	case 'M':
		x->w->minute[v] = true;
		break;
	case 'H':
		x->w->hour[v] = true;
		break;
	case 'D':
		x->w->dom[v] = true;
		break;
	case 'O':
		x->w->month[v] = true;
		break;
	case 'W':
		x->w->dow[v % 7] = true;
		break;
	default:
		x->w->year[v - ORACLE_YEAR_FIRST] = true;
		break;
	}
}

static bool within(const struct text *x, int v)
{
	return v >= x->low && v <= x->high;
}

/* --- numbers and names */

static bool digits(struct text *x, size_t n, int *v)
{
	*v = 0;
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(x->p[i]))
			return false;
		if (i < DIGITS_MOST)
			*v = *v * 10 + (x->p[i] - '0');
	}
	x->unsure |= n > DIGITS_MOST;
	x->p += n;
	return true;
}

static bool name(struct text *x, size_t n, int *v)
{
	for (int i = 0; x->names && x->names[i]; i++) {
		bool whole = ours(x) && n == strlen(x->names[i]);

		if ((n == 3 || whole) && strncasecmp(x->p, x->names[i], n) == 0) {
			*v = x->low + i;
			x->p += n;
			return true;
		}
	}
	return false;
}

static size_t length(const struct text *x, bool (*is)(char))
{
	size_t n = 0;

	while (x->p + n < x->end && is(x->p[n]))
		n++;
	return n;
}

/* A number or a name. In ours letters may follow a number at once (5L, 15W), and L a weekday. */
static bool value(struct text *x, int *v)
{
	size_t n = length(x, is_word);
	bool number = n && is_digit(*x->p);

	if (ours(x) && number)
		n = length(x, is_digit);
	else if (ours(x) && x->kind == 'W' && n > 1 && toupper((unsigned char)x->p[n - 1]) == 'L')
		n--;
	if (!(number ? digits(x, n, v) : name(x, n, v)))
		return false;
	return !ours(x) || x->unsure || within(x, *v);
}

/* "/N", or nothing, which is 1. */
static bool step(struct text *x, int *v)
{
	*v = 1;
	if (!at(x, '/'))
		return true;
	x->p++;
	return digits(x, length(x, is_word), v) && *v > 0;
}

/* --- elements of a list */

/* Each of them has to be one that the field knows. */
static bool range(struct text *x, int from, int to, int by)
{
	for (int64_t v = from; v <= to; v += by) {
		if (!within(x, (int)v))
			return false;
		put(x, (int)v);
	}
	return true;
}

static bool star(struct text *x)
{
	int by;

	x->p++;
	if (!step(x, &by))
		return false;
	return range(x, x->low, x->kind == 'W' && ours(x) ? 6 : x->high, by);
}

/* Ours go over the top: 22-2. */
static bool wrap(struct text *x, int from, int to, int by)
{
	int count = x->kind == 'W' ? 7 : x->high - x->low + 1;

	if (from <= to)
		return range(x, from, to, by);
	if (x->kind == 'Y')
		return false;
	for (int64_t v = from; v <= to + count; v += by)
		put(x, v >= x->low + count ? (int)v - count : (int)v);
	return true;
}

static bool from_to(struct text *x, int from)
{
	int to, by;
	bool stepped;

	x->p++;
	if (!value(x, &to))
		return false;
	stepped = at(x, '/');
	if (!step(x, &by))
		return false;
	if (ours(x))
		return wrap(x, from, to, by);
	if (x->grammar == GRAMMAR_DEBIAN)
		return within(x, from) && within(x, to) && range(x, from, to, by);
	if (x->kind == 'W' && to == 0 && from > to && !stepped)
		to = 7; /* cronie's fri-sun */
	return range(x, from, to, by);
}

/* N/step: from N on. */
static bool from_on(struct text *x, int from)
{
	int by;

	if (!ours(x) || !step(x, &by))
		return false;
	return x->kind == 'W' ? range(x, from % 7, 6, by) : range(x, from, x->high, by);
}

/* L, L-3, LW, L-3W */
static bool last(struct text *x)
{
	int before = 0;

	x->p++;
	if (at(x, '-')) {
		x->p++;
		if (!digits(x, length(x, is_digit), &before) || before > 30)
			return false;
	}
	if (at_letter(x, 'W')) {
		x->p++;
		x->w->last_near[before] = true;
	} else {
		x->w->last[before] = true;
	}
	return true;
}

/* 15W, 5L, 5#3: *is says whether it is one. */
static bool special(struct text *x, int v, bool *is)
{
	*is = true;
	if (x->kind == 'D' && at_letter(x, 'W')) {
		x->w->dom_near[v] = true;
	} else if (x->kind == 'W' && at_letter(x, 'L')) {
		x->w->dow_last[v % 7] = true;
	} else if (x->kind == 'W' && at(x, '#')) {
		x->p++;
		if (x->p == x->end || *x->p < '1' || *x->p > '5')
			return false;
		x->w->dow_nth[*x->p - '1'][v % 7] = true;
	} else {
		*is = false;
		return true;
	}
	x->p++;
	return true;
}

static bool element(struct text *x)
{
	bool is = false;
	int v;

	if (at(x, '*') || (ours(x) && at(x, '?') && (x->kind == 'D' || x->kind == 'W')))
		return star(x);
	if (ours(x) && x->kind == 'D' && at_letter(x, 'L'))
		return last(x);
	if (!value(x, &v))
		return false;
	if (x->unsure)
		return true;
	if (ours(x) && !special(x, v, &is))
		return false;
	if (is)
		return true;
	if (at(x, '-'))
		return from_to(x, v);
	if (at(x, '/'))
		return from_on(x, v);
	return range(x, v, v, 1);
}

/* A list. What is left over behind an element is refused; Debian's daemon does not see it, nor
 * what follows. */
static bool field(struct text *x)
{
	for (;;) {
		if (!element(x))
			return false;
		if (x->p == x->end)
			return true;
		if (!at(x, ','))
			return x->grammar == GRAMMAR_DEBIAN;
		x->p++;
	}
}

/* --- whole expressions */

static const struct kind {
	char letter;
	int low, high;
	const char *const *names;
} kinds[] = {
	{ 'S', 0, 59, NULL }, { 'M', 0, 59, NULL }, { 'H', 0, 23, NULL }, { 'D', 1, 31, NULL },
	{ 'O', 1, 12, months }, { 'W', 0, 7, days }, { 'Y', 1970, 2299, NULL },
};

static enum oracle_verdict take(struct oracle_when *w, const char *s, size_t n, enum grammar grammar, int kind)
{
	const struct kind *k = &kinds[kind];
	struct text x = { .p = s, .end = s + n, .grammar = grammar, .kind = k->letter, .low = k->low,
		.high = k->high, .names = k->names, .w = w };
	bool stars = n && (*s == '*' || (*s == '?' && ours(&x)));
	bool taken = n && field(&x);

	if (x.unsure)
		return ORACLE_UNSURE;
	w->wildcard |= stars && (k->letter == 'M' || k->letter == 'H');
	w->both |= stars && (k->letter == 'D' || k->letter == 'W');
	return taken ? ORACLE_TAKEN : ORACLE_REFUSED;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

enum { WORDS_MOST = 8 };

struct word {
	const char *s;
	size_t n;
};

/* How many words there are, more than WORDS_MOST apart. */
static int words_of(struct word words[WORDS_MOST], const char *s, const char *end)
{
	int count = 0;

	while (count < WORDS_MOST) {
		while (s < end && blank(*s))
			s++;
		if (s == end)
			break;
		words[count].s = s;
		while (s < end && !blank(*s))
			s++;
		words[count].n = (size_t)(s - words[count].s);
		count++;
	}
	return count;
}

/* Most of the time a duration has one unit. */
static enum oracle_verdict every(struct oracle_when *w, const struct word *word)
{
	struct text x = { .p = word->s, .end = word->s + word->n };
	static const struct {
		char letter;
		int seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	int v, seconds = 1;

	if (word->n > 7 || !digits(&x, length(&x, is_digit), &v))
		return ORACLE_UNSURE;
	for (size_t i = 0; x.end - x.p == 1 && i < sizeof(units) / sizeof(units[0]); i++) {
		if (*x.p == units[i].letter) {
			seconds = units[i].seconds;
			x.p++;
			break;
		}
	}
	if (x.p != x.end || (int64_t)v * seconds > UINT32_MAX)
		return ORACLE_UNSURE;
	w->every = (uint32_t)v * (uint32_t)seconds;
	return v > 0 ? ORACLE_TAKEN : ORACLE_REFUSED;
}

static bool is(const struct word *word, const char *what)
{
	return word->n == strlen(what) && memcmp(word->s, what, word->n) == 0;
}

static enum oracle_verdict macro(struct oracle_when *w, const struct word *words, int n, enum grammar grammar)
{
	static const struct {
		const char *name, *text;
		bool both, wildcard;
	} macros[] = {
		{ "@yearly", "0 0 1 1 0-6", true, false },
		{ "@annually", "0 0 1 1 0-6", true, false },
		{ "@monthly", "0 0 1 1-12 0-6", true, false },
		{ "@weekly", "0 0 1-31 1-12 0", true, false },
		{ "@daily", "0 0 1-31 1-12 0-6", false, false },
		{ "@midnight", "0 0 1-31 1-12 0-6", false, false },
		{ "@hourly", "0 0-23 1-31 1-12 0-6", false, true },
	};

	if (is(words, "@every") && grammar == GRAMMAR_EXTENDED)
		return n == 2 ? every(w, words + 1) : n == 1 ? ORACLE_REFUSED : ORACLE_UNSURE;
	w->reboot = is(words, "@reboot");
	if (n != 1 || w->reboot)
		return n == 1 ? ORACLE_TAKEN : ORACLE_REFUSED;
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (!is(words, macros[i].name))
			continue;
		oracle_read(w, macros[i].text, strlen(macros[i].text), GRAMMAR_DEBIAN);
		w->both = macros[i].both;
		w->wildcard = macros[i].wildcard;
		return ORACLE_TAKEN;
	}
	return ORACLE_REFUSED;
}

enum oracle_verdict oracle_read(struct oracle_when *w, const char *text, size_t n, enum grammar grammar)
{
	enum oracle_verdict all = ORACLE_TAKEN;
	struct word words[WORDS_MOST];
	bool more = grammar == GRAMMAR_EXTENDED;
	int count = n ? words_of(words, text, text + n) : 0;
	int kind = more && count >= 6 ? 0 : 1;

	memset(w, 0, sizeof(*w));
	w->any_year = true;
	if (n && memchr(text, '~', n))
		return ORACLE_UNSURE;
	if (count && *words[0].s == '@')
		return macro(w, words, count, grammar);
	if (count < 5 || count > (more ? 7 : 5))
		return ORACLE_REFUSED;
	w->second[0] = kind == 1;
	for (int i = 0; i < count && all == ORACLE_TAKEN; i++)
		all = take(w, words[i].s, words[i].n, grammar, kind + i);
	w->any_year = count < 7;
	return all;
}
