/* words: what crontab(1) says differently in the two dialects.
 * Flow: looked up wherever a text is printed that is not the same in both. */
#ifndef TOOL_WORDS_H
#define TOOL_WORDS_H

#include <stdbool.h>

#include "crond/core/dialect.h"

struct words {
	const char *usage;
	const char *errors;     /* after the errors of a table */
	const char *unfinished; /* no newline at the end */
	const char *good, *bad; /* judged only; bad NULL: as for an install */
	const char *unchanged;  /* after an edit */
	const char *retry;      /* the question after a bad edit */
	const char *which;      /* when the answer is neither */
	const char *first;      /* what the editor is given where there is no table */
	const char *editor;     /* where the caller names none */
	bool header;            /* tables are stored with three lines in front */
};

const struct words *words_get(enum dialect_id id);

#endif
