/* options_value: is this text a value of that option?
 * Flow: the option table asks, for each value that a parser hands in. */
#ifndef CORE_OPTIONS_VALUE_H
#define CORE_OPTIONS_VALUE_H

#include "crond/base/slice.h"

struct diag;
struct option_def;

/* Each: 0, or -1 with *d. value is not empty and has no NUL in it. */
#define OPTION_JUDGE(name) \
	int option_judge_##name(const struct option_def *def, struct slice value, struct diag *d)
OPTION_JUDGE(any);
OPTION_JUDGE(line);
OPTION_JUDGE(tag);
OPTION_JUDGE(name);
OPTION_JUDGE(command);
OPTION_JUDGE(timezone);
OPTION_JUDGE(user);
OPTION_JUDGE(group);
OPTION_JUDGE(path);
OPTION_JUDGE(env);
OPTION_JUDGE(env_file);
OPTION_JUDGE(host);
OPTION_JUDGE(cpus);
OPTION_JUDGE(log);
OPTION_JUDGE(mail);
OPTION_JUDGE(alert);

/* A user's name as a table may have it: no blank, control byte, '/' or ':', no '-' in
 * front, not a number. Whether there is such a user is another question. */
bool option_user_ok(struct slice name);
/* "bad NAME 'value': expected"; a long value is shortened. Returns -1. */
int option_bad(const char *name, struct slice value, const char *expected, struct diag *d);

#endif
