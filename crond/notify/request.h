/* request: what is sent to a webhook for one event.
 * Flow: post makes one up for each try, since signatures bear the time. */
#ifndef NOTIFY_REQUEST_H
#define NOTIFY_REQUEST_H

#include <stdint.h>

#include "crond/base/buf.h"

struct diag;
struct event;
struct webhook;

struct request {
	struct buf url, body; /* the URL with a NUL behind it */
	const char *type;     /* of the body */
};

/* secret: the webhook's, or NULL. now_ms: since the epoch. 0, or -1 with *d; either way the
 * caller frees. No message has the URL or the secret in it. */
int request_make(struct request *r, const struct webhook *h, const char *secret,
        const struct event *e, int64_t now_ms, struct diag *d);
/* Wipes the URL, which may be a secret. */
void request_free(struct request *r);

#endif
