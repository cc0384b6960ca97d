/* moment: what a clock shows, as one number.
 * Flow: whoever counts time asks here, and says by which clock. */
#ifndef BASE_MOMENT_H
#define BASE_MOMENT_H

#include <stdint.h>
#include <time.h>

int64_t moment_ns(clockid_t clock);
int64_t moment_us(clockid_t clock);
int64_t moment_ms(clockid_t clock);

#endif
