/* crontab_line: one entry of a crontab: time fields, user, flags, command.
 * Flow: crontab hands in each line that is neither comment nor setting. */
#ifndef CORE_CRONTAB_LINE_H
#define CORE_CRONTAB_LINE_H

#include <stdbool.h>

#include "crond/core/crontab.h"

/* What the time text of the last line came to: lines of a large table often share it. */
struct crontab_time {
	bool kept;
	struct slice text; /* with the blanks behind it */
	struct schedule schedule;
	size_t fields;     /* bytes of text without those blanks */
	const char *loose; /* a field that only Debian's daemon takes: "bad minute"; or NULL */
	uint32_t loose_column;
	const char *lint;
};

struct crontab_reader {
	const struct crontab_rules *rules;
	struct arena *arena;
	const struct crontab_sink *sink; /* for warnings */
	bool seconds;                    /* "#@ seconds" was seen: six fields */
	struct crontab_time last;        /* zero-initialised */
};

/* Reads line (blanks before it cut, no newline) into *e, whose line must be set; its
 * schedule, time_text, user, command and flags are filled. 0, or -1 with *d. */
int crontab_line_read(struct crontab_reader *r, struct slice line, uint32_t column,
	struct crontab_entry *e, struct diag *d);

#endif
