/* query: which runs there were.
 * Flow: request -> the index that leaves the fewest rows -> spans of time, from the newest
 * back -> lines of the answer. */
#include "config.h"

#include "crond/history/query.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/base/moment.h"
#include "crond/core/outcome.h"
#include "crond/history/db.h"

enum {
	ROWS_EACH = 200,
	OUT_EACH = 65536,
	FEW = 4000,              /* rows that are looked through in no time */
	WINDOW = 86400,          /* seconds, at first */
	WINDOW_MOST = 1 << 30,
	WINDOW_GROWS = 4, WINDOW_SHRINKS = 8,
	SPAN_US = 10000,         /* for one span */
	SPAN_LAST_US = 1000000,  /* for a single second */
};

/* --- time */

int64_t query_clock_us(void)
{
	return moment_us(CLOCK_MONOTONIC);
}

static int limit_look(void *arg)
{
	const int64_t *until = arg;

	return query_clock_us() > *until;
}

void query_limit(struct db *db, int64_t *until, int64_t us)
{
	enum { INSTRUCTIONS = 4000 }; /* some 100 us */

	*until = query_clock_us() + us;
	sqlite3_progress_handler(db->handle, us ? INSTRUCTIONS : 0, us ? limit_look : NULL, until);
}

enum query_step query_fail(struct db *db, int code, struct buf *out)
{
	struct diag d;

	ctlmsg_error(out, CTLMSG_REFUSED, code == SQLITE_INTERRUPT ?
		"that takes too long: ask for less, as by --since" :
		db_judge(db, code, &d) == DB_DAMAGED ? "the history is damaged" :
		"the history cannot be read now: crond's log says why");
	return QUERY_DONE;
}

void query_free(struct query *q)
{
	query_names_free(&q->names);
}

/* --- conditions, each as an index has it */

static const char *const indexes[ACCESSES] = {
	[ACCESS_TIME] = "runs_scheduled",
	[ACCESS_JOB] = "runs_job",
	[ACCESS_EXIT] = "runs_exit",
	[ACCESS_RESULT] = "runs_result",
	[ACCESS_UID] = "runs_uid",
	[ACCESS_OPEN] = "runs_open",
	[ACCESS_ARTIFACTS] = "runs_artifacts",
};

enum parameter { PARAM_LO = 1, PARAM_HI, PARAM_ID, PARAM_LIMIT, PARAM_UID, PARAM_EXIT, PARAM_RUN,
	PARAM_PATTERN, PARAM_NAMES };

static bool goes_by_names(const struct query *q)
{
	return q->request->job && q->names.count <= QUERY_NAMES_MOST;
}

static void where_job(const struct query *q, struct buf *sql)
{
	if (!q->request->job)
		return;
	if (!goes_by_names(q)) {
		buf_printf(sql, " AND wanted(?%d, job)", PARAM_PATTERN);
		return;
	}
	for (size_t i = 0; i < q->names.count; i++)
		buf_printf(sql, "%s?%zu", i ? "," : " AND job IN (", PARAM_NAMES + i);
	buf_puts(sql, q->names.count ? ")" : " AND 0");
}

static void where_exit(const struct query *q, struct buf *sql)
{
	if (q->request->exit_code >= 0)
		buf_printf(sql, " AND exit_code = ?%d", PARAM_EXIT);
	if (q->request->exit_code > 0)
		buf_puts(sql, " AND exit_code > 0");
}

static void where_result(const struct query *q, struct buf *sql)
{
	const unsigned asked = q->request->results, ended = asked & ~(unsigned)CTLMSG_RUNNING;
	const char *between = "";

	if (!asked)
		return;
	buf_puts(sql, " AND (");
	if (asked & CTLMSG_RUNNING)
		buf_puts(sql, ended ? "result IS NULL OR " : "result IS NULL");
	if (ended)
		buf_puts(sql, "result IN (");
	for (enum result r = 0; r < RESULTS; r++) {
		if (!(asked & 1u << r))
			continue;
		buf_printf(sql, "%s'%s'", between, result_name(r));
		between = ",";
	}
	buf_puts(sql, ended ? "))" : ")");
	if (!(asked & (CTLMSG_RUNNING | 1u << RESULT_OK)))
		buf_puts(sql, " AND result <> 'ok'");
}

static void where_all(const struct query *q, struct buf *sql)
{
	if (q->request->run)
		buf_printf(sql, " AND run_id = ?%d", PARAM_RUN);
	if (!q->all)
		buf_printf(sql, " AND uid = ?%d", PARAM_UID);
	where_exit(q, sql);
	where_result(q, sql);
	where_job(q, sql);
	if (q->request->with_artifacts)
		buf_puts(sql, " AND artifacts IS NOT NULL");
}

