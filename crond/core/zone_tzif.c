/* zone_tzif: bytes of a TZif file (RFC 8536) in, transitions out.
 * Flow: who loads zoneinfo files calls it; their footers go to zone_posix. */
#include "crond/core/zone.h"

#include <stdlib.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/core/zone_build.h"

enum {
	OFFSET_MOST = 26 * 3600, /* RFC 8536, 3.2 */
	TZIF_MOST = 1 << 20,
	HEADER = 44,
};

struct tzif {
	const unsigned char *p;
	size_t n;
	int version;
	size_t isut, isstd, leap, time, type, chars;
	size_t width; /* bytes of a time */
};

static uint32_t big32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big_time(const unsigned char *p, size_t width)
{
	if (width == 4)
		return (int32_t)big32(p);
	return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

static size_t tzif_size(const struct tzif *f)
{
	return HEADER + f->time * (f->width + 1) + f->type * 6 + f->chars +
		f->leap * (f->width + 4) + f->isstd + f->isut;
}

/* The header at the start of f->p; the block behind it is all there. */
static int tzif_header(struct tzif *f, size_t width)
{
	size_t *counts[] = { &f->isut, &f->isstd, &f->leap, &f->time, &f->type, &f->chars };

	if (f->n < HEADER || memcmp(f->p, "TZif", 4) != 0)
		return -1;
	f->version = f->p[4] == '\0' ? 1 : f->p[4] - '0';
	if (f->version < 1 || f->version > 9)
		return -1;
	f->width = width;
	for (int i = 0; i < 6; i++) {
		*counts[i] = big32(f->p + 20 + 4 * i);
		if (*counts[i] > TZIF_MOST)
			return -1;
	}
	return tzif_size(f) <= f->n ? 0 : -1;
}

/* Version 2 and later repeat everything with 64-bit times. */
static int tzif_open(struct tzif *f, const void *bytes, size_t n)
{
	size_t first;

	*f = (struct tzif){ .p = bytes, .n = n };
	if (n > TZIF_MOST || tzif_header(f, 4) < 0)
		return -1;
	if (f->version == 1)
		return 0;
	first = tzif_size(f);
	f->p += first;
	f->n -= first;
	return tzif_header(f, 8);
}

static int tzif_offset(const struct tzif *f, size_t type, int32_t *offset)
{
	const unsigned char *types = f->p + HEADER + f->time * (f->width + 1);

	if (type >= f->type)
		return -1;
	*offset = (int32_t)big32(types + 6 * type);
	return *offset >= -OFFSET_MOST && *offset <= OFFSET_MOST ? 0 : -1;
}

/* The TZ string between the two newlines at the end; empty: none. */
static int tzif_footer(const struct tzif *f, char out[ZONE_POSIX_MOST + 1])
{
	const char *s = (const char *)f->p + tzif_size(f);
	size_t n = f->n - tzif_size(f);
	const char *end;

	out[0] = '\0';
	if (f->version == 1)
		return 0;
	if (n < 2 || s[0] != '\n')
		return -1;
	end = memchr(s + 1, '\n', n - 1);
	if (!end || end - s - 1 > ZONE_POSIX_MOST)
		return -1;
	memcpy(out, s + 1, (size_t)(end - s - 1));
	out[end - s - 1] = '\0';
	return 0;
}

/* NULL: good; else what is wrong, "" for memory. */
static const char *tzif_table(struct zone *z, const struct tzif *f, int64_t *last)
{
	const unsigned char *times = f->p + HEADER;
	int64_t before = INT64_MIN;
	int32_t offset;

	if (tzif_offset(f, 0, &offset) < 0)
		return "a bad first local time type";
	if (zone_add(z, INT64_MIN, offset) < 0)
		return "";
	for (size_t i = 0; i < f->time; i++) {
		int64_t at = big_time(times + i * f->width, f->width);

		if (tzif_offset(f, times[f->time * f->width + i], &offset) < 0)
			return "a bad local time type";
		if (i && at <= before)
			return "transitions out of order";
		before = at;
		if (at >= ZONE_FAR)
			break;
		if (at <= -ZONE_FAR)
			z->t[0].offset = offset;
		else if (zone_add(z, at, offset) < 0)
			return "";
		*last = at;
	}
	return NULL;
}

/* NULL: good; else what is wrong, "" for memory. */
static const char *tzif_build(struct zone *z, const struct tzif *f)
{
	char footer[ZONE_POSIX_MOST + 1];
	int64_t last = INT64_MIN;
	struct zone_posix_rules x;
	const char *why;

	if (f->leap)
		return "leap seconds (a \"right\" zone)";
	if (tzif_footer(f, footer) < 0)
		return "a bad footer";
	why = tzif_table(z, f, &last);
	if (why)
		return why;
	z->cycle = z->n;
	if (!footer[0])
		return NULL;
	if (zone_posix_parse(footer, &x) < 0)
		return "a bad TZ string in its footer";
	if (!f->time)
		z->t[0].offset = x.standard;
	if (!x.has_daylight)
		return NULL;
	z->endless = !f->time;
	return zone_posix_extend(z, &x, last > -ZONE_FAR ? last : 0) < 0 ? "" : NULL;
}

struct zone *zone_parse(const void *tzif, size_t n, struct diag *d)
{
	const char *why;
	struct zone *z;
	struct tzif f;

	if (tzif_open(&f, tzif, n) < 0) {
		diag_error(d, 0, 0, "not a time zone file (TZif)");
		return NULL;
	}
	z = calloc(1, sizeof(*z));
	why = z ? tzif_build(z, &f) : "";
	if (!why)
		return z;
	zone_free(z);
	if (*why)
		diag_error(d, 0, 0, "the time zone file has %s", why);
	else
		diag_error(d, 0, 0, "out of memory");
	return NULL;
}
