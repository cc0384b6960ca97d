/* query: which runs there were.
 * Flow: a request (asked.c) -> rows of the database, newest first -> lines of an answer.
 *
 * An answer is made in pieces, and between two of them nothing of the database is held: a
 * piece begins behind the last row of the one before. What is looked through at a time is
 * a span of time that grows and shrinks with what it costs. */
#ifndef HISTORY_QUERY_H
#define HISTORY_QUERY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/core/ctlmsg.h"

struct buf;
struct db;

enum { QUERY_NAMES_MOST = 200, QUERY_PIECE_US = 5000, QUERY_PATIENCE_US = 5000000 };

/* Which rows are looked at: by the index that leaves the fewest. */
enum query_access {
	ACCESS_TIME,
	ACCESS_RUN,
	ACCESS_JOB,
	ACCESS_EXIT,
	ACCESS_RESULT,
	ACCESS_UID,
	ACCESS_OPEN,
	ACCESS_ARTIFACTS,
	ACCESSES
};

/* Names of jobs that a pattern fits. */
struct query_names {
	char **names;
	size_t count;  /* QUERY_NAMES_MOST + 1: too many to go by */
	char *last;    /* that was looked at; NULL: none */
	bool complete;
};

struct query {
	const struct ctlmsg_request *request;
	uid_t uid;
	bool all;               /* sees every run; else those of uid */
	const char *aside;      /* said at the end; NULL or empty: not */
	/* how far it is; zero at the beginning: */
	bool begun;
	enum query_access access;
	struct query_names names;
	int64_t first, hi;      /* seconds still to be looked through */
	int64_t hi_id;          /* of hi only rows below it */
	int64_t window;         /* seconds */
	uint64_t rows;
	int64_t vain_us;        /* work since the last row */
};

enum query_step { QUERY_MORE, QUERY_DONE };

/* query_runs() and query_stats(): the next piece of the answer, some ms of work and some KB. */
enum query_step query_runs(struct db *db, struct query *q, struct buf *out);
void query_free(struct query *q);

/* query_names.c: looks for the names that fit request->job, a piece at a time. QUERY_DONE:
 * complete; or with *code set, SQLite's: it failed. */
enum query_step query_names_find(struct db *db, struct query *q, int *code);
void query_names_free(struct query_names *n);
/* The name, or what of it stands behind its user. */
bool query_name_fits(const char *pattern, const char *name);

/* query_row.c: columns of a row, and their line. */
struct sqlite3_stmt;
extern const char query_columns[];
enum { QUERY_COLUMN_ID, QUERY_COLUMN_SCHEDULED };
void query_row(struct sqlite3_stmt *s, bool with_stderr, struct buf *out);
/* ISO 8601 in UTC, with ms where ns has some; nothing below 1970. */
void query_time(struct buf *out, const char *name, int64_t ns, bool fraction);

/* The end of an answer that failed: what SQLite says is not for everybody. */
enum query_step query_fail(struct db *db, int code, struct buf *out);
int64_t query_clock_us(void);
/* From now on statements of the connection end with SQLITE_INTERRUPT after so long; 0: no
 * more. *until is kept by the caller. */
void query_limit(struct db *db, int64_t *until, int64_t us);

#endif
