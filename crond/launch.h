/* launch: what scheduler, launcher and keepers say to each other.
 * Flow: the scheduler writes runs/ID/run and sends ID down the queue; the launcher
 * forks a keeper for it, or a keeper that has just finished takes it; keepers report.
 *
 * queue: SOCK_SEQPACKET, one run id (no NUL) a message. Launcher and finished keepers
 * read the same end. End of file: the launcher ends when it has read everything.
 * report: SOCK_SEQPACKET, struct report a message. A run that has ended within its grace
 * (below) is reported once, any other when that is over, too. The first report of that
 * kind by a keeper carries its own pidfd (SCM_RIGHTS). A keeper whose report does not go
 * through (nobody there, or no room) takes no further run and ends: its end, and what
 * stands in the run's directory, is then the report.
 * runs: the directory with the runs. shared: a memfd with struct launch_shared.
 *
 * Called as: crond-launcher QUEUE REPORT RUNS SHARED TARGET LEVEL [SERVICE]
 * (four descriptor numbers, a name of log_target_name(), a syslog priority), or
 * crond-launcher --environment, which prints its environment and its pid, each with a NUL
 * behind it, and ends (the probe that tells what /bin/sh does), or crond-launcher --drain,
 * which reads descriptors 3 and 4 until their end (what a job prints whose keeper was killed). */
#ifndef CROND_LAUNCH_H
#define CROND_LAUNCH_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/core/run.h"

/* Signals to a keeper. SIGTERM: the system goes down; stop the job, and a second time: kill
 * it. LAUNCH_LOOK: look for runs/ID/stop. LAUNCH_SIGNAL, with run_signal_value(): hand that
 * signal to the job, or stop it. A keeper may have its next run by the time they arrive: the last two
 * name the one that is meant. */
#define LAUNCH_LOOK SIGUSR1
#define LAUNCH_SIGNAL SIGRTMIN

enum report_type {
	REPORT_TAKEN = 1, /* the keeper has held the run's lock for a while; with int16_t[2] where
	                     it reads the job's output: descriptors of its own, -1: none */
	REPORT_ENDED = 2, /* an outcome stands */
	REPORT_OVERRAN = 4, /* its timeout is over, and it goes on */
	REPORT_SAID = 3,  /* what the job says of itself is another: struct said is the outcome */
};

/* What a run has said of itself so far (sd_notify), whole each time; the same bytes stand in
 * runs/ID/said for a scheduler that comes later. Told when it changes, and then at most once
 * a second: a heartbeat changes nothing of it. */
enum { SAID_MAGIC = 0x73647243, SAID_BATCH_MOST = 32, SAID_STATUS_MOST = 160 };
enum said_flags { SAID_READY = 1, SAID_STOPPING = 2 };
struct said {
	uint32_t magic;   /* another one with each change of this */
	uint32_t flags;   /* enum said_flags */
	uint32_t batches; /* that have ended */
	char batch[SAID_BATCH_MOST];   /* the one under way; "": none */
	char status[SAID_STATUS_MOST]; /* fit to be shown; "": none */
};
_Static_assert(sizeof(struct said) <= RUN_OUTCOME_MOST, "it goes with a report");

struct report {
	uint32_t type;
	int32_t keeper_pid;
	char id[RUN_ID_MOST]; /* NUL-padded */
	char outcome[RUN_OUTCOME_MOST]; /* as long as the message says; none: see its directory */
};
enum { REPORT_HEAD = offsetof(struct report, outcome) };

enum { MAIL_USERS = 64 }; /* users share a place where there are more */
struct launch_shared {
	/* Runs that were taken and neither ended nor grew older than their grace. Only a
	 * heuristic for pacing: a killed keeper may leave it too high, see launcher.c. */
	_Atomic uint32_t starting;
	_Atomic uint32_t usual_us; /* how long short runs take just now */
	_Atomic uint32_t waiting;  /* the launcher waits for starting to fall */
	_Atomic uint64_t log_lost; /* log lines that found no room */
	_Atomic uint32_t mailer_seen; /* a mailer was executed since the start */
	/* Mails of a user that wait. That of a keeper that was killed counts on. */
	_Atomic uint32_t mails_waiting[MAIL_USERS];
	uint32_t mail_unit_ms; /* between tries of a mail: 0 is a second, other values are for tests */
	uint32_t spared; /* the kernel is to end others before us when memory is short: not so jobs */
};

/* The grace is some times what short runs take: where they wait for the processors, more
 * starts would only make each of them slower, and where they wait for something else, more
 * are to start soon. */
enum { GRACE_LEAST_US = 2000, GRACE_MOST_US = 12000, GRACE_TIMES = 4, STARTS_PER_CPU = 4 };

/* --- the scheduler's end of it (launch.c) */

struct crond;
struct job_user;
struct live_run;

int launch_init(struct crond *c);
int launch_start(struct crond *c);
void launch_send(struct crond *c, struct live_run *run);
/* No more of the user's own runs are to be in the queue: his next one waits for one of them,
 * so that others are not behind all that he has due. */
bool launch_crowded(const struct crond *c, const struct job_user *u);
void launch_left(struct crond *c, struct live_run *run); /* a keeper has it, or it is over */
void launch_flush(struct crond *c);
void launch_resend(struct crond *c);
void launch_ended(struct crond *c);

#endif
