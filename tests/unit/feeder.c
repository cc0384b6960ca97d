/* feeder: stands for the scheduler before crond-history. */
#include "config.h"

#include "tests/unit/feeder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LONG_MS = 60000 };

/* --- the backlog */

void feeder_segment(struct feeder *f)
{
	char path[64];

	if (f->segment >= 0)
		close(f->segment);
	if (f->reading >= 0)
		close(f->reading);
	f->number++;
	snprintf(path, sizeof(path), "%s/%u", f->dir, (unsigned)f->number);
	f->segment = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	f->reading = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(f->segment >= 0 && f->reading >= 0);
	f->size = 0;
	f->sent = false;
	histrec_begin(&f->pending);
}

static void put(struct feeder *f, const struct histrec *h)
{
	assert_int_equal(histrec_encode(h, &f->pending), 0);
}

void feeder_start_kept(
	struct feeder *f, const char *id, int64_t scheduled, uint64_t ms, uint32_t count)
{
	put(f,
		&(struct histrec){ .kind = HISTREC_START,
		        .run_id = id,
		        .scheduled = scheduled,
		        .attempt = 1,
		        .job = "a",
		        .user = "alice",
		        .identity = (uint64_t)-7,
		        .uid = 2001,
		        .cause = START_HAND,
		        .host = "host.example",
		        .boot = "boot-1",
		        .at_ns = scheduled * 1000000000,
		        .retention_ms = ms,
		        .retention_count = count });
}

void feeder_start(struct feeder *f, const char *id, const char *boot)
{
	put(f,
		&(struct histrec){ .kind = HISTREC_START,
		        .run_id = id,
		        .scheduled = 100,
		        .attempt = 1,
		        .job = "a",
		        .user = "alice",
		        .identity = (uint64_t)-7,
		        .uid = 2001,
		        .cause = START_HAND,
		        .host = "host.example",
		        .boot = boot ? boot : "boot-1",
		        .at_ns = 1000000000 });
}

void feeder_end_raw(struct feeder *f, const char *id, const char *outcome, size_t n)
{
	put(f, &(struct histrec){ .kind = HISTREC_END, .run_id = id, .scheduled = 100, .attempt = 1,
		.outcome = { outcome, n } });
}

void feeder_end(struct feeder *f, const char *id, const struct outcome *o)
{
	struct buf b = { 0 };

	outcome_encode(o, &b);
	feeder_end_raw(f, id, b.data, b.len);
	buf_free(&b);
}

void feeder_none(struct feeder *f, const char *id, enum result result, const char *reason)
{
	put(f,
		&(struct histrec){ .kind = HISTREC_NONE,
		        .run_id = id,
		        .scheduled = 100,
		        .attempt = 1,
		        .job = "a",
		        .user = "alice",
		        .identity = (uint64_t)-7,
		        .uid = 2001,
		        .host = "host.example",
		        .boot = "boot-1",
		        .at_ns = 1000000000,
		        .result = result,
		        .reason = reason });
}

void feeder_boot(struct feeder *f, const char *boot)
{
	put(f, &(struct histrec){ .kind = HISTREC_BOOT, .boot = boot, .host = "host.example",
		.at_ns = 1000000000 });
}

void feeder_gap(struct feeder *f, uint64_t count)
{
	put(f, &(struct histrec){ .kind = HISTREC_GAP, .at_ns = 1000000000, .count = count });
}

void feeder_raw(struct feeder *f, const void *bytes, size_t n)
{
	buf_append(&f->pending, bytes, n);
}

/* --- the wire */

