/* nasty: a process tree that does all it can against being stopped.
 * Flow: a test calls itself again as the job, which is this; it ends by itself, should nobody
 * end it. */
#include "config.h"

#include "tests/unit/nasty.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		_exit(1);
	return pid == 0;
}

static void __attribute__((noreturn)) stay(void)
{
	for (;;)
		pause();
}

/* Even this ends, should nobody stop it: a test may be killed itself. */
enum { NASTY_SECONDS = 120 };

/* Born by one that is gone, in a session of its own, and gone itself in a moment. */
static void __attribute__((noreturn)) comet(void)
{
	const time_t until = time(NULL) + NASTY_SECONDS;

	for (;;) {
		if (time(NULL) > until)
			_exit(0);
		if (!child())
			_exit(0);
		setsid();
	}
}

/* Has children without end, each of which leaves. */
static void __attribute__((noreturn)) rabbit(void)
{
	const time_t until = time(NULL) + NASTY_SECONDS;

	for (;;) {
		if (time(NULL) > until)
			_exit(0);
		if (child()) {
			setsid();
			poll(NULL, 0, 30);
			_exit(0);
		}
		poll(NULL, 0, 2);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

void nasty(void)
{
	static const int deaf[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGPIPE };

	for (size_t i = 0; i < sizeof(deaf) / sizeof(deaf[0]); i++)
		signal(deaf[i], SIG_IGN);
	if (child()) { /* a session of its own */
		setsid();
		stay();
	}
	if (child()) { /* a daemon in the old way */
		setsid();
		if (!child())
			_exit(0);
		setsid();
		stay();
	}
	if (child()) { /* one that stands still, below one that is gone */
		if (!child())
			_exit(0);
		setpgid(0, 0);
		for (;;)
			raise(SIGSTOP);
	}
	if (child())
		comet();
	if (child())
		rabbit();
	if (write(1, "up\n", 3) != 3)
		_exit(1);
	stay();
}
