/* diag: one thing wrong with an input, and where.
 * Flow: filled by parsers and loaders, printed by whoever called them. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdint.h>

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
	enum diag_level level;
	uint32_t line;   /* from 1; 0: not about a line */
	uint32_t column; /* from 1, in bytes; 0: not known */
	char text[256];  /* one line, no control characters, no file name */
};

/* Fills *d (which may be NULL) as an error. Control characters in the result
 * are replaced, so that text can be logged as it is. Returns -1, so that a
 * parser can say: return diag_error(d, line, column, "bad minute"). */
int diag_error(struct diag *d, uint32_t line, uint32_t column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int diag_warning(struct diag *d, uint32_t line, uint32_t column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Where a parser that goes on after an error leaves what it finds. */
struct diag_sink {
	void (*report)(void *arg, const struct diag *d);
	void *arg;
};

#endif
