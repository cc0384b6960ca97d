/* titles: names that one file gives to its jobs, each once.
 * Flow: the parsers of task files and crontabs ask whether a name came before. */
#ifndef CORE_TITLES_H
#define CORE_TITLES_H

#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"

/* Zero-initialised is empty. The names' bytes are the caller's, and must last. */
struct titles {
	struct title *slots;
	size_t count, room; /* room is a power of two */
};

/* The line of an equal name before this one; 0 and noted if there is none; -1 when memory
 * is out. */
int64_t titles_before(struct titles *t, struct slice name, uint32_t line);
void titles_free(struct titles *t);

#endif
