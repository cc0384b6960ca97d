/* values: what an event has for the names in templates.
 * Flow: own files, links and addresses become text for one event. */
#ifndef NOTIFY_VALUES_H
#define NOTIFY_VALUES_H

#include "crond/base/slice.h"
#include "crond/core/template.h"

struct buf;
struct event;

/* Appends the value as it is. What does not apply is empty, of a number null. link: for
 * VALUE_URL, or NULL. */
void values_put(const struct event *e, const char *link, enum template_value v, struct buf *out);
/* Appends the template with the event's values in it. out->failed when memory is out. */
void values_expand(struct slice text, enum template_escape usual, const struct event *e,
        const char *link, struct buf *out);
/* "2026-11-21T05:00:00Z", with milliseconds if ns is not below 0; nothing for a time of 0. */
void values_time(int64_t seconds, int64_t ns, struct buf *out);

#endif
