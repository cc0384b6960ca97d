/* mailbody: what the two parts of a mail have in common.
 * Flow: body_mail() makes the text, mailhtml.c the same as HTML. */
#ifndef NOTIFY_MAILBODY_H
#define NOTIFY_MAILBODY_H

#include "crond/base/slice.h"

struct buf;
struct event;

enum { MAIL_WIDTH = 900 /* SMTP ends a line at 998 */, MAIL_BOUNDARY = 40 };

#define MAIL_STDOUT "Standard output, its end:"
#define MAIL_STDERR "Standard error, its end:"
#define MAIL_MORE "There was more than is shown here."

/* What is known of an event, a name and a value at a time. */
void mail_facts(const struct event *e, void (*each)(void *arg, const char *name, const char *value),
        void *arg);
/* Output, with lines that any mail system takes, as UTF-8 without control characters; put()
 * gets one character at a time. */
void mail_lines(
        struct slice raw, void (*put)(struct buf *out, struct slice letter), struct buf *out);
/* The HTML part, all of it escaped. */
void mail_html(const struct event *e, struct buf *out);

#endif
