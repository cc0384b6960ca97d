/* pam_ready: a handle and modules that every keeper finds when it is forked.
 * Flow: the launcher makes them before any run, a keeper takes the handle for its own. */
#ifndef CROND_PAM_READY_H
#define CROND_PAM_READY_H

#include <security/pam_appl.h>

/* The handle made for this service, without a user or a conversation; NULL: there is
 * none. The caller's, who ends it; asked once in a process. */
pam_handle_t *pam_ready_take(const char *service);

#endif
