/* answer: a question to the person at the keyboard.
 * Flow: see answer.h. Read byte by byte: what follows the line belongs to the editor,
 * should it be started again. */
#include "config.h"

#include "crontab-tool/answer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

/* Waits for input: 0, or -1 when a signal that is held back came first. Whoever holds
 * them back sees to it after the answer. */
static int wait_input(void)
{
	sigset_t held, ends;

	sigprocmask(SIG_BLOCK, NULL, &held);
	sigemptyset(&ends);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		if (sigismember(&held, ending[i]))
			sigaddset(&ends, ending[i]);
	}
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signalfd(-1, &ends, SFD_CLOEXEC), .events = POLLIN },
	};
	int n;
	do
		n = poll(fds, 2, -1);
	while (n < 0 && errno == EINTR);
	if (fds[1].fd >= 0)
		close(fds[1].fd);
	return n > 0 && (fds[1].revents & POLLIN) ? -1 : 0;
}

/* The first character of a line that is read to its end; EOF if there is none. */
static int first_of_line(void)
{
	int first = EOF;
	unsigned char c;

	for (;;) {
		if (wait_input() != 0)
			return EOF;
		ssize_t n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return first;
		if (first == EOF)
			first = c;
		if (c == '\n')
			return first;
	}
}

static void ask(const char *question)
{
	fputs(question, stdout);
	fflush(stdout);
}

bool answer_yes(const char *question, const char *which, bool repeat)
{
	ask(question);
	for (;;) {
		switch (first_of_line()) {
		case 'y':
		case 'Y':
			return true;
		case 'n':
		case 'N':
		case EOF:
			return false;
		default:
			fputs(which, stderr);
			if (repeat)
				ask(question);
		}
	}
}

bool answer_once(const char *question)
{
	ask(question);
	int first = first_of_line();
	return first == 'y' || first == 'Y';
}
