/* history: the helper as a whole: its wire, the backlog, the database.
 * Flow: the scheduler says what can be read; records become rows; how far is said back. */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/report.h"
#include "crond/history/asked.h"
#include "crond/history/db.h"
#include "crond/history/prune.h"
#include "crond/history/segment.h"
#include "crond/history/write.h"

struct history {
	int wire, signals;
	bool told;             /* of the configuration: nothing is written before */
	struct report report;
	struct backlog backlog;
	struct db db;
	struct writer writer;
	struct prune prune;
	struct asked asked;
	const char *place;     /* the directory, for messages */
	bool bound;            /* to the one that is or was there at the start: */
	dev_t dev;
	ino_t ino;             /* 0: none was there */
	bool moved;            /* another one stands there now */
	/* what is wrong, and for how long */
	enum db_trouble trouble;
	bool said;             /* that it is wrong; and whether anything was said since it began: */
	bool spoken;
	enum db_trouble named; /* the last that was spoken of, and when: what comes and goes */
	int64_t named_ms;
	struct diag why;
	int64_t trouble_ms;    /* since when */
	int64_t retry_ms;      /* not before */
	unsigned tries;
	uint64_t waited;       /* records that are written since then */
	int64_t opened_ms;
	int64_t aside_ms;      /* when one was last put aside; 0: never */
	/* when something is done next */
	int64_t write_ms, prune_ms; /* 0: nothing is to be pruned before more is written */
	int64_t wrote_ms;           /* the last transaction */
	bool ended;            /* the scheduler is gone, or we are to go */
	int64_t ended_ms;
};

/* directory: where its database is or is to be; it lives as long as *h. 0 or -1 with errno. */
int history_open(struct history *h, int wire, int listening, int signals, const char *directory);
/* No other directory may be reached later: where another one stands in its place, it ends, and is
 * started again. */
void history_bind(struct history *h, const char *directory);
/* What there is to do at that time (a clock that is not set), without waiting. false: it is
 * over. */
bool history_turn(struct history *h, int64_t now);
/* Works until the scheduler's end of the wire is closed or a TERM comes, then commits what it
 * was told of. */
void history_work(struct history *h);
void history_free(struct history *h);

#endif
