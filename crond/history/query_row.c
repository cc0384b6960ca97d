/* query_row: a run's row as a line of an answer.
 * Flow: query and cronctl agree on its members, which are those of a webhook's body. */
#include "config.h"

#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

#include "crond/base/buf.h"
#include "crond/history/query.h"

enum column {
	COLUMN_ID = QUERY_COLUMN_ID,
	COLUMN_SCHEDULED = QUERY_COLUMN_SCHEDULED,
	COLUMN_RUN_ID,
	COLUMN_JOB,
	COLUMN_USER,
	COLUMN_HOST,
	COLUMN_ATTEMPT,
	COLUMN_STARTED,
	COLUMN_FINISHED,
	COLUMN_TOOK,
	COLUMN_RESULT,
	COLUMN_EXIT,
	COLUMN_SIGNAL,
	COLUMN_REASON,
	COLUMN_CAUSE,
	COLUMN_CPU,
	COLUMN_MEMORY,
	COLUMN_OUTPUT,
	COLUMN_TRUNCATED,
	COLUMN_LOG,
	COLUMN_ARTIFACTS,
	COLUMN_STDERR,
};

const char query_columns[] = "id, scheduled, run_id, job, user, host, attempt, started_ns, finished_ns,"
	" took_ns, result, exit_code, signal, reason, cause, cpu_us, memory_kb, output_bytes,"
	" truncated, log, artifacts, stderr";

void query_time(struct buf *out, const char *name, int64_t ns, bool fraction)
{
	char text[64], rest[16] = "";
	time_t t = ns / 1000000000;
	struct tm tm;

	if (ns <= 0 || !gmtime_r(&t, &tm))
		return;
	if (fraction)
		snprintf(rest, sizeof(rest), ".%03d", (int)(ns / 1000000 % 1000));
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, rest);
	ctlmsg_text(out, name, text);
}

static void put_text(sqlite3_stmt *s, int c, const char *name, struct buf *out)
{
	const char *text = (const char *)sqlite3_column_text(s, c);

	if (text)
		ctlmsg_slice(out, name, (struct slice){ text, (size_t)sqlite3_column_bytes(s, c) });
}

static void put_number(sqlite3_stmt *s, int c, const char *name, struct buf *out)
{
	if (sqlite3_column_type(s, c) != SQLITE_NULL)
		ctlmsg_number(out, name, sqlite3_column_int64(s, c));
}

static void put_seconds(sqlite3_stmt *s, int c, int64_t in_ms, const char *name,
	struct buf *out)
{
	if (sqlite3_column_type(s, c) != SQLITE_NULL)
		ctlmsg_seconds(out, name, sqlite3_column_int64(s, c) / in_ms);
}

static void put_times(sqlite3_stmt *s, struct buf *out)
{
	int64_t scheduled = sqlite3_column_int64(s, COLUMN_SCHEDULED);

	ctlmsg_number(out, "scheduled", scheduled);
	if (scheduled < INT64_MAX / 1000000000)
		query_time(out, "scheduled_at", scheduled * 1000000000, false);
	query_time(out, "started_at", sqlite3_column_int64(s, COLUMN_STARTED), true);
	query_time(out, "finished_at", sqlite3_column_int64(s, COLUMN_FINISHED), true);
	put_seconds(s, COLUMN_TOOK, 1000000, "duration_s", out);
}

static void put_end(sqlite3_stmt *s, struct buf *out)
{
	if (sqlite3_column_type(s, COLUMN_RESULT) == SQLITE_NULL)
		ctlmsg_text(out, "status", "running");
	put_text(s, COLUMN_RESULT, "status", out);
	put_number(s, COLUMN_EXIT, "exit_code", out);
	if (sqlite3_column_int64(s, COLUMN_SIGNAL))
		put_number(s, COLUMN_SIGNAL, "signal", out);
	put_text(s, COLUMN_REASON, "reason", out);
	put_text(s, COLUMN_CAUSE, "cause", out);
	put_seconds(s, COLUMN_CPU, 1000, "cpu_s", out);
	put_number(s, COLUMN_MEMORY, "memory_kb", out);
	put_number(s, COLUMN_OUTPUT, "output_bytes", out);
	ctlmsg_bool(out, "truncated", sqlite3_column_int64(s, COLUMN_TRUNCATED) != 0);
}

void query_row(sqlite3_stmt *s, bool with_stderr, struct buf *out)
{
	ctlmsg_open(out);
	put_text(s, COLUMN_JOB, "job", out);
	put_text(s, COLUMN_RUN_ID, "run_id", out);
	put_text(s, COLUMN_USER, "user", out);
	put_text(s, COLUMN_HOST, "host", out);
	put_number(s, COLUMN_ATTEMPT, "attempt", out);
	put_times(s, out);
	put_end(s, out);
	put_text(s, COLUMN_LOG, "log", out);
	put_text(s, COLUMN_ARTIFACTS, "artifacts", out);
	if (with_stderr)
		put_text(s, COLUMN_STDERR, "stderr", out);
	ctlmsg_close(out);
}
