/* pam_fence: what PAM's modules may not do to the keeper that lets them in.
 * Flow: up before a module is called, down after: the keeper then has its own
 * signals, user, directory again, and knows what the modules wanted for the job. */
#ifndef CROND_PAM_FENCE_H
#define CROND_PAM_FENCE_H

#include <signal.h>
#include <sys/types.h>
#include <time.h>

enum { FENCE_SIGNALS = 32 };

struct pam_fence {
	mode_t umask; /* as the modules left it, when it is down */
	mode_t umask_ours;
	struct sigaction signals[FENCE_SIGNALS];
	sigset_t mask;
	timer_t timers[2]; /* what makes late() called, and what kills */
	int timer_count;   /* as many as could be had */
};

/* late(arg) is called in a signal handler when the modules were not back after so many
 * seconds; two seconds later, whatever holds it up, the process is killed. */
struct pam_late {
	void (*late)(void *arg);
	void *arg;
	int seconds;
};

/* The time alone, for what is called last: nothing is put right behind it. */
void pam_fence_time(struct pam_fence *f, const struct pam_late *late);
void pam_fence_time_end(struct pam_fence *f);
/* umask: what the job would have without the modules. */
void pam_fence_up(struct pam_fence *f, const struct pam_late *late, mode_t umask);
/* In between: root's ids again. 0, or -1: a module gave them up for good. */
int pam_fence_rights(void);
/* 0, or -1: the process cannot be what it was (a module gave its rights up). */
int pam_fence_down(struct pam_fence *f);

#endif
