/* options_kind: the kinds of values that options have: how each is taken and printed.
 * Flow: options.c asks by the row of the vocabulary. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/options_kind.h"
#include "crond/core/options_value.h"
#include "crond/core/outcome.h"


static int bad(const struct option *option, struct slice value, const char *expected, struct diag *d)
{
	return option_bad(option->def.name, value, expected, d);
}

bool option_split(struct slice s, char at, struct slice *before, struct slice *behind)
{
	const char *p = s.n ? memchr(s.s, at, s.n) : NULL;

	if (!p)
		return false;
	*before = (struct slice){ s.s, (size_t)(p - s.s) };
	*behind = (struct slice){ p + 1, s.n - before->n - 1 };
	return true;
}

/* --- texts and lists */

enum { PRINTED_MOST = 1 << 20 }; /* more than a value may have, escapes counted */

TAKE(take_text)
{
	(void)field;
	return option->judge(&option->def, value, d);
}

PRINT(print_text)
{
	const char *text = *(const char *const *)field;

	(void)option;
	text_quoted(out, slice_of(text), PRINTED_MOST);
}

PRINT(print_list)
{
	const char *const *list = *(const char *const *const *)field;

	(void)option;
	buf_puts(out, "{ ");
	for (const char *const *p = list; *p; p++) {
		buf_puts(out, p == list ? "" : ", ");
		text_quoted(out, slice_of(*p), PRINTED_MOST);
	}
	buf_puts(out, " }");
}

const struct option_kind option_text = { FORM_TEXT, sizeof(const char *), take_text, print_text };
const struct option_kind option_list = { FORM_LIST, sizeof(const char *const *), take_text, print_list };

/* --- switches and words */

TAKE(take_flag)
{
	if (text_bool(value, field) == 0)
		return 0;
	return bad(option, value, "yes or no is needed", d);
}

PRINT(print_flag)
{
	(void)option;
	buf_puts(out, *(const bool *)field ? "yes" : "no");
}

TAKE(take_word)
{
	char expected[96] = "";
	size_t n = 0;

	for (unsigned i = 0; option->words[i]; i++) {
		const char *join = i == 0 ? "" : option->words[i + 1] ? ", " : " or ";

		if (slice_is(value, option->words[i])) {
			*(unsigned *)field = i;
			return 0;
		}
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s%s", join, option->words[i]);
	}
	snprintf(expected + n, sizeof(expected) - n, " is needed");
	return bad(option, value, expected, d);
}

PRINT(print_word)
{
	buf_puts(out, option->words[*(const unsigned *)field]);
}

const struct option_kind option_flag = { FORM_VALUE, sizeof(bool), take_flag, print_flag };
const struct option_kind option_word = { FORM_VALUE, sizeof(unsigned), take_word, print_word };

/* --- numbers, durations, sizes */

static int number(const struct option *option, struct slice value, uint64_t *v, struct diag *d)
{
	char expected[80];

	if (text_number(value, option->most, v) == 0 && *v >= option->least)
		return 0;
	snprintf(expected, sizeof(expected), "a number from %" PRIu64 " to %" PRIu64 " is needed",
		option->least, option->most);
	return bad(option, value, expected, d);
}

TAKE(take_number)
{
	uint64_t v;

	if (number(option, value, &v, d))
		return -1;
	*(uint32_t *)field = (uint32_t)v;
	return 0;
}

PRINT(print_number)
{
	(void)option;
	buf_printf(out, "%" PRIu32, *(const uint32_t *)field);
}

TAKE(take_count)
{
	uint64_t v;

	if (number(option, value, &v, d))
		return -1;
	*(uint64_t *)field = v;
	return 0;
}

PRINT(print_count)
{
	(void)option;
	buf_printf(out, "%" PRIu64, *(const uint64_t *)field);
}

