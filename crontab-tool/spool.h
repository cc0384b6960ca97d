/* spool: the directory of users' tables.
 * Flow: list, edit and remove take a table from it, install puts one into it. All but
 * spool_complain are to be called with the program's own ids. */
#ifndef TOOL_SPOOL_H
#define TOOL_SPOOL_H

#include <limits.h>
#include <stdbool.h>

#include "crond/base/slice.h"
#include "crontab-tool/request.h"

struct buf;

struct spool {
	const char *path;      /* /var/spool/cron/crontabs */
	const char *name;      /* crontabs */
	char parent[PATH_MAX]; /* /var/spool/cron */
	bool cronie;           /* whose words messages have */
	bool follow;           /* a table may be a link: nobody but root can have put it there */
	int dir;               /* O_PATH: members of its group may not read it */
};

/* Opens r->spool, in dialect cronie makes it first if need be. 0, or -1 after a message. */
int spool_open(struct spool *s, const struct request *r);
void spool_close(struct spool *s);
/* Appends a file of it to out: 0, or -1 with errno (ENOENT: none). */
int spool_read(const struct spool *s, const char *name, struct buf *out);
bool spool_has(const struct spool *s, const char *user);
/* r->user's table. Once it is gone, it stays so over a power cut, or that it may not is said on
 * standard error. 0, or -1 with errno: it stands. */
int spool_remove(const struct spool *s, const struct request *r);
/* Puts a file in place, whole or not at all, a table owned by its user, and to stay over
 * a power cut. 0, or -1 after saying on standard error what went wrong; what was there
 * then stands as it was. */
int spool_put(const struct spool *s, const struct request *r, const char *name, struct slice bytes);
/* Says that a user's table could not be had, and why (an errno). */
void spool_complain(const struct spool *s, const char *user, int error);

#endif
