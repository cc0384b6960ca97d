/* made: random expressions, and the dice that make them.
 * Flow: tests that compare with an oracle ask for what they compare. */
#include "tests/unit/made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t dice_roll(struct dice *d, uint32_t below)
{
	uint64_t h = d->at += 0x9e3779b97f4a7c15;

	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((h ^ h >> 31) >> 8) % below;
}

int64_t dice_between(struct dice *d, int64_t low, int64_t high)
{
	uint64_t n = (uint64_t)dice_roll(d, 1U << 23) << 23 | dice_roll(d, 1U << 23);

	return low + (int64_t)(n % (uint64_t)(high - low + 1));
}

bool dice_chance(struct dice *d, uint32_t percent)
{
	return dice_roll(d, 100) < percent;
}

/* --- fields */

static const struct span {
	char letter;
	int low, high;
} spans[] = { { 'S', 0, 59 }, { 'M', 0, 59 }, { 'H', 0, 23 }, { 'D', 1, 31 }, { 'O', 1, 12 }, { 'W', 0, 7 },
	{ 'Y', 2024, 2060 } };

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
	"nov", "dec" };
static const char *const days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
static const char *const whole[] = { "Sunday", "monday", "TUESDAY", "wednesday", "thursday", "friday",
	"saturday" };

struct writer {
	struct dice *d;
	enum grammar grammar;
	char *text;
	size_t n;
};

static void put(struct writer *w, const char *s)
{
	size_t n = strlen(s);

	if (w->n + n >= MADE_ROOM)
		abort();
	memcpy(w->text + w->n, s, n + 1);
	w->n += n;
}

static void put_number(struct writer *w, int v)
{
	char s[16];

	snprintf(s, sizeof(s), "%d", v);
	put(w, s);
}

static void put_value(struct writer *w, const struct span *f, int v)
{
	bool named = dice_chance(w->d, 30);

	if (named && f->letter == 'O')
		put(w, months[v - 1]);
	else if (named && f->letter == 'W')
		put(w, w->grammar == GRAMMAR_EXTENDED && dice_chance(w->d, 20) ? whole[v % 7] : days[v % 7]);
	else
		put_number(w, v);
}

static int rolled(struct writer *w, const struct span *f)
{
	return (int)dice_between(w->d, f->low, f->high);
}

static void put_step(struct writer *w, uint32_t percent)
{
	static const int steps[] = { 1, 2, 3, 4, 5, 7, 10, 12, 15, 20, 30, 45, 90 };

	if (!dice_chance(w->d, percent))
		return;
	put(w, "/");
	put_number(w, steps[dice_roll(w->d, sizeof(steps) / sizeof(steps[0]))]);
}

/* In ours ranges may go over the top; in the others they are never met then. */
static void put_range(struct writer *w, const struct span *f)
{
	int a = rolled(w, f), b = rolled(w, f);

	if (a > b && (f->letter == 'Y' || dice_chance(w->d, 70))) {
		int c = a;

		a = b;
		b = c;
	}
	put_value(w, f, a);
	put(w, "-");
	put_value(w, f, b);
	put_step(w, 40);
}

static void put_special(struct writer *w, const struct span *f)
{
	if (f->letter == 'W') {
		put_value(w, f, rolled(w, f));
		if (dice_chance(w->d, 50)) {
			put(w, dice_chance(w->d, 80) ? "L" : "l");
		} else {
			put(w, "#");
			put_number(w, 1 + (int)dice_roll(w->d, 5));
		}
		return;
	}
	if (dice_chance(w->d, 40)) {
		put_number(w, rolled(w, f));
		put(w, dice_chance(w->d, 80) ? "W" : "w");
		return;
	}
	put(w, dice_chance(w->d, 80) ? "L" : "l");
	if (dice_chance(w->d, 50)) {
		put(w, "-");
		put_number(w, (int)dice_roll(w->d, 31));
	}
	if (dice_chance(w->d, 40))
		put(w, "W");
}

