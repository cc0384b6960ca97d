/* Any bytes as a time zone file, and as a TZ string: what is taken must give stretches
 * that follow one another, and can be asked for any second. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/core/schedule.h"
#include "crond/core/zone.h"

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void check_span(const struct zone *z, int64_t when)
{
	struct zone_span s = zone_span(z, when);

	demand(s.from <= when && (when < s.to || s.to == INT64_MAX));
	demand(s.offset >= -26 * 3600 && s.offset <= 26 * 3600);
	if (s.from > INT64_MIN)
		demand(zone_span(z, s.from).from == s.from && zone_span(z, s.from - 1).to == s.from);
	if (s.to < INT64_MAX)
		demand(zone_span(z, s.to).from == s.to && zone_span(z, s.to - 1).from == s.from);
}

static void check(struct zone *z)
{
	static const int64_t instants[] = { INT64_MIN, -((int64_t)1 << 61) - 1, -((int64_t)1 << 61),
		-((int64_t)1 << 59), -2208988800, -1, 0, 1, 1711846800, 4102444800, 13569465600,
		(int64_t)1 << 45, ((int64_t)1 << 61) - 1, (int64_t)1 << 61, INT64_MAX };
	struct schedule s = { .second = 1, .minute = 1, .hour = 4, .dom = ~1U, .month = 0x1ffe,
		.dow = 0x7f };
	int64_t t = -2208988800;

	for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++)
		check_span(z, instants[i]);
	for (int i = 0; i < 300 && t < INT64_MAX; i++, t = zone_span(z, t).to)
		check_span(z, t);
	for (int i = 0; i < 20; i++) {
		int64_t next = schedule_next(&s, z, STEP_TASK, t < ((int64_t)1 << 45) ? t : 0);

		demand(next != SCHEDULE_NEVER);
		t = next;
	}
}

/* A second reading is the same zone, and a zone whose clocks are put back has all its stretches
 * with that much less. by is freed. */
static void check_again(struct zone *z, struct zone *by)
{
	enum { BACK = 3600 };

	demand(by != NULL);
	demand(!zone_become(z, by));
	for (int64_t when = -2208988800; when < 4102444800; when += 98765432) {
		struct zone_span s = zone_span(z, when), later;

		zone_delay(z, BACK);
		later = zone_span(z, when);
		zone_delay(z, -BACK);
		demand(later.offset == s.offset - BACK && later.from == s.from && later.to == s.to);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag d = { .level = DIAG_WARNING };
	struct zone *z = zone_parse(data, size, &d);
	char text[300];

	if (z) {
		check(z);
		check_again(z, zone_parse(data, size, &d));
		zone_free(z);
	} else
		demand(d.level == DIAG_ERROR && d.text[0]);
	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	z = zone_posix(text, &d);
	if (z) {
		check(z);
		check_again(z, zone_posix(text, &d));
	}
	zone_free(z);
	return 0;
}
