/* nsswitch: the sources that this host asks about accounts, groups and other hosts.
 * Flow: who wants to know of a source gets them one by one, as the C library takes the file. */
#include "config.h"

#include "crond/base/nsswitch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n\f\v";

/* Blanks and actions in brackets, which need no blanks around them. */
static char *skip(char *at)
{
	for (at += strspn(at, blanks); *at == '['; at += strspn(at, blanks)) {
		at += strcspn(at, "]");
		at += *at == ']';
	}
	return at;
}

void nsswitch_line(char *line, const struct nsswitch_sink *sink)
{
	char *database, *at, *end, last;

	line[strcspn(line, "#")] = '\0';
	database = line + strspn(line, blanks);
	at = database + strcspn(database, ": \t");
	if (at == database || !*at)
		return;
	*at++ = '\0';
	at += strspn(at, ": \t");
	for (at = skip(at); *at; at = skip(end)) {
		end = at + strcspn(at, "[ \t\r\n\f\v");
		last = *end;
		*end = '\0';
		sink->take(sink->arg, database, at);
		*end = last;
	}
}

int nsswitch_read(const char *path, const struct nsswitch_sink *sink)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!f)
		return -1;
	while (getline(&line, &room, f) >= 0)
		nsswitch_line(line, sink);
	free(line);
	fclose(f);
	return 0;
}
