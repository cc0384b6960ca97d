/* words: texts as they may stand in the database.
 * Flow: write binds them; what jobs print may be any bytes. */
#ifndef HISTORY_WORDS_H
#define HISTORY_WORDS_H

#include "crond/base/slice.h"

struct buf;

/* Appends s with U+FFFD for each byte that is a NUL or no part of a UTF-8 character, as long as
 * that fits into `most` bytes; what is cut at the end of s is left out where cut says that
 * s was longer once. */
void words_clean(struct buf *out, struct slice s, size_t most, bool cut);
/* Is it such a text already? */
bool words_are_clean(struct slice s);

#endif
