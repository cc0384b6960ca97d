/* histrec: what is put on record of each run, and what scheduler and crond-history say to
 * each other.
 * Flow: the scheduler appends records to a segment in the run-time directory (backlog),
 * crond-history reads them from there into its database. */
#ifndef CORE_HISTREC_H
#define CORE_HISTREC_H

#include <stdbool.h>
#include <stdint.h>

#include "crond/base/slice.h"
#include "crond/core/admit.h"
#include "crond/core/outcome.h"

struct buf;
struct diag;

/* A segment: a head of HISTREC_HEAD bytes, then frames. Each is its length (u32, of what
 * follows), its kind (u32) and fields as in base/record.h. It only grows, by whole frames. */
enum { HISTREC_MAGIC = 0x686e7243, HISTREC_VERSION = 1, HISTREC_HEAD = 8,
	HISTREC_MOST = 64 * 1024 /* bytes of a frame */ };

/* The same record may come more than once, after what followed it, too: a row that has an end
 * keeps it. But an END counts more than a `lost` by BOOT. */
enum histrec_kind {
	HISTREC_START = 1, /* a run was sent to the launcher */
	HISTREC_END,       /* how it ended; its START came before, or comes with none */
	HISTREC_NONE,      /* a start that came to nothing, or a miss: a row that has its end */
	HISTREC_BOOT,      /* another scheduler begins, and has taken in what was left to it: rows
	                      without an end that are of another boot are lost */
	HISTREC_GAP,       /* so many runs are on no record: there was no room */
	HISTREC_KINDS
};

/* Never a command, an environment or anything else that may hold a secret. Texts are NULL
 * and numbers 0 where the kind has none (exit codes and the like are in the outcome). */
struct histrec {
	enum histrec_kind kind;
	const char *run_id;      /* START, END, NONE */
	int64_t scheduled;       /* START, END, NONE: epoch seconds */
	uint32_t attempt;        /* START, END, NONE: from 1 */
	const char *job, *user;  /* START, NONE; likewise: */
	uint64_t identity;
	uint32_t uid;
	enum start_cause cause;
	uint64_t retention_ms;   /* of its job; 0: no limit by age; likewise: */
	uint32_t retention_count;
	const char *host, *boot; /* START, NONE, BOOT */
	int64_t at_ns;           /* realtime: START: sent; NONE: decided; BOOT: begun; GAP: first */
	struct slice outcome;    /* END: outcome_decode() takes it */
	enum result result;      /* NONE */
	const char *reason;      /* NONE */
	uint64_t count;          /* GAP */
};

/* The head of a segment. 0, or -1 with *d: another magic or version, or too short. */
void histrec_begin(struct buf *out);
int histrec_open(struct slice segment, struct diag *d);
/* Appends a frame. What is too long of a text is cut. 0; -1: memory, or more than HISTREC_MOST:
 * *out is as it was. */
int histrec_encode(const struct histrec *h, struct buf *out);
/* Bytes of the frame that begins there; 0: it is not whole yet; -1: no frame begins so, and
 * what follows in its segment cannot be read. */
int32_t histrec_frame(struct slice bytes);
/* Texts and slices point into the frame. 0 or -1 with *d: this one is damaged. */
int histrec_decode(struct histrec *h, struct slice frame, struct diag *d);
/* "due", "reboot", "hand", "retry", "daemon", "catchup" */
const char *histrec_cause(enum start_cause cause);

/* --- the wire: SOCK_SEQPACKET, first byte the type
 *
 * crond-history is called as: crond-history [--as-root] WIRE LISTEN DIRECTORY: its end of the
 * wire, the listening socket for people (history.sock), and where its database is to be. It
 * ends when the wire does. */
enum { HISTORY_MAGIC = 0x6869726e, HISTORY_VERSION = 1, HISTORY_WIRE_MOST = 4096 };

enum history_type {
	HISTORY_CONFIG = 'c',  /* to history, first and at each reload: a history_config record */
	HISTORY_SEGMENT = 's', /* to history: struct history_mark, and the segment opened for reading
	                          (SCM_RIGHTS); in the order in which they are to be read */
	HISTORY_MORE = 'm',    /* to history: struct history_mark: that much of it can be read */
	HISTORY_DONE = 'd',    /* from history: struct history_mark: so much of it is committed; in
	                          answer to what came before, no more often than once a transaction */
	HISTORY_PULSE = '?',   /* to history, and back: does it still work */
	HISTORY_LOG = 'l',     /* from history: followed by a priority digit and one line to log */
};

struct history_mark {
	uint8_t type;
	uint8_t closed;  /* it does not grow any more: its descriptor may go once it is read */
	uint16_t zero;
	uint32_t number; /* of the segment */
	uint64_t size;   /* bytes from its beginning */
};

struct history_config {
	const char *boot, *host;
	uint64_t retention_ms;    /* of jobs that do not say; 0: no limit by age; likewise: */
	uint32_t retention_count;
	uint64_t size_max;        /* bytes of the database; 0: no limit */
	int64_t group;            /* whose members see all runs; -1: root alone */
};

void history_config_encode(const struct history_config *c, struct buf *out);
/* Texts point into bytes, and are never NULL. 0 or -1 with *d. */
int history_config_decode(struct history_config *c, struct slice bytes, struct diag *d);

#endif
