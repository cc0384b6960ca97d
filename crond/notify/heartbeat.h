/* heartbeat: tells a URL that the scheduler lives.
 * Flow: the scheduler asks for each single one, from a turn of its loop; post has it, and what
 * comes of it is said when it changes. */
#ifndef NOTIFY_HEARTBEAT_H
#define NOTIFY_HEARTBEAT_H

#include <stdbool.h>

#include "crond/base/slice.h"
#include "crond/notify/post.h"

struct report;

struct beat {
	bool under_way;
	bool failing; /* and that was said */
	char shown[POST_SHOWN]; /* of its URL, for the log */
};

/* The scheduler lives. One that is under way is not joined by another. */
void heartbeat_take(struct beat *b, struct post *p, struct report *r, struct slice record);
void heartbeat_ended(struct beat *b, struct report *r, const struct post_result *result);

#endif
