/* reach: the files that crond-notify may reach, and what it may do: struct cage for it.
 * Flow: main, before anything is read that others have written. */
#ifndef NOTIFY_REACH_H
#define NOTIFY_REACH_H

#include <sys/types.h>

#include "crond/base/diag.h"

/* Shuts it in: its spool, and what finding names and checking certificates takes. mailer: the process
 * that it may kill. 0; -1: d says what is lacking. */
int reach_restrict(const char *spool, pid_t mailer, struct diag *d);

#endif
