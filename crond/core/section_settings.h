/* section_settings: the names and values of one section, read by libconfuse.
 * Flow: section.c cuts a file, this reads a piece, taskfile.c and conf.c judge. */
#ifndef CORE_SECTION_SETTINGS_H
#define CORE_SECTION_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct diag;
struct section;

struct setting_def {
	const char *name;
	bool list; /* takes several values */
};

/* Valid during the call only. */
struct setting {
	size_t def; /* its place among the definitions */
	const struct slice *values; /* escapes resolved */
	size_t count;
	uint32_t line, column; /* of the name */
};

struct settings_sink {
	/* Each setting in the order of the file; only when the whole section could be read. */
	void (*setting)(void *arg, const struct setting *s);
	void (*diag)(void *arg, const struct diag *d);
	void *arg;
};

/* defs: ended by a NULL name. what: "option", "setting", for messages. 0; 1 when the
 * section is refused (each thing wrong was reported); -1 when memory is out. */
int section_settings(const struct section *section, const struct setting_def *defs, const char *what,
	const struct settings_sink *sink);

#endif