static void put_element(struct writer *w, const struct span *f)
{
	bool extended = w->grammar == GRAMMAR_EXTENDED;
	uint32_t kind = dice_roll(w->d, 100);

	if (kind < 12) {
		put(w, "*");
		put_step(w, 90);
	} else if (kind < 45) {
		put_range(w, f);
	} else if (kind < 60 && extended && (f->letter == 'W' || f->letter == 'D')) {
		put_special(w, f);
	} else {
		put_value(w, f, rolled(w, f));
		put_step(w, extended ? 15 : 0);
	}
}

static void put_field(struct writer *w, const struct span *f, uint32_t star)
{
	static const uint32_t more[] = { 1, 1, 1, 1, 2, 2, 3, 5 };
	uint32_t n = more[dice_roll(w->d, sizeof(more) / sizeof(more[0]))];

	if (w->n)
		put(w, dice_chance(w->d, 90) ? " " : " \t ");
	if (dice_chance(w->d, star)) {
		bool asks = w->grammar == GRAMMAR_EXTENDED && (f->letter == 'W' || f->letter == 'D');

		put(w, asks && dice_chance(w->d, 20) ? "?" : "*");
		put_step(w, 15);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			put(w, ",");
		put_element(w, f);
	}
}

static bool put_macro(struct writer *w)
{
	static const char *const macros[] = { "@yearly", "@annually", "@monthly", "@weekly", "@daily",
		"@midnight", "@hourly", "@reboot", "@every" };
	const char *m = macros[dice_roll(w->d, w->grammar == GRAMMAR_EXTENDED ? 9 : 8)];
	static const char *const units[] = { "", "s", "m", "h" };

	put(w, m);
	if (strcmp(m, "@every") != 0)
		return true;
	put(w, " ");
	put_number(w, 1 + (int)dice_roll(w->d, 300));
	put(w, units[dice_roll(w->d, 4)]);
	return true;
}

void made_expression(struct dice *d, enum grammar grammar, enum made_kind kind, char text[MADE_ROOM])
{
	/* how often each field is a star, in a hundred */
	static const uint32_t stars[][7] = {
		[MADE_OFTEN] = { 20, 35, 60, 80, 95, 80, 100 },
		[MADE_SELDOM] = { 0, 0, 8, 45, 70, 60, 90 },
		[MADE_ANY] = { 15, 25, 30, 40, 50, 50, 60 },
	};
	bool extended = grammar == GRAMMAR_EXTENDED;
	bool seconds = extended && dice_chance(d, kind == MADE_SELDOM ? 10 : 30);
	bool years = seconds && dice_chance(d, kind == MADE_ANY ? 30 : 0);
	struct writer w = { .d = d, .grammar = grammar, .text = text };

	text[0] = '\0';
	if (kind == MADE_ANY && dice_chance(d, 5) && put_macro(&w))
		return;
	for (int i = seconds ? 0 : 1; i <= (years ? 6 : 5); i++)
		put_field(&w, &spans[i], stars[kind][i]);
}

void made_spoiled(struct dice *d, char text[MADE_ROOM])
{
	static const char bytes[] = "0123456789,,--**//LW#?~@ \t+.ajnx\\\"";
	size_t n = strlen(text);

	for (uint32_t i = 1 + dice_roll(d, 3); i > 0 && n > 0; i--) {
		size_t where = dice_roll(d, (uint32_t)n);

		if (dice_chance(d, 30) && n > 1) {
			memmove(text + where, text + where + 1, n - where);
			n--;
		} else if (dice_chance(d, 40) && n + 2 < MADE_ROOM) {
			memmove(text + where + 1, text + where, n - where + 1);
			text[where] = bytes[dice_roll(d, sizeof(bytes) - 1)];
			n++;
		} else {
			text[where] = bytes[dice_roll(d, sizeof(bytes) - 1)];
		}
	}
}
