/* stats: how runs went, job by job and in all.
 * Flow: rows in the order of their jobs, all from one index -> tallies -> lines of the answer. */
#include "config.h"

#include "crond/history/stats.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/history/db.h"

enum { LOOK_EACH = 64, OUT_EACH = 65536 };

enum column { COLUMN_JOB, COLUMN_SCHEDULED, COLUMN_ID, COLUMN_RESULT, COLUMN_TOOK, COLUMN_UID };
enum parameter { PARAM_JOB = 1, PARAM_SCHEDULED, PARAM_ID };

void stats_free(struct stats *s)
{
	if (s)
		free(s->job);
	free(s);
}

/* --- a row counted */

static void tally_row(struct tally *t, sqlite3_stmt *row)
{
	const char *name = (const char *)sqlite3_column_text(row, COLUMN_RESULT);
	int result = name ? result_find(slice_of(name)) : -1;

	t->runs++;
	if (result < 0) {
		t->running++;
		return;
	}
	t->results[result]++;
	if (sqlite3_column_type(row, COLUMN_TOOK) != SQLITE_NULL && result != RESULT_SKIPPED &&
		result != RESULT_MISSED)
		times_add(&t->times, sqlite3_column_int64(row, COLUMN_TOOK));
	if (result == RESULT_OK && sqlite3_column_int64(row, COLUMN_SCHEDULED) >= t->last) {
		t->last = sqlite3_column_int64(row, COLUMN_SCHEDULED);
		t->last_id = sqlite3_column_int64(row, COLUMN_ID);
	}
}

/* --- lines */

