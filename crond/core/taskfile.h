/* taskfile: bytes of a task file in, tasks and diagnostics out.
 * Flow: a scanner of ours cuts the bytes into sections, libconfuse reads each, the
 * option table judges the values. */
#ifndef CORE_TASKFILE_H
#define CORE_TASKFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/diag.h"
#include "crond/base/slice.h"
#include "crond/core/options.h"
#include "crond/core/schedule.h"

struct arena;

struct taskfile_task {
	const char *name;      /* in the arena */
	uint32_t line;         /* of its title */
	struct options options;
	struct schedule schedule;
};

struct taskfile_sink {
	/* Each good task, valid during the call but for what lives in the arena. Non-zero
	 * stops the parser. */
	int (*task)(void *arg, const struct taskfile_task *t);
	void (*diag)(void *arg, const struct diag *d);
	void *arg;
};

struct taskfile_result {
	uint32_t tasks, errors;
	bool broken; /* a brace, quote or comment without end, or an error in its defaults: the
	                file is not to be used */
};

/* defaults: what tasks begin with before the file's own section `defaults`; NULL: the
 * vocabulary's. seed_host makes `~` differ from host to host; a task's name is mixed in. 0, also when
 * there were errors or the file is broken (tasks before the break have been delivered: the
 * caller drops them); -1 when memory was out or the sink said stop. */
int taskfile_parse(struct slice bytes, uint64_t seed_host, const struct options *defaults,
	struct arena *arena, const struct taskfile_sink *sink, struct taskfile_result *result);

/* A task's name: letters, digits, '.', '_', '-', at most 64, first a letter or digit. */
bool taskfile_name_ok(struct slice name);

#endif