static void mark_send(struct feeder *f, enum history_type type, bool closed)
{
	struct history_mark m = { .type = (uint8_t)type, .closed = closed, .number = f->number,
		.size = f->size };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec iov = { &m, sizeof(m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (type == HISTORY_SEGMENT) {
		memcpy(CMSG_DATA(&control.head), &f->reading, sizeof(f->reading));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	sendmsg(f->wire, &msg, MSG_NOSIGNAL);
}

static void written(struct feeder *f, bool closed)
{
	assert_false(f->pending.failed);
	if (f->pending.len)
		assert_int_equal(write(f->segment, f->pending.data, f->pending.len),
			(ssize_t)f->pending.len);
	f->size += f->pending.len;
	buf_clear(&f->pending);
	mark_send(f, f->sent ? HISTORY_MORE : HISTORY_SEGMENT, closed);
	f->sent = true;
}

void feeder_send(struct feeder *f)
{
	written(f, false);
}

void feeder_close(struct feeder *f)
{
	written(f, true);
}

void feeder_config(struct feeder *f, uint64_t retention_ms, uint32_t retention_count)
{
	const struct history_config c = { .boot = "boot-1", .host = "host.example", .group = -1,
		.retention_ms = retention_ms, .retention_count = retention_count };
	struct buf b = { 0 };

	buf_putc(&b, HISTORY_CONFIG);
	history_config_encode(&c, &b);
	assert_int_equal(send(f->wire, b.data, b.len, 0), (ssize_t)b.len);
	buf_free(&b);
}

static void hear(struct feeder *f)
{
	char message[2048];
	struct history_mark m;
	ssize_t n;

	while ((n = recv(f->wire, message, sizeof(message) - 1, MSG_DONTWAIT)) > 0) {
		message[n] = '\0';
		if (*message == HISTORY_LOG && strlen(f->said) + (size_t)n + 2 < sizeof(f->said)) {
			strcat(f->said, message + 1);
			strcat(f->said, "\n");
		} else if (*message == HISTORY_DONE && n == sizeof(m)) {
			memcpy(&m, message, sizeof(m));
			f->done_messages++;
			if (m.number == f->number)
				f->done = m.size;
			if (m.number > f->done_segments)
				f->done_segments = m.number;
		}
	}
}

uint64_t feeder_done(const struct feeder *f)
{
	return f->done;
}

void feeder_turn(struct feeder *f)
{
	f->now += 1000;
	for (int i = 0; i < 4; i++)
		history_turn(&f->h, f->now += 60); /* what has come is gathered for a moment */
	hear(f);
}

/* --- begin and end */

void feeder_begin(struct feeder *f)
{
	char db[64];
	int wires[2];

	*f = (struct feeder){
		.dir = "/tmp/test_history.XXXXXX", .segment = -1, .reading = -1, .now = 1000
	};
	assert_non_null(mkdtemp(f->dir));
	snprintf(db, sizeof(db), "%s/db", f->dir);
	assert_int_equal(mkdir(db, 0700), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wires), 0);
	f->wire = wires[0];
	assert_int_equal(history_open(&f->h, wires[1], -1, -1, strdup(db)), 0);
	feeder_segment(f);
	feeder_config(f, 0, 0);
}

void feeder_finish(struct feeder *f)
{
	char command[64];

	close(f->wire);
	while (history_turn(&f->h, f->now += 1000))
		;
	close(f->h.wire);
	history_free(&f->h);
	free((char *)f->h.place);
	close(f->segment);
	close(f->reading);
	buf_free(&f->pending);
	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
}

/* --- the database */

const char *feeder_file(const struct feeder *f)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/db/history.db", f->dir);
	return path;
}

void feeder_row(struct feeder *f, const char *sql, const char *wanted)
{
	struct buf got = { 0 };
	sqlite3_stmt *q = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(
		sqlite3_open_v2(feeder_file(f), &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) || sqlite3_step(q) != SQLITE_ROW)
		fail_msg("%s: %s; %s", sql, sqlite3_errmsg(db), f->said);
	for (int i = 0; i < sqlite3_column_count(q); i++) {
		buf_puts(&got, i ? "|" : "");
		buf_puts(&got, sqlite3_column_type(q, i) == SQLITE_NULL ? "" :
			(const char *)sqlite3_column_text(q, i));
	}
	assert_string_equal(buf_text(&got), wanted);
	assert_int_equal(sqlite3_step(q), SQLITE_DONE);
	sqlite3_finalize(q);
	sqlite3_close(db);
	buf_free(&got);
}

/* --- a process of its own */

pid_t feeder_child(struct feeder *f)
{
	int wires[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, wires), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct history h;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(f->wire);
		close(wires[0]);
		if (history_open(&h, wires[1], -1, -1, f->h.place) < 0)
			_exit(1);
		history_work(&h);
		history_free(&h);
		_exit(0);
	}
	close(wires[1]);
	close(f->wire);
	f->wire = wires[0];
	f->done = 0;
	f->sent = false;
	feeder_config(f, 0, 0);
	feeder_send(f);
	return pid;
}

void feeder_child_finish(struct feeder *f)
{
	pid_t pid = feeder_child(f);
	struct pollfd p = { .fd = f->wire, .events = POLLIN };
	int status;

	while (f->done < f->size) {
		assert_true(poll(&p, 1, LONG_MS) > 0);
		hear(f);
	}
	shutdown(f->wire, SHUT_RDWR);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
