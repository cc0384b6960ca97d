/* account: what this host knows of a name: by its own files, or by all its sources of accounts.
 * Flow: user asks where the files are all there is; else crond-lookup does, and lookup reads what it
 * answers. */
#ifndef CROND_ACCOUNT_H
#define CROND_ACCOUNT_H

#include <stdint.h>
#include <sys/types.h>

#include "crond/base/buf.h"
#include "crond/base/slice.h"

struct passwd;

struct account {
	char *home;
	uid_t uid;
	gid_t gid;
	uint32_t *groups;
	uint32_t group_count;
};

/* What follows returns 0 with *a, which is to be freed; or -1 with errno: ENOENT, there is no such
 * account; else it could not be found out. root is root for root, also where an image has no account
 * of that name. */
int account_ask(const char *name, struct account *a);   /* all sources: may take any time */
int account_local(const char *name, struct account *a); /* /etc/passwd and /etc/group alone */
/* With the groups that all sources know. */
int account_of(const struct passwd *pw, struct account *a);
void account_free(struct account *a);

/* The same of a group's number. */
int account_group_ask(const char *name, gid_t *gid);
int account_group_local(const char *name, gid_t *gid);

/* What crond-lookup is asked, in a message each: one of these letters, and the name behind it. */
enum { ACCOUNT_USER = 'u', ACCOUNT_GROUP = 'g' };
enum { ACCOUNT_NAME_MOST = 256, ACCOUNT_ANSWER_MOST = 1 << 20 };

/* Its answer. error: errno as above, and *a is not looked at. */
void account_pack(int error, const struct account *a, struct buf *out);
/* 0 or -1 as above, EPROTO: that is no answer. */
int account_unpack(struct slice bytes, struct account *a);

#endif
