/* options_kind: what the kinds of values share.
 * Flow: the files that take and print values, and nobody else. */
#ifndef CORE_OPTIONS_KIND_H
#define CORE_OPTIONS_KIND_H

#include "crond/core/options_table.h"

#define TAKE(name) \
	static int name(const struct option *option, struct slice value, void *field, struct diag *d)
#define PRINT(name) \
	static void name(const struct option *option, const void *field, struct buf *out)

/* What stands before and behind the first of that character; false: there is none. */
bool option_split(struct slice s, char at, struct slice *before, struct slice *behind);
void option_put_duration(struct buf *out, uint64_t ms);
void option_put_size(struct buf *out, uint64_t bytes);

#endif
