/* lint: what is legal in a job and yet hardly meant.
 * Flow: crond -t, cronctl check and crontab -T hand in each job that they parsed. */
#ifndef CORE_LINT_H
#define CORE_LINT_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/diag.h"
#include "crond/core/crontab.h"
#include "crond/core/options.h"
#include "crond/core/schedule.h"

struct hosts_self;
struct zone;

/* What there is here; what is NULL is not looked at. */
struct lint_world {
	bool (*user)(void *arg, const char *name);  /* is there such a user? */
	bool (*program)(void *arg, const char *path); /* may it be executed? */
	void *arg;
	const struct hosts_self *self;
	const struct zone *zone; /* of schedules, to count with */
	const struct dialect *dialect;
	bool (*group)(void *arg, const char *name); /* is there such a group? */
	bool (*timezone)(void *arg, const char *name); /* such a time zone? */
};

struct lint_job {
	const struct options *options;
	const struct schedule *schedule;
	const struct crontab_env *env; /* of a line */
	struct slice user;    /* s NULL: not named */
	struct slice command; /* s NULL: it has argv */
	uint32_t line;        /* of what is not an option: of the entry, of a task's title */
};

/* Each warning goes to the sink with its place. */
void lint_job(const struct lint_job *job, const struct lint_world *world,
	const struct diag_sink *sink);

#endif
