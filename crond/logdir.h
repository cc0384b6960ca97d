/* logdir: the directories that logs and artifacts of runs are in.
 * Flow: root gives a job's user his directory below its own; everything below that is made
 * and opened with the user's rights (errand). */
#ifndef CROND_LOGDIR_H
#define CROND_LOGDIR_H

#include <stddef.h>

struct run;

/* The directory below which logs of users' own files are: root's, a directory for each. */
#define LOGDIR_USERS "users"

/* In the keeper: sees to it that the first directory of path, below the run's log_dir, is
 * there: its user's, 0750, unless it was there before; below LOGDIR_USERS the second.
 * No link is followed below log_dir, which must be root's alone. 0 or -1 with errno. */
int logdir_give(const struct run *r, const char *path);

/* The rest is for an errand: with the user's rights, and links are his to place. Root follows
 * none of anybody else's. */

/* For openat(): O_NOFOLLOW where we are root and others may place links in dir, else 0. */
int logdir_follow(int dir);

/* Opens the directory that the last component of path is in, and makes what is missing of
 * it, 0750; *name is that component. path: absolute, or below dir. after: how many
 * components deep a second directory is opened, into *second (-1: none). A descriptor or
 * -1 with errno: EPERM where root would go through somebody else's below dir. */
int logdir_open(const char *dir, const char *path, const char **name, int after, int *second);

#endif
