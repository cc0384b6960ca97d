/* when: moments as people name them on a command line.
 * Flow: --since and --until in, epoch seconds out. Pure but for the C library's time zone. */
#ifndef TOOL_WHEN_H
#define TOOL_WHEN_H

#include <stdint.h>

/* "2h", "7d", "1h30m" (so long before now); "now", "today", "yesterday"; "2025-11-20", with "T" or
 * a blank and "14:00" or "14:00:05" behind it, and "Z" for UTC; "14:00" (today); "1763668800" or
 * "@1763668800". Local time. 0, or -1: none of these, or no such day. */
int when_parse(const char *text, int64_t now, int64_t *at);

#endif
