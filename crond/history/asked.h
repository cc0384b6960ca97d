/* asked: people who ask crond-history what has run, over history.sock.
 * Flow: clients.c takes them in, their requests are judged here, query and stats answer. */
#ifndef HISTORY_ASKED_H
#define HISTORY_ASKED_H

#include "crond/base/clients.h"

struct db;

struct asked {
	struct clients clients;
	struct db *db;
	char aside[256]; /* the damaged database that was put aside since we began; or empty */
	const char *why; /* a text of the helper's: why the database cannot be asked now; or empty */
};

/* Takes the listening descriptor over; -1: nobody can ask. 0 or -1 with errno. The database may be closed at times,
 * and another one later on. Then it is clients_step() and its kin. */
int asked_open(struct asked *a, int listening, struct db *db, const char *why);
/* By a history_config: whose members see all runs; -1: root alone. */
void asked_group(struct asked *a, int64_t group);

#endif
