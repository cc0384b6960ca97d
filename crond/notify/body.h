/* body: an event in words and in JSON.
 * Flow: from a spooled event to what is posted or mailed; knows no network. */
#ifndef NOTIFY_BODY_H
#define NOTIFY_BODY_H

#include <stdint.h>

#include "crond/base/slice.h"

struct buf;
struct event;

enum { BODY_VERSION = 1 };

/* Appends the default body of a webhook, always strict JSON of valid UTF-8. link: where people
 * look at the run, or NULL. out->failed when memory is out. */
void body_json(const struct event *e, const char *link, struct buf *out);
/* "Job gold failed on web-1: exit code 3 after 1.2 s (attempt 1, 2 failures in a row)." */
void body_sentence(const struct event *e, struct buf *out);
/* A whole mail to address, which must be mailtext_safe(). host: ours, should the event
 * not name one. now: epoch seconds, for Date. */
void body_mail(const struct event *e, struct slice address, const char *host, int64_t now,
	struct buf *out);
/* Appends s as valid UTF-8: NUL bytes and what is no UTF-8 become U+FFFD. */
void body_clean(struct buf *out, struct slice s);

#endif