/* SQLite takes no notice of a parameter that the statement has not. */
static void bind(const struct query *q, sqlite3_stmt *s)
{
	sqlite3_bind_int64(s, PARAM_UID, q->uid);
	sqlite3_bind_int64(s, PARAM_EXIT, q->request->exit_code);
	sqlite3_bind_text(s, PARAM_RUN, q->request->run, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, PARAM_PATTERN, q->request->job, -1, SQLITE_STATIC);
	for (size_t i = 0; i < q->names.count && goes_by_names(q); i++)
		sqlite3_bind_text(s, PARAM_NAMES + (int)i, q->names.names[i], -1, SQLITE_STATIC);
}

static int prepare(struct db *db, const struct query *q, struct buf *sql, sqlite3_stmt **s)
{
	const char *text = buf_text(sql);
	int code = text ? sqlite3_prepare_v2(db->handle, text, -1, s, NULL) : SQLITE_NOMEM;

	if (!code)
		bind(q, *s);
	return code;
}

/* --- the beginning */

static void wanted(sqlite3_context *context, int n, sqlite3_value **values)
{
	const char *pattern = (const char *)sqlite3_value_text(values[0]);
	const char *name = (const char *)sqlite3_value_text(values[1]);

	(void)n;
	sqlite3_result_int(context, pattern && name && query_name_fits(pattern, name));
}

/* The first column of the first row; a query without one leaves *value alone. */
static int number_ask(struct db *db, const struct query *q, struct buf *sql, int64_t *value)
{
	sqlite3_stmt *s = NULL;
	int code = prepare(db, q, sql, &s);

	if (!code)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
		*value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* How many rows an index leaves, as far as that are few. */
static int access_count(struct db *db, const struct query *q, enum query_access a, int64_t *count)
{
	struct buf sql = { 0 };
	int code;

	buf_printf(&sql, "SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY %s WHERE 1", indexes[a]);
	if (a == ACCESS_JOB)
		where_job(q, &sql);
	else if (a == ACCESS_EXIT)
		where_exit(q, &sql);
	else if (a == ACCESS_RESULT)
		where_result(q, &sql);
	else if (a == ACCESS_ARTIFACTS)
		buf_puts(&sql, " AND artifacts IS NOT NULL");
	else
		buf_printf(&sql, " AND uid = ?%d", PARAM_UID);
	buf_printf(&sql, " LIMIT %d)", FEW);
	code = number_ask(db, q, &sql, count);
	buf_free(&sql);
	return code;
}

/* The first that leaves few; where none does the first there is, since the index of jobs has
 * all that is asked for in itself. */
static int access_choose(struct db *db, struct query *q)
{
	const struct ctlmsg_request *r = q->request;
	const struct {
		enum query_access access;
		bool fits;
	} candidates[] = {
		{ ACCESS_JOB, goes_by_names(q) && q->names.count },
		{ ACCESS_EXIT, r->exit_code > 0 },
		{ ACCESS_RESULT, r->results && !(r->results & (CTLMSG_RUNNING | 1u << RESULT_OK)) },
		{ ACCESS_ARTIFACTS, r->with_artifacts },
		{ ACCESS_UID, !q->all },
	};

	q->access = ACCESS_TIME;
	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		int64_t count = FEW;
		int code;

		if (!candidates[i].fits)
			continue;
		code = access_count(db, q, candidates[i].access, &count);
		if (code)
			return code;
		if (count >= FEW && q->access != ACCESS_TIME)
			continue;
		q->access = candidates[i].access;
		if (count < FEW)
			return SQLITE_OK;
	}
	return SQLITE_OK;
}

static int bounds_ask(struct db *db, struct query *q)
{
	const struct ctlmsg_request *r = q->request;
	struct buf sql = { 0 };
	int code;

	q->first = INT64_MAX;
	q->hi = INT64_MIN;
	buf_puts(&sql, "SELECT min(scheduled) FROM runs");
	code = number_ask(db, q, &sql, &q->first);
	buf_clear(&sql);
	buf_puts(&sql, "SELECT max(scheduled) FROM runs");
	if (!code)
		code = number_ask(db, q, &sql, &q->hi);
	buf_free(&sql);
	if (r->since > q->first)
		q->first = r->since;
	if (r->until <= q->hi)
		q->hi = r->until - 1;
	return code;
}

static int begin(struct db *db, struct query *q)
{
	const unsigned flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
	int code = bounds_ask(db, q);

	q->hi_id = INT64_MAX;
	q->window = WINDOW;
	if (!code && q->request->run)
		q->access = ACCESS_RUN;
	else if (!code && q->request->results == CTLMSG_RUNNING)
		q->access = ACCESS_OPEN;
	else if (!code)
		code = access_choose(db, q);
	if (!code && q->request->job && !goes_by_names(q))
		code = sqlite3_create_function(db->handle, "wanted", 2, (int)flags, NULL, wanted, NULL, NULL);
	if (q->access == ACCESS_RUN || q->access == ACCESS_OPEN)
		q->window = WINDOW_MOST;
	if (q->request->job && q->names.count == 0) /* there is no such job */
		q->hi = INT64_MIN;
	q->begun = true;
	return code;
}

/* --- a span of time */

