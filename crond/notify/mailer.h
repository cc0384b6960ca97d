/* mailer: the process that executes the system's mailer for crond-notify, which may not: its programs
 * put mail into their queue by a set-group-id bit, and what is caged gains no privilege.
 * Flow: forked before anything else; sendmail sends it orders, and it answers when a mailer has ended. */
#ifndef NOTIFY_MAILER_H
#define NOTIFY_MAILER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MAILERS_MOST = 4, MAILER_TEXT = PATH_MAX };

/* An order, on the SEQPACKET socket, with two descriptors: the mail, and a file for complaints. */
struct mailer_order {
	uint32_t number;  /* of the order */
	int32_t ms;       /* it may take so long */
	char text[MAILER_TEXT]; /* the mailer's path, and behind its NUL the address */
};

struct mailer_end {
	uint32_t number;
	int32_t status; /* as wait(2) has it */
	int32_t error;  /* an errno: it could not be executed */
	bool killed;    /* at its deadline */
};

/* Forks it, without any descriptor but its end of the socket: ours (close-on-exec, non-blocking), or -1
 * with errno. It ends, with what it has started, once ours is closed. It executes no program but the
 * one that is first asked of it, whatever becomes of who asks. */
int mailer_open(pid_t *pid);

#endif
