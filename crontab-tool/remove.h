/* remove: crontab -r.
 * Flow: a table goes from the spool, in dialect cronie not without a backup. */
#ifndef TOOL_REMOVE_H
#define TOOL_REMOVE_H

struct request;
struct spool;

/* The program's exit status. The caller's ids are in force before and after. */
int remove_run(const struct request *r, const struct spool *s);

#endif
