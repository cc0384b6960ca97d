/* told: what a keeper is told by signals while it guards a run.
 * Flow: the scheduler (ask.c) sends them, the keeper looks at what it was told when its
 * wait ends. */
#include "config.h"

#include "crond/told.h"

#include <stdint.h>

#include "crond/launch.h"

static volatile sig_atomic_t terms, something;
static volatile sig_atomic_t values[1 << RUN_SIGNAL_BITS]; /* by what is asked */

static void on_term(int sig)
{
	(void)sig;
	terms++;
}

static void on_look(int sig)
{
	(void)sig;
	something = 1;
}

static void on_value(int sig, siginfo_t *info, void *context)
{
	unsigned which = (unsigned)info->si_value.sival_int & ((1u << RUN_SIGNAL_BITS) - 1);

	(void)sig;
	(void)context;
	if (info->si_code != SI_QUEUE || which == 0)
		return;
	values[which] = info->si_value.sival_int;
	something = 1;
}

void told_prepare(void)
{
	struct sigaction look = { .sa_handler = on_look, .sa_flags = SA_RESTART };
	struct sigaction value = { .sa_sigaction = on_value, .sa_flags = SA_RESTART | SA_SIGINFO };

	sigaction(LAUNCH_LOOK, &look, NULL);
	sigaction(LAUNCH_SIGNAL, &value, NULL);
}

void told_begin(sigset_t *waiting)
{
	struct sigaction end = { .sa_handler = on_term, .sa_flags = SA_RESTART };
	sigset_t block;

	something = 0; /* the launcher may have been meant */
	sigaction(SIGTERM, &end, NULL);
	sigemptyset(waiting);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, LAUNCH_LOOK);
	sigaddset(&block, LAUNCH_SIGNAL);
	sigprocmask(SIG_BLOCK, &block, NULL);
}

const volatile sig_atomic_t *told_to_end(void)
{
	return &terms;
}

const volatile sig_atomic_t *told_something(void)
{
	return &something;
}

void told_look(void)
{
	something = 0;
}

int told_signal(const char *id)
{
	for (int sig = 1; sig < 1 << RUN_SIGNAL_BITS; sig++) {
		int value = values[sig];

		values[sig] = 0;
		if (value && value == run_signal_value(id, sig))
			return sig;
	}
	return 0;
}
