/* history: the helper as a whole: its wire, the backlog, the database.
 * Flow: the scheduler says what can be read; records become rows; how far is said back. */
#include "config.h"

#include "crond/history/history.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/moment.h"
#include "crond/history/trouble.h"

enum {
	GATHER_MS = 50,       /* the end of a short run comes with its start: one sync for both */
	TICK_MS = 200,        /* from one transaction to the next, each of which waits for the disk; */
	ASKED_MS = 20,        /* where somebody asks */
	READ_AGAIN_MS = 1000, /* a part of the backlog that could not be read */
	BATCH = 2000,         /* records of a transaction */
	PRUNE_MS = 60 * 1000, /* and only when something was written */
	PRUNE_MORE_MS = 100,
	END_MOST_MS = 10000,
	LOOK_AGAIN_MS = 7 * 24 * 3600 * 1000, /* for damage: that is when it is opened */
	MESSAGES_AT_ONCE = 64,
	WAIT_MOST_MS = 3600 * 1000,
};

int history_open(struct history *h, int wire, int listening, int signals, const char *directory)
{
	*h = (struct history){ .wire = wire, .signals = signals, .place = directory };
	report_open(&h->report, wire, moment_ms(CLOCK_BOOTTIME));
	db_init(&h->db, directory, "history.db");
	write_init(&h->writer, &h->db);
	if (backlog_open(&h->backlog) < 0)
		return -1;
	return asked_open(&h->asked, listening, &h->db, h->why.text);
}

void history_free(struct history *h)
{
	clients_close(&h->asked.clients);
	db_free(&h->db);
	write_free(&h->writer);
	backlog_free(&h->backlog);
	report_free(&h->report);
}

/* One that cannot be looked at is as it was. */
static bool another_directory(const struct history *h)
{
	struct stat st;

	return h->bound && stat(h->place, &st) == 0 && (st.st_dev != h->dev || st.st_ino != h->ino);
}

void history_bind(struct history *h, const char *directory)
{
	struct stat st;

	h->bound = true;
	if (stat(directory, &st) < 0)
		return;
	h->dev = st.st_dev;
	h->ino = st.st_ino;
}

/* --- what the scheduler says */

static void end(struct history *h, int64_t now)
{
	if (!h->ended) {
		h->ended_ms = now;
		backlog_look(&h->backlog); /* what it had no time to tell of */
	}
	h->ended = true;
}

static void take_config(struct history *h, struct slice bytes)
{
	struct history_config c;
	struct diag d;

	if (history_config_decode(&c, bytes, &d) < 0) {
		report_log(&h->report, LOG_ERR, "%s", d.text);
		return;
	}
	asked_group(&h->asked, c.group);
	h->prune.keep_ms = c.retention_ms;
	h->prune.size_max = c.size_max;
	h->writer.keep_count = c.retention_count;
	h->told = true;
}

static void take_message(struct history *h, const char *message, size_t n, int fd)
{
	struct history_mark m;
	struct diag d;

	if (n > 0 && *message == HISTORY_CONFIG) {
		take_config(h, (struct slice){ message + 1, n - 1 });
	} else if (n == sizeof(m) && (*message == HISTORY_SEGMENT || *message == HISTORY_MORE)) {
		memcpy(&m, message, sizeof(m));
		if (backlog_take(&h->backlog, &m, fd, &d) < 0)
			report_log(&h->report, LOG_ERR, "%s", d.text);
		return;
	} else if (n == 1 && *message == HISTORY_PULSE) {
		report_send(&h->report, HISTORY_PULSE, "", 0);
	} else {
		report_log(&h->report, LOG_ERR, "a message of %zu bytes is refused", n);
	}
	if (fd >= 0)
		close(fd);
}

static int passed_fd(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* false: there is nothing more for now. */
static bool receive(struct history *h, int64_t now)
{
	char message[HISTORY_WIRE_MOST];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { message, sizeof(message) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(h->wire, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EINTR || errno == ECONNRESET))
		return true; /* after a reset there may still be messages */
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		end(h, now);
		return false;
	}
	take_message(h, message, (size_t)n, passed_fd(&msg));
	return true;
}

/* --- what is done about it */

static void tell(void *arg, const struct history_mark *m)
{
	struct history *h = arg;

	report_send(&h->report, (char)m->type, (const char *)m + 1, sizeof(*m) - 1);
}

/* A record that is no good harms itself alone. */
static enum db_trouble batch_fill(struct history *h, uint64_t *count, struct diag *d)
{
	enum db_trouble t = DB_FINE;
	struct histrec r;
	bool refused;

	for (*count = 0; *count < BATCH && !t; ++*count) {
		enum backlog_next next = backlog_next(&h->backlog, &r, d);

		if (next == BACKLOG_EMPTY)
			break;
		refused = next == BACKLOG_BAD;
		if (!refused)
			t = write_record(&h->writer, &r, &refused, d);
		if (refused && !t)
			report_log(&h->report, LOG_ERR, "something of the backlog is left out: %s",
				d->text);
	}
	return t;
}

