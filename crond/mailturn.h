/* mailturn: whose mailer may be at work now, and which mails may wait.
 * Flow: mail asks before it starts a mailer, and before it waits for another try: a mailer that
 * hangs or fails must not fill the machine, nor keep another user's from theirs. */
#ifndef CROND_MAILTURN_H
#define CROND_MAILTURN_H

#include <stdbool.h>
#include <sys/types.h>

struct launch_shared;

enum {
	MAILERS_MOST = 16,        /* at work for one user */
	MAILS_QUEUED_MOST = 8192, /* of one user, until one of his mailers has ended */
	MAILS_AGAIN_MOST = 1024,  /* of one user, until their next try */
};

struct mailturn {
	struct launch_shared *shared;
	int fd; /* of shared: its bytes are locked, which ends with whoever holds them */
	unsigned user;
	off_t place; /* -1: none */
};

void mailturn_init(struct mailturn *t, struct launch_shared *shared, int fd, uid_t uid);
/* True: a mailer may be started until mailturn_give(). False: not yet. */
bool mailturn_take(struct mailturn *t);
void mailturn_give(struct mailturn *t);
/* True: one mail more may wait until mailturn_leave(). False: so many wait already. */
bool mailturn_wait(struct mailturn *t, unsigned most);
void mailturn_leave(struct mailturn *t);

#endif
