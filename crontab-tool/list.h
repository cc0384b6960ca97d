/* list: crontab -l.
 * Flow: a table out of the spool, onto standard output. */
#ifndef TOOL_LIST_H
#define TOOL_LIST_H

struct request;
struct spool;

/* The program's exit status. The caller's ids are in force before and after. */
int list_run(const struct request *r, const struct spool *s);

#endif