static int put_last(struct db *db, const struct tally *t, struct buf *out)
{
	sqlite3_stmt *s = NULL;
	int code;

	if (!t->last_id)
		return SQLITE_OK;
	code = sqlite3_prepare_v2(db->handle, "SELECT finished_ns FROM runs WHERE id = ?1", -1, &s, NULL);
	if (!code)
		sqlite3_bind_int64(s, 1, t->last_id);
	if (!code && (code = sqlite3_step(s)) == SQLITE_ROW && sqlite3_column_int64(s, 0) > 0) {
		ctlmsg_number(out, "last_success", sqlite3_column_int64(s, 0) / 1000000000);
		query_time(out, "last_success_at", sqlite3_column_int64(s, 0), true);
	} else if (code == SQLITE_ROW) { /* so long ago that more is not known */
		ctlmsg_number(out, "last_success", t->last);
	}
	sqlite3_finalize(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Of those that were to run and came to an end, in thousandths; -1: there are none. */
static int64_t rate(const struct tally *t)
{
	uint64_t ended = t->runs - t->running - t->results[RESULT_SKIPPED];

	return ended ? (int64_t)(t->results[RESULT_OK] * 1000 / ended) : -1;
}

static void put_times(struct times *t, struct buf *out)
{
	if (!t->count)
		return;
	ctlmsg_seconds(out, "p50_s", times_part(t, 50) / 1000000);
	ctlmsg_seconds(out, "p95_s", times_part(t, 95) / 1000000);
	ctlmsg_seconds(out, "max_s", t->most / 1000000);
}

static int put_tally(struct db *db, struct tally *t, const char *job, uint64_t jobs, struct buf *out)
{
	uint64_t failed = 0;
	int code;

	ctlmsg_open(out);
	if (job)
		ctlmsg_text(out, "job", job);
	else
		ctlmsg_number(out, "jobs", (int64_t)jobs);
	ctlmsg_number(out, "runs", (int64_t)t->runs);
	ctlmsg_number(out, "running", (int64_t)t->running);
	for (enum result r = 0; r < RESULTS; r++) {
		ctlmsg_number(out, result_name(r), (int64_t)t->results[r]);
		failed += result_failed(r) ? t->results[r] : 0;
	}
	ctlmsg_number(out, "failed", (int64_t)failed);
	if (rate(t) >= 0)
		ctlmsg_seconds(out, "success_rate", rate(t));
	put_times(&t->times, out);
	code = put_last(db, t, out);
	ctlmsg_close(out);
	return code;
}

/* --- from job to job */

static int job_end(struct db *db, struct stats *s, struct buf *out)
{
	int code = SQLITE_OK;

	if (s->one.runs) {
		s->jobs++;
		code = put_tally(db, &s->one, s->job, 0, out);
	}
	memset(&s->one, 0, sizeof(s->one));
	return code;
}

/* The row's job becomes the one under way, if it is not. */
static int job_begin(struct db *db, struct stats *s, const char *job, struct buf *out)
{
	int code;

	if (s->job && strcmp(s->job, job) == 0)
		return SQLITE_OK;
	code = job_end(db, s, out);
	free(s->job);
	s->job = strdup(job);
	return code ? code : s->job ? SQLITE_OK : SQLITE_NOMEM;
}

/* Whose they are and when they were is looked at here: a statement that left rows out would
 * come back to us who knows when. */
static const char rows_sql[] = "SELECT job, scheduled, id, result, took_ns, uid FROM runs"
	" INDEXED BY runs_job WHERE (job, scheduled, id) > (?1, ?2, ?3) ORDER BY job, scheduled, id";

static void rows_from(const struct stats *s, sqlite3_stmt *row)
{
	sqlite3_reset(row);
	sqlite3_bind_text(row, PARAM_JOB, s->job ? s->job : "", -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(row, PARAM_SCHEDULED, s->scheduled);
	sqlite3_bind_int64(row, PARAM_ID, s->id);
}

/* Rows that nobody asks for are passed over at once: to the next job, or to the first second
 * that was asked for. true: it did. */
static bool row_pass(const struct query *q, struct stats *s, const char *job)
{
	const struct ctlmsg_request *r = q->request;
	bool next = s->scheduled >= r->until || (r->job && !query_name_fits(r->job, job));

	if (!next && s->scheduled >= r->since)
		return false;
	s->scheduled = next ? INT64_MAX : r->since - 1;
	s->id = INT64_MAX;
	return true;
}

/* SQLITE_ROW: that is enough for now. */
static int rows_count(struct db *db, const struct query *q, struct stats *s, sqlite3_stmt *row,
	struct buf *out)
{
	int64_t until = query_clock_us() + QUERY_PIECE_US;
	int code;

	for (unsigned n = 1; (code = sqlite3_step(row)) == SQLITE_ROW; n++) {
		const char *job = (const char *)sqlite3_column_text(row, COLUMN_JOB);

		code = job ? job_begin(db, s, job, out) : SQLITE_NOMEM;
		if (code)
			return code;
		s->scheduled = sqlite3_column_int64(row, COLUMN_SCHEDULED);
		s->id = sqlite3_column_int64(row, COLUMN_ID);
		if (row_pass(q, s, s->job)) {
			rows_from(s, row);
		} else if (q->all || sqlite3_column_int64(row, COLUMN_UID) == (int64_t)q->uid) {
			tally_row(&s->one, row);
			tally_row(&s->all, row);
		}
		if (n % LOOK_EACH == 0 && (query_clock_us() > until || out->len > OUT_EACH))
			return SQLITE_ROW;
	}
	return code;
}

static int stats_piece(struct db *db, const struct query *q, struct stats *s, struct buf *out)
{
	sqlite3_stmt *row = NULL;
	int code = sqlite3_prepare_v2(db->handle, rows_sql, -1, &row, NULL);

	if (!code) {
		rows_from(s, row);
		code = rows_count(db, q, s, row, out);
	}
	sqlite3_finalize(row);
	if (code == SQLITE_DONE)
		code = job_end(db, s, out);
	else if (code == SQLITE_ROW)
		return code;
	return code ? code : put_tally(db, &s->all, NULL, s->jobs, out);
}

enum query_step query_stats(struct db *db, struct query *q, struct stats **s, struct buf *out)
{
	int code;

	if (!*s) {
		*s = calloc(1, sizeof(**s));
		if (!*s)
			return query_fail(db, SQLITE_NOMEM, out);
		(*s)->scheduled = (*s)->id = INT64_MIN;
	}
	code = stats_piece(db, q, *s, out);
	if (code == SQLITE_ROW)
		return QUERY_MORE;
	if (code)
		return query_fail(db, code, out);
	ctlmsg_end(out, true);
	ctlmsg_close(out);
	return QUERY_DONE;
}
