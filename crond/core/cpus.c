/* cpus: a list of processors, as people write it.
 * Flow: options judge it, the keeper's child gives it to the kernel. */
#include "crond/core/cpus.h"

#include <stdint.h>
#include <string.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"

static int range(struct slice one, uint64_t *first, uint64_t *last)
{
	const char *dash = one.n ? memchr(one.s, '-', one.n) : NULL;
	struct slice a = one, b = one;

	if (dash) {
		a.n = (size_t)(dash - one.s);
		b = (struct slice){ dash + 1, one.n - a.n - 1 };
	}
	if (text_number(a, CPUS_MOST - 1, first) < 0 || text_number(b, CPUS_MOST - 1, last) < 0)
		return -1;
	return *first <= *last ? 0 : -1;
}

int cpus_parse(struct slice text, unsigned char bits[CPUS_MOST / 8], struct diag *d)
{
	if (bits)
		memset(bits, 0, CPUS_MOST / 8);
	for (;;) {
		const char *comma = text.n ? memchr(text.s, ',', text.n) : NULL;
		struct slice one = { text.s, comma ? (size_t)(comma - text.s) : text.n };
		uint64_t first, last;

		if (range(one, &first, &last) < 0)
			return diag_error(d, 0, 0,
			        "'%.*s' is no processor and no range of them (0-3,8)",
			        (int)(one.n < 40 ? one.n : 40), one.n ? one.s : "");
		for (uint64_t i = first; bits && i <= last; i++)
			bits[i / 8] |= (unsigned char)(1u << i % 8);
		if (!comma)
			return 0;
		text.n -= one.n + 1;
		text.s += one.n + 1;
	}
}
