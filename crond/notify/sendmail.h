/* sendmail: mails through the system's mailer.
 * Flow: deliver starts one for a target, and takes its result when it has ended. */
#ifndef NOTIFY_SENDMAIL_H
#define NOTIFY_SENDMAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/base/slice.h"

struct diag;
struct post_fd;
struct target;

enum { SENDMAIL_MOST = 4, SENDMAIL_DEADLINE_MS = 60000 };

struct sending {
	pid_t pid; /* 0: free */
	int pidfd, errors;
	bool killed;
	int64_t deadline_ms;
	struct target *target;
};

struct sendmail {
	struct sending list[SENDMAIL_MOST];
	unsigned active;
	int64_t deadline_ms; /* a mailer may take so long */
};

struct sendmail_result {
	struct target *target;
	bool accepted;
	bool unsure; /* not accepted, and yet it may have gone */
	char why[256];
};

/* address must be mailtext_safe() and end with a NUL. 0, or -1 with *d. */
int sendmail_start(struct sendmail *s, const char *mailer, const char *address, struct slice mail,
	struct target *t, int64_t now_ms, struct diag *d);
/* Ends what is late; false when no further mailer has ended. */
bool sendmail_next(struct sendmail *s, int64_t now_ms, struct sendmail_result *r);
/* Fills fds (room for SENDMAIL_MOST) with what to wait for; how many. */
size_t sendmail_fds(const struct sendmail *s, struct post_fd *fds);
/* Monotonic time of the next deadline; INT64_MAX: none. */
int64_t sendmail_due(const struct sendmail *s);
/* Kills what runs. */
void sendmail_free(struct sendmail *s);

#endif
