/* crontab_env: settings in a crontab ("NAME = value").
 * Flow: crontab asks of every line whether it is one, before it looks for time fields. */
#ifndef CORE_CRONTAB_ENV_H
#define CORE_CRONTAB_ENV_H

#include <stdbool.h>

#include "crond/base/slice.h"
#include "crond/core/dialect.h"

struct arena;
struct crontab_env;
struct diag;

struct crontab_setting {
	struct slice name, value; /* inside the line */
};

/* Is the line (blanks before it cut, no newline) a setting? Fills *s if so. */
bool crontab_setting_read(struct crontab_setting *s, struct slice line, const struct dialect *d);
/* Puts it in front of before. NULL with *d (text only) when it is too long, or when
 * memory is out; then d->text is empty. */
const struct crontab_env *crontab_env_push(const struct crontab_env *before,
	const struct crontab_setting *s, struct arena *arena, struct diag *d);

#endif
