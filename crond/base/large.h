/* large: memory that is walked at random, in pages that do not have to be looked up anew
 * at each step.
 * Flow: the tables of a million entries ask for it. */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H

#include <stddef.h>

/* Asks for large pages where there are n bytes, before they are used. What lies between
 * their boundaries and the ends stays in small ones, so nothing is wasted. */
void large_pages(void *p, size_t n);

#endif
