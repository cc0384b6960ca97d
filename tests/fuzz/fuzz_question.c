/* Any bytes as a question to crond-history, by a user and by root, of a history whose texts are odd: an
 * answer is JSON, a line each, with one end; its rows are those that a look at each finds, newest
 * first, and no other user's, whatever is asked. */
#include "config.h"

#include <fcntl.h>
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

enum { ROWS = 96, USER = 1000, FIRST = 1700000000, PIECES_MOST = 10000 };

static const char *const jobs[] = { "backup", "alice:x", "alice:*", "bob:x", "%", "a'b\"c\\", "\x1b[2J\n",
	"\xe2\x80\xae", "", "alice:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "alice:", "bob" };
static struct db db;
static char dir[64];

static void demand(int holds)
{
	if (!holds)
		abort();
}

/* --- the history */

static uint32_t row_uid(int n)
{
	return n % 3 == 0 ? 0 : USER + (uint32_t)(n % 3) - 1;
}

static const char *row_job(int n)
{
	return jobs[n * 5 % (int)(sizeof(jobs) / sizeof(jobs[0]))];
}

static void row_id(int n, char out[32])
{
	snprintf(out, 32, "%s%d-1", n % 7 ? "run-" : "\"',%-", n);
}

static int64_t row_second(int n)
{
	return FIRST + n / 4 * 1000; /* some within one */
}

/* -1: it goes on. */
static int row_result(int n)
{
	return n % (RESULTS + 1) - 1;
}

static void row_insert(sqlite3_stmt *s, int n)
{
	char id[32];

	row_id(n, id);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	sqlite3_bind_text(s, 1, id, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(s, 2, row_job(n), -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, row_uid(n));
	sqlite3_bind_int64(s, 4, row_second(n));
	sqlite3_bind_int64(s, 5, (int64_t)n * 1000000);
	if (row_result(n) >= 0)
		sqlite3_bind_text(s, 6, result_name((enum result)row_result(n)), -1, SQLITE_STATIC);
	if (row_result(n) == RESULT_EXIT)
		sqlite3_bind_int(s, 7, n % 4);
	if (n % 5 == 0)
		sqlite3_bind_text(s, 8, "/a\xe2\x80\xa8\"", -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 9, row_job(n + 1), -1, SQLITE_STATIC);
	demand(sqlite3_step(s) == SQLITE_DONE);
}

static void end(void)
{
	static const char *const files[] = { "q.db", "q.db-wal", "q.db-shm", "q.db-journal" };
	char path[96];

	db_close(&db);
	db_free(&db);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void begin(void)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	sqlite3_stmt *s = NULL;
	struct diag d;

	snprintf(dir, sizeof(dir), "%s/fuzz_question.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	demand(mkdtemp(dir) != NULL);
	db_init(&db, dir, "q.db");
	demand(db_open(&db, &d) == DB_FINE && db_do(&db, "BEGIN", &d) == DB_FINE);
	demand(sqlite3_prepare_v2(db.handle, "INSERT INTO runs (run_id, job, identity, uid, attempt, scheduled,"
		" took_ns, result, exit_code, artifacts, reason, stderr) VALUES (?1, ?2, 1, ?3, 1, ?4, ?5, ?6, ?7, ?8,"
		" ?9, ?9)", -1, &s, NULL) == SQLITE_OK);
	for (int n = 0; n < ROWS; n++)
		row_insert(s, n);
	sqlite3_finalize(s);
	demand(db_do(&db, "COMMIT", &d) == DB_FINE);
	demand(here >= 0 && fchdir(here) == 0); /* the engine's paths begin there */
	close(here);
	atexit(end);
}

/* --- what is to come out */

static bool fits(const struct ctlmsg_request *r, bool all, int n)
{
	int result = row_result(n);
	char id[32];

	row_id(n, id);
	if ((!all && row_uid(n) != USER) || row_second(n) < r->since || row_second(n) >= r->until)
		return false;
	if ((r->job && !query_name_fits(r->job, row_job(n))) || (r->run && strcmp(r->run, id) != 0))
		return false;
	if (r->exit_code >= 0 && (result != RESULT_EXIT || n % 4 != r->exit_code))
		return false;
	if (r->with_artifacts && n % 5)
		return false;
	return !r->results || (r->results & (result < 0 ? (unsigned)CTLMSG_RUNNING : 1U << result));
}

/* The next line; the last one says that it ends. */
static json_t *line_next(const char **at)
{
	const char *newline = strchr(*at, '\n');
	json_t *o;

	demand(newline != NULL);
	o = json_loadb(*at, (size_t)(newline - *at), JSON_REJECT_DUPLICATES, NULL);
	demand(json_is_object(o));
	*at = newline + 1;
	demand((**at == '\0') == json_is_true(json_object_get(o, "end")));
	return o;
}

static void check_runs(const struct ctlmsg_request *r, bool all, const char *answer)
{
	uint64_t rows = 0;
	char id[32];
	json_t *o;

	for (int n = ROWS - 1; n >= 0 && (!r->limit || rows < r->limit); n--) {
		if (!fits(r, all, n))
			continue;
		o = line_next(&answer);
		row_id(n, id);
		demand(strcmp(json_string_value(json_object_get(o, "run_id")), id) == 0);
		json_decref(o);
		rows++;
	}
	o = line_next(&answer);
	demand(*answer == '\0' && json_is_true(json_object_get(o, "ok")));
	json_decref(o);
}

static bool is_users(const char *job)
{
	for (int n = 0; n < ROWS; n++)
		if (row_uid(n) == USER && strcmp(row_job(n), job) == 0)
			return true;
	return false;
}

static void check_stats(bool all, const char *answer)
{
	while (*answer) {
		json_t *o = line_next(&answer);
		const char *job = json_string_value(json_object_get(o, "job"));

		demand(!job || all || is_users(job));
		json_decref(o);
	}
}

static void ask(const struct ctlmsg_request *r, bool all)
{
	struct query q = { .request = r, .uid = USER, .all = all };
	enum query_step step = QUERY_MORE;
	struct stats *stats = NULL;
	struct buf answer = { 0 };

	for (int pieces = 0; step == QUERY_MORE; pieces++) {
		demand(pieces < PIECES_MOST);
		step = r->verb == CTLMSG_STATS ? query_stats(&db, &q, &stats, &answer) : query_runs(&db, &q, &answer);
	}
	query_free(&q);
	stats_free(stats);
	demand(sqlite3_next_stmt(db.handle, NULL) == NULL); /* nothing is held */
	demand(buf_text(&answer) != NULL);
	if (r->verb == CTLMSG_STATS)
		check_stats(all, answer.data);
	else
		check_runs(r, all, answer.data);
	buf_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctlmsg_request r = { 0 };
	struct buf refused = { 0 };
	const char *at;

	if (!db.handle)
		begin();
	if (ctlmsg_asked(&r, (struct slice){ (const char *)data, size }, CTLMSG_OF_HISTORY, &refused) == 0) {
		ask(&r, false);
		ask(&r, true);
		ctlmsg_free(&r);
	} else {
		demand(buf_text(&refused) != NULL);
		at = refused.data;
		json_decref(line_next(&at));
		demand(*at == '\0');
	}
	buf_free(&refused);
	return 0;
}
