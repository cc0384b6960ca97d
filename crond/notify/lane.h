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
#include "crond/notify/rate.h"

struct diag;
struct mail_lanes;
struct target;

enum {
	LANE_HOOKS = 256,
	LANE_TRANSFERS = 16,
	LANE_HOST = 4,
	LANE_SICK = 12,
	LANE_CROWD = 100,          /* more than so many that wait are merged, whatever the rate */
	LANE_SPREAD = 2,           /* seconds */
	LANE_MAIL_COUNT = 30,      /* to one address, in */
	LANE_MAIL_MS = 600 * 1000,
};

struct lane {
	const struct webhook *hook; /* NULL: mail */
	const char *broken;         /* what is wrong with its definition; NULL: nothing */
	char host[POST_HOST], shown[POST_SHOWN];
	struct target *first, *last;
	size_t waiting;             /* in this queue */
	unsigned active, fails;     /* under way; in a row */
	int64_t hold_ms;            /* monotonic: not before */
	int64_t spread_ms;          /* so far into each minute nothing is begun */
	struct rate_limit limit;
	struct rate rate;
	struct mail_lanes *of;      /* mail: whose it is */
	struct lane *same, *next, *before; /* mail: of its bucket; in turn, while somebody waits */
	char *address;
};

struct lanes {
	char *bytes; /* the record that all texts point into */
	struct arena arena;
	struct webhook *hooks;
	struct lane *list; /* one for each hook */
	size_t count;
	bool configured;
	const char *mailer, *host;
	size_t turn;
	struct mail_lanes *mail; /* one for each address */
	int64_t minute_ms;       /* monotonic: when the minute of the clock on the wall began */
};

/* Reads a configuration into *fresh; spread_most: LANE_SPREAD in ms. 0, or -1 with *d and
 * *fresh empty. */
int lanes_read(struct lanes *fresh, struct slice record, int64_t spread_most, struct diag *d);
/* What is known of receivers of the same name: who is under way, who fails, how much each was
 * told. Takes the lanes of mail over. */
void lanes_inherit(struct lanes *fresh, struct lanes *old);
void lanes_free(struct lanes *l);
/* All hosts of a fleet have their jobs at the same second: how far into a minute webhooks are
 * left alone is different on each. */
void lanes_clock(struct lanes *l, int64_t now_ms, int64_t wall_ms);

/* The lane for "webhook:NAME" or "mail:ADDRESS"; NULL: there is none, or no memory. */
struct lane *lanes_find(struct lanes *l, const char *target, int64_t now_ms);
void lane_push(struct lane *l, struct target *t);
void lane_push_front(struct lane *l, struct target *t);
struct target *lane_pop(struct lane *l);
/* Takes the first of those that may go with others into list, `most` at most; how many. */
size_t lane_take(struct lane *l, struct target **list, size_t most);
/* False: it does not wait there. */
bool lane_remove(struct lane *l, struct target *t);
/* How many of those that wait should go as one, so that the others may go by themselves; 0
 * or at least 2. */
size_t lane_surplus(const struct lane *l, int64_t now_ms);
/* One of its targets is under way, or is no more. */
void lane_begun(struct lane *l, int64_t now_ms);
void lane_ended(struct lane *l);
/* Any target that waits in a lane; NULL: none. */
struct target *lanes_drain(struct lanes *l);
/* The next lane that may begin a delivery now, in turn; NULL: none. `active` transfers are
 * under way in all. A receiver that failed gets one at a time until it has accepted one,
 * and such receivers leave room for others. */
struct lane *lanes_next(struct lanes *l, int64_t now_ms, unsigned active);
/* Monotonic time at which a lane that has to wait may go on; INT64_MAX: none. */
int64_t lanes_due(const struct lanes *l, int64_t now_ms);
/* Somebody waits whose time comes until then. */
bool lanes_queued(const struct lanes *l, int64_t until_ms);

#endif
