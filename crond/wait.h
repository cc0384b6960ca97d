/* wait: on what the scheduler sleeps: descriptors, and deadlines of its own.
 * Flow: whoever waits for something says so here; the loop sleeps, and calls who is to hear of
 * it. */
#ifndef CROND_WAIT_H
#define CROND_WAIT_H

#include <stdint.h>
#include <sys/queue.h>

struct control_client;
struct crond;
struct keeper;

enum watch_kind {
	WATCH_CLOCK, WATCH_LATER, WATCH_SIGNAL, WATCH_FILES, WATCH_REPORT, WATCH_QUEUE, WATCH_KEEPER,
	WATCH_OLD_LAUNCHER, WATCH_NOTIFY, WATCH_ADDRESSES, WATCH_NAME, WATCH_CONTROL, WATCH_CLIENT,
	WATCH_HISTORY, WATCH_HISTORY_ASKED, WATCH_ALERTS_ASKED, WATCH_LOOKUP,
};
enum { WATCHES = WATCH_LOOKUP + 1 };

struct watch {
	enum watch_kind kind;
	int fd;
	struct keeper *keeper;    /* NULL: it is gone; likewise client */
	struct control_client *client;
	SLIST_ENTRY(watch) ended; /* events that were fetched before may still name it */
};

/* One-shot deadlines, each set at most once at a time. */
enum later {
	LATER_RELOAD, LATER_GONE, LATER_SETTLE, LATER_GRACE, LATER_LAUNCHER, LATER_NOTIFY, LATER_LOG, LATER_ADOPT,
	LATER_POLL, LATER_WAITING,
	LATER_ALERTS, LATER_UNWATCHED, LATER_ZONES, LATER_STOP, LATER_SERVICE, LATER_REPORTS,
	LATER_CONTROL, LATER_CONTROL_TURN, LATER_DAEMONS, LATER_PENDING, LATER_HOLD,
	LATER_HISTORY, LATER_METRICS, LATER_HEARTBEAT, LATER_REMOVED, LATER_BACKLOG, LATER_PULSE,
	LATER_LOOKUP, LATER_USERS, LATER_MAILS, LATERS
};

/* How often what cannot be watched is looked at. */
enum { POLL_MS = 60 * 1000 };

/* Monotonic. */
int64_t wait_now_ms(void);
/* The same, and it goes on while the host sleeps: how late something is, whoever sets the clock. */
int64_t wait_awake_ms(void);
int wait_for(struct crond *c, struct watch *w, uint32_t events);
int wait_change(struct crond *c, struct watch *w, uint32_t events);
void wait_end(struct crond *c, struct watch *w);
/* wait_end(), and it is freed once no event that was fetched can name it. */
void wait_drop(struct crond *c, struct watch *w);
void wait_tidy(struct crond *c);
void wait_later(struct crond *c, enum later what, int64_t in_ms); /* earlier wins */
void wait_not(struct crond *c, enum later what);
/* Those that have passed, as bits; they are not set any more. */
uint32_t wait_expired(struct crond *c);

/* loop.c: who is called then */
int loop_hold_signals(void); /* before anybody may send one: they wait for loop_open() */
int loop_open(struct crond *c);
int loop_run(struct crond *c); /* exit status */

#endif
