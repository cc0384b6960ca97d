/* write: records become rows.
 * Flow: history takes them from the backlog and commits so many at once. */
#include "config.h"

#include "crond/history/write.h"

#include <string.h>

#include "crond/base/slice.h"
#include "crond/history/words.h"

enum { TEXT_MOST = 8192, LOOK_EACH = 100, PRUNE_AT_ONCE = 50 };

/* A row that has its end keeps it, whatever comes again or late; only what a boot took for lost
 * may turn out to have ended. boot tells: it stands in rows that go on, and in those. A row
 * without a job is one whose end came first. */
static const char *const queries[WRITE_QUERIES] = {
	[WRITE_START] =
		"INSERT INTO runs (run_id, job, identity, user, uid, host, attempt, scheduled, "
		"started_ns,"
		" cause, boot, keep_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
		"?12)"
		" ON CONFLICT (run_id) DO UPDATE SET job = ?2, identity = ?3, user = ?4, uid = ?5,"
		" host = ?6, cause = ?10, keep_until = ?12 WHERE job = ''",
	[WRITE_END] = "INSERT INTO runs (run_id, job, identity, uid, attempt, scheduled, "
		      "started_ns, finished_ns,"
		      " took_ns, result, exit_code, signal, reason, cpu_us, memory_kb, "
		      "output_bytes, truncated,"
		      " stderr, log, artifacts)"
		      " VALUES (?1, '', 0, -1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
		      "?14, ?15, ?16, ?17)"
		      " ON CONFLICT (run_id) DO UPDATE SET started_ns = ?4, finished_ns = ?5, "
		      "took_ns = ?6,"
		      " result = ?7, exit_code = ?8, signal = ?9, reason = ?10, cpu_us = ?11, "
		      "memory_kb = ?12,"
		      " output_bytes = ?13, truncated = ?14, stderr = ?15, log = ?16, artifacts = "
		      "?17, boot = NULL"
		      " WHERE result IS NULL OR boot IS NOT NULL",
	[WRITE_NONE] =
		"INSERT INTO runs (run_id, job, identity, user, uid, host, attempt, scheduled, "
		"finished_ns,"
		" cause, result, reason, keep_until)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?13, ?12)"
		" ON CONFLICT (run_id) DO UPDATE SET finished_ns = ?9, result = ?11, reason = ?13,"
		" boot = NULL WHERE result IS NULL",
	[WRITE_LOST] = "UPDATE runs SET result = 'lost', reason = 'the system went down or was "
		       "started again"
		       " before its end was on record' WHERE result IS NULL AND boot <> ?1",
	[WRITE_GAP] =
		"INSERT INTO gaps (at_ns, count) VALUES (?1, ?2) ON CONFLICT (at_ns) DO NOTHING",
	[WRITE_COUNT] = "DELETE FROM runs WHERE id IN (SELECT id FROM (SELECT id, result FROM runs"
		        " WHERE job = ?1 ORDER BY scheduled DESC, id DESC LIMIT ?3 OFFSET ?2)"
		        " WHERE result IS NOT NULL)",
};

void write_init(struct writer *w, struct db *db)
{
	*w = (struct writer){ .db = db };
}

void write_free(struct writer *w)
{
	for (size_t i = 0; i < WRITE_TEXTS; i++)
		buf_free(&w->clean[i]);
}

/* --- values */

static void bind_text(
	struct writer *w, sqlite3_stmt *q, int at, struct slice s, size_t most, bool cut)
{
	struct buf *b;

	if (s.n <= most && !cut && words_are_clean(s)) {
		sqlite3_bind_text(q, at, s.s, (int)s.n, SQLITE_STATIC);
		return;
	}
	b = &w->clean[w->cleaned++ % WRITE_TEXTS];
	buf_clear(b);
	words_clean(b, s, most, cut || s.n > most);
	if (!b->failed)
		sqlite3_bind_text(q, at, b->data ? b->data : "", (int)b->len, SQLITE_STATIC);
}

static void bind_string(struct writer *w, sqlite3_stmt *q, int at, const char *text)
{
	if (text)
		bind_text(w, q, at, slice_of(text), TEXT_MOST, false);
}

