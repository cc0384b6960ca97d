/* answer: has a receiver taken what it was sent?
 * Flow: post asks once a transfer has ended; robots answer 200 whatever became of it. */
#ifndef NOTIFY_ANSWER_H
#define NOTIFY_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"
#include "crond/core/webhook.h"

struct answer {
	bool accepted;
	bool final;     /* not accepted, and no further try would be */
	int64_t wait_s; /* too much was sent: what it asks for before the next; 0: nothing */
	char why[256];  /* not accepted: one line; may quote the receiver */
};

/* Does the verdict depend on more than the status? */
bool answer_in_body(enum webhook_template t);
void answer_judge(enum webhook_template t, long status, struct slice body, struct answer *a);

#endif