TAKE(take_duration)
{
	uint64_t ms;

	if (text_duration(value, &ms))
		return bad(option, value, "a duration such as 90s, 15m or 1h30m is needed", d);
	if (ms < option->least)
		return bad(option, value, option->least == 1 ? "it must be above 0"
			: option->least < 1000 ? "it must not be below 10ms" : "it must not be below 1s", d);
	*(uint64_t *)field = ms;
	return 0;
}

void option_put_duration(struct buf *out, uint64_t ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

	if (ms == 0)
		buf_puts(out, "0s");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms >= units[i].ms)
			buf_printf(out, "%" PRIu64 "%s", ms / units[i].ms, units[i].name);
		ms %= units[i].ms;
	}
}

PRINT(print_duration)
{
	(void)option;
	option_put_duration(out, *(const uint64_t *)field);
}

TAKE(take_size)
{
	uint64_t v;

	if (text_size(value, &v))
		return bad(option, value, "a size such as 512K, 10M or 1G is needed", d);
	if (v < option->least)
		return bad(option, value, option->least == 1 ? "it must be above 0"
			: "it must not be below 1K", d);
	*(uint64_t *)field = v;
	return 0;
}

void option_put_size(struct buf *out, uint64_t v)
{
	static const char units[] = "GMK";

	for (unsigned i = 0; i < 3; i++) {
		uint64_t unit = UINT64_C(1) << (30 - 10 * i);

		if (v && v % unit == 0) {
			buf_printf(out, "%" PRIu64 "%c", v / unit, units[i]);
			return;
		}
	}
	buf_printf(out, "%" PRIu64, v);
}

PRINT(print_size)
{
	(void)option;
	option_put_size(out, *(const uint64_t *)field);
}

const struct option_kind option_number = { FORM_VALUE, sizeof(uint32_t), take_number, print_number };
const struct option_kind option_count = { FORM_VALUE, sizeof(uint64_t), take_count, print_count };
const struct option_kind option_duration = { FORM_VALUE, sizeof(uint64_t), take_duration,
	print_duration };
const struct option_kind option_size = { FORM_VALUE, sizeof(uint64_t), take_size, print_size };

/* --- signals, exit codes, outcomes */

TAKE(take_signal)
{
	int v = text_signal_find(value);

	/* what nothing can be asked to end with: it would be killed, or not notice */
	if (v <= 0 || v == SIGSTOP || v == SIGCHLD || v == SIGCONT)
		return bad(option, value, "the name of a signal such as TERM, INT or USR1 is needed", d);
	*(int32_t *)field = v;
	return 0;
}

PRINT(print_signal)
{
	(void)option;
	buf_puts(out, text_signal(*(const int32_t *)field));
}

TAKE(take_exits)
{
	uint8_t *bits = field;
	struct slice first = value, last = value;
	uint64_t from, to;

	option_split(value, '-', &first, &last);
	if (text_number(first, 255, &from) || text_number(last, 255, &to) || from > to)
		return bad(option, value, "exit codes from 0 to 255, or a range such as 1-3, are needed", d);
	for (; from <= to; from++)
		bits[from / 8] |= (uint8_t)(1u << from % 8);
	return 0;
}

PRINT(print_exits)
{
	const uint8_t *bits = field;
	const char *join = "{ ";

	(void)option;
	for (unsigned i = 0; i < 256; i++) {
		unsigned last = i;

		if (!(bits[i / 8] >> i % 8 & 1))
			continue;
		while (last < 255 && bits[(last + 1) / 8] >> (last + 1) % 8 & 1)
			last++;
		buf_printf(out, last > i ? "%s%u-%u" : "%s%u", join, i, last);
		join = ", ";
		i = last;
	}
	buf_puts(out, " }");
}

