/* deliver: who is told what and when.
 * Flow: spooled events in; transfers and mails out; their results back into the spool. */
#ifndef NOTIFY_DELIVER_H
#define NOTIFY_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/slice.h"
#include "crond/notify/heap.h"
#include "crond/notify/heartbeat.h"
#include "crond/notify/lane.h"
#include "crond/notify/post.h"
#include "crond/notify/sendmail.h"

struct entry;
struct report;
struct spool;
struct target;

struct deliver {
	struct spool *spool;
	struct report *report;
	struct lanes lanes;
	struct heap waiting;
	struct target *parked; /* their webhook is not defined: until a reload */
	struct post post;
	struct sendmail mails;
	struct beat beat;
	int64_t unit_ms;       /* a second of the retry table; less only in tests */
	int64_t looked_ms;     /* when the parked were last looked at */
	bool closing;          /* nothing new is begun: it is to end, and perhaps to be started anew */
};

int deliver_open(struct deliver *d, struct spool *spool, struct report *report);
/* A new configuration; a bad one is said and leaves the old one in force. */
void deliver_configure(struct deliver *d, struct slice record, int64_t now_ms);
/* All the entry's waiting targets, now or when they are due. */
void deliver_entry(struct deliver *d, struct entry *e, int64_t now_ms);
/* Until its due_ms. */
void deliver_wait(struct deliver *d, struct target *t);
/* Out of whatever queue it is in. false: it is under way. */
bool deliver_take_out(struct deliver *d, struct target *t, int64_t now_ms);
/* Its next try is due now, unless it is under way or waits for room as it is. */
void deliver_hasten(struct deliver *d, struct target *t, int64_t now_ms);
/* Begins what is due and takes in what has ended. */
void deliver_step(struct deliver *d, int64_t now_ms);
/* Monotonic time of the next thing to do; INT64_MAX: none. */
int64_t deliver_due(const struct deliver *d, int64_t now_ms);
/* Under way, or due and waiting for room. */
bool deliver_busy(const struct deliver *d, int64_t now_ms);
void deliver_free(struct deliver *d);

#endif
