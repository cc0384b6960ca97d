/* player: plays the scheduler for tests of the launcher and its keepers.
 * Flow: claims runs in a temporary directory, sends their names, reads the reports. */
#ifndef TESTS_PLAYER_H
#define TESTS_PLAYER_H

#include <stdbool.h>
#include <sys/types.h>

#include "crond/base/buf.h"
#include "crond/core/outcome.h"
#include "crond/core/run.h"
#include "crond/launch.h"

struct player {
	char dir[64];
	int runs, queue, report, shared_fd, queue_theirs, report_theirs;
	struct launch_shared *shared;
	pid_t launcher;
	int keeper_pidfd;     /* of the last report that carried one; -1: none yet */
	pid_t keeper_pid;     /* of the last report */
	struct buf outcome;   /* what player_outcome() points into */
	const char *target;   /* "stderr" or "syslog" */
	int err;              /* the launcher's standard error; -1: ours */
};

/* 0 or -1 after a message. Start a launcher with player_launch(). */
int player_open(struct player *p);
/* path: the launcher's program. Its pid, or -1. */
pid_t player_launch(struct player *p, const char *path);
/* A run with everything filled in that a record must have: /bin/sh -c command. */
struct run player_run(const char *id, const char *command);
/* Claims it and sends its name. 0 or -1. */
int player_send(struct player *p, const struct run *r);
/* Reads reports until one of this type about id came; false when ms have passed. */
bool player_report(struct player *p, enum report_type type, const char *id, int ms);
/* 0 or -1: none, or a bad one. */
int player_outcome(struct player *p, const char *id, struct outcome *o);
/* Closes the queue, waits for the launcher and removes the directory. The launcher's
 * wait status. */
int player_close(struct player *p);

#endif
