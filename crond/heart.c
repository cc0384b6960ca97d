/* heart: the socket on which a job speaks to its keeper, and the watchdog's clock.
 * Flow: hold opens it before the job starts, the guard waits on it and stops a job that is
 * not heard of in time; what is said goes to the scheduler, alerts to its outbox. */
#include "config.h"

#include "crond/heart.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/rundir.h"
#include "crond/sender.h"

enum { MISSES_DEFAULT = 3, DRAIN_MOST = 64, ALERT_SHOWN = 1000 };
enum { WINDOW_MESSAGES = 50, WINDOW_STRANGERS = 1000, ALERTS_AT_ONCE = 10, ALERTS_UNTOLD = 64 };

static const int64_t FOREVER = INT64_MAX;
static const int64_t US = 1000, MS = 1000 * 1000, S = 1000 * 1000 * 1000;
static const int64_t PHASE_MOST =
        INT64_C(90) * 1000 * 1000 * 1000; /* systemd's for start and stop */
static const int64_t WINDOW = INT64_C(100) * 1000 * 1000;
static const int64_t ALERT_EACH = INT64_C(60) * 1000 * 1000 * 1000;

static int64_t times(int64_t ns, uint64_t n)
{
	int64_t product;

	return __builtin_mul_overflow(ns, n, &product) || product < 0 ? FOREVER : product;
}

static int64_t later(int64_t from, int64_t by)
{
	return by > FOREVER - from ? FOREVER : from + by;
}

/* --- the socket */

/* A name that begins with @ stands in no directory. */
static socklen_t address(struct sockaddr_un *a, const char *path)
{
	size_t n = strlen(path);

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n >= sizeof(a->sun_path))
		return 0;
	memcpy(a->sun_path, path, n);
	if (*path == '@')
		a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*path != '@'));
}

/* What root starts may go on as anybody. */
static int open_to_job(const struct run *r)
{
	if (*r->notify == '@')
		return 0;
	if (r->uid == 0 || !(r->flags & RUN_IDENTITY))
		return chmod(r->notify, r->uid == 0 ? 0666 : 0600);
	return lchown(r->notify, r->uid, r->gid) < 0 ? -1 : chmod(r->notify, 0600);
}

int heart_open(struct heart *h, const struct run *r, int runs, struct log *log, const char *tag)
{
	static const int on = 1;
	struct sockaddr_un a;
	socklen_t n = address(&a, r->notify);
	int saved;

	*h = (struct heart){ .run = r,
		.runs = runs,
		.log = log,
		.tag = tag,
		.late_ns = FOREVER,
		.said.magic = SAID_MAGIC,
		.alerts_free = ALERTS_AT_ONCE };
	h->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->fd < 0)
		return -1;
	if (!n)
		errno = ENAMETOOLONG;
	if (n && setsockopt(h->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 &&
	        bind(h->fd, (const struct sockaddr *)&a, n) == 0 && open_to_job(r) == 0)
		return 0;
	saved = errno;
	close(h->fd);
	h->fd = -1;
	errno = saved;
	return -1;
}

/* --- the clock */

static void clock_set(struct heart *h, int64_t now)
{
	uint32_t misses = h->run->watchdog_miss ? h->run->watchdog_miss : MISSES_DEFAULT;
	int64_t most = times(h->interval_ns, misses);

	if (h->phase != HEART_BEATING && most < PHASE_MOST)
		most = PHASE_MOST;
	h->late_ns = h->interval_ns ? later(now, most) : FOREVER;
}

static void phase_enter(struct heart *h, enum heart_phase phase, int64_t now)
{
	h->phase = phase;
	clock_set(h, now);
}

void heart_begin(struct heart *h, int64_t now)
{
	h->interval_ns = times(MS, h->run->watchdog_ms);
	h->told_ns = now - S;
	h->window_ns = h->alert_ns = now;
	phase_enter(h, HEART_STARTING, now);
}

bool heart_missed(const struct heart *h, int64_t now)
{
	return h->triggered || now >= h->late_ns;
}

void heart_give_up(struct heart *h)
{
	h->late_ns = FOREVER;
}

void heart_reason(const struct heart *h, char *out, size_t n)
{
	static const char *const missing[] = {
		[HEART_STARTING] = "not even a first one, nor READY=1, since the start",
		[HEART_STOPPING] = "but still there long after STOPPING=1",
	};
	uint32_t misses = h->run->watchdog_miss ? h->run->watchdog_miss : MISSES_DEFAULT;

	if (h->triggered)
		snprintf(out, n, "WATCHDOG=trigger was sent");
	else if (h->phase != HEART_BEATING)
		snprintf(out, n, "%s", missing[h->phase]);
	else
		snprintf(out, n, "none for %" PRIu32 " x %" PRId64 " ms", misses,
		        h->interval_ns / MS);
}

/* --- alerts */

