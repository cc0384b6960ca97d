/* cage_calls: which system calls a caged helper may make, and what happens at others: one table.
 * Flow: cage makes a filter of it. Whatever is not in it does not exist in there (ENOSYS): a C library
 * that learns to make a new call goes on as under an old kernel. */
#ifndef BASE_CAGE_CALLS_H
#define BASE_CAGE_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* With it the C library's part starts a thread of its own making in the end, and traces the others. */
#if defined(__SANITIZE_ADDRESS__)
#define CAGE_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAGE_SANITIZED
#endif
#endif

enum cage_answer {
	CAGE_ALLOW,
	CAGE_KILL, /* nothing that was meant ends here: the process is killed */
	CAGE_ERRNO,
};

enum cage_test {
	CAGE_ALWAYS,
	CAGE_EQUAL, /* an argument's lower 32 bits are value */
	CAGE_BITS,  /* they have one of its bits */
	CAGE_SELF,  /* they are the caller's process id */
	CAGE_OTHER, /* they are struct cage's signals */
};

/* The first row that fits a call decides. */
struct cage_call {
	int number;     /* -1: this architecture has no such call */
	unsigned needs; /* enum cage_may; 0: everybody may */
	enum cage_answer answer;
	int error;      /* for CAGE_ERRNO */
	enum cage_test test;
	unsigned argument; /* which, from 0 */
	uint32_t value;
};

extern const struct cage_call cage_calls[];
extern const size_t cage_calls_count;

#endif
