/* answer: a question to the person at the keyboard.
 * Flow: remove -i and a failed edit ask. */
#ifndef TOOL_ANSWER_H
#define TOOL_ANSWER_H

#include <stdbool.h>

/* Asks on standard output and reads lines of standard input until one begins with y
 * or n, in any case. After any other line says which on standard error, and asks
 * again if repeat. The end of input is no, and so is a signal that is held back. */
bool answer_yes(const char *question, const char *which, bool repeat);
/* Asks once: anything but a line that begins with y, in either case, is no. */
bool answer_once(const char *question);

#endif
