/* digest: several events as one message.
 * Flow: what waits behind a receiver's rate is merged here, under an id that its members
 * make; words and bodies then find the members in the event. */
#ifndef NOTIFY_DIGEST_H
#define NOTIFY_DIGEST_H

#include <stddef.h>

#include "crond/base/buf.h"
#include "crond/core/event.h"

struct diag;
struct entry;
struct spool;
struct target;

enum { DIGEST_MOST = 200, DIGEST_HEAD = 200 };

/* What a receiver takes at a time: events, bytes of text, bytes of their records. */
struct digest_room {
	size_t members, text, bytes;
};

/* hook NULL: mail. */
struct digest_room digest_room(const struct webhook *hook);
/* The same for the same members to the same target. */
void digest_id(char out[EVENT_ID_MOST], struct target *const *list, size_t n);
/* "34 alerts from web-1: 30 failed, 4 timed out." and a line for each event, which names its
 * job, result, run and id. */
void digest_words(const struct event *e, struct buf *out);
/* The first sentence alone, without its full stop. */
void digest_head(const struct event *e, struct buf *out);
/* Such a line alone, without its newline. */
void digest_line(const struct event *member, struct buf *out);

/* What it takes of a room's text, at most; DIGEST_HEAD is for what stands above. */
size_t digest_cost(const struct event *member);

/* The events of a digest, read back from the spool. */
struct digest {
	struct event event;
	struct event *members;
	struct buf *records;
	size_t n;
};

/* How many of the first n fit into that room, by what they are; one at least. */
size_t digest_fit(
        struct spool *s, const struct digest_room *room, struct target *const *list, size_t n);
/* 0, or -1 with *d; digest_free() in any case. host: ours. */
int digest_read(
        struct digest *g, struct spool *s, const struct entry *e, const char *host, struct diag *d);
void digest_free(struct digest *g);

#endif
