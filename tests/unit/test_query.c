/* test_query: what people are told of the history, held against the same rows in memory. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/core/outcome.h"
#include "crond/history/db.h"
#include "crond/history/query.h"
#include "crond/history/stats.h"
#include "tests/unit/seeds.h"

enum { ROWS = 4000, JOBS = 300, QUESTIONS = 25, SEEDS = 24, FIRST = 1700000000, SPAN = 40 * 86400 };

static struct row {
	char id[48], job[32];
	uint32_t uid;
	int64_t scheduled, took_ns;
	int result, exit_code; /* -1: none */
	bool artifacts;
} rows[ROWS];

static struct db db;
static char dir[] = "/tmp/test_query.XXXXXX";
static uint64_t random_state = 1;

static unsigned pick(unsigned of)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % of;
}

static void row_make(struct row *r, int n)
{
	unsigned job = pick(JOBS), kind = pick(20);

	r->uid = job % 3 ? 0 : 1000 + job % 4;
	snprintf(r->job, sizeof(r->job), "%sjob%u", r->uid ? "user:" : "", job);
	snprintf(r->id, sizeof(r->id), "%s-%d", r->job, n);
	r->scheduled = FIRST + (pick(4) ? pick(SPAN) : pick(3) * 86400); /* many in one second */
	r->result = kind < 12 ? RESULT_OK : kind < 16 ? RESULT_EXIT : kind == 16 ? -1 : (int)pick(RESULTS);
	r->exit_code = r->result == RESULT_OK ? 0 : r->result == RESULT_EXIT ? (int)pick(4) : -1;
	r->took_ns = r->result < 0 ? -1 : (int64_t)pick(1000000) * 1000000;
	r->artifacts = pick(50) == 0;
}

static void row_insert(sqlite3_stmt *s, const struct row *r)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	sqlite3_bind_text(s, 1, r->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, r->job, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, r->uid);
	sqlite3_bind_int64(s, 4, r->scheduled);
	if (r->took_ns >= 0)
		sqlite3_bind_int64(s, 5, r->took_ns);
	if (r->result >= 0)
		sqlite3_bind_text(s, 6, result_name((enum result)r->result), -1, SQLITE_STATIC);
	if (r->exit_code >= 0)
		sqlite3_bind_int(s, 7, r->exit_code);
	if (r->artifacts)
		sqlite3_bind_text(s, 8, "/a", -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
}

static int begin(void **state)
{
	sqlite3_stmt *s = NULL;
	struct diag d;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	db_init(&db, dir, "test.db");
	if (db_open(&db, &d) || db_do(&db, "BEGIN", &d))
		return -1;
	assert_int_equal(sqlite3_prepare_v2(db.handle, "INSERT INTO runs (run_id, job, identity, uid, attempt,"
		" scheduled, took_ns, result, exit_code, artifacts) VALUES (?1, ?2, 1, ?3, 1, ?4, ?5, ?6, ?7, ?8)",
		-1, &s, NULL), SQLITE_OK);
	for (int i = 0; i < ROWS; i++) {
		row_make(&rows[i], i);
		row_insert(s, &rows[i]);
	}
	sqlite3_finalize(s);
	return db_do(&db, "COMMIT", &d) ? -1 : 0;
}

