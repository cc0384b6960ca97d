/* header: the three comment lines that an installed table begins with.
 * Flow: install puts them in front, list and edit take them off again. */
#ifndef TOOL_HEADER_H
#define TOOL_HEADER_H

#include <stddef.h>

#include "crond/base/slice.h"

struct buf;

/* The header of a table installed from the file of that name at that time. */
void header_put(struct buf *out, const char *file, long long now);
/* How many bytes at the beginning are header: up to three lines that begin with
 * '#', whatever they say. */
size_t header_length(struct slice table);

#endif
