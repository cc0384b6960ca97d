/* seeds: how many random cases a test tries, and which.
 * Flow: CRONWARD_SEEDS=N of the environment has so many tried, CRONWARD_SEED=N that one alone. */
#ifndef TESTS_SEEDS_H
#define TESTS_SEEDS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* usual: how many where nobody asks for more. */
static inline void seeds_run(void (*one)(uint64_t seed), uint64_t usual)
{
	const char *many = getenv("CRONWARD_SEEDS"), *single = getenv("CRONWARD_SEED");
	uint64_t first = single ? strtoull(single, NULL, 10) : 1;
	uint64_t last = single ? first : many ? strtoull(many, NULL, 10) : usual;

	for (uint64_t seed = first; seed <= last; seed++)
		one(seed);
	printf("# seeds %llu to %llu\n", (unsigned long long)first, (unsigned long long)last);
}

#endif
