/* run: what is to be run, and how far it has come.
 * Flow: the scheduler writes runs/ID/run, the keeper reads it and marks its
 * progress in the file's head; who adopts reads both.
 *
 * The file: struct run_progress, then a record. The record is never changed after
 * it was written; the progress is, by whoever holds the file's lock. */
#ifndef CORE_RUN_H
#define CORE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"

struct buf;
struct diag;

enum { RUN_MAGIC = 0x726e7243, RUN_VERSION = 1, RUN_PROGRESS_MAGIC = 0x706e7243,
	RUN_PROGRESS_VERSION = 2, RUN_ID_MOST = 120, RUN_OUTCOME_MOST = 204 };

enum run_phase {
	RUN_CLAIMED,  /* written by the scheduler, no keeper has it yet */
	RUN_STARTED,  /* a keeper has it */
	RUN_RUNNING,  /* the job's process exists (job_pid) */
	RUN_ENDED,    /* its outcome stands here; one too long for that is a file beside it */
	RUN_PENDING,  /* claimed by the scheduler, which lets it wait; no keeper may take it */
};

/* Where PAM is at work: while it is, there is no job yet. */
enum run_session {
	RUN_SESSION_NONE,
	RUN_SESSION_START,
	RUN_SESSION_ACCOUNT,
	RUN_SESSION_CREDENTIALS,
	RUN_SESSION_OPEN,
	RUN_SESSIONS,
};

/* Why a keeper ended there. */
enum run_session_end {
	RUN_SESSION_DIED,   /* a module took it along, or somebody killed it */
	RUN_SESSION_LATE,   /* no answer in time */
	RUN_SESSION_RIGHTS, /* a module gave its rights up */
};

struct run_progress {
	uint32_t magic;
	uint16_t version;
	uint16_t phase;
	int32_t keeper_pid;
	int32_t job_pid;
	union {
		/* CLOCK_BOOTTIME around the job's birth: with the pid it names the process */
		struct {
			int64_t born_after_ns, born_before_ns;
		};
		/* RUN_PENDING, and of a claim that was: realtime; never 0 then */
		struct {
			int64_t not_before_ns, waits_since_ns;
		};
	};
	int64_t started_ns; /* realtime */
	union {
		struct {
			uint16_t session, session_end; /* enum run_session, enum run_session_end */
		};
		struct {
			uint16_t waits_for, waits_cause; /* as above: enum admit_why, enum start_cause */
		};
	};
	union {
		uint32_t session_s;  /* RUN_SESSION_LATE: after so many seconds */
		int16_t pipes[2];    /* RUN_RUNNING: as in the keeper's report */
	};
	uint32_t outcome_n;  /* 0 before RUN_ENDED */
	char outcome[RUN_OUTCOME_MOST]; /* a record (core/outcome.h) */
};
_Static_assert(sizeof(struct run_progress) == 256, "one write, within one page");

