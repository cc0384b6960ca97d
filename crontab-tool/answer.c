/* answer: a question to the person at the keyboard.
 * Flow: see answer.h. Read byte by byte: what follows the line belongs to the editor,
 * should it be started again. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "crontab-tool/answer.h"

/* The first character of a line that is read to its end; EOF if there is none. */
static int first_of_line(void)
{
	int first = EOF;
	unsigned char c;

	for (;;) {
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
