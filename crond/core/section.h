/* section: a libconfuse-style buffer cut into its top-level parts, with lines.
 * Flow: before libconfuse sees anything, for task files and for crond.conf. */
#ifndef CORE_SECTION_H
#define CORE_SECTION_H

#include <stdint.h>

#include "crond/base/slice.h"

struct diag;

/* What stands at the top level: `type "title" { body }`, or `name = value`. */
struct section {
	struct slice type;   /* "task", "webhook", "defaults", or the setting's name */
	struct slice title;  /* without its quotes; title.s NULL if none */
	struct slice body;   /* between the braces, or the value's text; */
	bool setting;        /* name = value */
	uint32_t line, column;  /* of type */
	uint32_t body_line;     /* of body's first byte */
};

struct section_scanner {
	const char *at, *end, *line_start;
	uint32_t line;
};

void section_start(struct section_scanner *s, struct slice bytes);
/* 1 and *out; 0 at the end; -1 with *d when the rest cannot be cut (the file is
 * broken: a brace, a quote or a comment without end, NUL bytes). */
int section_next(struct section_scanner *s, struct section *out, struct diag *d);

#endif
