/* heart: the socket on which a job speaks to its keeper, and the watchdog's clock.
 * Flow: hold opens it before the job starts, the guard waits on it and stops a job that is
 * not heard of in time; what is said goes to the scheduler, alerts to its outbox. */
#ifndef CROND_HEART_H
#define CROND_HEART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/core/run.h"
#include "crond/core/sdnotify.h"
#include "crond/launch.h"
#include "crond/log.h"

/* As systemd has it: the watchdog's clock starts once the job is up, and what ends has no
 * heartbeat any more. Both are to be over in time where there is a watchdog. */
enum heart_phase { HEART_STARTING, HEART_BEATING, HEART_STOPPING };

struct heart {
	int fd; /* -1: no socket */
	int runs;
	const struct run *run;
	struct log *log;
	const char *tag; /* of lines in the log */
	pid_t job;       /* 0: none yet */
	void (*report)(void *arg, const struct said *said);
	void *arg;
	enum heart_phase phase;
	int64_t interval_ns; /* between heartbeats; 0: no watchdog */
	int64_t late_ns;     /* monotonic, as all below: when it is too late */
	bool triggered;      /* WATCHDOG=trigger */
	uint64_t extend_us;  /* asked for, until somebody takes it; 0: nothing */
	struct said said;
	bool changed; /* said is news */
	int64_t told_ns;
	int64_t window_ns; /* when the messages that are counted began */
	unsigned in_window, strangers; /* messages since then: of the run, and refused */
	int64_t alert_ns; /* when the next alert comes free */
	unsigned alerts_free, alerts, alerts_left_out;
	unsigned foreign, garbage, bad; /* refused, by reason */
};

/* Makes the run's socket. 0; -1 with errno, and there is none. runs, log and tag are used
 * until heart_close(). */
int heart_open(struct heart *h, const struct run *r, int runs, struct log *log, const char *tag);
/* The job starts. */
void heart_begin(struct heart *h, int64_t now);
/* Where to wait for messages; -1: none are to be read now. */
int heart_fd(const struct heart *h, int64_t now);
/* When heart_turn() has something to do; INT64_MAX: nothing. */
int64_t heart_due(const struct heart *h);
void heart_read(struct heart *h, int64_t now);
void heart_turn(struct heart *h, int64_t now);
/* One message that was judged to be of the run. */
void heart_hear(struct heart *h, const struct sdnotify *m, int64_t now);
/* Is it to be stopped for what it has not said? */
bool heart_missed(const struct heart *h, int64_t now);
/* It is being stopped: nothing is missed any more. */
void heart_give_up(struct heart *h);
/* Why, in words behind "no heartbeat: ". */
void heart_reason(const struct heart *h, char *out, size_t n);
/* Reads what is still there; then there is no socket any more. */
void heart_close(struct heart *h);

#endif
