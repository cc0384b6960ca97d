/* options_kind: the kinds of values that options have: how each is taken and printed.
 * Flow: options.c asks by the row of the vocabulary. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/text.h"
#include "crond/core/options_table.h"
#include "crond/core/options_value.h"
#include "crond/core/outcome.h"

#define TAKE(name) \
	static int name(const struct option *option, struct slice value, void *field, struct diag *d)
#define PRINT(name) \
	static void name(const struct option *option, const void *field, struct buf *out)

static int bad(const struct option *option, struct slice value, const char *expected, struct diag *d)
{
	return option_bad(option->def.name, value, expected, d);
}

/* What stands before and behind the first of that character; false: there is none. */
static bool split(struct slice s, char at, struct slice *before, struct slice *behind)
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

static void put_duration(struct buf *out, uint64_t ms)
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
	put_duration(out, *(const uint64_t *)field);
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

static void put_size(struct buf *out, uint64_t v)
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
	put_size(out, *(const uint64_t *)field);
}

const struct option_kind option_number = { FORM_VALUE, sizeof(uint32_t), take_number, print_number };
const struct option_kind option_count = { FORM_VALUE, sizeof(uint64_t), take_count, print_count };
const struct option_kind option_duration = { FORM_VALUE, sizeof(uint64_t), take_duration,
	print_duration };
const struct option_kind option_size = { FORM_VALUE, sizeof(uint64_t), take_size, print_size };

/* --- resources */

/* One side of a limit. 0 or -1. */
static int limit_value(const struct option *option, struct slice s, uint64_t *v)
{
	if (slice_is(s, "unlimited") || slice_is(s, "infinity")) {
		*v = OPTION_NO_LIMIT;
		return 0;
	}
	if (option->unit == UNIT_COUNT)
		return text_number(s, UINT32_MAX, v);
	if (option->unit == UNIT_BYTES)
		return text_size(s, v);
	if (text_duration(s, v))
		return -1;
	if (option->unit == UNIT_MICROSECONDS)
		*v *= 1000;
	else if (*v % 1000)
		return -1;
	else
		*v /= 1000;
	return 0;
}

TAKE(take_limit)
{
	static const char *const expected[] = {
		[UNIT_COUNT] = "a number, unlimited, or SOFT:HARD of these is needed",
		[UNIT_BYTES] = "a size such as 64M, unlimited, or SOFT:HARD of these is needed",
		[UNIT_SECONDS] = "a time in whole seconds, unlimited, or SOFT:HARD of these is needed",
		[UNIT_MICROSECONDS] = "a duration such as 200ms, unlimited, or SOFT:HARD of these is needed",
	};
	struct option_limit v;
	struct slice soft = value, hard = value;

	split(value, ':', &soft, &hard);
	if (limit_value(option, soft, &v.soft) || limit_value(option, hard, &v.hard))
		return bad(option, value, expected[option->unit], d);
	if (v.soft > v.hard)
		return bad(option, value, "the soft limit is above the hard one", d);
	*(struct option_limit *)field = v;
	return 0;
}

static void put_limit(const struct option *option, uint64_t v, struct buf *out)
{
	if (v == OPTION_NO_LIMIT)
		buf_puts(out, "unlimited");
	else if (option->unit == UNIT_COUNT)
		buf_printf(out, "%" PRIu64, v);
	else if (option->unit == UNIT_BYTES)
		put_size(out, v);
	else
		put_duration(out, option->unit == UNIT_SECONDS ? v * 1000 : v / 1000);
}

PRINT(print_limit)
{
	const struct option_limit *v = field;

	put_limit(option, v->soft, out);
	if (v->soft == v->hard)
		return;
	buf_putc(out, ':');
	put_limit(option, v->hard, out);
}

TAKE(take_umask)
{
	uint32_t v = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.s[i] < '0' || value.s[i] > '7' || value.n > 4)
			return bad(option, value, "octal digits up to 0777 are needed", d);
		v = v * 8 + (uint32_t)(value.s[i] - '0');
	}
	if (v > 0777)
		return bad(option, value, "octal digits up to 0777 are needed", d);
	*(uint32_t *)field = v;
	return 0;
}

PRINT(print_umask)
{
	(void)option;
	buf_printf(out, "%03" PRIo32, *(const uint32_t *)field);
}

