/* pam_fence: what PAM's modules may not do to the keeper that lets them in.
 * Flow: up before a module is called, down after: the keeper then has its own
 * signals, user, directory again, and knows what the modules wanted for the job. */
#include "config.h"

#include "crond/pam_fence.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/kernel.h"

enum { END_AFTER_S = 2 };

/* --- the time */

static void on_late(int sig, siginfo_t *info, void *context)
{
	const struct pam_late *l = info->si_value.sival_ptr;

	(void)sig;
	(void)context;
	if (info->si_code == SI_TIMER)
		l->late(l->arg);
}

static void timer_add(struct pam_fence *f, int sig, int seconds, const struct pam_late *late)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig };
	struct itimerspec when = { .it_value.tv_sec = seconds };
	timer_t *timer = &f->timers[f->timer_count];

	event.sigev_value.sival_ptr = (void *)(uintptr_t)late;
	if (timer_create(CLOCK_MONOTONIC, &event, timer) < 0)
		return;
	timer_settime(*timer, 0, &when, NULL);
	f->timer_count++;
}

/* A signal that no module can have a use for, and one that none can block. Nothing is
 * sent before the time is up: modules need not know that calls may be interrupted. */
void pam_fence_time(struct pam_fence *f, const struct pam_late *late)
{
	struct sigaction sa = { .sa_sigaction = on_late, .sa_flags = SA_SIGINFO };
	sigset_t none;

	sigfillset(&sa.sa_mask);
	sigaction(SIGRTMAX, &sa, NULL);
	f->timer_count = 0;
	timer_add(f, SIGRTMAX, late->seconds, late);
	timer_add(f, SIGKILL, late->seconds + END_AFTER_S, late);
	/* programs that a module starts inherit what is blocked */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &f->mask);
}

void pam_fence_time_end(struct pam_fence *f)
{
	sigprocmask(SIG_SETMASK, &f->mask, NULL);
	while (f->timer_count > 0)
		timer_delete(f->timers[--f->timer_count]);
	signal(SIGRTMAX, SIG_DFL);
}

/* --- up */

void pam_fence_up(struct pam_fence *f, const struct pam_late *late, mode_t umask_job)
{
	f->umask_ours = umask(umask_job);
	for (int sig = 1; sig < FENCE_SIGNALS; sig++)
		sigaction(sig, NULL, &f->signals[sig]);
	pam_fence_time(f, late);
}

/* --- down */

static void signals_down(struct pam_fence *f)
{
	struct sigaction now;

	for (int sig = 1; sig < FENCE_SIGNALS; sig++)
		if (sig != SIGKILL && sig != SIGSTOP && sigaction(sig, NULL, &now) == 0 &&
		        now.sa_handler != f->signals[sig].sa_handler)
			sigaction(sig, &f->signals[sig], NULL);
}

int pam_fence_rights(void)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0)
		return -1;
	if ((u[0] || u[1] || u[2]) && kernel_uid_set(0) != 0)
		return -1;
	if ((g[0] || g[1] || g[2]) && kernel_gid_set(0) != 0)
		return -1;
	return 0;
}

/* A pipe of the job must not get the place of one that a module closed. */
static void standard_down(void)
{
	for (int i = 0; i < 3; i++)
		if (fcntl(i, F_GETFD) < 0 && open("/dev/null", O_RDWR) != i)
			return;
}

int pam_fence_down(struct pam_fence *f)
{
	int rc;

	pam_fence_time_end(f);
	rc = pam_fence_rights();
	signals_down(f);
	standard_down();
	f->umask = umask(f->umask_ours);
	rc |= chdir("/");
	return rc ? -1 : 0;
}
