/* pam: the session that a job runs in, where the system uses PAM.
 * Flow: the launcher has its modules at hand, the keeper opens the session before the job
 * and closes it after; pam_none.c stands in where a launcher is linked without PAM. */
#ifndef CROND_PAM_H
#define CROND_PAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct log;
struct pam_limits;
struct run;
struct run_progress;
struct pam;

/* Seconds to open a session, and again to close it. */
enum { PAM_PATIENCE_S = 30 };

/* Whom a session is for, and what is done when it does not come back. */
struct pam_for {
	const struct run *run;
	struct log *log;
	int lock;                      /* the run file, to be marked with how far it has come */
	struct run_progress *progress;
	bool may_sweep;                /* at the close: what is below this process is PAM's alone */
};

/* What the session wants for its job; the keeper itself is as it was before. */
struct pam_job {
	char *const *env;            /* NULL-terminated "NAME=value" */
	const struct pam_limits *limits;
	mode_t umask;
	const gid_t *groups;         /* with what modules added; in the kernel's order */
	size_t group_count;
};

/* In the launcher, before any run: reads the service's stack and maps its modules, so that
 * keepers find that done. No module is called. */
void pam_prepare(const char *service, struct log *log);
/* Has what was read or mapped then changed? */
bool pam_changed(void);
/* From now on keepers do it themselves. */
void pam_forget(void);

/* Account, credentials, session. NULL with a reason. A module that does not come back in
 * time or takes the process with it ends the keeper, and w->progress says where. */
struct pam *pam_begin(const struct pam_for *w, char *reason, size_t n);
/* Valid until pam_finish(). */
const struct pam_job *pam_for_job(const struct pam *p);
/* Gives back what opening it used, for a keeper that will wait for long. */
void pam_memory_free(void);
/* Closes the session. p may be NULL. */
void pam_finish(struct pam *p, const struct pam_for *w);

#endif
