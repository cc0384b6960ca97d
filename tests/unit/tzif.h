/* Time zone files made up for tests: RFC 8536, version 2, with a footer. */
#ifndef TESTS_TZIF_H
#define TESTS_TZIF_H

#include <stdint.h>
#include <string.h>

struct tzif_turn {
	int64_t at;
	int32_t offset;
};

enum { TZIF_TURNS_MOST = 200, TZIF_ROOM = 128 + 2 * 4 + TZIF_TURNS_MOST * 16 + 256 };

static unsigned char *tzif_put(unsigned char *p, uint64_t value, int bytes)
{
	while (bytes--)
		*p++ = (unsigned char)(value >> 8 * bytes);
	return p;
}

static unsigned char *tzif_put_header(unsigned char *p, size_t turns, size_t types)
{
	memset(p, 0, 44);
	memcpy(p, "TZif2", 5);
	tzif_put(p + 32, turns, 4);
	tzif_put(p + 36, types, 4);
	tzif_put(p + 40, 4, 4);
	return p + 44;
}

static unsigned char *tzif_put_type(unsigned char *p, int32_t offset)
{
	p = tzif_put(p, (uint32_t)offset, 4);
	return tzif_put(p, 0, 2);
}

/* out has TZIF_ROOM bytes; footer is at most 200 long. The number of bytes made. */
static size_t tzif_make(unsigned char *out, int32_t first, const struct tzif_turn *turns, size_t n,
	const char *footer)
{
	unsigned char *p = tzif_put_header(out, 0, 1);

	p = tzif_put_type(p, first);
	memcpy(p, "LMT", 4);
	p = tzif_put_header(p + 4, n, n + 1);
	for (size_t i = 0; i < n; i++)
		p = tzif_put(p, (uint64_t)turns[i].at, 8);
	for (size_t i = 0; i < n; i++)
		*p++ = (unsigned char)(i + 1);
	p = tzif_put_type(p, first);
	for (size_t i = 0; i < n; i++)
		p = tzif_put_type(p, turns[i].offset);
	memcpy(p, "LMT", 4);
	p += 4;
	*p++ = '\n';
	memcpy(p, footer, strlen(footer));
	p += strlen(footer);
	*p++ = '\n';
	return (size_t)(p - out);
}

#endif
