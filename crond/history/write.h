/* write: records become rows.
 * Flow: history takes them from the backlog and commits so many at once. */
#ifndef HISTORY_WRITE_H
#define HISTORY_WRITE_H

#include <stdint.h>

#include "crond/base/buf.h"
#include "crond/core/histrec.h"
#include "crond/history/db.h"

enum write_query {
	WRITE_START,
	WRITE_END,
	WRITE_NONE,
	WRITE_LOST,
	WRITE_GAP,
	WRITE_COUNT,
	WRITE_QUERIES
};

enum { WRITE_TEXTS = 6 };

struct writer {
	struct db *db;
	uint64_t opened; /* the opening that the statements are of */
	sqlite3_stmt *queries[WRITE_QUERIES];
	struct buf clean[WRITE_TEXTS]; /* texts of the record in hand that had to be made sound */
	size_t cleaned;
	uint32_t keep_count; /* of jobs that do not say; 0: all */
	uint32_t starts;     /* counted, see count_keep() */
};

void write_init(struct writer *w, struct db *db);
void write_free(struct writer *w);
/* One transaction: begun, its records, committed; after trouble in between it is abandoned. */
enum db_trouble write_begin(struct writer *w, struct diag *d);
/* Writing the same record again changes nothing. *refused: it is the record that is no good,
 * *d says why, and the transaction may go on. */
enum db_trouble write_record(
	struct writer *w, const struct histrec *h, bool *refused, struct diag *d);
enum db_trouble write_commit(struct writer *w, struct diag *d);
void write_abandon(struct writer *w);

#endif
