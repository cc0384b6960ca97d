/* stop_order: why a run is stopped before its end, and at whose wish.
 * Flow: the scheduler writes runs/ID/stop, the keeper reads it and puts it into the
 * outcome. */
#ifndef CORE_STOP_ORDER_H
#define CORE_STOP_ORDER_H

#include "crond/base/slice.h"
#include "crond/core/outcome.h"

struct buf;

enum { STOP_TEXT_MOST = 160 };

struct stop_order {
	enum stop_reason why;
	char text[STOP_TEXT_MOST]; /* who or what, one line; "": nothing more to say */
};

const char *stop_reason_name(enum stop_reason why); /* "person", "replace", ... */
/* What a run that was stopped for it ends as. */
enum result stop_reason_result(enum stop_reason why);
/* As people read it: "stopped by hand: uid 1000 (alice)". */
void stop_order_say(const struct stop_order *o, char *out, size_t n);

/* text may be NULL; control characters in it become blanks, and what is too long is cut. */
void stop_order_set(struct stop_order *o, enum stop_reason why, const char *text);
void stop_order_encode(const struct stop_order *o, struct buf *out);
/* 0 or -1 (not one that we know). */
int stop_order_decode(struct stop_order *o, struct slice bytes);

#endif
