/* Any bytes as an env-file and as a log's path: settings are NAME=value without a NUL
 * inside, and what a format has made it also knows again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/core/cpus.h"
#include "crond/core/envfile.h"
#include "crond/core/logpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int holds)
{
	if (!holds)
		abort();
}

static void check_settings(struct slice whole)
{
	struct envfile f = { .rest = whole };
	struct buf out = { 0 };
	struct diag d;
	size_t from = 0;
	int more;

	while ((more = envfile_next(&f, &out, &d)) > 0) {
		demand(out.len > from + 2 && strlen(out.data + from) == out.len - from - 1);
		demand(strspn(out.data + from, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") ==
			strcspn(out.data + from, "="));
		from = out.len;
	}
	demand(more == 0 ? f.rest.n == 0 : d.line >= 1);
	buf_free(&out);
}

static void check_path(struct slice format)
{
	const struct logpath_of of = { (int64_t)format.n * 12345678, -3600, "job-1-1" };
	struct buf out = { 0 };
	struct diag d;

	if (logpath_check(format, &d) < 0)
		return;
	demand(logpath_expand(format, &of, &out) == 0 && buf_text(&out) != NULL);
	/* a number of any length takes in the digits behind it */
	if (!memmem(format.s, format.n, "%i", 2) && !memmem(format.s, format.n, "%s", 2) &&
		!memchr(out.data, 0, out.len))
		demand(logpath_match(format, out.data, "job"));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice whole = { (const char *)data, size };
	unsigned char bits[CPUS_MOST / 8];

	check_settings(whole);
	check_path(whole);
	cpus_parse(whole, bits, NULL);
	return 0;
}
