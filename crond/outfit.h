/* outfit: what a keeper has at hand for a run whose options ask for more than the job.
 * Flow: made before the job starts (settings of its env-file, its log, its directory for
 * artifacts), and put away when it has ended. */
#ifndef CROND_OUTFIT_H
#define CROND_OUTFIT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "crond/base/buf.h"
#include "crond/core/logpath.h"
#include "crond/scribe.h"

struct hold;
struct log;

struct outfit {
	struct buf settings; /* of the env-file, NUL-separated */
	struct scribe log;
	char log_path[LOGPATH_MOST + PATH_MAX]; /* to be expected, until its scribe tells */
	char artifacts[PATH_MAX + 32]; /* "CRON_ARTIFACTS=...", "": none */
	char kept[PATH_MAX]; /* what became of them */
	int artifacts_lock;  /* -1: none */
};

/* For a run with DRESS_ON, after its identity and environment are known. A log that cannot
 * be opened is said in *log and done without; for anything else 0 or -1 with h->reason. */
int outfit_make(struct hold *h, struct log *log);
/* Where its log is, which may still be on its way; NULL: it has none. */
const char *outfit_log(struct outfit *f);
/* Where its artifacts are just now; NULL: it has none. */
const char *outfit_artifacts(const struct outfit *f);
/* When all of it has ended: closes its log, keeps its artifacts, and says in *log what went
 * wrong with either. True: its artifacts are elsewhere now, and its outcome says so. */
bool outfit_put_away(struct hold *h, struct log *log);
/* Says in its log, not to the job, why there is no job. */
void outfit_say(struct hold *h, const char *reason);
/* Removes what of the job's earlier runs is older or more than is to be kept. */
void outfit_retain(struct hold *h);
void outfit_free(struct hold *h);

#endif