static int end(void **state)
{
	char command[64];

	(void)state;
	db_close(&db);
	db_free(&db);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* --- what is to come out */

static bool fits(const struct ctlmsg_request *r, uint32_t uid, bool all, const struct row *row)
{
	if (!all && row->uid != uid)
		return false;
	if (row->scheduled < r->since || row->scheduled >= r->until)
		return false;
	if (r->job && !query_name_fits(r->job, row->job))
		return false;
	if (r->exit_code >= 0 && row->exit_code != r->exit_code)
		return false;
	if (r->with_artifacts && !row->artifacts)
		return false;
	if (r->run && strcmp(r->run, row->id) != 0)
		return false;
	return !r->results || (r->results & (row->result < 0 ? (unsigned)CTLMSG_RUNNING : 1u << row->result));
}

static int newest_first(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	if (x->scheduled != y->scheduled)
		return x->scheduled < y->scheduled ? 1 : -1;
	return x < y ? 1 : -1;
}

static size_t expected(const struct ctlmsg_request *r, uint32_t uid, bool all, const struct row **out)
{
	size_t n = 0;

	for (size_t i = 0; i < ROWS; i++) {
		if (fits(r, uid, all, &rows[i]))
			out[n++] = &rows[i];
	}
	qsort(out, n, sizeof(*out), newest_first);
	return r->limit && n > r->limit ? r->limit : n;
}

static void ask(const struct ctlmsg_request *r, uint32_t uid, bool all, struct buf *out)
{
	struct query q = { .request = r, .uid = uid, .all = all };
	struct buf piece = { 0 };

	buf_clear(out);
	while (query_runs(&db, &q, &piece) == QUERY_MORE) {
		buf_append(out, piece.data, piece.len);
		buf_clear(&piece);
	}
	buf_append(out, piece.data, piece.len);
	buf_free(&piece);
	query_free(&q);
	assert_null(sqlite3_next_stmt(db.handle, NULL)); /* nothing is held */
}

static json_t *line_next(char **at)
{
	char *newline = strchr(*at, '\n');
	json_t *o;

	assert_non_null(newline);
	o = json_loadb(*at, (size_t)(newline - *at), 0, NULL);
	assert_non_null(o);
	*at = newline + 1;
	return o;
}

static void compare(const struct ctlmsg_request *r, uint32_t uid, bool all)
{
	static const struct row *wanted[ROWS];
	size_t n = expected(r, uid, all, wanted);
	struct buf out = { 0 };
	char *at;
	json_t *o;

	ask(r, uid, all, &out);
	at = (char *)buf_text(&out);
	for (size_t i = 0; i < n; i++) {
		o = line_next(&at);
		assert_string_equal(json_string_value(json_object_get(o, "run_id")), wanted[i]->id);
		json_decref(o);
	}
	o = line_next(&at);
	assert_true(json_is_true(json_object_get(o, "ok")));
	assert_int_equal(json_is_true(json_object_get(o, "limited")), r->limit && n == r->limit);
	json_decref(o);
	assert_int_equal(*at, '\0');
	buf_free(&out);
}

/* Any of these, in any combination, for root and for users. */
static void questions(uint64_t seed)
{
	static const char *const patterns[] = { NULL, NULL, "job1", "job17*", "*9", "*", "user:job*", "user:job0",
		"job0", "nosuch", "nosuch*", "job??" };
	char id[48];

	random_state = seed;
	for (int i = 0; i < QUESTIONS; i++) {
		struct ctlmsg_request r = { .since = INT64_MIN, .until = INT64_MAX, .exit_code = -1,
			.job = patterns[pick(12)] };

		if (pick(3) == 0)
			r.since = FIRST + pick(SPAN);
		if (pick(3) == 0)
			r.until = FIRST + pick(SPAN);
		if (pick(3) == 0)
			r.results = 1u << pick(RESULTS) | (pick(2) ? 1u << pick(RESULTS) : 0) |
				(pick(4) ? 0 : (unsigned)CTLMSG_RUNNING);
		else if (pick(10) == 0)
			r.results = CTLMSG_RUNNING;
		if (pick(4) == 0)
			r.exit_code = (int)pick(5);
		r.with_artifacts = pick(8) == 0;
		r.limit = pick(3) ? 0 : 1 + pick(300);
		if (pick(30) == 0) {
			snprintf(id, sizeof(id), "%s", rows[pick(ROWS)].id);
			r.run = id;
		}
		compare(&r, 1000 + pick(4), pick(2));
	}
}

static void rows_are_found(void **state)
{
	(void)state;
	seeds_run(questions, SEEDS);
}

/* Before `since` and behind `until` is nothing, also where these are far away or crossed. */
static void bounds(void **state)
{
	struct ctlmsg_request r = { .since = -(1LL << 46), .until = 1LL << 46, .exit_code = -1 };

	(void)state;
	compare(&r, 0, true);
	r.since = 1LL << 46;
	compare(&r, 0, true);
	r.since = r.until = rows[0].scheduled;
	compare(&r, 0, true);
	r.until++;
	compare(&r, 0, true);
}

/* What is on no record is said with every answer. */
static void what_is_missing(void **state)
{
	const struct ctlmsg_request r = { .since = INT64_MAX / 2, .until = INT64_MAX, .exit_code = -1 };
	struct query q = { .request = &r, .all = true, .aside = "history.db.corrupt-1" };
	struct buf out = { 0 };
	struct diag d;

	(void)state;
	assert_int_equal(query_runs(&db, &q, &out), QUERY_DONE);
	assert_null(strstr(buf_text(&out), "left_out"));
	assert_non_null(strstr(out.data, "\"aside\":\"history.db.corrupt-1\""));
	buf_clear(&out);
	assert_int_equal(db_do(&db, "INSERT INTO gaps VALUES (1, 7), (2, 5)", &d), DB_FINE);
	q = (struct query){ .request = &r, .all = true };
	assert_int_equal(query_runs(&db, &q, &out), QUERY_DONE);
	assert_non_null(strstr(buf_text(&out), "\"left_out\":12"));
	buf_free(&out);
}

static void names(void **state)
{
	(void)state;
	assert_true(query_name_fits("gold", "gold"));
	assert_true(query_name_fits("gold", "alice:gold"));
	assert_true(query_name_fits("alice:g*", "alice:gold"));
	assert_true(query_name_fits("g?ld", "alice:gold"));
	assert_false(query_name_fits("gold", "golden"));
	assert_false(query_name_fits("alice", "alice:gold"));
}

/* --- statistics */

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Few are exact, many so to 1 %. */
static void times_are_told(void **state)
{
	static struct times t;
	static int64_t all[50000];
	const unsigned parts[] = { 0, 1, 50, 95, 99, 100 };

	(void)state;
	for (size_t n = 1; n <= sizeof(all) / sizeof(all[0]); n = n < 8 ? n + 1 : n * 5) {
		memset(&t, 0, sizeof(t));
		assert_int_equal(times_part(&t, 50), -1);
		for (size_t i = 0; i < n; i++) {
			all[i] = (int64_t)pick(1u << 31) << pick(20);
			times_add(&t, all[i]);
		}
		qsort(all, n, sizeof(all[0]), by_time);
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			size_t rank = (n * parts[i] + 99) / 100;
			int64_t want = all[rank ? rank - 1 : 0], got = times_part(&t, parts[i]);

			if (n <= TIMES_EXACT)
				assert_int_equal(got, want);
			assert_true(llabs(got - want) <= want / 100);
		}
		assert_int_equal(t.most, all[n - 1]);
	}
	times_add(&t, -5);
	times_add(&t, INT64_MAX);
	assert_int_equal(t.most, INT64_MAX);
	times_part(&t, 100);
}

