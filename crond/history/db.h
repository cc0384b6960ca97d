/* db: the database of runs.
 * Flow: records are written into it (write), old ones leave it (prune), people are answered
 * from it (query). */
#ifndef HISTORY_DB_H
#define HISTORY_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crond/base/diag.h"

enum { DB_VERSION = 1, DB_STDERR_MOST = 4096, DB_STDERR_LINES = 200 };

/* The table, one row a run; also the starts that came to nothing and those that were missed.
 * Texts are valid UTF-8 without NUL. NULL: not known, or not so.
 *
 *	id             grows with the time a run was first heard of
 *	run_id         what cronctl and the log call it
 *	job            name of the job
 *	identity       number of the job; what it has learnt goes by it
 *	user, uid      whom it ran as; job '' and uid -1: only its end is known
 *	host
 *	attempt        from 1
 *	scheduled      the second it was due in, epoch; each row has one
 *	started_ns     realtime; NULL: it never was a process
 *	finished_ns    realtime; NULL: it goes on, or nobody knows when it ended; of what never
 *	               started, when that was decided
 *	took_ns        monotonic
 *	result         "ok", "exit", ... (core/outcome.h); NULL: it goes on
 *	exit_code, signal, reason
 *	cause          histrec_cause()
 *	cpu_us, memory_kb, output_bytes, truncated
 *	stderr         its first DB_STDERR_LINES lines, DB_STDERR_MOST bytes at most
 *	log, artifacts paths
 *	boot           the boot it belongs to, while it goes on; a later boot takes it for lost
 *	keep_until     epoch; NULL: as long as the general retention says; DB_KEEP: for ever, but
 *	               for a count
 *
 * Table gaps: at_ns, count: from then on so many records were not kept, for want of room.
 *
 * Lists go by scheduled, then id. Each index ends in id, as indexes do. */
#define DB_KEEP INT64_MAX

/* What is wrong when the database cannot be used; see db_trouble_name(). */
enum db_trouble {
	DB_FINE,
	DB_BUSY,        /* another program has it locked */
	DB_FULL,
	DB_READ_ONLY,
	DB_UNREACHABLE, /* cannot be opened: rights, a directory, a link */
	DB_IO,
	DB_DAMAGED,
	DB_FOREIGN,     /* no history, or a later version's */
	DB_MEMORY,
	DB_ODD,         /* what nobody thought of */
	DB_TROUBLES
};

struct db {
	sqlite3 *handle;   /* NULL: not open */
	uint64_t opened;   /* counts openings: statements prepared before are gone */
	bool begun;        /* the database was made by this opening, */
	bool emptied;      /* where there was a file with nothing in it */
	bool damaged;      /* somebody came upon damage; damage says what it was */
	struct diag damage;
	bool distrust;     /* a write had failed: what seems to be in the log file may not be */
	const char *directory, *name;
	int lock;          /* held so that only one crond-history works there; -1: not */
	dev_t dev;
	ino_t ino;
};

/* directory: the history's own; name: of the file in it; both live as long as *db. Opens
 * nothing. */
void db_init(struct db *db, const char *directory, const char *name);
/* Closes it, and lets others work there. */
void db_free(struct db *db);
/* Opens it and makes it where there is none: goes into the directory, locks it against another
 * crond-history, looks for damage in all of it (a million rows: a second or two), and sees to it
 * that what a transaction before left in the log file is safe. DB_FINE, or what is wrong with *d;
 * then it is closed. */
enum db_trouble db_open(struct db *db, struct diag *d);
/* Finalizes every statement that was prepared on it, too. The lock stays. */
void db_close(struct db *db);
/* Is the file that is open still the one of that name, in the directory of that name? */
bool db_in_place(const struct db *db);
/* Renames the files of a closed database to name.corrupt-TIME and keeps the last three
 * such. into: the new name. 0 or -1 with errno. */
int db_put_aside(struct db *db, int64_t now, char *into, size_t room);
/* What the code of a failed call stands for. The handle's last error text goes into *d. */
enum db_trouble db_judge(struct db *db, int code, struct diag *d);
/* "is full" and the like, to stand behind "the history". */
const char *db_trouble_name(enum db_trouble t);
/* Executes statements without results. */
enum db_trouble db_do(struct db *db, const char *sql, struct diag *d);

#endif
