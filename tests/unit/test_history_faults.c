/* test_history_faults: the database locked, full, damaged, taken away, or never one: records
 * wait or begin a new one, and a line says so when it begins and when it is over. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crond/history/history.h"
#include "tests/unit/feeder.h"

enum { RUNS = 400 }; /* enough for some hundred pages */

/* In place of libc's, for SQLite too: a disk that does not take what was written. */
static bool sync_fails;
static unsigned syncs_failed;

int fdatasync(int fd)
{
	if (!sync_fails)
		return (int)syscall(SYS_fdatasync, fd);
	syncs_failed++;
	errno = EIO;
	return -1;
}

int fsync(int fd)
{
	return fdatasync(fd);
}

static void fill(struct feeder *f, int from, int count)
{
	char id[32];

	for (int i = from; i < from + count; i++) {
		snprintf(id, sizeof(id), "a-%d-1", i);
		feeder_start(f, id, NULL);
	}
	feeder_send(f);
}

static void turns(struct feeder *f, int seconds)
{
	for (int i = 0; i < seconds; i++)
		feeder_turn(f);
}

static int times(const char *text, const char *word)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, word)); p += strlen(word))
		n++;
	return n;
}

static void said_once(const struct feeder *f, const char *word)
{
	if (times(f->said, word) != 1)
		fail_msg("\"%s\" is not said once: %s", word, f->said);
}

static void said_never(const struct feeder *f, const char *word)
{
	if (times(f->said, word) != 0)
		fail_msg("\"%s\" is said: %s", word, f->said);
}

