/* ctlmsg: what people ask the scheduler and its helpers, and how it is answered: one JSON object
 * a line.
 * Flow: cronctl writes a request, the scheduler's control rooms (or a helper) judge it here and
 * answer piece by piece; the last line of an answer has "end".
 *
 * A request: {"version":1,"verb":"list"}, and members as the verb has them (ctlmsg_parse).
 * The end: {"version":1,"end":true,"ok":true}, or "ok":false with "code" (a word for
 * programs) and "error" (a line for people). */
#ifndef CORE_CTLMSG_H
#define CORE_CTLMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/clients.h"
#include "crond/base/slice.h"

struct buf;
struct diag;

enum { CTLMSG_VERSION = 1, CTLMSG_REQUEST_MOST = 65536, CTLMSG_NAMES_MOST = 64,
	CTLMSG_NAME_MOST = 200,
	CTLMSG_COUNT_MOST = 1000,
	CTLMSG_LIMIT = 50,
	CTLMSG_LIMIT_MOST = 1000000000 };

/* Sockets below the run-time directory, and who serves them. */
#define CTLMSG_SOCKET "control.sock"         /* the scheduler */
#define CTLMSG_SOCKET_HISTORY "history.sock" /* crond-history */
#define CTLMSG_SOCKET_ALERTS "alerts.sock"   /* crond-notify */

enum ctlmsg_socket { CTLMSG_OF_CONTROL, CTLMSG_OF_HISTORY, CTLMSG_OF_ALERTS };

enum ctlmsg_verb {
	CTLMSG_LIST,
	CTLMSG_SHOW,
	CTLMSG_NEXT,
	CTLMSG_RUN,
	CTLMSG_KILL,
	CTLMSG_RESTART,
	CTLMSG_SIGNAL,
	CTLMSG_PAUSE,
	CTLMSG_RESUME,
	CTLMSG_RELOAD,
	CTLMSG_STATUS,
	CTLMSG_RUNS,
	CTLMSG_STATS,
	CTLMSG_ALERTS,
	CTLMSG_VERBS
};

/* What is done to deliveries. */
enum ctlmsg_action { CTLMSG_ACTION_LIST, CTLMSG_ACTION_RETRY, CTLMSG_ACTION_DROP, CTLMSG_ACTIONS };

/* Bits of "result" beside those of enum result. */
enum { CTLMSG_RUNNING = 1 << 30 };

enum ctlmsg_code {
	CTLMSG_BAD_REQUEST, /* no JSON, or not what the verb takes */
	CTLMSG_BAD_VERSION,
	CTLMSG_DENIED,
	CTLMSG_UNKNOWN,     /* no such job or run, or none that the asking user may see */
	CTLMSG_AMBIGUOUS,
	CTLMSG_REFUSED,     /* understood, allowed, and not possible */
	CTLMSG_BUSY,        /* too many connections */
	CTLMSG_CODES
};

struct ctlmsg_request {
	enum ctlmsg_verb verb;
	const char *job;    /* "job": a job's name or a beginning of it, for some verbs a run's id */
	const char *names[CTLMSG_NAMES_MOST]; /* "names": patterns; NULL where there are no more */
	size_t name_count;
	bool brief;         /* "brief": of each job only what a table has */
	uint64_t count;     /* "count": how many instants; 5 */
	int64_t after;      /* "after": strictly behind this second; INT64_MIN: now */
	int signal;         /* "signal": a name or a number */
	bool wait;          /* "wait": the answer ends when the run has ended */
	/* runs and stats, where "job" is a pattern: */
	const char *run;    /* "run": its id, whole; NULL: any */
	int64_t since;      /* "since": epoch seconds; INT64_MIN: any time */
	int64_t until;      /* "until": not included; INT64_MAX: any time */
	unsigned results;   /* "result": bits 1 << enum result, CTLMSG_RUNNING; 0: any */
	int exit_code;      /* "exit"; -1: any */
	uint64_t limit;     /* "limit": rows at most; 50. 0: all */
	bool with_stderr;   /* "stderr": what was kept of it as well */
	bool with_artifacts; /* "artifacts": only runs that left some */
	/* alerts: */
	enum ctlmsg_action action; /* "action": "list", "retry", "drop" */
	bool all;           /* "all": whatever it may be done to; else names are the ids ("ids") */
	void *json;         /* the texts are its */
};

const char *ctlmsg_verb_name(enum ctlmsg_verb verb);
enum ctlmsg_socket ctlmsg_verb_socket(enum ctlmsg_verb verb);
const char *ctlmsg_socket_name(enum ctlmsg_socket s); /* "control.sock" */
const char *ctlmsg_code_name(enum ctlmsg_code code);
/* "TERM", "SIGTERM" or "15"; 0: there is no such signal. */
int ctlmsg_signal(struct slice s);
/* Does name match the pattern? `*` is any text, `?` any byte; the time is bounded by the
 * product of their lengths. */
bool ctlmsg_match(const char *pattern, const char *name);

/* One line, without its newline. 0; -1 with *code and *d. */
int ctlmsg_parse(struct ctlmsg_request *r, struct slice line, enum ctlmsg_code *code, struct diag *d);
/* The same where only verbs of that socket are answered; -1: out has the whole answer. */
int ctlmsg_asked(struct ctlmsg_request *r, struct slice line, enum ctlmsg_socket s, struct buf *out);
void ctlmsg_free(struct ctlmsg_request *r);

/* An answer's line, member by member. Bytes that are no UTF-8 become U+FFFD. */
void ctlmsg_open(struct buf *b);
void ctlmsg_text(struct buf *b, const char *name, const char *text); /* NULL: left out */
void ctlmsg_slice(struct buf *b, const char *name, struct slice text);
void ctlmsg_number(struct buf *b, const char *name, int64_t value);
void ctlmsg_seconds(struct buf *b, const char *name, int64_t ms); /* 1.234 */
void ctlmsg_bool(struct buf *b, const char *name, bool value);
void ctlmsg_list(struct buf *b, const char *name, const char *const *texts); /* NULL-terminated */
void ctlmsg_close(struct buf *b);
/* The last line, but for ctlmsg_close(): whoever answers may add to it. */
void ctlmsg_end(struct buf *b, bool ok);
void ctlmsg_error(struct buf *b, enum ctlmsg_code code, const char *text); /* all of it */
/* The line for one that clients.c sends away. */
void ctlmsg_refuse(struct buf *b, enum clients_refusal why);

#endif
