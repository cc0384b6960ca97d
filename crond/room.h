/* room: what the runs of users' own files may take of the run-time directory, which is memory
 * on most systems and everybody's.
 * Flow: start asks before it claims; a run gives back what it took when it is forgotten. */
#ifndef CROND_ROOM_H
#define CROND_ROOM_H

#include <stdbool.h>
#include <stddef.h>

struct crond;
struct job_user;
struct live_run;

/* Sees how large the file system of the run-time directory is. */
void room_measure(struct crond *c);
/* Does a run whose record is so long still fit into its user's share? */
bool room_has(const struct crond *c, const struct job_user *u, size_t record);
/* The run takes that much, until room_give(). Nothing where u is NULL. */
void room_take(struct live_run *run, const struct job_user *u, size_t record);
void room_give(struct live_run *run);

#endif
