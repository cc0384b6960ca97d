/* lane: a receiver, those who wait for it, and the configuration they come from.
 * Flow: deliver puts due targets into lanes and takes them out as room allows. */
#ifndef NOTIFY_LANE_H
#define NOTIFY_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/arena.h"
#include "crond/base/slice.h"
#include "crond/core/event.h"
#include "crond/notify/post.h"

struct diag;
struct target;

enum { LANE_HOOKS = 256, LANE_TRANSFERS = 16, LANE_HOST = 4, LANE_SICK = 12 };

struct lane {
	const struct webhook *hook; /* NULL: mail */
	const char *broken;         /* what is wrong with its definition; NULL: nothing */
	char host[POST_HOST], shown[POST_SHOWN];
	struct target *first, *last;
	unsigned active, fails;     /* under way; in a row */
	int64_t hold_ms;            /* monotonic: not before */
};

struct lanes {
	char *bytes; /* the record that all texts point into */
	struct arena arena;
	struct webhook *hooks;
	struct lane *list; /* one for each hook, then one for mail */
	size_t count;      /* of all lanes; 0: no configuration yet */
	const char *mailer, *host;
	size_t turn;
};

/* Reads a configuration into *fresh. 0, or -1 with *d and *fresh empty. */
int lanes_read(struct lanes *fresh, struct slice record, struct diag *d);
/* What is known of receivers of the same name: who is under way, who fails. */
void lanes_inherit(struct lanes *fresh, const struct lanes *old);
void lanes_free(struct lanes *l);

/* The lane for "webhook:NAME" or "mail:ADDRESS"; NULL: there is none. */
struct lane *lanes_find(const struct lanes *l, const char *target);
void lane_push(struct lane *l, struct target *t);
struct target *lane_pop(struct lane *l);
/* The next lane that may begin a delivery now, in turn; NULL: none. `active` transfers are
 * under way in all. A receiver that failed gets one at a time until it has accepted one,
 * and such receivers leave room for others. */
struct lane *lanes_next(struct lanes *l, int64_t now_ms, unsigned active);
/* Monotonic time at which a lane that was told to wait may go on; INT64_MAX: none. */
int64_t lanes_due(const struct lanes *l, int64_t now_ms);
bool lanes_queued(const struct lanes *l);

#endif
