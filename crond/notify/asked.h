/* asked: people who ask crond-notify about deliveries, over alerts.sock.
 * Flow: clients.c takes them in, their requests are judged here, alerts.c answers. */
#ifndef NOTIFY_ASKED_H
#define NOTIFY_ASKED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/core/ctlmsg.h"
#include "crond/core/event.h"

struct buf;
struct clients;
struct notify;

struct asked {
	struct ctlmsg_request request; /* of the verb alerts */
	uid_t uid;
	bool all;                      /* may see and do what concerns everybody; else its own */
	/* How far the answer is: alerts.c's, zero at the beginning. An entry may come and go
	 * between two pieces, so that no pointer is kept. */
	size_t at;
	uint64_t done;
	char after[EVENT_ID_MOST];
};

/* What is answered, beside the last line: with "list" a line for each target that an event waits
 * for or did not reach, {"id","event","job","run_id","user","target","state","tries","at","next",
 * "why"}: state is "waiting" or "failed", at (when it came) and next (try; waiting only) are epoch
 * seconds, why is the last try's trouble. With "retry" and "drop" the last line has "count", how
 * many targets it was done to; an id that is not there, or not theirs, is CTLMSG_UNKNOWN.
 *
 * alerts.c: the next piece of the answer, a few ms of work and some KB; its last piece ends with
 * ctlmsg_end() or ctlmsg_error(). true: there is more. */
bool alerts_answer(struct notify *n, struct asked *a, struct buf *out);

/* Serves who asks at the listening descriptor, which it takes over. 0 or -1 with errno. */
int asked_open(struct clients *c, int listening, struct notify *n);

#endif
