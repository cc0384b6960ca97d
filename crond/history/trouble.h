/* trouble: what is done when the database cannot be used.
 * Flow: records wait in the backlog, unacknowledged, while history tries again; one line
 * says that it begins, one that it is over. */
#ifndef HISTORY_TROUBLE_H
#define HISTORY_TROUBLE_H

#include "crond/history/history.h"

/* Opens the database. 0; -1: it is to be tried again at h->retry_ms. */
int trouble_open(struct history *h, int64_t now);
/* Something went wrong: what is not to be trusted is closed, a damaged one put aside. */
void trouble_begin(struct history *h, enum db_trouble t, const struct diag *d, int64_t now);
/* All that waited is written. */
void trouble_over(struct history *h, int64_t now);

#endif
