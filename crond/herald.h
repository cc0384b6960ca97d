/* herald: what crond has to say of itself to people.
 * Flow: its start, its end and what is wrong with a file become events for those whom crond.conf
 * names in `alert`; without these nothing happens here. */
#ifndef CROND_HERALD_H
#define CROND_HERALD_H

#include <limits.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct crond;

/* What was wrong with a file when it was read. */
struct fault {
	uint32_t count;          /* errors */
	uint64_t content;        /* names what stood in it */
	char first[PATH_MAX + 320]; /* FILE:LINE:COLUMN: text */
};

/* One more error of the file. */
void fault_add(struct fault *f, const char *path, const char *at, const char *text);
/* What it was found in. */
void fault_of(struct fault *f, const char *path, struct slice bytes);

/* crond.started, with what came before it; notes that it runs. */
void herald_started(struct crond *c);
/* crond.stopped; notes that it has ended as it should. */
void herald_stopped(struct crond *c);
/* config.error, once for what stands in the file. */
void herald_fault(struct crond *c, const struct fault *f);

#endif
