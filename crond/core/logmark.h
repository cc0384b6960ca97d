/* logmark: the line that stands in a run's log for what was cut out of it.
 * Flow: a keeper writes it between the head and the tail of a log (runlog), cronctl log finds
 * its way by it. */
#ifndef CORE_LOGMARK_H
#define CORE_LOGMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOGMARK_MOST = 64 };

/* Always as long, so that its number can be put right in its place. Its length. */
size_t logmark(uint64_t left_out, char out[LOGMARK_MOST]);
/* Does one begin there? */
bool logmark_read(const char *s, size_t n, uint64_t *left_out);

#endif
