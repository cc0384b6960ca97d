/* query_names: which jobs a pattern means.
 * Flow: query goes by names where these are few. */
#include "config.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "crond/history/db.h"
#include "crond/history/query.h"

enum { LOOK_EACH = 64 };

bool query_name_fits(const char *pattern, const char *name)
{
	const char *own = strchr(name, ':');

	return ctlmsg_match(pattern, name) || (own && ctlmsg_match(pattern, own + 1));
}

void query_names_free(struct query_names *n)
{
	for (size_t i = 0; i < n->count && i < QUERY_NAMES_MOST; i++)
		free(n->names[i]);
	free(n->names);
	free(n->last);
	*n = (struct query_names){ 0 };
}

static int name_add(struct query_names *n, const char *name)
{
	if (!n->names)
		n->names = calloc(QUERY_NAMES_MOST, sizeof(*n->names));
	if (!n->names)
		return SQLITE_NOMEM;
	if (n->count < QUERY_NAMES_MOST && !(n->names[n->count] = strdup(name)))
		return SQLITE_NOMEM;
	n->count++;
	return SQLITE_OK;
}

static int names_walk(sqlite3_stmt *s, const char *pattern, struct query_names *n)
{
	int64_t until = query_clock_us() + QUERY_PIECE_US;
	int code;

	for (unsigned seen = 1; (code = sqlite3_step(s)) == SQLITE_ROW; seen++) {
		const char *name = (const char *)sqlite3_column_text(s, 0);

		free(n->last);
		n->last = name ? strdup(name) : NULL;
		if (!n->last)
			return SQLITE_NOMEM;
		if (query_name_fits(pattern, name) && name_add(n, name))
			return SQLITE_NOMEM;
		if (n->count > QUERY_NAMES_MOST)
			break;
		if (seen % LOOK_EACH == 0 && query_clock_us() > until)
			return SQLITE_OK;
	}
	n->complete = code == SQLITE_DONE || code == SQLITE_ROW;
	return n->complete ? SQLITE_OK : code;
}

/* A name that is there, whole, means that job alone. */
static int name_whole(struct db *db, const char *name, struct query_names *n)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->handle,
		"SELECT 1 FROM jobs WHERE job = ?1", -1, &s, NULL);

	if (code == SQLITE_OK) {
		sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
		code = sqlite3_step(s);
	}
	if (code == SQLITE_ROW) {
		code = name_add(n, name);
		n->complete = true;
	}
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

enum query_step query_names_find(struct db *db, struct query *q, int *code)
{
	const char *pattern = q->request->job;
	sqlite3_stmt *s = NULL;

	*code = SQLITE_OK;
	if (!q->names.last && !strpbrk(pattern, "*?"))
		*code = name_whole(db, pattern, &q->names);
	if (*code || q->names.complete)
		return QUERY_DONE;
	*code = sqlite3_prepare_v2(db->handle,
		"SELECT job FROM jobs WHERE job > ?1 ORDER BY job", -1, &s, NULL);
	if (!*code) {
		sqlite3_bind_text(s, 1, q->names.last ? q->names.last : "", -1, SQLITE_TRANSIENT);
		*code = names_walk(s, pattern, &q->names);
	}
	sqlite3_finalize(s);
	return *code || q->names.complete ? QUERY_DONE : QUERY_MORE;
}
