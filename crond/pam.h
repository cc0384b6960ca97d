/* pam: the session that a job runs in, where the system uses PAM.
 * Flow: the keeper opens it before the job and closes it after; pam.c does it,
 * pam_none.c stands in where a launcher is linked without PAM. */
#ifndef CROND_PAM_H
#define CROND_PAM_H

#include <stddef.h>

struct run;
struct pam;

/* Account, credentials, session. NULL with a reason. What modules change in this process
 * (limits) is kept for pam_restore(). */
struct pam *pam_begin(const struct run *r, char *reason, size_t n);
/* NULL-terminated "NAME=value"; belongs to p. */
char *const *pam_environment(struct pam *p);
/* The process's own limits again, once the job has its. */
void pam_restore(struct pam *p);
/* Closes the session. p may be NULL. */
void pam_finish(struct pam *p);

#endif
