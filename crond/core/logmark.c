/* logmark: the line that stands in a run's log for what was cut out of it.
 * Flow: a keeper writes it between the head and the tail of a log (runlog), cronctl log finds
 * its way by it. */
#include "crond/core/logmark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BEFORE "\n[... "
#define BEHIND " bytes left out ...]\n"

enum { NUMBER = 12 };

size_t logmark(uint64_t left_out, char out[LOGMARK_MOST])
{
	return (size_t)snprintf(out, LOGMARK_MOST, BEFORE "%*" PRIu64 BEHIND, NUMBER, left_out);
}

bool logmark_read(const char *s, size_t n, uint64_t *left_out)
{
	const size_t before = sizeof(BEFORE) - 1, behind = sizeof(BEHIND) - 1;
	size_t i = before;

	if (n < before + NUMBER + behind || memcmp(s, BEFORE, before) != 0)
		return false;
	while (i < before + NUMBER && s[i] == ' ')
		i++;
	for (*left_out = 0; i < n && i < before + 20 && s[i] >= '0' && s[i] <= '9'; i++)
		*left_out = *left_out * 10 + (uint64_t)(s[i] - '0');
	return i >= before + NUMBER && n - i >= behind && memcmp(s + i, BEHIND, behind) == 0;
}
