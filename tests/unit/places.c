/* places: time zones of every kind, each as a file or a TZ string has it and as the C library does.
 * Flow: tests that compare with an oracle ask for one of them. */
#include "tests/unit/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/arena.h"
#include "crond/base/buf.h"
#include "crond/base/file.h"

enum { HOUR = 3600, DAY = 86400 };

static struct place places[PLACES] = {
	{ .tz = "America/New_York" },
	{ .tz = "Europe/Berlin" },
	{ .tz = "Australia/Lord_Howe" }, /* half an hour */
	{ .tz = "Atlantic/Azores" },     /* turns at midnight */
	{ .tz = "Pacific/Chatham" },     /* 12:45 */
	{ .tz = "Pacific/Apia" },        /* left a day out */
	{ .tz = "Antarctica/Troll" },    /* two hours */
	{ .tz = "Europe/Dublin" },       /* winter is what is saved */
	{ .tz = "Africa/Casablanca" },   /* back for Ramadan */
	{ .tz = "America/Sao_Paulo" },
	{ .tz = "Asia/Kathmandu" },
	{ .tz = "Africa/Monrovia" },
	{ .tz = "America/St_Johns" },    /* turned at a minute past midnight */
	{ .tz = "Antarctica/Casey" },    /* by three hours */
	{ .tz = "UTC0" },
	{ .tz = "EST5EDT,M3.2.0,M11.1.0" },
	{ .tz = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0" },
	{ .tz = "IST-1GMT0,M10.5.0,M3.5.0/1" },
	{ .tz = "<-01>1<+00>,M3.5.0/0,M10.5.0/1" },
	{ .tz = "AAA3BBB,J60/0,J300/3:30" },
	{ .tz = "AAA-3:20BBB-4:59:30,59/23:30,300/-2:15:10" },
};

static struct zone *zone_named(const char *name)
{
	struct buf b = { 0 };
	struct zone *z;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", ZONEINFODIR, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || file_read(fd, 1 << 20, &b) < 0)
		fail_msg("%s cannot be read", path);
	close(fd);
	z = zone_parse(b.data, b.len, NULL);
	buf_free(&b);
	return z;
}

struct place *place_get(uint32_t n)
{
	struct place *p = &places[n];

	if (!p->z) {
		p->z = n < PLACES_NAMED ? zone_named(p->tz) : zone_posix(p->tz, NULL);
		assert_non_null(p->z);
		oracle_zone_library(&p->oz, p->tz, PLACE_FROM, PLACE_TO);
		assert_true(p->oz.n < ORACLE_TURNS);
	}
	return p;
}

void places_free(void)
{
	for (size_t i = 0; i < PLACES; i++) {
		zone_free(places[i].z);
		places[i].z = NULL;
	}
}

int64_t place_moment(struct dice *d, const struct place *p)
{
	int64_t latest = PLACE_TO - 4000 * DAY, at = latest;

	if (p->oz.n && dice_chance(d, 70))
		at = p->oz.turns[dice_roll(d, (uint32_t)p->oz.n)].at - dice_between(d, -2 * HOUR, 2 * DAY);
	return at < latest ? at : dice_between(d, PLACE_FROM + 400 * DAY, latest);
}

void place_schedule(struct dice *d, struct schedule *s, enum made_kind kind, char text[MADE_ROOM],
	struct arena *arena)
{
	enum grammar grammar = dice_chance(d, 70) ? GRAMMAR_EXTENDED : (enum grammar)dice_roll(d, GRAMMARS);

	do
		made_expression(d, grammar, kind, text);
	while (schedule_parse(s, slice_of(text), grammar, 0, arena, NULL) < 0);
}
