/* schema: the tables of the history and their indexes.
 * Flow: db makes them where there are none; db.h says what stands in them. */
#include "config.h"

#include "crond/history/schema.h"

/* Many rows are alike and good: what is looked for among them has small indexes of its own.
 * A query that is to use one of those repeats its WHERE as it stands here. */
const char schema_sql[] =
	"CREATE TABLE runs ("
	" id INTEGER PRIMARY KEY,"
	" run_id TEXT NOT NULL UNIQUE,"
	" job TEXT NOT NULL,"
	" identity INTEGER NOT NULL,"
	" user TEXT,"
	" uid INTEGER NOT NULL,"
	" host TEXT,"
	" attempt INTEGER NOT NULL,"
	" scheduled INTEGER NOT NULL,"
	" started_ns INTEGER,"
	" finished_ns INTEGER,"
	" took_ns INTEGER,"
	" result TEXT,"
	" exit_code INTEGER,"
	" signal INTEGER,"
	" reason TEXT,"
	" cause TEXT,"
	" cpu_us INTEGER,"
	" memory_kb INTEGER,"
	" output_bytes INTEGER,"
	" truncated INTEGER NOT NULL DEFAULT 0,"
	" stderr TEXT,"
	" log TEXT,"
	" artifacts TEXT,"
	" boot TEXT,"
	" keep_until INTEGER);"
	"CREATE INDEX runs_scheduled ON runs (scheduled);"
	"CREATE INDEX runs_job ON runs (job, scheduled);"
	"CREATE INDEX runs_identity ON runs (identity, scheduled);"
	"CREATE INDEX runs_uid ON runs (uid, scheduled);"
	"CREATE INDEX runs_result ON runs (result, scheduled) WHERE result <> 'ok';"
	"CREATE INDEX runs_exit ON runs (exit_code, scheduled) WHERE exit_code > 0;"
	"CREATE INDEX runs_open ON runs (boot) WHERE result IS NULL;"
	"CREATE INDEX runs_keep ON runs (keep_until) WHERE keep_until IS NOT NULL;";