static sqlite3 *elsewhere(struct feeder *f, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(feeder_file(f), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

/* All of it in the file itself, nothing open. */
static void shut(struct feeder *f)
{
	db_close(&f->h.db);
}

static void overwrite(struct feeder *f, off_t at, size_t n)
{
	char *junk = malloc(n);
	int fd = open(feeder_file(f), O_WRONLY | O_CLOEXEC);

	assert_non_null(junk);
	for (size_t i = 0; i < n; i++)
		junk[i] = (char)(i * 7 + i / 251 + 1);
	assert_int_equal(pwrite(fd, junk, n, at), (ssize_t)n);
	close(fd);
	free(junk);
}

static size_t put_aside_count(struct feeder *f, const char *suffix)
{
	char path[64];
	size_t n = 0, length = strlen(suffix);
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/db", f->dir);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += strstr(e->d_name, ".corrupt-") && strlen(e->d_name) > length &&
			strcmp(e->d_name + strlen(e->d_name) - length, suffix) == 0;
	closedir(dir);
	return n;
}

static void test_locked_by_another(void **state)
{
	struct feeder f;
	sqlite3 *other;

	(void)state;
	feeder_begin(&f);
	fill(&f, 0, 1);
	feeder_turn(&f);
	other = elsewhere(&f, "BEGIN EXCLUSIVE");
	fill(&f, 1, 2);
	turns(&f, 1);
	assert_true(f.done < f.size);
	said_never(&f, "is locked"); /* that it takes a moment is nobody's matter */
	f.now += 16000;
	turns(&f, 2);
	said_once(&f, "is locked: database is locked; records of runs wait");
	sqlite3_close(other);
	f.now += 2000;
	turns(&f, 1);
	assert_int_equal(f.done, f.size);
	said_once(&f, "is written again");
	said_once(&f, "2 records had waited");
	feeder_row(&f, "SELECT count(*) FROM runs", "3");
	feeder_finish(&f);
}

static void test_another_helper(void **state)
{
	char lock[80];
	struct feeder f;
	int fd;

	(void)state;
	feeder_begin(&f);
	snprintf(lock, sizeof(lock), "%s.lock", feeder_file(&f));
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	fill(&f, 0, 1);
	turns(&f, 20);
	said_once(&f, "another crond-history works on it");
	assert_int_equal(access(feeder_file(&f), F_OK), -1);
	close(fd);
	turns(&f, 2);
	feeder_row(&f, "SELECT count(*) FROM runs", "1");
	feeder_finish(&f);
}

static void test_full(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	fill(&f, 0, 1);
	feeder_turn(&f);
	assert_int_equal(sqlite3_exec(f.h.db.handle, "PRAGMA max_page_count=1", NULL, NULL, NULL),
		SQLITE_OK);
	for (int i = 0; i < 10; i++) {
		fill(&f, 1 + i * RUNS, RUNS);
		turns(&f, 2);
	}
	assert_true(f.done < f.size);
	said_once(&f, "has no room on its disk: database or disk is full; records of runs wait");
	feeder_row(&f, "SELECT count(*) FROM runs", "1");
	assert_int_equal(
		sqlite3_exec(f.h.db.handle, "PRAGMA max_page_count=1000000", NULL, NULL, NULL),
		SQLITE_OK);
	turns(&f, 4);
	assert_int_equal(f.done, f.size);
	said_once(&f, "4000 records had waited");
	said_never(&f, "begun in /tmp/test_history\n5");
	feeder_row(&f, "SELECT count(*), count(DISTINCT run_id) FROM runs", "4001|4001");
	feeder_finish(&f);
}

/* A write that fails in the system: what is open is not trusted any more. */
static void test_written_in_vain(void **state)
{
	struct rlimit was, tight = { 64 * 1024, 0 };
	struct feeder f;
	uint64_t opened;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	feeder_begin(&f);
	fill(&f, 0, 1);
	feeder_turn(&f);
	opened = f.h.db.opened;
	fill(&f, 1, RUNS);
	getrlimit(RLIMIT_FSIZE, &was);
	tight.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	turns(&f, 3);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_true(f.done < f.size);
	said_once(&f, "cannot be read or written");
	turns(&f, 40);
	assert_int_equal(f.done, f.size);
	assert_true(f.h.db.opened > opened);
	said_once(&f, "400 records had waited");
	feeder_row(&f, "SELECT count(*), count(DISTINCT run_id) FROM runs", "401|401");
	assert_int_equal(put_aside_count(&f, "Z"), 0);
	feeder_finish(&f);
}

/* A sync that fails is not tried again on what is open: the kernel takes the pages for clean.
 * All goes through the log file to the database before anything is acknowledged, and who reads
 * it meanwhile is in the way of that. */
static void test_a_sync_fails(void **state)
{
	struct feeder f;
	sqlite3 *reader;
	uint64_t opened;

	(void)state;
	feeder_begin(&f);
	fill(&f, 0, 5);
	feeder_turn(&f);
	opened = f.h.db.opened;
	fill(&f, 5, 5);
	sync_fails = true;
	syncs_failed = 0;
	turns(&f, 1);
	assert_true(syncs_failed > 0);
	assert_true(f.done < f.size);
	said_once(&f, "cannot be read or written: disk I/O error; records of runs wait");
	reader = elsewhere(&f, "BEGIN");
	assert_int_equal(
		sqlite3_exec(reader, "SELECT count(*) FROM runs", NULL, NULL, NULL), SQLITE_OK);
	sync_fails = false;
	turns(&f, 3);
	assert_true(f.done < f.size);
	sqlite3_close(reader);
	turns(&f, 60);
	assert_int_equal(f.done, f.size);
	assert_true(f.h.db.opened > opened);
	said_once(&f, "5 records had waited");
	feeder_row(&f, "SELECT count(*), count(DISTINCT run_id) FROM runs", "10|10");
	feeder_finish(&f);
}

static void damage_middle(struct feeder *f)
{
	overwrite(f, 20 * 4096, 8 * 4096);
}

static void damage_head(struct feeder *f)
{
	overwrite(f, 0, 4096);
}

static void damage_cut(struct feeder *f)
{
	struct stat st;

	assert_int_equal(stat(feeder_file(f), &st), 0);
	assert_int_equal(truncate(feeder_file(f), st.st_size / 2), 0);
}

static void damage_cut_oddly(struct feeder *f)
{
	assert_int_equal(truncate(feeder_file(f), 777), 0);
}

static void damage_table(struct feeder *f)
{
	sqlite3_close(elsewhere(f, "DROP TABLE runs"));
}

/* One is put aside and another begun; what was not acknowledged goes into that. */
static void test_damaged_when_opened(void **state)
{
	static void (*const damages[])(struct feeder *) = { damage_middle, damage_head, damage_cut,
		damage_cut_oddly, damage_table };

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct feeder f;

		feeder_begin(&f);
		fill(&f, 0, RUNS);
		feeder_turn(&f);
		shut(&f);
		damages[i](&f);
		fill(&f, RUNS, 2);
		turns(&f, 2);
		said_once(&f, "is damaged: ");
		said_once(&f, "it is kept there as history.db.corrupt-");
		assert_int_equal(times(f.said, "a new history is begun"), 2);
		said_once(&f, "2 records had waited");
		feeder_row(&f, "SELECT count(*) FROM runs", "2");
		assert_int_equal(put_aside_count(&f, "Z"), 1);
		assert_int_equal(f.done, f.size);
		feeder_finish(&f);
	}
}

static void test_damaged_while_open(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	fill(&f, 0, RUNS);
	feeder_turn(&f);
	assert_int_equal(
		sqlite3_exec(f.h.db.handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
		0);
	sqlite3_db_release_memory(f.h.db.handle);
	overwrite(&f, 2 * 4096, 60 * 4096);
	fill(&f, RUNS, 3);
	turns(&f, 2);
	said_once(&f, "is damaged: ");
	feeder_row(&f, "SELECT count(*) FROM runs", "3");
	assert_int_equal(f.done, f.size);
	feeder_finish(&f);
}

/* Who asks may be the first to come upon it; and nobody may, for weeks. */
static void test_damage_that_is_found_without_writing(void **state)
{
	struct feeder f;
	struct diag d;

	(void)state;
	feeder_begin(&f);
	fill(&f, 0, RUNS);
	feeder_turn(&f);
	assert_int_equal(db_judge(&f.h.db, SQLITE_CORRUPT, &d), DB_DAMAGED);
	turns(&f, 1);
	assert_int_equal(put_aside_count(&f, "Z"), 1);
	fill(&f, RUNS, RUNS);
	turns(&f, 1);
	assert_int_equal(
		sqlite3_exec(f.h.db.handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
		0);
	damage_middle(&f);
	turns(&f, 100);
	assert_int_equal(times(f.said, "is damaged"), 1);
	f.now += INT64_C(8) * 24 * 3600 * 1000;
	turns(&f, 2);
	assert_int_equal(times(f.said, "is damaged"), 2);
	feeder_row(&f, "SELECT count(*) FROM runs", "0");
	feeder_finish(&f);
}

/* A disk that damages each new one is not filled with them. */
static void test_damaged_again_and_again(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	for (int i = 0; i < 6; i++) {
		fill(&f, i * RUNS, RUNS);
		turns(&f, 2);
		shut(&f);
		damage_head(&f);
		f.now += i < 3 ? 0 : 61000;
	}
	assert_true(put_aside_count(&f, "Z") <= 3);
	f.now += 61000;
	turns(&f, 2);
	assert_int_equal(f.done, f.size);
	feeder_finish(&f);
}

static void test_emptied(void **state)
{
	struct feeder f;

	(void)state;
	feeder_begin(&f);
	fill(&f, 0, RUNS);
	feeder_turn(&f);
	shut(&f);
	assert_int_equal(truncate(feeder_file(&f), 0), 0);
	fill(&f, RUNS, 1);
	turns(&f, 2);
	assert_int_equal(times(f.said, "a new history is begun"), 2);
	feeder_row(&f, "SELECT count(*) FROM runs", "1");
	feeder_finish(&f);
}

static void test_taken_away(void **state)
{
	struct feeder f;
	char to[80];

	(void)state;
	feeder_begin(&f);
	fill(&f, 0, 2);
	feeder_turn(&f);
	snprintf(to, sizeof(to), "%s-mine", feeder_file(&f));
	assert_int_equal(rename(feeder_file(&f), to), 0);
	fill(&f, 2, 3);
	turns(&f, 2);
	said_once(&f, "was taken away");
	feeder_row(&f, "SELECT count(*) FROM runs", "3");
	assert_int_equal(f.done, f.size);
	feeder_finish(&f);
}

/* What stands in its place is nobody's to remove; when it is gone all goes on. */
static void stands_there(int (*put)(const char *path), const char *said)
{
	struct feeder f;

	feeder_begin(&f);
	assert_int_equal(put(feeder_file(&f)), 0);
	fill(&f, 0, 2);
	turns(&f, 30);
	said_once(&f, said);
	assert_int_equal(f.done, 0);
	assert_int_equal(remove(feeder_file(&f)), 0);
	turns(&f, 70);
	said_once(&f, "2 records had waited");
	feeder_row(&f, "SELECT count(*) FROM runs", "2");
	feeder_finish(&f);
}

static int put_directory(const char *path)
{
	return mkdir(path, 0700);
}

static int put_link(const char *path)
{
	return symlink("/tmp/test_history.elsewhere", path);
}

static int put_fifo(const char *path)
{
	return mkfifo(path, 0600);
}

static int put_other(const char *path)
{
	sqlite3 *db = NULL;
	int bad = sqlite3_open(path, &db) ||
		sqlite3_exec(db, "CREATE TABLE mine (a)", NULL, NULL, NULL);

	sqlite3_close(db);
	return bad;
}

static int put_later(const char *path)
{
	sqlite3 *db = NULL;
	int bad = sqlite3_open(path, &db) || sqlite3_exec(db, "PRAGMA application_id=1131572840;"
		"PRAGMA user_version=99; CREATE TABLE runs (a)", NULL, NULL, NULL);

	sqlite3_close(db);
	return bad;
}

static void test_something_else_stands_there(void **state)
{
	(void)state;
	stands_there(put_directory, "cannot be opened: a directory stands in its place");
	stands_there(put_link, "cannot be opened: a symbolic link stands in its place");
	assert_int_equal(access("/tmp/test_history.elsewhere", F_OK), -1);
	stands_there(put_fifo, "cannot be opened: no regular file");
	stands_there(put_other, "is none of ours: something else stands in its place");
	stands_there(put_later, "is none of ours: made by another version of crond");
}

static void test_no_directory(void **state)
{
	struct feeder f;
	char db[64], away[64];

	(void)state;
	feeder_begin(&f);
	snprintf(db, sizeof(db), "%s/db", f.dir);
	snprintf(away, sizeof(away), "%s/away", f.dir);
	fill(&f, 0, 1);
	turns(&f, 1);
	assert_int_equal(rename(db, away), 0);
	fill(&f, 1, 1);
	turns(&f, 5);
	assert_int_equal(mkdir(db, 0700), 0);
	turns(&f, 20);
	assert_int_equal(f.done, f.size);
	said_once(&f, "was taken away");
	said_once(&f, "cannot be opened: No such file or directory");
	said_once(&f, "1 records had waited");
	feeder_row(&f, "SELECT count(*) FROM runs", "1");
	feeder_finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locked_by_another),
		cmocka_unit_test(test_another_helper),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_written_in_vain),
		cmocka_unit_test(test_a_sync_fails),
		cmocka_unit_test(test_damaged_when_opened),
		cmocka_unit_test(test_damaged_while_open),
		cmocka_unit_test(test_damage_that_is_found_without_writing),
		cmocka_unit_test(test_damaged_again_and_again),
		cmocka_unit_test(test_emptied),
		cmocka_unit_test(test_taken_away),
		cmocka_unit_test(test_something_else_stands_there),
		cmocka_unit_test(test_no_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
