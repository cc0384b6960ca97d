/* edit: crontab -e.
 * Flow: a copy of the table is edited by the caller's editor and installed. */
#ifndef TOOL_EDIT_H
#define TOOL_EDIT_H

struct request;
struct spool;

/* The program's exit status. The caller's ids are in force before and after. */
int edit_run(const struct request *r, const struct spool *s);

#endif
