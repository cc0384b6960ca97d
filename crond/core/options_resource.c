/* options_resource: limits, priorities and shares, as options have them.
 * Flow: kinds of values, see options_table.h; options.c asks by the row of the vocabulary. */
#include <inttypes.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/options_kind.h"
#include "crond/core/options_value.h"

static int bad(const struct option *option, struct slice value, const char *expected, struct diag *d)
{
	return option_bad(option->def.name, value, expected, d);
}

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

	option_split(value, ':', &soft, &hard);
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
		option_put_size(out, v);
	else
		option_put_duration(out, option->unit == UNIT_SECONDS ? v * 1000 : v / 1000);
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
	bool leveled = option_split(value, ':', &class, &level);

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

	option_split(whole, '.', &whole, &part);
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
