/* lookup: accounts that this host's files do not have, asked of a process that may hang.
 * Flow: user asks for a name; the answer comes through the loop, and user takes it in. */
#ifndef CROND_LOOKUP_H
#define CROND_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "crond/account.h"
#include "crond/wait.h"

struct crond;

/* How long an answer may take; what is loaded when the scheduler starts waits as long, in all. */
enum { LOOKUP_MS = 3000 };

enum lookup_state { LOOKUP_WAITS, LOOKUP_NONE, LOOKUP_GROUP };

/* A name that an answer is awaited for, that there is no account of, or a group's. */
struct lookup {
	SLIST_ENTRY(lookup) link;
	enum lookup_state state;
	char what;       /* ACCOUNT_USER, ACCOUNT_GROUP */
	char *name;
	bool early;      /* asked before the scheduler had begun to work */
	bool said;       /* that there is no answer */
	bool known;      /* a group's number is: of an answer before */
	gid_t gid;
	unsigned fails;  /* in a row */
	int64_t due_ms;  /* monotonic: not asked again before */
	int64_t told_ms; /* when the answer came */
	uint32_t epoch;  /* users_epoch then */
};

struct lookups {
	SLIST_HEAD(, lookup) all;
	struct lookup *asked;    /* what the process works on */
	int64_t asked_ms;
	int64_t patience_ms;     /* until when what is loaded waits for answers; 0: nothing was asked yet */
	bool failing;            /* there was no answer the last time */
	bool open;               /* there is a process, or was until a moment ago */
	pid_t pid;               /* 0: it has ended */
	struct watch wire;
};

/* Has an account of the name asked for, now or once others were, unless it is on its way. Waits for
 * the answer: while the scheduler loads its first tables LOOKUP_MS in all, later a moment at most. 0: ended, and user has taken
 * in what there is; -1 with errno: EINPROGRESS, there is no answer yet; ENOENT, no such account. */
int lookup_user(struct crond *c, const char *name);
/* Is there no answer yet to what was asked of a user last? */
bool lookup_awaits(struct crond *c, const char *name);
/* As lookup_user() of a group; a number that was known stays until there is another answer. */
int lookup_group(struct crond *c, const char *name, gid_t *gid);
void lookup_ready(struct crond *c); /* it says something */
void lookup_turn(struct crond *c);  /* a time has come */
void lookup_ended(struct crond *c); /* it was waited for */
void lookup_close(struct crond *c); /* it is ended; who waits has it started anew, if anybody does */

#endif