/* The words of the table of outcomes: several that fail are one word. */
static const struct {
	const char *word;
	uint32_t results;
} alert_words[] = {
	{ "success", 1u << RESULT_OK },
	{ "failure", 1u << RESULT_EXIT | 1u << RESULT_SIGNAL | 1u << RESULT_OOM | 1u << RESULT_SPAWN },
	{ "timeout", 1u << RESULT_TIMEOUT },
	{ "watchdog", 1u << RESULT_WATCHDOG },
	{ "killed", 1u << RESULT_KILLED },
	{ "skipped", 1u << RESULT_SKIPPED },
	{ "missed", 1u << RESULT_MISSED },
	{ "lost", 1u << RESULT_LOST },
};

enum { ALERT_WORDS = sizeof(alert_words) / sizeof(alert_words[0]) };

TAKE(take_results)
{
	for (size_t i = 0; i < ALERT_WORDS; i++) {
		if (slice_is(value, alert_words[i].word)) {
			*(uint32_t *)field |= alert_words[i].results;
			return 0;
		}
	}
	return bad(option, value, "success, failure, timeout, watchdog, killed, skipped, missed or lost "
		"is needed", d);
}

PRINT(print_results)
{
	uint32_t v = *(const uint32_t *)field;
	const char *join = "{ ";

	(void)option;
	for (size_t i = 0; i < ALERT_WORDS; i++) {
		if (!(v & alert_words[i].results))
			continue;
		buf_printf(out, "%s%s", join, alert_words[i].word);
		join = ", ";
	}
	buf_puts(out, " }");
}

const struct option_kind option_signal = { FORM_VALUE, sizeof(int32_t), take_signal, print_signal };
const struct option_kind option_exits = { FORM_SET, 32, take_exits, print_exits };
const struct option_kind option_results = { FORM_SET, sizeof(uint32_t), take_results, print_results };

/* --- a duration with a count behind it in memory */

enum { SPAN_SIZE = sizeof(uint64_t) + sizeof(uint32_t), SPAN_COUNT_MOST = 1000000 };

static uint32_t *span_count(void *field)
{
	return (uint32_t *)(void *)((char *)field + sizeof(uint64_t));
}

static uint32_t span_counted(const void *field)
{
	return *(const uint32_t *)(const void *)((const char *)field + sizeof(uint64_t));
}

/* A bare number counts, a duration has a unit; each once. */
TAKE(take_retention)
{
	uint64_t *ms = field, v;
	uint32_t *count = span_count(field);

	if (text_number(value, SPAN_COUNT_MOST, &v) == 0 && v > 0) {
		if (*count)
			return bad(option, value, "a count is given already", d);
		*count = (uint32_t)v;
		return 0;
	}
	if (text_number(value, UINT64_MAX, &v) == 0 || text_duration(value, &v) || v == 0)
		return bad(option, value, "a time such as 30d, a count, or both are needed", d);
	if (*ms)
		return bad(option, value, "a time is given already", d);
	*ms = v;
	return 0;
}

PRINT(print_retention)
{
	uint64_t ms = *(const uint64_t *)field;
	uint32_t count = span_counted(field);

	(void)option;
	buf_puts(out, "{ ");
	if (ms)
		option_put_duration(out, ms);
	if (count)
		buf_printf(out, "%s%" PRIu32, ms ? ", " : "", count);
	buf_puts(out, " }");
}

TAKE(take_restarts)
{
	struct slice first, behind;
	uint64_t count, ms;

	if (!option_split(value, '/', &first, &behind) || text_number(first, SPAN_COUNT_MOST, &count) ||
		count == 0 || text_duration(behind, &ms) || ms == 0)
		return bad(option, value, "a count and a time such as 5/10m, or none, are needed", d);
	*(uint64_t *)field = ms;
	*span_count(field) = (uint32_t)count;
	return 0;
}

PRINT(print_restarts)
{
	(void)option;
	buf_printf(out, "%" PRIu32 "/", span_counted(field));
	option_put_duration(out, *(const uint64_t *)field);
}

const struct option_kind option_retention = { FORM_SET, SPAN_SIZE, take_retention, print_retention };
const struct option_kind option_restarts = { FORM_VALUE, SPAN_SIZE, take_restarts, print_restarts };
