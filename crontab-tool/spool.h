/* spool: the directory of users' tables.
 * Flow: list, edit and remove take a table from it, install puts one into it. All but
 * spool_open are to be called with the program's own ids. */
#ifndef TOOL_SPOOL_H
#define TOOL_SPOOL_H

#include "crond/base/slice.h"
#include "crontab-tool/request.h"

struct buf;

struct spool {
	const char *path;      /* /var/spool/cron/crontabs */
	const char *name;      /* crontabs */
	char parent[64];       /* /var/spool/cron */
	int dir;               /* O_PATH: members of its group may not read it */
};

/* 0, or -1 with errno. */
int spool_open(struct spool *s, const struct dialect *d);
void spool_close(struct spool *s);
/* Appends a user's table to out: 0, or -1 with errno (ENOENT: none). */
int spool_read(const struct spool *s, const char *user, struct buf *out);
int spool_has(const struct spool *s, const char *user);
/* 0, or -1 with errno. */
int spool_remove(const struct spool *s, const char *user);
/* Puts a table in place, whole or not at all, owned by r->uid. 0, or -1 after saying
 * on standard error what went wrong; the old table then stands as it was. */
int spool_replace(const struct spool *s, const struct request *r, struct slice table);

#endif
