/* calls: the Nth call of a kind that the code under test makes fails.
 * Flow: the linker sends calls of libc's functions here (failing_calls in the Makefile); tests say
 * which is to fail, and what the test's own world does (world_ours) neither counts nor fails. */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include <stdbool.h>

enum call_kind {
	CALL_MEMORY,
	CALL_OPEN,
	CALL_READ,
	CALL_WRITE,
	CALL_STAT,
	CALL_MKDIR,
	CALL_RENAME,
	CALL_UNLINK,
	CALL_SYNC,
	CALL_TRUNCATE,
	CALL_SEND,
	CALL_EPOLL,
	CALL_TIMER,
	CALL_MAP,
	CALL_LOCK,
	CALL_DIRECTORY,
	CALL_SOCKET,
	CALL_KINDS
};

/* Those from the Nth on, times of them (0: all), fail with error; a short write has no error. */
void calls_arm(enum call_kind kind, unsigned n, unsigned times, int error);
/* Nothing fails from here on: how many have. */
unsigned calls_disarm(void);
const char *calls_kind(enum call_kind kind);
/* The errors that calls of a kind may well say, 0 behind the last one. */
const int *calls_errors(enum call_kind kind);

#endif
