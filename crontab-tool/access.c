/* access: the lists of allowed and denied users.
 * Flow: see access.h. Doubt denies: a list that cannot be read lets nobody in. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crontab-tool/access.h"
#include "crontab-tool/audit.h"
#include "crontab-tool/request.h"

static bool line_is(const char *line, ssize_t n, const char *name, bool unfinished_counts)
{
	if (n > 0 && line[n - 1] == '\n')
		n--;
	else if (!unfinished_counts)
		return false;
	return (size_t)n == strlen(name) && memcmp(line, name, (size_t)n) == 0;
}

enum list_answer access_list(const char *path, const char *name, bool unfinished_counts)
{
	enum list_answer answer = LIST_LACKS;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	FILE *f = fopen(path, "re");
	if (!f && errno == ENOENT)
		return LIST_ABSENT;
	if (!f) {
		perror(path);
		return LIST_UNREADABLE;
	}
	while (answer == LIST_LACKS && (n = getline(&line, &size, f)) >= 0) {
		if (line_is(line, n, name, unfinished_counts))
			answer = LIST_HAS;
	}
	if (answer == LIST_LACKS && !feof(f))
		answer = LIST_UNREADABLE;
	free(line);
	fclose(f);
	return answer;
}

/* Debian's rule is about the name root, cronie's about the caller's uid. */
static bool is_exempt(const struct request *r, const char *name)
{
	if (r->dialect->id == DIALECT_CRONIE)
		return r->identity.uid == 0;
	return strcmp(name, "root") == 0;
}

static bool may_use(const struct request *r, const char *name)
{
	if (is_exempt(r, name))
		return true;
	enum list_answer allowed = access_list(r->dialect->allow, name, false);
	if (allowed != LIST_ABSENT)
		return allowed == LIST_HAS;
	enum list_answer denied = access_list(r->dialect->deny, name, true);
	if (denied != LIST_ABSENT)
		return denied == LIST_LACKS;
	return r->dialect->everyone_without_lists;
}

bool access_check(const struct request *r)
{
	if (!may_use(r, r->caller)) {
		fprintf(stderr,
			"You (%s) are not allowed to use this program (crontab)\n"
			"See crontab(1) for more information\n",
			r->caller);
		audit_log(r->caller, "AUTH", "crontab command not allowed");
		return false;
	}
	if (strcmp(r->user, r->caller) != 0 && !may_use(r, r->user)) {
		fprintf(stderr, "The user %s cannot use this program (crontab)\n", r->user);
		return false;
	}
	return true;
}
