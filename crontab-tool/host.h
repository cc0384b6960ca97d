/* host: which machine of a cluster runs the users' tables.
 * Flow: dialect cronie alone: a file in the spool, which crond -c looks at. */
#ifndef TOOL_HOST_H
#define TOOL_HOST_H

struct request;
struct spool;

/* Both: the program's exit status. The caller's ids are in force before and after. */
int host_set(const struct request *r, const struct spool *s);
int host_get(const struct request *r, const struct spool *s);

#endif
