/* sendmail: mails through the system's mailer.
 * Flow: deliver hands one for a target to the process that executes the mailer (mailer.c), and takes its
 * result when it has ended. */
#ifndef NOTIFY_SENDMAIL_H
#define NOTIFY_SENDMAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/base/slice.h"
#include "crond/notify/mailer.h"

struct diag;
struct post_fd;
struct target;

enum { SENDMAIL_MOST = MAILERS_MOST, SENDMAIL_DEADLINE_MS = 60000 };

struct sending {
	uint32_t number; /* 0: free */
	int errors;
	int64_t deadline_ms; /* by then there should be an answer */
	struct target *target;
};

struct sendmail {
	struct sending list[SENDMAIL_MOST];
	unsigned active;
	uint32_t number;     /* of the last order */
	int64_t deadline_ms; /* a mailer may take so long */
	int wire;            /* to the mailer's process; -1: there is none */
	pid_t pid;
	bool over;           /* it has died: no mail goes before a new start */
	char mailer[PATH_MAX];
};

struct sendmail_result {
	struct target *target;
	bool accepted;
	bool unsure; /* not accepted, and yet it may have gone */
	char why[256];
};

/* Forks the process that executes mailers: before threads, and before the cage. 0 or -1 with errno. */
int sendmail_open(struct sendmail *s);
/* The mailer's path, or "off". The first path stays for good: whoever takes this process over is not to
 * have another program executed. 0; -1: it is another one, and a new start is needed. */
int sendmail_mailer(struct sendmail *s, const char *path);
/* address must be mailtext_safe() and end with a NUL. 0, or -1 with *d. */
int sendmail_start(struct sendmail *s, const char *address, struct slice mail,
	struct target *t, int64_t now_ms, struct diag *d);
/* false when no further mailer has ended. */
bool sendmail_next(struct sendmail *s, int64_t now_ms, struct sendmail_result *r);
/* Fills fds (room for SENDMAIL_MOST) with what to wait for; how many. */
size_t sendmail_fds(const struct sendmail *s, struct post_fd *fds);
/* Monotonic time of the next deadline; INT64_MAX: none. */
int64_t sendmail_due(const struct sendmail *s);
/* Kills what runs. */
void sendmail_free(struct sendmail *s);

#endif