enum {
	RUN_TASK = 1 << 0,        /* of a task file: streams read apart, no owner's mail */
	RUN_TREE = 1 << 1,        /* the keeper is the tree's subreaper; what outlives the job is ended */
	RUN_PAM = 1 << 2,
	RUN_ECHO = 1 << 3,        /* output is shown on standard error (foreground) */
	RUN_CHDIR_MUST = 1 << 4,  /* no start when the directory cannot be entered */
	RUN_MAIL = 1 << 5,        /* output is mailed to its owner */
	RUN_MAIL_ON_FAILURE = 1 << 6,
	RUN_QUIET = 1 << 7,       /* no CMD line */
	RUN_LOG_START = 1 << 8,   /* CMD line wanted (Debian's -L 1) */
	RUN_LOG_END = 1 << 9,
	RUN_LOG_FAILED = 1 << 10, /* Debian's -L 4 */
	RUN_LOG_PID = 1 << 11,    /* Debian's -L 8 */
	RUN_IDENTITY = 1 << 12,   /* drop to uid, gid and groups (crond is root) */
	RUN_DASH_PWD = 1 << 13,   /* direct execution adds PWD as the shell would */
	RUN_KEEP_TAIL = 1 << 14,  /* somebody will want stdout_tail and stderr_tail */
	RUN_TRUSTED = 1 << 15,   /* of root's file: its alerts may use any webhook */
	RUN_SHELL_WAITS = 1 << 16, /* /bin/sh stays in front of what it executes, and says what killed it */
	RUN_LOG_OUTPUT = 1 << 17, /* what it prints goes to the log (CMDOUT) */
	RUN_MAIL_COMMAND = 1 << 18, /* mailer is a whole command line (cronie's -m) */
	RUN_LEARN = 1 << 19,      /* of a job with options: what became of it is kept on file */
	RUN_DAEMON = 1 << 20,     /* a copy of a daemon */
	RUN_RETRIES = 1 << 21,    /* its job asks for retries */
	RUN_TIMEOUT_ALERT = 1 << 22, /* after its timeout it goes on, and that is told */
	RUN_COUNT_SUSPEND = 1 << 23, /* its timeout counts while the system sleeps */
	RUN_PARENT_DEATH = 1 << 24, /* it does not outlive its keeper */
	RUN_ALERT_SUCCESS = 1 << 25, /* its success is told, too */
	RUN_GRACE = 1 << 26,      /* that it is late is told */
	RUN_ASKED = 1 << 27,      /* started by hand: its second was not due */
	RUN_CATCHUP = 1 << 28,    /* makes up for what was missed */
	RUN_PINGS = 1 << 29,      /* a receiver of its job is told of each start and end */
};

/* What of struct dress is asked for where its value alone cannot tell. */
enum {
	DRESS_ON = 1 << 0,     /* something is: nobody looks at the rest where nothing is */
	DRESS_NICE = 1 << 1,
	DRESS_IONICE = 1 << 2,
	DRESS_UMASK = 1 << 3,  /* rather than the run's, or what PAM has set */
	DRESS_ARTIFACTS = 1 << 4,
	DRESS_NICE_OWN = 1 << 5, /* its user's wish: no better priority than without it */
};

struct dress_limit {
	uint32_t resource;       /* RLIMIT_NOFILE, ... */
	uint32_t own;            /* 1: its user's wish, which raises nothing */
	uint64_t soft, hard;     /* UINT64_MAX: infinity */
};

/* How a job is dressed and what runs around it: only what options ask for, and nothing
 * for a plain line. Texts are NULL and slices empty where there is nothing. */
struct dress {
	uint32_t given;         /* DRESS_... */
	uint32_t nice;          /* an int in 32 bits */
	uint32_t ionice;        /* class << 13 | level */
	uint32_t umask;
	const char *cpus;       /* "0-3,8" */
	struct slice limits;    /* struct dress_limit, may stand unaligned */
	struct slice success;   /* 32 bytes, a bit for each exit code that is success */
	const char *env_file;   /* opened as the user; "-" in front: may be missing */
	const char *pre, *post, *on_success, *on_failure; /* texts for the shell */
	uint32_t failures;      /* of the job in a row before this run; where there are such */
	const char *log_dir;    /* what relative paths of logs and artifacts are below */
	const char *log;        /* core/logpath.h */
	const char *home;       /* of artifacts: a plain path below log_dir */
	uint64_t log_most;      /* bytes, 0: no limit */
	uint64_t retention_ms;  /* 0: for ever */
	uint32_t retention_count; /* 0: all */
};