static const char *run_env(const struct run *r, const char *name)
{
	struct slice list = r->env;
	size_t n = strlen(name);
	const char *text;

	while ((text = run_list_next(&list)))
		if (strncmp(text, name, n) == 0 && text[n] == '=')
			return text + n + 1;
	return NULL;
}

/* A few at once, and one a minute. */
static bool alert_may(struct heart *h, int64_t now)
{
	int64_t more = (now - h->alert_ns) / ALERT_EACH;

	if (more > 0) {
		h->alerts_free = more >= ALERTS_AT_ONCE - (int64_t)h->alerts_free
		        ? ALERTS_AT_ONCE
		        : h->alerts_free + (unsigned)more;
		h->alert_ns += more * ALERT_EACH;
	}
	if (!h->alerts_free)
		return false;
	h->alerts_free--;
	return true;
}

static void alert_id(const struct heart *h, unsigned number, char out[EVENT_ID_MOST])
{
	char mark[16];

	snprintf(mark, sizeof(mark), "said%u", number);
	event_id(out, h->run->id, mark);
}

static int alert_post(struct heart *h, const char *text)
{
	const struct run *r = h->run;
	const char *host = run_env(r, "CRON_HOST");
	char id[EVENT_ID_MOST];
	struct event e = {
		.id = id,
		.event = "custom",
		.status = "custom",
		.job = r->job,
		.run_id = r->id,
		.host = host ? host : r->host,
		.owner = r->owner,
		.user = r->user,
		.schedule = r->schedule,
		.command = r->command,
		.description = r->description,
		.reason = text,
		.tags = r->tags,
		.targets = r->alert,
		.scheduled = r->scheduled,
		.exit_code = -1,
		.attempt = r->attempt,
		.trusted = r->flags & RUN_TRUSTED,
		.uid = r->uid,
		.mail_to = event_mail_to(r->owner, r->mail_to, r->user),
	};

	/* while that many of this run wait, whoever is to take them does not */
	alert_id(h, h->alerts - ALERTS_UNTOLD, id);
	if (h->alerts >= ALERTS_UNTOLD && rundir_posted(h->runs, id)) {
		errno = ENOBUFS;
		return -1;
	}
	alert_id(h, h->alerts++, id);
	return rundir_post(h->runs, &e);
}

static void alert(struct heart *h, struct slice said, int64_t now)
{
	char text[ALERT_SHOWN + 1];
	struct buf line = { 0 };

	if (!alert_may(h, now)) {
		h->alerts_left_out++;
		return;
	}
	sdnotify_text(said, text, sizeof(text));
	text_quoted(&line, slice_of(text), sizeof(text));
	log_line(h->log, LOG_WARNING, h->tag, getpid(), 0, "ALERT job=%s run=%s user=%s text=%s",
	        h->run->job, h->run->id, h->run->user, buf_text(&line) ? line.data : "");
	buf_free(&line);
	if (h->run->alert.n && alert_post(h, text) < 0)
		log_line(h->log, LOG_ERR, h->tag, getpid(), 0,
		        "(CRON) ERROR (run %s: its alert is lost: %s)", h->run->id,
		        strerror(errno));
}

/* --- what is said */

static void said_set(struct heart *h, char *at, size_t n, struct slice text)
{
	char shown[SAID_STATUS_MOST] = "";

	sdnotify_text(text, shown, n);
	h->changed |= strcmp(at, shown) != 0;
	memset(at, 0, n);
	memcpy(at, shown, strlen(shown));
}

static void said_flag(struct heart *h, uint32_t flag)
{
	h->changed |= !(h->said.flags & flag);
	h->said.flags |= flag;
}

static void hear_batches(struct heart *h, const struct sdnotify *m)
{
	if (m->batch_end.s) {
		h->said.batches++;
		h->changed = true;
		said_set(h, h->said.batch, sizeof(h->said.batch), (struct slice){ "", 0 });
	}
	if (m->batch_start.s)
		said_set(h, h->said.batch, sizeof(h->said.batch), m->batch_start);
}

static void hear_clock(struct heart *h, const struct sdnotify *m, int64_t now)
{
	if (m->has_interval) {
		h->interval_ns = times(US, m->interval_us);
		clock_set(h, now);
	}
	if (m->stopping)
		phase_enter(h, HEART_STOPPING, now);
	else if ((m->ready && h->phase == HEART_STARTING) || (m->watchdog && h->phase != HEART_STOPPING))
		phase_enter(h, HEART_BEATING, now);
	h->triggered |= m->trigger;
	if (m->has_extend && m->extend_us > h->extend_us)
		h->extend_us = m->extend_us;
	if (m->has_extend && h->phase != HEART_BEATING && h->interval_ns) {
		int64_t until = later(now, times(US, m->extend_us));

		h->late_ns = until > h->late_ns ? until : h->late_ns;
	}
}

