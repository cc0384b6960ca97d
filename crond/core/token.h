/* token: the words, quotes and braces of a configuration file, with their places.
 * Flow: section.c cuts a file by them, section_settings.c hands them on to libconfuse. */
#ifndef CORE_TOKEN_H
#define CORE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct buf;
struct diag;

enum token_kind {
	TOKEN_WORD,   /* unquoted */
	TOKEN_DOUBLE, /* "..." */
	TOKEN_SINGLE, /* '...' */
	TOKEN_SET,    /* = and += */
	TOKEN_OPEN,   /* { */
	TOKEN_CLOSE,  /* } */
	TOKEN_COMMA,
	TOKEN_OTHER, /* ( and ) */
};

struct token {
	enum token_kind kind;
	struct slice text; /* without the quotes, escapes as they stand */
	const char *end;   /* behind it, quotes included */
	uint32_t line, column;
	bool first; /* on its line */
};

struct token_scanner {
	const char *at, *end, *line_start;
	uint32_t line;
};

/* 1 and *t; 0 at the end; -1 with *d: a quote or a comment that is never closed.
 * Comments (#, //, slash-star) begin where a token may begin, never inside a word. */
int token_next(struct token_scanner *s, struct token *t, struct diag *d);
bool token_is_text(const struct token *t);
/* Appends what the token stands for: escapes are resolved as C does between double
 * quotes; between single quotes only \\ and \' are. 0; -1 with *d for an unknown escape
 * or a NUL byte. */
int token_decode(const struct token *t, struct buf *out, struct diag *d);

#endif