TAKE(take_nice)
{
	bool negative = value.n && value.s[0] == '-';
	struct slice digits = { value.s + negative, value.n - negative };
	uint64_t v;

	if (text_number(digits, negative ? 20 : 19, &v))
		return bad(option, value, "a number from -20 to 19 is needed", d);
	*(int32_t *)field = negative ? -(int32_t)v : (int32_t)v;
	return 0;
}

PRINT(print_nice)
{
	(void)option;
	buf_printf(out, "%" PRId32, *(const int32_t *)field);
}

/* ioprio_set(2): the class above 13 bits of level. */
enum { IO_SHIFT = 13, IO_REALTIME = 1, IO_BEST_EFFORT, IO_IDLE, IO_LEVEL = 4, IO_LEVEL_MOST = 7 };

static const char *const io_classes[] = {
	[IO_REALTIME] = "realtime", [IO_BEST_EFFORT] = "best-effort", [IO_IDLE] = "idle" };

TAKE(take_ionice)
{
	struct slice class = value, level;
	uint64_t v = IO_LEVEL;
	bool leveled = split(value, ':', &class, &level);

	for (uint32_t i = IO_REALTIME; i <= IO_IDLE; i++) {
		if (!slice_is(class, io_classes[i]))
			continue;
		if (leveled && (i == IO_IDLE || text_number(level, IO_LEVEL_MOST, &v)))
			break;
		*(uint32_t *)field = i << IO_SHIFT | (i == IO_IDLE ? 0 : (uint32_t)v);
		return 0;
	}
	return bad(option, value, "idle, best-effort or realtime is needed, the last two with :0 to :7 "
		"if wanted", d);
}

PRINT(print_ionice)
{
	uint32_t v = *(const uint32_t *)field, class = v >> IO_SHIFT;

	(void)option;
	buf_puts(out, io_classes[class]);
	if (class != IO_IDLE)
		buf_printf(out, ":%" PRIu32, v & ((1u << IO_SHIFT) - 1));
}

/* 150% or 12.5%: hundredths of a percent. */
TAKE(take_quota)
{
	struct slice whole = { value.s, value.n ? value.n - 1 : 0 }, part = { "", 0 };
	uint64_t v, hundredths = 0;

	split(whole, '.', &whole, &part);
	if (value.n < 2 || value.s[value.n - 1] != '%' || text_number(whole, 1000000, &v) || part.n > 2 ||
		(part.n && text_number(part, 99, &hundredths)))
		return bad(option, value, "a percentage such as 50% or 200% is needed", d);
	v = v * 100 + (part.n == 1 ? hundredths * 10 : hundredths);
	if (v < 100)
		return bad(option, value, "it must not be below 1%", d);
	*(uint64_t *)field = v;
	return 0;
}

PRINT(print_quota)
{
	uint64_t v = *(const uint64_t *)field;

	(void)option;
	buf_printf(out, "%" PRIu64, v / 100);
	if (v % 100)
		buf_printf(out, ".%02" PRIu64, v % 100);
	buf_putc(out, '%');
}

const struct option_kind option_limit_pair = { FORM_VALUE, sizeof(struct option_limit), take_limit,
	print_limit };
const struct option_kind option_umask = { FORM_VALUE, sizeof(uint32_t), take_umask, print_umask };
const struct option_kind option_nice = { FORM_VALUE, sizeof(int32_t), take_nice, print_nice };
const struct option_kind option_ionice = { FORM_VALUE, sizeof(uint32_t), take_ionice, print_ionice };
const struct option_kind option_quota = { FORM_VALUE, sizeof(uint64_t), take_quota, print_quota };

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

	split(value, '-', &first, &last);
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
		put_duration(out, ms);
	if (count)
		buf_printf(out, "%s%" PRIu32, ms ? ", " : "", count);
	buf_puts(out, " }");
}

TAKE(take_restarts)
{
	struct slice first, behind;
	uint64_t count, ms;

	if (!split(value, '/', &first, &behind) || text_number(first, SPAN_COUNT_MOST, &count) ||
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
	put_duration(out, *(const uint64_t *)field);
}

const struct option_kind option_retention = { FORM_SET, SPAN_SIZE, take_retention, print_retention };
const struct option_kind option_restarts = { FORM_VALUE, SPAN_SIZE, take_restarts, print_restarts };
