/* notify: the helper as a whole: its socket, its spool, its deliveries.
 * Flow: messages of the scheduler in, acknowledgements and log lines back. */
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/clients.h"
#include "crond/base/report.h"
#include "crond/notify/deliver.h"
#include "crond/notify/spool.h"

struct notify {
	int socket, signals;
	struct report report;
	struct spool spool;
	struct deliver deliver;
	struct clients clients; /* people who ask (asked.c) */
	char *message;    /* room for NOTICE_MOST bytes and one */
	bool refusing;    /* the last event was: the spool is full, or its disk */
	bool ended;       /* the scheduler is gone, or we are to go */
	int64_t ended_ms;
};

/* Opens the spool once its disk lets it. 0; 1: the scheduler went before. */
int notify_open(struct notify *n, const char *spool);
/* Reads it, once no other process works there. 0; 1: the scheduler went before it was free; -1 with
 * the reason reported. */
int notify_load(struct notify *n);
/* Works until the scheduler's end of the socket is closed or a TERM comes, then delivers
 * for at most ten seconds what is due. */
void notify_work(struct notify *n);

#endif
