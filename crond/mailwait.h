/* mailwait: a mail that waits for its turn or another try, on file while its keeper has it.
 * Flow: mail puts it there and takes it away; mails finds those whose keeper was killed.
 *
 *   RUN_DIR/mails/ID   struct mailwait, under a lock for as long as the keeper lives */
#ifndef CROND_MAILWAIT_H
#define CROND_MAILWAIT_H

#include <stdint.h>

#define MAILWAIT_DIR "../mails" /* beside runs/ */

enum { MAILWAIT_MAGIC = 0x776d7243, MAILWAIT_USER = 64 };

struct mailwait {
	uint32_t magic; /* another one with each change of this */
	char user[MAILWAIT_USER];
	uint64_t bytes; /* that the job has printed */
};

/* The descriptor that holds it, or -1: then nobody hears of its loss. */
int mailwait_begin(int runs, const char *id, const char *user, uint64_t bytes);
/* It was taken, or given up and that was said. fd: -1 is nothing. */
void mailwait_end(int runs, const char *id, int fd);

#endif
