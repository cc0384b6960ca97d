/* changes: what a reload did, by name.
 * Flow: load notes what became of each job, reload logs it, cronctl reload prints it. */
#ifndef CORE_CHANGES_H
#define CORE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "crond/base/buf.h"
#include "crond/base/slice.h"

enum change { CHANGE_ADDED, CHANGE_CHANGED, CHANGE_REMOVED, CHANGE_REFUSED, CHANGES };

/* How many of each are named; the others are counted. */
enum { CHANGES_NAMED = 20 };

/* Zero-initialised is empty and valid. */
struct changes {
	struct {
		size_t count, named;
		struct buf names; /* NUL-terminated, one behind the other: jobs, or what was refused
				     as "FILE:LINE:COLUMN: why" */
	} of[CHANGES];
	size_t kept;  /* jobs that are as they were */
	size_t files; /* that were looked at */
};

const char *change_name(enum change what); /* "added", ... */
/* Will the next one of these still be named? */
bool changes_names(const struct changes *c, enum change what);
/* One more; name is not asked for where changes_names() is false. */
void changes_add(struct changes *c, enum change what, const char *name);
/* The names: at starts zeroed. NULL: that were all. */
const char *changes_next(const struct changes *c, enum change what, size_t *at);
/* "a, b and 7 more", with as many names as fit into about `most` bytes. */
void changes_text(const struct changes *c, enum change what, size_t most, struct buf *out);
void changes_free(struct changes *c);

#endif
