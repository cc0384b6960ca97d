/* cronctl: the verbs, one file each.
 * Flow: cronctl.c finds the verb, the verb does its work and gives the exit status. */
#ifndef TOOL_CRONCTL_H
#define TOOL_CRONCTL_H

#include <stdbool.h>

enum {
	CRONCTL_OK = 0,
	CRONCTL_FAILED = 1,    /* refused, or it failed */
	CRONCTL_USAGE = 2,
	CRONCTL_NO_DAEMON = 3, /* none there, or it hung up */
};

struct arena;
struct conf;

/* crond.conf, as far as it can be read: what is wrong in it is the daemon's to say. 0; -1: it
 * cannot be read, and *conf is as without it. */
int cronctl_conf(struct conf *conf, struct arena *arena);

/* Options of verbs that ask the daemon; all take --socket. */
enum { CRONCTL_JSON = 1 << 0, CRONCTL_WIDE = 1 << 1, CRONCTL_WAIT = 1 << 2,
	CRONCTL_FOLLOW = 1 << 3 };

struct cronctl_options {
	unsigned takes;
	bool json, wide, wait, follow;
	const char *socket; /* NULL: the usual one */
	int rest;           /* index of the first word behind them */
};

/* 0, or -1 after a complaint. */
int cronctl_options(struct cronctl_options *o, int argc, char **argv);

/* argv[0] is the verb. The exit status. */
int cronctl_check(int argc, char **argv);
int cronctl_list(int argc, char **argv);
int cronctl_show(int argc, char **argv);
int cronctl_log(int argc, char **argv);
int cronctl_next(int argc, char **argv);
int cronctl_run(int argc, char **argv);
int cronctl_kill(int argc, char **argv);
int cronctl_restart(int argc, char **argv);
int cronctl_signal(int argc, char **argv);
int cronctl_pause(int argc, char **argv);
int cronctl_resume(int argc, char **argv);
int cronctl_reload(int argc, char **argv);
int cronctl_status(int argc, char **argv);
int cronctl_notify(int argc, char **argv);
int cronctl_runs(int argc, char **argv);
int cronctl_stats(int argc, char **argv);
int cronctl_alerts(int argc, char **argv);
/* Complains on standard error, and says how the verb is used. CRONCTL_USAGE. */
int cronctl_usage(const char *called); /* a verb's argv[0] */

#endif
