/* crowd: one user's many jobs of one second, which delay his own starts and nobody else's.
 * Flow: between due and start; what is put off is started in the same advance of the clock,
 * and waits in launch where the launcher has enough of that user's. */
#ifndef CROND_CROWD_H
#define CROND_CROWD_H

#include <stdbool.h>

struct crond;
struct due_found;
struct job;

/* Jobs of one user's own files beyond so many in one advance of the clock are started
 * behind everybody else's: true, it is put off until crowd_start(). */
bool crowd_put_off(struct crond *c, const struct job *job, const struct due_found *found);
void crowd_start(struct crond *c);

#endif