/* Nothing stands for a number that is not known. */
static void bind_some(sqlite3_stmt *q, int at, int64_t value)
{
	if (value > 0)
		sqlite3_bind_int64(q, at, value);
}

/* NULL, with the trouble in *t. */
static sqlite3_stmt *query_get(struct writer *w, enum write_query which, enum db_trouble *t,
	struct diag *d)
{
	int code = SQLITE_OK;

	if (w->opened != w->db->opened) {
		memset(w->queries, 0, sizeof(w->queries));
		w->opened = w->db->opened;
	}
	if (!w->queries[which])
		code = sqlite3_prepare_v3(w->db->handle, queries[which], -1,
			SQLITE_PREPARE_PERSISTENT, &w->queries[which], NULL);
	*t = code ? db_judge(w->db, code, d) : DB_FINE;
	w->cleaned = 0;
	return code ? NULL : w->queries[which];
}

static enum db_trouble query_run(struct writer *w, sqlite3_stmt *q, struct diag *d)
{
	int code = sqlite3_step(q);
	enum db_trouble t = code == SQLITE_DONE ? DB_FINE : db_judge(w->db, code, d);

	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return t;
}

/* --- rows */

/* What START and NONE say in the same places. */
static void bind_head(struct writer *w, sqlite3_stmt *q, const struct histrec *h)
{
	bind_string(w, q, 1, h->run_id);
	bind_string(w, q, 2, h->job);
	sqlite3_bind_int64(q, 3, (int64_t)h->identity);
	bind_string(w, q, 4, h->user);
	sqlite3_bind_int64(q, 5, h->uid);
	bind_string(w, q, 6, h->host);
	sqlite3_bind_int64(q, 7, h->attempt ? h->attempt : 1);
	sqlite3_bind_int64(q, 8, h->scheduled);
	bind_some(q, 9, h->at_ns);
	sqlite3_bind_text(q, 10, histrec_cause(h->cause), -1, SQLITE_STATIC);
	if (h->retention_ms)
		sqlite3_bind_int64(q, 12, h->at_ns / 1000000000 + (int64_t)(h->retention_ms / 1000));
	else if (h->retention_count)
		sqlite3_bind_int64(q, 12, DB_KEEP);
}

/* Of so many runs of its job the oldest go. A job of which many are kept is looked at with one
 * start in so many: to find the oldest costs as much as there are. */
static enum db_trouble count_keep(struct writer *w, const struct histrec *h, struct diag *d)
{
	uint32_t count = h->retention_count ? h->retention_count :
		h->retention_ms ? 0 : w->keep_count;
	enum db_trouble t;
	sqlite3_stmt *q;

	if (!count || (count > LOOK_EACH && w->starts++ % (count / LOOK_EACH) != 0))
		return DB_FINE;
	q = query_get(w, WRITE_COUNT, &t, d);
	if (!q)
		return t;
	bind_string(w, q, 1, h->job);
	sqlite3_bind_int64(q, 2, count);
	sqlite3_bind_int64(q, 3, count / LOOK_EACH * 2 + PRUNE_AT_ONCE);
	return query_run(w, q, d);
}

static enum db_trouble start_write(struct writer *w, const struct histrec *h, struct diag *d)
{
	enum db_trouble t;
	sqlite3_stmt *q = query_get(w, WRITE_START, &t, d);

	if (!q)
		return t;
	bind_head(w, q, h);
	bind_string(w, q, 11, h->boot);
	t = query_run(w, q, d);
	return t ? t : count_keep(w, h, d);
}

static enum db_trouble none_write(struct writer *w, const struct histrec *h, struct diag *d)
{
	enum db_trouble t;
	sqlite3_stmt *q = query_get(w, WRITE_NONE, &t, d);

	if (!q)
		return t;
	bind_head(w, q, h);
	sqlite3_bind_text(q, 11, result_name(h->result), -1, SQLITE_STATIC);
	bind_string(w, q, 13, h->reason);
	t = query_run(w, q, d);
	return t ? t : count_keep(w, h, d);
}

