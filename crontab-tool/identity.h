/* identity: the caller's ids and those the program was installed with.
 * Flow: everything on the caller's behalf is done as the caller; only the spool and
 * the lists of users are touched with the program's own. */
#ifndef TOOL_IDENTITY_H
#define TOOL_IDENTITY_H

#include <sys/types.h>

struct identity {
	uid_t uid, own_uid; /* the caller's; the program's (setuid) */
	gid_t gid, own_gid; /* the same for setgid */
};

/* All of them end the program when the kernel refuses: there is no way on with ids
 * that are not what the code takes them for. */
void identity_start(struct identity *i);          /* reads, then becomes the caller */
void identity_caller(const struct identity *i);   /* effective ids: the caller's */
/* The same behind work that went so (0: it is done): an end here says no other status. */
void identity_done(const struct identity *i, int rc);
void identity_own(const struct identity *i);      /* effective ids: the program's */
/* For a child that runs the caller's program: the way back is given up. */
void identity_forget(const struct identity *i);

#endif
