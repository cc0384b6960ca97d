/* large: memory that is walked at random, in pages that do not have to be looked up anew
 * at each step.
 * Flow: the tables of a million entries ask for it. */
#include "crond/base/large.h"

#include <stdint.h>
#include <sys/mman.h>

enum { LARGE = 2 << 20 };

void large_pages(void *p, size_t n)
{
	uintptr_t from = ((uintptr_t)p + LARGE - 1) & ~(uintptr_t)(LARGE - 1);
	uintptr_t to = ((uintptr_t)p + n) & ~(uintptr_t)(LARGE - 1);

	if (p && from < to) /* a kernel that has none goes on as it was */
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}
