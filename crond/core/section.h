/* section: a libconfuse-style buffer cut into its top-level parts, with lines.
 * Flow: before libconfuse sees anything, for task files and for crond.conf. */
#ifndef CORE_SECTION_H
#define CORE_SECTION_H

#include <stdint.h>

#include "crond/base/slice.h"
#include "crond/core/token.h"

struct diag;

/* What stands at the top level: `type "title" { body }`, or `name = value`. */
struct section {
	struct slice type;   /* "task", "webhook", "defaults", or the setting's name */
	struct slice title;  /* without its quotes, escapes as they stand; title.s NULL if none */
	struct slice body;   /* between the braces; of a setting all of it, name included */
	bool setting;        /* name = value */
	const char *wrong;   /* not NULL: neither; what is wrong with it, body is empty */
	uint32_t line, column;  /* of type */
	uint32_t title_line, title_column;
	uint32_t body_line, body_column; /* of body's first byte */
};

struct section_scanner {
	struct token_scanner tokens;
	struct token ahead; /* read, and not yet used */
	bool has_ahead;
	const char *start, *nul; /* nul: the first NUL byte, or NULL */
};

void section_start(struct section_scanner *s, struct slice bytes);
/* 1 and *out; 0 at the end; -1 with *d when the rest cannot be cut (the file is
 * broken: a brace, a quote or a comment without end, NUL bytes). */
int section_next(struct section_scanner *s, struct section *out, struct diag *d);

#endif
