/* prune: old rows leave, a few at a time.
 * Flow: history calls it between transactions, when records have come. */
#include "config.h"

#include "crond/history/prune.h"

#include <stdio.h>

enum {
	CHUNK = 500,
	FAR_S = 24 * 3600,
	DOUBT_MS = 3600 * 1000,
	FREE_LEAST = 64,
	FREE_SHARE = 8,
	FREE_AT_ONCE = 256
};

int64_t prune_clock(struct prune *p, int64_t newest, int64_t now, int64_t now_ms)
{
	if (!p->believed) {
		p->believed = newest ? newest : now;
		p->believed_ms = now_ms;
	}
	p->believed += (now_ms - p->believed_ms) / 1000;
	p->believed_ms += (now_ms - p->believed_ms) / 1000 * 1000;
	if (now <= p->believed + FAR_S) {
		p->doubted_ms = 0;
		return p->believed = now;
	}
	if (!p->doubted_ms)
		p->doubted_ms = now_ms;
	if (now_ms - p->doubted_ms >= DOUBT_MS) {
		p->doubted_ms = 0;
		p->believed = now;
	}
	return p->believed;
}

static enum db_trouble ask(
	struct db *db, const char *sql, int64_t a, int64_t b, int64_t *value, struct diag *d)
{
	sqlite3_stmt *q = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &q, NULL);
	enum db_trouble t;

	if (code == SQLITE_OK) {
		sqlite3_bind_int64(q, 1, a);
		sqlite3_bind_int64(q, 2, b);
		code = sqlite3_step(q);
	}
	if (code == SQLITE_ROW && value) {
		*value = sqlite3_column_type(q, 0) == SQLITE_NULL ? INT64_MIN
			                                          : sqlite3_column_int64(q, 0);
	}
	t = code == SQLITE_ROW || code == SQLITE_DONE ? DB_FINE : db_judge(db, code, d);
	sqlite3_finalize(q);
	return t;
}

/* Those that have a limit of their own. */
static enum db_trouble own_limits(struct db *db, int64_t now, bool *more, struct diag *d)
{
	enum db_trouble t = ask(db,
		"DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE keep_until < ?1"
		" AND result IS NOT NULL ORDER BY keep_until LIMIT ?2)",
		now, CHUNK, NULL, d);

	*more |= !t && sqlite3_changes(db->handle) == CHUNK;
	return t;
}

/* The others: from where the last look ended, over those that are kept longer. */
static enum db_trouble general_limit(
	struct prune *p, struct db *db, int64_t before, bool *more, struct diag *d)
{
	int64_t upto = INT64_MIN;
	enum db_trouble t = ask(db,
		"SELECT max(scheduled) FROM (SELECT scheduled FROM runs"
		" WHERE scheduled >= ?1 AND scheduled < ?2 ORDER BY scheduled LIMIT 500)",
		p->from, before, &upto, d);

	_Static_assert(CHUNK == 500, "stands in the query");
	if (t || upto == INT64_MIN)
		return t;
	t = ask(db, "DELETE FROM runs WHERE scheduled BETWEEN ?1 AND ?2 AND keep_until IS NULL"
		" AND result IS NOT NULL", p->from, upto, NULL, d);
	if (!t) {
		p->from = upto + 1;
		*more = true;
		t = ask(db, "DELETE FROM gaps WHERE at_ns < ?1 * 1000000000", upto, 0, NULL, d);
	}
	return t;
}

/* What retention would keep must not fill the disk either: then the oldest go. */
static enum db_trouble size_limit(struct prune *p, struct db *db, bool *more, struct diag *d)
{
	int64_t pages = 0, unused = 0, bytes = 0;
	enum db_trouble t = ask(db, "PRAGMA page_count", 0, 0, &pages, d);

	if (!t)
		t = ask(db, "PRAGMA freelist_count", 0, 0, &unused, d);
	if (!t)
		t = ask(db, "PRAGMA page_size", 0, 0, &bytes, d);
	if (t || (uint64_t)((pages - unused) * bytes) <= p->size_max)
		return t;
	t = ask(db, "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE result IS NOT NULL"
		" ORDER BY scheduled LIMIT ?1)", CHUNK, 0, NULL, d);
	*more |= !t && sqlite3_changes(db->handle) == CHUNK;
	return t;
}

/* Free pages are used again by what comes; when they are many the file gets shorter. */
static enum db_trouble shorten(struct db *db, bool *more, struct diag *d)
{
	int64_t pages = 0, unused = 0;
	char sql[64];
	enum db_trouble t = ask(db, "PRAGMA page_count", 0, 0, &pages, d);

	if (!t)
		t = ask(db, "PRAGMA freelist_count", 0, 0, &unused, d);
	if (t || unused < FREE_LEAST || unused < pages / FREE_SHARE)
		return t;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", FREE_AT_ONCE);
	*more = true;
	return db_do(db, sql, d);
}

static enum db_trouble chunk(struct prune *p, struct db *db, int64_t now, bool *more, struct diag *d)
{
	enum db_trouble t = own_limits(db, now, more, d);

	if (!t && p->keep_ms)
		t = general_limit(p, db, now - (int64_t)(p->keep_ms / 1000), more, d);
	if (!t && p->size_max)
		t = size_limit(p, db, more, d);
	if (!t)
		t = shorten(db, more, d);
	return t ? t : db_do(db, "COMMIT", d);
}

enum db_trouble prune_step(struct prune *p, struct db *db, int64_t now, int64_t now_ms, bool *more,
	struct diag *d)
{
	int64_t newest = 0, from = p->from;
	enum db_trouble t;

	*more = false;
	if (p->opened != db->opened) {
		from = p->from = 0;
		p->opened = db->opened;
		t = ask(db, "SELECT scheduled FROM runs ORDER BY id DESC LIMIT 1", 0, 0, &newest, d);
		if (t)
			return t;
	}
	now = prune_clock(p, newest, now, now_ms);
	t = db_do(db, "BEGIN IMMEDIATE", d);
	if (t)
		return t;
	t = chunk(p, db, now, more, d);
	if (t) {
		p->from = from;
		if (!sqlite3_get_autocommit(db->handle))
			sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	}
	return t;
}
