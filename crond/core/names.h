/* names: which task goes by a name, in all files together.
 * Flow: load puts the tasks of a file in as they come into force; asked by load itself (a
 * name is taken once) and by whoever is given a name. */
#ifndef CORE_NAMES_H
#define CORE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct job;

/* Zero-initialised is empty and valid. It refers to jobs and owns none. */
struct names {
	const struct job **slots;
	size_t count, used; /* slots there are, a power of two or 0; slots in use */
};

/* The job of this identity, or NULL. */
const struct job *names_find(const struct names *n, uint64_t identity);
/* Room for so many more: the next ones are put in without fail. 0; -1: memory. */
int names_room(struct names *n, size_t more);
/* From now on the one of its identity. 0; -1: memory. */
int names_put(struct names *n, const struct job *job);
/* Taken out where it is the one of its identity. */
void names_drop(struct names *n, const struct job *job);
void names_free(struct names *n);

#endif
