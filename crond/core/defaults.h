/* defaults: a section `defaults { }` of crond.conf or of a task file.
 * Flow: before any job is read; what it says is what the jobs' options begin with. */
#ifndef CORE_DEFAULTS_H
#define CORE_DEFAULTS_H

#include <stdint.h>

#include "crond/base/diag.h"
#include "crond/core/options.h"
#include "crond/core/section_settings.h"

struct arena;
struct section;

/* What a section may set: every option, and which one each is. */
void defaults_settings(struct setting_def defs[OPTIONS + 1]);
/* Takes a section's settings into *line and *task, each where the option is allowed for
 * it; line may be NULL (a task file). Each error goes to the sink and costs its setting.
 * 0, or -1 when memory is out. */
int defaults_read(const struct section *section, struct options *line, struct options *task,
	struct arena *arena, const struct diag_sink *sink, uint32_t *errors);
/* What was set so far becomes what jobs begin with: their own word replaces it. Of another
 * file: origins get its name, which must last as long as they do; NULL: the job's own. */
void defaults_settle(struct options *o, const char *file);
/* Everything that options point to, again in another arena. 0, or -1 when memory is out. */
int defaults_copy(struct options *to, const struct options *from, struct arena *arena);
/* The same for equal values with equal origins, also in another process. */
uint64_t defaults_hash(uint64_t seed, const struct options *o);

#endif
