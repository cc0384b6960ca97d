/* options_value: is this text a value of that option?
 * Flow: the option table asks, for each value that a parser hands in. */
#ifndef CORE_OPTIONS_VALUE_H
#define CORE_OPTIONS_VALUE_H

#include "crond/base/slice.h"

struct diag;
struct option_def;

/* Each: 0, or -1 with *d. Those whose field is a bool, an enum or a number fill
 * *field; the others leave it alone, as the caller keeps the text. value is not empty
 * and has no NUL in it. */
int option_judge_any(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_line(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_tag(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_command(const struct option_def *def, struct slice value, void *field,
	struct diag *d);
int option_judge_timezone(const struct option_def *def, struct slice value, void *field,
	struct diag *d);
int option_judge_user(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_dir(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_env(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_host(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_alert(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_bool(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_max(const struct option_def *def, struct slice value, void *field, struct diag *d);
int option_judge_concurrency(const struct option_def *def, struct slice value, void *field,
	struct diag *d);
int option_judge_timeout(const struct option_def *def, struct slice value, void *field,
	struct diag *d);
int option_judge_duration(const struct option_def *def, struct slice value, void *field,
	struct diag *d);

/* A user's name as a table may have it: no blank, control byte, '/' or ':', no '-' in
 * front, not a number. Whether there is such a user is another question. */
bool option_user_ok(struct slice name);
/* "bad NAME 'value': expected"; a long value is shortened. Returns -1. */
int option_bad(const char *name, struct slice value, const char *expected, struct diag *d);

#endif
