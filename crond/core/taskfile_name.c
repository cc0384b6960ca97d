/* taskfile_name: what a task or a webhook may be called.
 * Flow: apart from the parser, so that who only asks need not link libconfuse. */
#include "crond/core/taskfile.h"

enum { NAME_MOST = 64 };

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool taskfile_name_ok(struct slice name)
{
	if (name.n == 0 || name.n > NAME_MOST || !is_alphanumeric(name.s[0]))
		return false;
	for (size_t i = 1; i < name.n; i++) {
		char c = name.s[i];

		if (!is_alphanumeric(c) && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}
