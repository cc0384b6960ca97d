/* access: who may use crontab(1), by the lists of allowed and denied users.
 * Flow: asked once a request is understood, before anything is done. */
#ifndef TOOL_ACCESS_H
#define TOOL_ACCESS_H

#include <stdbool.h>

struct request;

/* May the caller, and the user it names? Says why not, on standard error and in
 * the log. To be called with the program's own ids: the lists may be readable by
 * its group only. */
bool access_check(const struct request *r);

enum list_answer { LIST_ABSENT, LIST_HAS, LIST_LACKS, LIST_UNREADABLE };
/* Does a line of the list at path consist of name alone? A last line without its
 * newline is not counted, unless whole_last_line (whatever the file's author
 * meant, doubt is to close the door). */
enum list_answer access_list(const char *path, const char *name, bool unfinished_counts);

#endif