static int span_prepare(struct db *db, const struct query *q, int64_t lo, sqlite3_stmt **s)
{
	struct buf sql = { 0 };
	int code;

	buf_printf(&sql, "SELECT %s FROM runs", query_columns);
	if (indexes[q->access])
		buf_printf(&sql, " INDEXED BY %s", indexes[q->access]);
	buf_printf(&sql, " WHERE scheduled BETWEEN ?%d AND ?%d AND (scheduled < ?%d OR id < ?%d)", PARAM_LO,
		PARAM_HI, PARAM_HI, PARAM_ID);
	where_all(q, &sql);
	buf_printf(&sql, " ORDER BY scheduled DESC, id DESC LIMIT ?%d", PARAM_LIMIT);
	code = prepare(db, q, &sql, s);
	buf_free(&sql);
	if (code)
		return code;
	sqlite3_bind_int64(*s, PARAM_LO, lo);
	sqlite3_bind_int64(*s, PARAM_HI, q->hi);
	sqlite3_bind_int64(*s, PARAM_ID, q->hi_id);
	sqlite3_bind_int64(*s, PARAM_LIMIT, ROWS_EACH);
	return SQLITE_OK;
}

static bool is_enough(const struct query *q)
{
	return q->request->limit && q->rows == q->request->limit;
}

/* What is on no record, and should be: "left_out" runs, and an older history put "aside".
 * "limited": there may be more than were asked for. */
static enum query_step query_end(struct db *db, const struct query *q, struct buf *out)
{
	struct buf sql = { 0 };
	int64_t left_out = 0;
	int code;

	buf_puts(&sql, "SELECT sum(count) FROM gaps");
	code = number_ask(db, q, &sql, &left_out);
	buf_free(&sql);
	if (code)
		return query_fail(db, code, out);
	ctlmsg_end(out, true);
	ctlmsg_bool(out, "limited", is_enough(q));
	if (left_out)
		ctlmsg_number(out, "left_out", left_out);
	if (q->aside && *q->aside)
		ctlmsg_text(out, "aside", q->aside);
	ctlmsg_close(out);
	return QUERY_DONE;
}

/* Rows of it, as many as there is room for. SQLITE_ROW: there are more behind q->hi. */
static int span_rows(struct query *q, sqlite3_stmt *s, struct buf *out, uint64_t *rows)
{
	int code;

	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		query_row(s, q->request->with_stderr, out);
		q->hi = sqlite3_column_int64(s, QUERY_COLUMN_SCHEDULED);
		q->hi_id = sqlite3_column_int64(s, QUERY_COLUMN_ID);
		q->rows++;
		if (++*rows == ROWS_EACH || out->len > OUT_EACH || is_enough(q))
			return SQLITE_ROW;
	}
	return code;
}

/* What is next to be looked through, by how that went. */
static int span_next(struct query *q, int code, int64_t lo, int64_t took, uint64_t rows)
{
	q->vain_us = rows ? 0 : q->vain_us + took;
	if (code == SQLITE_DONE) {
		q->hi = lo - 1;
		q->hi_id = INT64_MAX;
		if (took < SPAN_US / 4 && q->window < WINDOW_MOST)
			q->window *= WINDOW_GROWS;
		return SQLITE_OK;
	}
	if (code == SQLITE_INTERRUPT && !rows) {
		if (q->window == 1 || q->vain_us > QUERY_PATIENCE_US)
			return SQLITE_INTERRUPT;
		q->window = q->window > WINDOW_SHRINKS ? q->window / WINDOW_SHRINKS : 1;
	}
	return code == SQLITE_ROW || code == SQLITE_INTERRUPT ? SQLITE_OK : code;
}

static int span_look(struct db *db, struct query *q, struct buf *out)
{
	int64_t lo = q->hi - q->first < q->window ? q->first : q->hi - q->window + 1;
	int64_t until, began = query_clock_us();
	uint64_t rows = 0;
	sqlite3_stmt *s = NULL;
	int code = span_prepare(db, q, lo, &s);

	if (!code) {
		query_limit(db, &until, q->window == 1 ? SPAN_LAST_US : SPAN_US);
		code = span_rows(q, s, out, &rows);
		query_limit(db, &until, 0);
		code = span_next(q, code, lo, query_clock_us() - began, rows);
	}
	sqlite3_finalize(s);
	return code;
}

enum query_step query_runs(struct db *db, struct query *q, struct buf *out)
{
	int64_t until = query_clock_us() + QUERY_PIECE_US;
	int code = SQLITE_OK;

	if (!q->begun && q->request->job && query_names_find(db, q, &code) == QUERY_MORE)
		return QUERY_MORE;
	if (!code && !q->begun)
		code = begin(db, q);
	while (!code && q->hi >= q->first && !is_enough(q) && query_clock_us() < until &&
		out->len < OUT_EACH)
		code = span_look(db, q, out);
	if (code)
		return query_fail(db, code, out);
	if (is_enough(q) || q->hi < q->first)
		return query_end(db, q, out);
	return QUERY_MORE;
}
