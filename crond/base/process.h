/* process: what an unprivileged helper makes of the process it is started in.
 * Flow: a helper's main, before anything is opened that others have written. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* fd is above 2 and a socket of that type (SOCK_...), which listens or not. It is close-on-exec
 * then. 0 or -1. */
int process_socket(int fd, int type, bool listens);
/* Nothing that was inherited by mistake stays open beside keep[0..n-1], and 0 to 2 are taken. 0, or
 * -1 with errno. */
int process_descriptors(const int *keep, size_t n);
/* A session of its own, no dump and no core (tokens pass through its memory), files for nobody else,
 * no death by SIGPIPE, SIGHUP or SIGXFSZ. 0, or -1 with errno. */
int process_harden(void);
/* SIGTERM and SIGINT, as a descriptor; or -1 with errno. */
int process_signals(void);

#endif
