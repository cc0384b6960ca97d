/* mailtext: the head of a cron mail, and who may be written to.
 * Flow: the keeper puts it before a run's output; crond-notify before an alert. */
#ifndef CORE_MAILTEXT_H
#define CORE_MAILTEXT_H

#include <stdbool.h>

#include "crond/base/slice.h"

struct buf;
struct run;

/* May alerts go to this address? In every dialect by Debian's rule, the wider one. */
bool mailtext_safe(struct slice address);
/* Head of the mail about a run's output, in the run's dialect, the empty line
 * included. Values have no CR or LF in them; a Subject that is not ASCII is
 * encoded (RFC 2047). failed adds Debian's " (failed)". The addresses have been judged
 * (dialect_address_ok). */
void mailtext_head(const struct run *r, bool failed, struct buf *out);
/* One header line, encoded and folded where it must be. */
void mailtext_header(struct buf *out, const char *name, struct slice value);
/* The mailer's words for the run's dialect: fills argv (room for 16), NULL-terminated. */
void mailtext_mailer(const struct run *r, const char **argv);

#endif
