/* moment: what a clock shows, as one number.
 * Flow: whoever counts time asks here, and says by which clock. */
#include "config.h"

#include "crond/base/moment.h"

int64_t moment_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t moment_us(clockid_t clock)
{
	return moment_ns(clock) / 1000;
}

int64_t moment_ms(clockid_t clock)
{
	return moment_ns(clock) / 1000000;
}