/* What it said of its errors. Where its two streams are one that is what it printed, of
 * interest when it failed. */
static void bind_errors(struct writer *w, sqlite3_stmt *q, int at, const struct outcome *o)
{
	struct slice errors = outcome_errors(o);

	if (errors.n && !(o->one_stream && !result_failed(o->result)))
		bind_text(w, q, at, outcome_head(errors), DB_STDERR_MOST, true);
}

static void bind_outcome(struct writer *w, sqlite3_stmt *q, const struct outcome *o)
{
	bind_some(q, 4, o->started_ns);
	bind_some(q, 5, o->finished_ns);
	if (o->started_ns)
		sqlite3_bind_int64(q, 6, o->took_ns);
	sqlite3_bind_text(q, 7, result_name(o->result), -1, SQLITE_STATIC);
	if (o->exit_code >= 0)
		sqlite3_bind_int(q, 8, o->exit_code);
	bind_some(q, 9, o->signal);
	bind_string(w, q, 10, o->reason);
	bind_some(q, 11, (int64_t)o->cpu_us);
	bind_some(q, 12, (int64_t)o->memory_kb);
	bind_some(q, 13, (int64_t)o->output_bytes);
	sqlite3_bind_int(q, 14, o->truncated);
	bind_errors(w, q, 15, o);
	bind_string(w, q, 16, o->log);
	bind_string(w, q, 17, o->artifacts);
}

static enum db_trouble end_write(struct writer *w, const struct histrec *h, bool *refused,
	struct diag *d)
{
	struct outcome o;
	enum db_trouble t;
	sqlite3_stmt *q;

	if (outcome_decode(&o, h->outcome, d) < 0) {
		*refused = true;
		return DB_FINE;
	}
	q = query_get(w, WRITE_END, &t, d);
	if (!q)
		return t;
	bind_string(w, q, 1, h->run_id);
	sqlite3_bind_int64(q, 2, h->attempt ? h->attempt : 1);
	sqlite3_bind_int64(q, 3, h->scheduled);
	bind_outcome(w, q, &o);
	return query_run(w, q, d);
}

static enum db_trouble boot_write(struct writer *w, const struct histrec *h, struct diag *d)
{
	enum db_trouble t;
	sqlite3_stmt *q = query_get(w, WRITE_LOST, &t, d);

	if (!q)
		return t;
	bind_string(w, q, 1, h->boot);
	return query_run(w, q, d);
}

static enum db_trouble gap_write(struct writer *w, const struct histrec *h, struct diag *d)
{
	enum db_trouble t;
	sqlite3_stmt *q = query_get(w, WRITE_GAP, &t, d);

	if (!q)
		return t;
	sqlite3_bind_int64(q, 1, h->at_ns);
	sqlite3_bind_int64(q, 2, (int64_t)h->count);
	return query_run(w, q, d);
}

enum db_trouble write_record(
	struct writer *w, const struct histrec *h, bool *refused, struct diag *d)
{
	*refused = false;
	switch (h->kind) {
	case HISTREC_START:
		return start_write(w, h, d);
	case HISTREC_END:
		return end_write(w, h, refused, d);
	case HISTREC_NONE:
		return none_write(w, h, d);
	case HISTREC_BOOT:
		return boot_write(w, h, d);
	case HISTREC_GAP:
		return gap_write(w, h, d);
	case HISTREC_KINDS:
		break;
	}
	diag_error(d, 0, 0, "a record of no kind");
	*refused = true;
	return DB_FINE;
}

/* --- transactions */

enum db_trouble write_begin(struct writer *w, struct diag *d)
{
	return db_do(w->db, "BEGIN IMMEDIATE", d);
}

enum db_trouble write_commit(struct writer *w, struct diag *d)
{
	return db_do(w->db, "COMMIT", d);
}

/* Some errors have ended it already. */
void write_abandon(struct writer *w)
{
	if (w->db->handle && !sqlite3_get_autocommit(w->db->handle))
		sqlite3_exec(w->db->handle, "ROLLBACK", NULL, NULL, NULL);
}
