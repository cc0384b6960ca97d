/* options_table: a row of the vocabulary, and what kinds of values there are.
 * Flow: options.c goes by the row of a name: the row's kind takes, prints and compares. */
#ifndef CORE_OPTIONS_TABLE_H
#define CORE_OPTIONS_TABLE_H

#include <stddef.h>

#include "crond/core/options.h"

struct option;

/* How a field of struct options is filled. */
enum option_form {
	FORM_VALUE, /* by take() */
	FORM_SET,   /* by take(), each value adding to those before it */
	FORM_TEXT,  /* const char *, a copy; take() only judges */
	FORM_LIST,  /* const char *const *, copies; take() only judges */
};

struct option_kind {
	enum option_form form;
	size_t size; /* of the field, for comparing */
	int (*take)(const struct option *option, struct slice value, void *field, struct diag *d);
	void (*print)(const struct option *option, const void *field, struct buf *out);
};

/* What numbers of a limit count. */
enum option_unit { UNIT_COUNT, UNIT_BYTES, UNIT_SECONDS, UNIT_MICROSECONDS };

struct option {
	struct option_def def;
	const struct option_kind *kind;
	size_t at; /* of the field in struct options */
	int (*judge)(const struct option_def *def, struct slice value, struct diag *d); /* of a text */
	const char *const *words; /* of a word: by its enum's values, NULL-terminated */
	uint64_t least, most;     /* of numbers, durations (ms) and sizes; most 0: no such bound */
	enum option_unit unit;    /* of a limit */
	bool identity; /* another value makes it another job */
	bool none;     /* "none" is a value: the field becomes 0 or NULL */
	bool empty;    /* so is the empty text */
};

/* The row; id must be one. */
const struct option *option_row(enum option_id id);

extern const struct option_kind option_text, option_list, option_flag, option_word, option_number,
	option_count, option_duration, option_size, option_limit_pair, option_umask, option_nice,
	option_ionice, option_signal, option_quota, option_exits, option_results, option_retention,
	option_restarts;

#endif
