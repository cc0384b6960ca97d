/* helper: how the scheduler starts the few programs it does start, and hears those that stay.
 * Flow: launch, alert, history_wire, drain and metrics ask for a helper; main asks once what the
 * shell adds. */
#ifndef CROND_HELPER_H
#define CROND_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/wait.h"

struct crond;

bool helper_probe_shell(struct crond *c);
/* A helper program with exactly fds[0..n-1] as its descriptors 3.., clean signals and
 * environment; uid and gid (with no further groups) unless uid is -1. Its pid or -1. */
pid_t helper_run(struct crond *c, const char *name, const char *const *argv, const int *fds, int n,
	uid_t uid, gid_t gid);
/* Whom it runs as: the configured user (NULL: the usual one, and nobody where there is no such).
 * A private instance has its state where only its caller can go: there it is the caller, and
 * *uid is -1. 0; -1: said. */
int helper_user(struct crond *c, const char *name, const char *configured, const char *usual,
	uid_t *uid, gid_t *gid);
/* A directory of its own, 0700. 0 or -1 with errno. */
int helper_directory(const char *path, uid_t uid, gid_t gid);
/* The next message of one, at most room - 1 bytes and a NUL; n, or -1: there is none now. 0: there
 * will be none, and it is killed, since it is started again once it has ended. One that never
 * stops is heard so many at a time. */
enum { HELPER_MESSAGES = 64 };
ssize_t helper_hear(struct crond *c, const struct watch *wire, pid_t pid, char *text, size_t room);
/* Its line for the log: a priority's digit, and the text. Nothing of it is more urgent than an error. */
void helper_log(struct crond *c, const char *name, pid_t pid, const char *line);
/* How long to wait before it is started again, after so many short lives. */
int64_t helper_backoff_ms(unsigned fails);
/* Listens for people in its place while it does not run, and is heard of as kind; as long as w
 * has a descriptor it does so already. */
void helper_listen(struct crond *c, struct watch *w, enum watch_kind kind, const char *name);
/* Hears what it says. Where that cannot be its wire is closed, which ends it: it is started again. */
void helper_wait_for(struct crond *c, struct watch *w, const char *name);

#endif
