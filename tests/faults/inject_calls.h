/* inject_calls: the system calls that may be failed, and what kind each is of. */
#ifndef TESTS_FAULTS_INJECT_CALLS_H
#define TESTS_FAULTS_INJECT_CALLS_H

#include <stdbool.h>
#include <stddef.h>

struct call {
	int number;
	const char *kind;
	bool bytes; /* has a buffer and its size as second and third argument, the file as first */
};

extern const struct call calls[];
extern const size_t call_count;

/* NULL: of no interest. */
const struct call *call_find(int number);

#endif