/* Texts and lists point into the record they were decoded from. */
struct run {
	const char *id;
	uint64_t identity;      /* of the job */
	const char *job;        /* its name, as shown */
	const char *place;      /* "/etc/crontab:17" */
	int64_t scheduled;      /* nominal epoch second */
	uint32_t attempt;       /* from 1 */
	uint32_t flags;
	uint32_t dialect;       /* enum dialect_id */
	/* as whom and where */
	const char *user;
	uint32_t uid, gid;
	const uint32_t *groups; /* may stand unaligned: copy before use */
	uint32_t group_count;
	const char *dir;        /* cwd */
	const char *fallback_dir; /* when dir cannot be entered; NULL: none */
	uint32_t umask;
	/* what */
	const char *shell;      /* "/bin/sh" */
	const char *command;    /* the shell's text; for argv jobs as shown */
	struct slice words;     /* NUL-separated words for direct execution; empty: shell only */
	bool argv_only;         /* words came from argv: no shell behind it */
	struct slice env;       /* NUL-separated "NAME=value" */
	struct slice input;     /* standard input; input.s NULL: empty pipe */
	struct dress dress;
	/* limits */
	uint64_t timeout_ms;
	uint64_t kill_after_ms; /* 0: the default */
	uint32_t stop_signal;   /* 0: the default */
	const char *cgroup;     /* the cgroup v2 that its own one is to be made in; NULL: none */
	uint64_t memory_max, cpu_quota, tasks_max; /* as in struct options; 0: none */
	uint64_t output_most;   /* bytes of output kept for mail */
	/* heartbeats */
	const char *notify;     /* the socket that it may speak on, as NOTIFY_SOCKET has it; NULL: none */
	uint64_t watchdog_ms;   /* 0: none */
	uint32_t watchdog_miss; /* 0: the default */
	/* mail */
	const char *mail_to, *mail_from, *mailer, *host, *mail_type, *mail_encoding;
	const char *pam_service;
	/* alerts, for the scheduler that takes the outcome in */
	struct slice alert, tags; /* NUL-separated */
	uint32_t alert_on, alert_after; /* where there is an alert; likewise below */
	uint64_t alert_every_ms;
	const char *owner, *description, *schedule; /* schedule as written */
	const char *pool;         /* as the scheduler counts it, see pools.c; NULL: none */
};

/* The record alone, without the progress in front. */
void run_encode(const struct run *r, struct buf *out);
int run_decode(struct run *r, struct slice record, struct diag *d);
/* The progress at the file's start; also of the first version (core/run_first), as it would
 * be in this one, but for its number. 0 or -1 with *d (another version). */
int run_progress_decode(struct run_progress *p, struct slice file, struct diag *d);
/* What stands behind it; empty where that is not all there. */
struct slice run_record(const struct run_progress *p, struct slice file);
/* Both. */
int run_file_decode(struct run_progress *p, struct run *r, struct slice file, struct diag *d);

/* "PAM session" and the like; never NULL. */
const char *run_session_name(enum run_session session);
/* Why a run whose keeper is gone was never started; false where it was, or may have been. */
bool run_session_reason(const struct run_progress *p, char *out, size_t n);

/* May it stand in an id? */
bool run_id_char(char c);
/* NAME-EPOCH-ATTEMPT; out has RUN_ID_MOST bytes. 0 or -1 (does not fit). */
int run_id(char *out, const char *job, int64_t scheduled, uint32_t attempt);
/* The number at the end of an id; 0: none. */
uint32_t run_id_number(const char *id);
/* A name that may be looked up below runs/: no slash, no leading dot, ordinary characters. */
bool run_id_ok(const char *id, size_t n);

/* What goes with a signal to a keeper that is to hand sig to this run's job: sig in the low
 * bits, and above them what only this run has. Never 0. From RUN_SIGNAL_STOP on it is no
 * signal but an enum stop_reason: the run is to be stopped. */
enum { RUN_SIGNAL_BITS = 7, RUN_SIGNAL_STOP = 100 };
int32_t run_signal_value(const char *id, int sig);

/* Next text of a NUL-separated list; NULL at the end. *list moves on. */
const char *run_list_next(struct slice *list);

#endif