static void batch_write(struct history *h, int64_t now)
{
	uint64_t count = 0;
	struct diag d;
	enum db_trouble t;

	if (!db_in_place(&h->db)) {
		report_log(&h->report, LOG_WARNING, "the history in %s was taken away", h->place);
		db_close(&h->db);
		return;
	}
	backlog_look(&h->backlog);
	t = write_begin(&h->writer, &d);
	if (!t)
		t = batch_fill(h, &count, &d);
	if (!t)
		t = write_commit(&h->writer, &d);
	if (t) {
		write_abandon(&h->writer);
		backlog_again(&h->backlog);
		trouble_begin(h, t, &d, now);
		return;
	}
	backlog_committed(&h->backlog, tell, h);
	h->wrote_ms = now;
	h->write_ms = now + (h->backlog.unread ? READ_AGAIN_MS : backlog_waiting(&h->backlog) ? 0 : TICK_MS);
	if (!h->prune_ms)
		h->prune_ms = h->write_ms + PRUNE_MS;
	h->waited += count;
	if (!backlog_waiting(&h->backlog))
		trouble_over(h, now);
}

static void prune(struct history *h, int64_t now)
{
	struct diag d;
	bool more = false;
	enum db_trouble t = prune_step(&h->prune, &h->db, time(NULL), now, &more, &d);

	h->prune_ms = more ? now + PRUNE_MORE_MS : 0;
	if (t == DB_FULL || t == DB_BUSY) /* no harm before something is to be written */
		h->prune_ms = now + PRUNE_MS;
	else if (t)
		trouble_begin(h, t, &d, now);
}

static void step(struct history *h, int64_t now)
{
	if (!h->told || now < h->retry_ms)
		return;
	if (h->db.handle && h->db.damaged) /* who asked came upon it */
		trouble_begin(h, DB_DAMAGED, &h->db.damage, now);
	if (h->db.handle && now - h->opened_ms > LOOK_AGAIN_MS)
		db_close(&h->db);
	if (!h->db.handle && another_directory(h)) {
		h->moved = true;
		end(h, now);
		return;
	}
	if (!h->db.handle && trouble_open(h, now) < 0)
		return;
	if (backlog_waiting(&h->backlog) && (now >= h->write_ms || h->ended))
		batch_write(h, now);
	else if (!backlog_waiting(&h->backlog))
		trouble_over(h, now);
	if (h->prune_ms && now >= h->prune_ms && h->db.handle && !h->trouble && !h->ended)
		prune(h, now);
}

static int64_t soonest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Nothing to be done is no reason to wake. */
static int wait_ms(const struct history *h, int64_t now)
{
	int64_t due = now + WAIT_MOST_MS;
	bool waiting = backlog_waiting(&h->backlog) > 0;

	if (h->told && (h->trouble || !h->db.handle))
		due = waiting || !h->db.handle || h->trouble ? soonest(due, h->retry_ms) : due;
	else if (h->told && waiting)
		due = soonest(due, h->write_ms);
	if (h->told && h->prune_ms && !h->trouble)
		due = soonest(due, h->prune_ms);
	if (h->report.left_out)
		due = soonest(due, now + 1000);
	if (h->told)
		due = soonest(due, clients_due(&h->asked.clients, now));
	return due == now + WAIT_MOST_MS ? -1 : due > now ? (int)(due - now) : 0;
}

static void wait(struct history *h, int64_t now)
{
	struct pollfd fds[] = {
		{ .fd = h->wire, .events = report_full(&h->report) ? 0 : POLLIN },
		{ .fd = h->signals, .events = POLLIN },
		{ .fd = h->told ? clients_wait_fd(&h->asked.clients, now) : -1, .events = POLLIN },
	};

	if (h->report.waiting && !h->report.closed)
		fds[0].events |= POLLOUT;
	poll(fds, sizeof(fds) / sizeof(fds[0]), wait_ms(h, now));
}

/* Trouble is the next one's: it is told of everything that is not acknowledged. */
static bool is_over(const struct history *h, int64_t now)
{
	return h->ended && (!h->told || h->trouble || h->moved || !backlog_waiting(&h->backlog) ||
		now - h->ended_ms > END_MOST_MS);
}

/* Whoever has waited for the end of a run finds it on record. */
static void hasten(struct history *h, int64_t now)
{
	int fd = -1;

	if (h->told && h->write_ms > now && now - h->wrote_ms >= ASKED_MS && backlog_waiting(&h->backlog))
		fd = clients_wait_fd(&h->asked.clients, now);
	if (fd >= 0 && poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) > 0)
		h->write_ms = now;
}

bool history_turn(struct history *h, int64_t now)
{
	bool rested = !backlog_waiting(&h->backlog);

	for (int i = 0; i < MESSAGES_AT_ONCE && !h->ended && !report_full(&h->report); i++)
		if (!receive(h, now))
			break;
	if (poll(&(struct pollfd){ .fd = h->signals, .events = POLLIN }, 1, 0) > 0)
		end(h, now);
	if (rested && h->write_ms < now + GATHER_MS)
		h->write_ms = now + GATHER_MS;
	hasten(h, now);
	step(h, now);
	if (h->told && !h->ended) /* people come behind what is to be written */
		clients_step(&h->asked.clients, now);
	report_flush(&h->report, now);
	if (h->report.closed) /* who would wait for our word in vain starts another one */
		end(h, now);
	return !is_over(h, now);
}

void history_work(struct history *h)
{
	while (history_turn(h, moment_ms(CLOCK_BOOTTIME)))
		if (!h->ended)
			wait(h, moment_ms(CLOCK_BOOTTIME));
}