void heart_hear(struct heart *h, const struct sdnotify *m, int64_t now)
{
	hear_clock(h, m, now);
	if (m->ready)
		said_flag(h, SAID_READY);
	if (m->stopping)
		said_flag(h, SAID_STOPPING);
	if (m->status.s)
		said_set(h, h->said.status, sizeof(h->said.status), m->status);
	hear_batches(h, m);
	if (m->alert.s)
		alert(h, m->alert, now);
}

/* The first of each kind at once: who sends them may go on for ever. */
static void complain(struct heart *h, unsigned *count, const char *what, const struct ucred *who)
{
	if ((*count)++ == 0)
		log_line(h->log, LOG_WARNING, h->tag, getpid(), 0,
		        "(%.64s) WARNING (run %s: %s, from process %d of uid %u)", h->run->user,
		        h->run->id, what, (int)who->pid, (unsigned)who->uid);
}

static void take(struct heart *h, struct slice datagram, const struct ucred *who, int64_t now)
{
	struct sdnotify m;

	if (!sender_belongs(who->pid, who->uid, h->job, h->run->uid)) {
		h->strangers++;
		complain(h, &h->foreign, "a message that is not of the run is refused", who);
		return;
	}
	h->in_window++;
	if (sdnotify_parse(&m, datagram) < 0) {
		complain(h, &h->garbage,
		        "a message that is empty, too long or holds a NUL is refused", who);
		return;
	}
	if (m.bad)
		complain(h, &h->bad, "a variable whose value makes no sense is left out", who);
	heart_hear(h, &m, now);
}

/* The kernel's word on its sender takes all the room there is for what comes along:
 * descriptors find none, so they are never ours, and closed at once (BARRIER=1 waits for
 * that). False: there is nothing now. */
static bool receive(struct heart *h, int64_t now)
{
	static char room[SDNOTIFY_MOST + 1];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { room, sizeof(room) };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(h->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct ucred who;

	if (n < 0)
		return errno == EINTR;
	if (m.msg_controllen < sizeof(struct cmsghdr) || control.head.cmsg_type != SCM_CREDENTIALS) {
		h->strangers++;
		return true;
	}
	memcpy(&who, CMSG_DATA(&control.head), sizeof(who));
	take(h, (struct slice){ room, (size_t)n }, &who, now);
	return true;
}

static bool window_full(const struct heart *h)
{
	return h->in_window >= WINDOW_MESSAGES || h->strangers >= WINDOW_STRANGERS;
}

static void window_turn(struct heart *h, int64_t now)
{
	if (now < later(h->window_ns, WINDOW))
		return;
	h->window_ns = now;
	h->in_window = h->strangers = 0;
}

int heart_fd(const struct heart *h, int64_t now)
{
	return window_full(h) && now < later(h->window_ns, WINDOW) ? -1 : h->fd;
}

/* So many in so long and no more: a flood waits in its senders. Of those who may only send to
 * be refused many more are read, or they would keep the job from being heard. */
void heart_read(struct heart *h, int64_t now)
{
	window_turn(h, now);
	while (!window_full(h) && receive(h, now))
		;
}

/* --- what is to be done in time */

int64_t heart_due(const struct heart *h)
{
	int64_t at = h->late_ns;

	if (h->fd < 0)
		return FOREVER;
	if (h->changed && later(h->told_ns, S) < at)
		at = later(h->told_ns, S);
	if (window_full(h) && later(h->window_ns, WINDOW) < at)
		at = later(h->window_ns, WINDOW);
	return at;
}

static void tell(struct heart *h)
{
	char path[RUN_ID_MOST + 16];

	snprintf(path, sizeof(path), "%s/%s", h->run->id, RUNDIR_SAID);
	file_replace(h->runs, path, 0600, &h->said, sizeof(h->said), 0);
	if (h->report)
		h->report(h->arg, &h->said);
}

void heart_turn(struct heart *h, int64_t now)
{
	if (window_full(h))
		window_turn(h, now);
	if (!h->changed || now < later(h->told_ns, S))
		return;
	h->changed = false;
	h->told_ns = now;
	tell(h);
}

static void close_say(struct heart *h, unsigned count, const char *what)
{
	if (count)
		log_line(h->log, LOG_WARNING, h->tag, getpid(), 0,
		        "(%.64s) WARNING (run %s: %u %s)", h->run->user, h->run->id, count, what);
}

void heart_close(struct heart *h)
{
	if (h->fd < 0)
		return;
	for (int i = 0; i < DRAIN_MOST && receive(h, h->window_ns); i++)
		;
	close(h->fd);
	h->fd = -1;
	if (*h->run->notify != '@')
		unlink(h->run->notify);
	close_say(h, h->foreign > 1 ? h->foreign : 0, "messages were not of the run");
	close_say(h, h->garbage > 1 ? h->garbage : 0, "messages could not be read");
	close_say(
	        h, h->alerts_left_out, "alerts were left out: at most 10 at once and one a minute");
}
