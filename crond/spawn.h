/* spawn: one process, as its user, with three descriptors and nothing else of ours.
 * Flow: the keeper starts the job with it, and later the mailer. */
#ifndef CROND_SPAWN_H
#define CROND_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/log.h"
#include "crond/core/run.h"

enum spawn_step {
	SPAWN_DONE, /* the program runs */
	SPAWN_FORK,
	SPAWN_CGROUP,
	SPAWN_FILES,
	SPAWN_LIMITS,
	SPAWN_DRESS, /* priorities and limits of options */
	SPAWN_GROUPS,
	SPAWN_GID,
	SPAWN_UID,
	SPAWN_IDENTITY, /* what was set did not hold */
	SPAWN_CHDIR,
	SPAWN_EXEC,
};

struct pam_limits;

/* From its identity on whose process it is may stop it, and a home of his may never answer. */
enum { SPAWN_PATIENCE_MS = 30 * 1000 };

/* Filled by the caller up to the results; nothing is owned. */
struct spawn {
	const struct run *run;
	struct log *log;        /* where the child announces itself (CMD); NULL: it does not */
	const uint32_t *groups; /* aligned, in the kernel's order */
	uint32_t group_count;
	uint32_t *groups_seen;  /* room for as many */
	char *const *words;     /* executed directly; NULL: the shell only */
	bool shell;             /* the run's command by its shell, when the words do not go */
	const char *file;       /* executed instead of searching for words[0] */
	char **env;             /* NULL-terminated, with room for one more */
	size_t env_count;
	int in, out, err;
	int door;               /* of its cgroup (cgroup_door()), -1: none */
	bool must_enter;        /* no start without it */
	pid_t dies_with;        /* us: it is killed when we end; 0: it goes on */
	mode_t umask;
	const struct pam_limits *limits; /* what PAM's modules set; NULL: nothing */
	bool spared;            /* we are, where memory is short: the child is not */
	uint32_t patience_ms;   /* the child executes within that time, or is killed; 0: no such limit */
	/* results */
	pid_t pid;
	int pidfd;
	int64_t born_after_ns, born_before_ns; /* CLOCK_BOOTTIME */
	enum spawn_step step;
	int error;
	const char *what;       /* file or directory that failed */
	int strayed;            /* why it is not in the run's directory, errno; 0: it is */
	const char *refuge;     /* but in this one */
};

/* Starts it. 0; -1 with step, error and what, and the child is reaped. On success pidfd
 * is the caller's. While it works the caller stands still (the child borrows its memory):
 * only patience_ms says for how long. */
int spawn(struct spawn *s);
/* The same, and a full process table gets a while to become less full, unless we are told to
 * end. */
int spawn_patiently(struct spawn *s, const volatile sig_atomic_t *told);
/* Takes the run's identity for the calling process, and looks that it holds. SPAWN_DONE, or
 * what failed, with errno. */
enum spawn_step spawn_become(const struct spawn *s);
/* Gives back what a start used, for a keeper that will wait for long. */
void spawn_memory_free(void);
/* The failure in one line. */
void spawn_reason(const struct spawn *s, char *out, size_t n);

#endif
