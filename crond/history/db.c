/* db: the database of runs: opened, looked through, judged.
 * Flow: history opens it before anything is read from the backlog, and again after trouble. */
#include "config.h"

#include "crond/history/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/slice.h"
#include "crond/history/schema.h"

enum { LOCKED_WAIT_MS = 500, APPLICATION = 0x43726e68, NAME_MOST = 256 };

static const struct trouble_row {
	const char *name;
} troubles[DB_TROUBLES] = {
	[DB_FINE] = { "is well" },
	[DB_BUSY] = { "is locked" },
	[DB_FULL] = { "has no room on its disk" },
	[DB_READ_ONLY] = { "is read-only" },
	[DB_UNREACHABLE] = { "cannot be opened" },
	[DB_IO] = { "cannot be read or written" },
	[DB_DAMAGED] = { "is damaged" },
	[DB_FOREIGN] = { "is none of ours" },
	[DB_MEMORY] = { "finds no memory" },
	[DB_ODD] = { "fails" },
};

const char *db_trouble_name(enum db_trouble t)
{
	return (unsigned)t < DB_TROUBLES ? troubles[t].name : troubles[DB_ODD].name;
}

static enum db_trouble code_trouble(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return DB_FINE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return DB_BUSY;
	case SQLITE_FULL:
		return DB_FULL;
	case SQLITE_READONLY:
		return DB_READ_ONLY;
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return DB_UNREACHABLE;
	case SQLITE_IOERR:
		return code == SQLITE_IOERR_NOMEM ? DB_MEMORY : DB_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return DB_DAMAGED;
	case SQLITE_NOMEM:
		return DB_MEMORY;
	}
	return DB_ODD;
}

enum db_trouble db_judge(struct db *db, int code, struct diag *d)
{
	enum db_trouble t = code_trouble(code);
	int os = db->handle ? sqlite3_system_errno(db->handle) : 0;

	/* what the system said stays from an earlier call where this one did not ask it */
	if (t == DB_IO && (os == ENOSPC || os == EDQUOT))
		t = DB_FULL;
	if ((t == DB_IO || t == DB_UNREACHABLE) && os)
		diag_error(d, 0, 0, "%s: %s",
			db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code),
			strerror(os));
	else if (t)
		diag_error(d, 0, 0, "%s",
			db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code));
	if (t == DB_DAMAGED) {
		db->damaged = true;
		db->damage = *d;
	}
	return t;
}

enum db_trouble db_do(struct db *db, const char *sql, struct diag *d)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code ? db_judge(db, code, d) : DB_FINE;
}

void db_init(struct db *db, const char *directory, const char *name)
{
	*db = (struct db){ .directory = directory, .name = name, .lock = -1 };
}

void db_close(struct db *db)
{
	sqlite3_stmt *s;

	while (db->handle && (s = sqlite3_next_stmt(db->handle, NULL)))
		sqlite3_finalize(s);
	/* it would sync anew what failed to be synced, and take that for done */
	if (db->handle && db->distrust)
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db->handle);
	db->handle = NULL;
}

void db_free(struct db *db)
{
	db_close(db);
	if (db->lock >= 0)
		close(db->lock);
	db->lock = -1;
}

/* --- opening */

static enum db_trouble system_trouble(const char *what, struct diag *d)
{
	int error = errno;

	diag_error(d, 0, 0, "%s%s%s", what, *what ? ": " : "", strerror(error));
	if (error == ENOSPC || error == EDQUOT)
		return DB_FULL;
	return error == EROFS ? DB_READ_ONLY : DB_UNREACHABLE;
}

/* By its short name from inside: SQLite follows no link on the way there, and where the
 * administrator has put the state directory there may be one. */
static enum db_trouble directory_enter(const struct db *db, struct diag *d)
{
	int fd = open(db->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	enum db_trouble t = DB_FINE;

	if (fd < 0 || fchdir(fd) < 0)
		t = system_trouble("", d);
	if (fd >= 0)
		close(fd);
	return t;
}

static bool lock_is_there(const struct db *db, const char *name)
{
	struct stat ours, there;

	return fstat(db->lock, &ours) == 0 && lstat(name, &there) == 0 &&
		ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* Beside the database, not on it: SQLite's own locks go when any descriptor of it is closed. */
static enum db_trouble lock_take(struct db *db, struct diag *d)
{
	char name[NAME_MOST];

	snprintf(name, sizeof(name), "%s.lock", db->name);
	if (db->lock >= 0 && lock_is_there(db, name))
		return DB_FINE;
	if (db->lock >= 0)
		close(db->lock);
	db->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (db->lock < 0)
		return system_trouble(name, d);
	if (flock(db->lock, LOCK_EX | LOCK_NB) == 0)
		return DB_FINE;
	close(db->lock);
	db->lock = -1;
	diag_error(d, 0, 0, "another crond-history works on it");
	return DB_BUSY;
}

static enum db_trouble file_look(struct db *db, struct diag *d)
{
	struct stat st;

	if (lstat(db->name, &st) < 0)
		return errno == ENOENT ? DB_FINE : system_trouble("", d);
	db->emptied = S_ISREG(st.st_mode) && st.st_size == 0;
	if (S_ISREG(st.st_mode))
		return DB_FINE;
	diag_error(d, 0, 0, "%s", S_ISDIR(st.st_mode) ? "a directory stands in its place" :
		S_ISLNK(st.st_mode) ? "a symbolic link stands in its place" : "no regular file");
	return DB_UNREACHABLE;
}

static enum db_trouble file_open_db(struct db *db, struct diag *d)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
		SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code = sqlite3_open_v2(db->name, &db->handle, flags, NULL);

	if (code)
		return db_judge(db, code, d);
	if (sqlite3_db_readonly(db->handle, "main") == 1) {
		diag_error(d, 0, 0, "it may only be read");
		return DB_READ_ONLY;
	}
	sqlite3_busy_timeout(db->handle, LOCKED_WAIT_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return db_do(db,
		"PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
		"PRAGMA cache_size=-16384; PRAGMA mmap_size=0; PRAGMA auto_vacuum=INCREMENTAL;"
		"PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=4194304;"
		"PRAGMA synchronous=FULL",
		d);
}

/* The first column of the first row. */
static enum db_trouble number_ask(struct db *db, const char *sql, int64_t *value, struct diag *d)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);

