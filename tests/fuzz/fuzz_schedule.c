/* Any expression in any grammar, in a zone that is made up too, against an oracle (oracle.h) that
 * reads it for itself and goes second by second. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/arena.h"
#include "crond/base/diag.h"
#include "crond/core/schedule.h"
#include "crond/core/zone.h"
#include "tests/unit/oracle.h"
#include "tests/unit/tzif.h"

enum { HEAD = 16, WINDOW = 40000, FIRES_MOST = 50 };

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* --- what it means, and when it starts something, found in another way */

static void check_meaning(struct slice text, enum grammar grammar, const struct schedule *s)
{
	static struct oracle_when meant, parsed;
	enum oracle_verdict verdict = oracle_read(&meant, text.s, text.n, grammar);

	demand(verdict == ORACLE_UNSURE || (s != NULL) == (verdict == ORACLE_TAKEN));
	if (verdict != ORACLE_TAKEN)
		return;
	oracle_bits(&parsed, s);
	demand(oracle_same(&meant, &parsed));
}

/* The turns of the clock that matter from so many seconds before base on. */
static void turns_of(struct oracle_zone *oz, const struct zone *z, int64_t base)
{
	static struct oracle_turn turns[ORACLE_TURNS];
	int64_t at = base - WINDOW;
	size_t n = 0;
	struct zone_span span = zone_span(z, at);
	int32_t first = span.offset;

	while (span.to < base + 2 * WINDOW && n < ORACLE_TURNS) {
		span = zone_span(z, span.to);
		turns[n++] = (struct oracle_turn){ span.from, span.offset };
	}
	oracle_zone_turns(oz, first, turns, n);
}

static void compare(const struct schedule *s, const struct zone *z, int64_t base)
{
	static struct oracle_zone oz;
	static struct oracle_when when;
	int64_t next = schedule_next(s, z, STEP_CRONTAB, base);

	turns_of(&oz, z, base);
	oracle_bits(&when, s);
	for (int64_t t = base + 1, n = 0; t < base + WINDOW && n < FIRES_MOST; t++) {
		bool due = oracle_starts(&when, &oz, t);

		if (due != (t == next)) {
			fprintf(stderr, "at %lld: %d, but next is %lld\n", (long long)t, due, (long long)next);
			abort();
		}
		if (due) {
			next = schedule_next(s, z, STEP_CRONTAB, t);
			demand(next > t);
			n++;
		}
	}
}

/* --- a zone from a few bytes, with turns around the base */

static struct zone *zone_from(const uint8_t head[HEAD], int64_t base)
{
	static const char *const footers[] = { "", "UTC0", "EST5EDT,M3.2.0,M11.1.0",
		"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "IST-1GMT0,M10.5.0,M3.5.0/1",
		"<+00>0<+02>-2,M3.5.0/1,M10.5.0/3" };
	struct tzif_turn turns[4];
	unsigned char bytes[TZIF_ROOM];
	size_t count = head[6] % 5;
	int64_t at = base - 2000;
	int32_t offset = (int8_t)head[7] * 400;

	for (size_t i = 0; i < count; i++) {
		at += head[8 + 2 * i] * 91 + 1;
		/* minutes, now and then seconds */
		offset += (int8_t)head[9 + 2 * i] * (head[9 + 2 * i] % 7 ? 120 : 97);
		if (offset > 90000 || offset < -90000)
			offset = 0;
		turns[i] = (struct tzif_turn){ at, offset };
	}
	return zone_parse(bytes,
		tzif_make(bytes, (int8_t)head[7] * 400, turns, count, footers[head[1] % 6]), NULL);
}

static void check_equal(const struct schedule *s)
{
	struct arena arena = { 0 };
	struct schedule copy;

	demand(schedule_copy(&copy, s, &arena) == 0);
	demand(schedule_equal(s, &copy) && schedule_hash(s) == schedule_hash(&copy));
	copy.flags ^= SCHEDULE_HOUR_STAR;
	demand(!schedule_equal(s, &copy));
	arena_free(&arena);
}

static void check_line(struct slice text, enum grammar grammar, bool seconds)
{
	struct arena arena = { 0 };
	struct schedule s;
	struct diag d;
	size_t used = SIZE_MAX;

	if (schedule_parse_line(&s, text, grammar, seconds, 7, &arena, &used, &d) == 0)
		demand(used <= text.n);
	else
		demand(d.level == DIAG_ERROR && d.column <= text.n + 1 && d.text[0]);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Grammar, footer, base (4 bytes), turns (10 bytes), expression. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct schedule s;
	struct diag d;
	struct slice text;
	int64_t base;

	if (size < HEAD)
		return 0;
	text = (struct slice){ (const char *)data + HEAD, size - HEAD };
	base = (int64_t)((uint32_t)data[2] << 24 | data[3] << 16 | data[4] << 8 | data[5]) * 3;
	check_line(text, data[0] % GRAMMARS, data[0] & 0x80);
	if (schedule_parse(&s, text, data[0] % GRAMMARS, data[0], &arena, &d) == 0) {
		struct zone *z = zone_from(data, base);

		demand(d.text[0] == '\0' || (d.level == DIAG_WARNING && data[0] % GRAMMARS == GRAMMAR_DEBIAN));
		demand(z != NULL);
		check_equal(&s);
		check_meaning(text, data[0] % GRAMMARS, &s);
		if (schedule_lint(&s) && strstr(schedule_lint(&s), "never fires"))
			demand(schedule_next(&s, z, STEP_TASK, base) == SCHEDULE_NEVER);
		if (!(s.flags & SCHEDULE_REBOOT))
			compare(&s, z, base);
		zone_free(z);
	} else {
		demand(d.level == DIAG_ERROR && d.text[0]);
		check_meaning(text, data[0] % GRAMMARS, NULL);
	}
	arena_free(&arena);
	return 0;
}
