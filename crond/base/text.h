/* text: numbers, durations, sizes and names as people write them.
 * Flow: option values and configuration on the way in, log lines on the way out. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct buf;

/* Decimal digits only, no sign, no blanks; 010 is ten. 0 or -1 (not a number,
 * or above most). */
int text_number(struct slice s, uint64_t most, uint64_t *value);
/* 90, 90s, 15m, 1h30m, 7d, 500ms: milliseconds. Units in falling order, each once;
 * a bare number is seconds. At most 100 years. 0 or -1. */
int text_duration(struct slice s, uint64_t *ms);
/* 512, 512K, 1M, 2G: bytes, powers of 1024. 0 or -1. */
int text_size(struct slice s, uint64_t *bytes);
/* yes/no, true/false, on/off, 1/0, in any case. 0 or -1. */
int text_bool(struct slice s, bool *value);
/* The word of the NULL-terminated list that is nearest to s by edit distance (case
 * is no difference, a swap of neighbours is one), NULL when none is near (more than a
 * third of the longer of the two would have to change). */
const char *text_nearest(struct slice s, const char *const *words);
/* Appends s made safe for a log line as the classic daemons print it: control
 * bytes as ^X, bytes from 0x80 on as octal \303. At most `most` bytes of output. */
void text_visible(struct buf *out, struct slice s, size_t most);
/* Appends s in double quotes, with \" \\ and control bytes as \xNN; valid UTF-8
 * stays. At most `most` bytes of s's text; where it was cut, "..." before the closing
 * quote. */
void text_quoted(struct buf *out, struct slice s, size_t most);
/* Length of the valid UTF-8 sequence at s (1 to 4), 0 if there is none. */
size_t text_utf8(struct slice s);
/* "TERM" for SIGTERM; "?" for a number without a name. */
const char *text_signal(int number);
/* Its number: TERM, SIGTERM or 15; -1: there is none. */
int text_signal_find(struct slice name);
/* SipHash-2-4, the seed being half of its key: a stable hash that may be stored, and that
 * nobody can aim at another's value by writing bytes to suit. */
uint64_t text_hash(uint64_t seed, const void *bytes, size_t n);

/* A character (not a byte) that shows nothing itself and has others shown in another order, or
 * hides them: what somebody else wrote would look like other words than it is. */
bool text_misleads(uint32_t character);

#endif
