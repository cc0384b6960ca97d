/* runlog_open: the file that a run's output goes to, and the link that shows it.
 * Flow: as the run starts, in its scribe; an errand opens it as the run's user, and the scribe
 * writes into what it is handed. */
#ifndef CROND_RUNLOG_OPEN_H
#define CROND_RUNLOG_OPEN_H

#include <stddef.h>
#include <stdint.h>

#include "crond/core/logpath.h"
#include "crond/runlog.h"

struct run;
struct spawn;

/* What a log or directory of a run that started then is named after. */
struct logpath_of runlog_of(const struct run *r, int64_t started_ns);
/* Its path, as it is without another run in the way. */
void runlog_expect(const struct run *r, int64_t started_ns, char *path, size_t n);
/* Opens as->run's log, made with its directories where they are missing, and leaves a link
 * named "latest" to it in the last directory whose name has no time in it. A file that is
 * there is appended to; one that another run is writing to is left to it, and this run's id
 * stands behind the name. 0, or -1 with errno; what is the
 * path in either case. */
int runlog_open(struct runlog *l, const struct spawn *as, int64_t started_ns, char *what, size_t n);

#endif
