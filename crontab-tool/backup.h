/* backup: the table that is about to go, kept in the caller's cache directory.
 * Flow: dialect cronie alone; before a replace or a removal. */
#ifndef TOOL_BACKUP_H
#define TOOL_BACKUP_H

struct request;
struct spool;

enum backup_result { BACKUP_DONE, BACKUP_FAILED, BACKUP_NO_TABLE, BACKUP_UNREADABLE };

/* Copies r->user's table to crontab/crontab.bak (crontab.USER.bak for somebody else's)
 * below $XDG_CACHE_HOME or ~/.cache, as the caller. What failed has been said, but
 * that there is no table; a FAILED copy is no reason not to go on. The caller's ids are
 * in force before and after. */
enum backup_result backup_table(const struct request *r, const struct spool *s);

#endif