	if (code == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW)
		*value = sqlite3_column_int64(s, 0);
	else if (code == SQLITE_DONE)
		code = SQLITE_OK;
	if (code_trouble(code)) {
		enum db_trouble t = db_judge(db, code, d);

		sqlite3_finalize(s);
		return t;
	}
	sqlite3_finalize(s);
	return DB_FINE;
}

static enum db_trouble schema_make(struct db *db, struct diag *d)
{
	char sql[96];
	enum db_trouble t = db_do(db, "BEGIN IMMEDIATE", d);

	snprintf(sql, sizeof(sql), "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
		APPLICATION, DB_VERSION);
	if (!t)
		t = db_do(db, schema_sql, d);
	if (!t)
		t = db_do(db, sql, d);
	if (t)
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	db->begun = !t;
	return t;
}

static enum db_trouble schema_see(struct db *db, struct diag *d)
{
	int64_t application = 0, version = 0, tables = 0;
	enum db_trouble t = number_ask(db, "PRAGMA application_id", &application, d);

	if (!t)
		t = number_ask(db, "PRAGMA user_version", &version, d);
	if (!t)
		t = number_ask(db, "SELECT count(*) FROM sqlite_schema", &tables, d);
	if (t)
		return t;
	if (!application && !version && !tables)
		return schema_make(db, d);
	if (application == APPLICATION && version == DB_VERSION)
		return DB_FINE;
	diag_error(d, 0, 0, application == APPLICATION ? "made by another version of crond" :
		"something else stands in its place");
	return DB_FOREIGN;
}

/* The check's first complaint, or "ok". */
static enum db_trouble damage_look(struct db *db, struct diag *d)
{
	static const char columns[] = "SELECT run_id, keep_until FROM runs LIMIT 0";
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &s, NULL);
	enum db_trouble t = DB_FINE;
	const char *said;

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
	if (code != SQLITE_ROW || !said) {
		t = db_judge(db, code == SQLITE_ROW ? SQLITE_NOMEM : code, d);
	} else if (strcmp(said, "ok") != 0) {
		diag_error(d, 0, 0, "%s", said);
		t = DB_DAMAGED;
	}
	sqlite3_finalize(s);
	if (!t && sqlite3_exec(db->handle, columns, NULL, NULL, NULL)) {
		t = db_judge(db, sqlite3_errcode(db->handle), d);
		return t == DB_ODD ? DB_DAMAGED : t;
	}
	return t;
}

/* After a failed write what the log file holds may be in memory only, and a later sync would
 * not tell: all of it goes to the database before anything is added. Somebody who reads
 * meanwhile is in the way; that matters only then. */
static enum db_trouble log_file_settle(struct db *db, struct diag *d)
{
	int64_t busy = 0;
	enum db_trouble t = number_ask(db, "PRAGMA wal_checkpoint(TRUNCATE)", &busy, d);

	if (t || !busy || !db->distrust)
		return t == DB_BUSY && !db->distrust ? DB_FINE : t;
	diag_error(d, 0, 0, "somebody reads it while what was not written is to be seen to");
	return DB_BUSY;
}

static enum db_trouble db_open_steps(struct db *db, struct diag *d)
{
	enum db_trouble t = directory_enter(db, d);

	if (!t)
		t = lock_take(db, d);
	if (!t)
		t = file_look(db, d);
	if (!t)
		t = file_open_db(db, d);
	if (!t)
		t = schema_see(db, d);
	if (!t)
		t = damage_look(db, d);
	if (!t)
		t = log_file_settle(db, d);
	return t;
}

enum db_trouble db_open(struct db *db, struct diag *d)
{
	struct stat st;
	enum db_trouble t;

	db_close(db);
	db->begun = db->emptied = db->damaged = false;
	t = db_open_steps(db, d);
	if (!t && lstat(db->name, &st) < 0)
		t = system_trouble("", d);
	if (t) {
		db->distrust |= t == DB_IO;
		db_close(db);
		return t;
	}
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	db->distrust = false;
	db->opened++;
	return DB_FINE;
}

bool db_in_place(const struct db *db)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", db->directory, db->name);
	return lstat(path, &st) == 0 && st.st_dev == db->dev && st.st_ino == db->ino;
}