static void check_tally(const json_t *o, const struct ctlmsg_request *r, uint32_t uid, bool all)
{
	const char *job = json_string_value(json_object_get(o, "job"));
	int64_t runs = 0, ok = 0, most = -1, running = 0, skipped = 0;

	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];

		if (!fits(r, uid, all, row) || (job && strcmp(job, row->job) != 0))
			continue;
		runs++;
		ok += row->result == RESULT_OK;
		running += row->result < 0;
		skipped += row->result == RESULT_SKIPPED;
		if (row->result >= 0 && row->result != RESULT_SKIPPED && row->result != RESULT_MISSED &&
			row->took_ns > most)
			most = row->took_ns;
	}
	assert_int_equal(json_integer_value(json_object_get(o, "runs")), runs);
	assert_int_equal(json_integer_value(json_object_get(o, "ok")), ok);
	assert_int_equal(json_integer_value(json_object_get(o, "running")), running);
	if (runs > running + skipped)
		assert_int_equal((int64_t)(json_real_value(json_object_get(o, "success_rate")) * 1000 + 0.5),
			ok * 1000 / (runs - running - skipped));
	if (most >= 0)
		assert_int_equal((int64_t)(json_real_value(json_object_get(o, "max_s")) * 1000 + 0.5), most / 1000000);
}

static void compare_stats(const struct ctlmsg_request *r, uint32_t uid, bool all)
{
	struct query q = { .request = r, .uid = uid, .all = all };
	struct stats *s = NULL;
	struct buf out = { 0 };
	int64_t jobs = 0;
	char *at;

	while (query_stats(&db, &q, &s, &out) == QUERY_MORE)
		assert_null(sqlite3_next_stmt(db.handle, NULL));
	at = (char *)buf_text(&out);
	while (strchr(strchr(at, '\n') + 1, '\n')) {
		json_t *o = line_next(&at);

		check_tally(o, r, uid, all);
		if (json_object_get(o, "job"))
			jobs++;
		else
			assert_int_equal(json_integer_value(json_object_get(o, "jobs")), jobs);
		json_decref(o);
	}
	assert_non_null(strstr(at, "\"ok\":true"));
	buf_free(&out);
	stats_free(s);
}

static void statistics(void **state)
{
	struct ctlmsg_request r = { .since = INT64_MIN, .until = INT64_MAX, .exit_code = -1 };

	(void)state;
	compare_stats(&r, 0, true);
	compare_stats(&r, 1002, false);
	compare_stats(&r, 7, false);
	r.job = "job1*";
	compare_stats(&r, 0, true);
	r.since = FIRST + SPAN / 3;
	r.until = FIRST + SPAN / 2;
	compare_stats(&r, 0, true);
	r.job = NULL;
	compare_stats(&r, 1001, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(rows_are_found),
		cmocka_unit_test(bounds),
		cmocka_unit_test(what_is_missing),
		cmocka_unit_test(times_are_told),
		cmocka_unit_test(statistics),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
