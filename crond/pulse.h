/* pulse: does a helper still work.
 * Flow: who sends it something and who hears it say so here; one that was sent something and keeps
 * silent is asked, and where it does not answer it is killed, so that another one is started. */
#ifndef CROND_PULSE_H
#define CROND_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct crond;

/* Asked only where something was sent to it, and nothing was heard for a minute; killed where it
 * neither answers nor uses any processor time. */
struct pulse {
	int64_t sent_ms; /* monotonic: when something was sent; 0: it has said something since */
	bool asked;
	int64_t used_ns; /* its processor time then; -1: not known */
};

void pulse_sent(struct crond *c, struct pulse *p); /* something is on its way to it */
void pulse_felt(struct pulse *p);                  /* it said something, or is another one */
void pulse_look(struct crond *c);

#endif
