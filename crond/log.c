/* log: lines to syslog or standard error, without ever waiting.
 * Flow: scheduler and keepers write here; what could not be written is counted in
 * memory they share, and said by the scheduler when there is room again. */
#include "config.h"

#include "crond/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/logline.h"

/* as syslog.h has them */
enum { FACILITY_CRON = 9 << 3, PRIORITIES = 7, PRIORITY_INFO = 6, LINE_MOST = 2048, DETAIL_MOST = 1000 };

static void count_lost(struct log *l)
{
	if (l->lost)
		atomic_fetch_add_explicit(l->lost, 1, memory_order_relaxed);
}

/* At most once a second: a missing or foreign /dev/log must not cost each line a try. */
static int log_connect(struct log *l)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timespec now;
	int fd;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (l->tried == now.tv_sec + 1)
		return -1;
	l->tried = now.tv_sec + 1;
	if (strlen(l->path) >= sizeof(to.sun_path))
		return -1;
	memcpy(to.sun_path, l->path, strlen(l->path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	l->fd = fd;
	return 0;
}

static const char *const target_names[LOG_TARGETS] = {
	[LOG_TO_SYSLOG] = "syslog", [LOG_TO_STDERR] = "stderr", [LOG_TO_JSON] = "json",
	[LOG_TO_JOURNAL] = "journal",
};

const char *log_target_name(enum log_target target)
{
	return target_names[target];
}

enum log_target log_target_find(const char *name)
{
	enum log_target t = 0;

	while (t < LOG_TARGETS && strcmp(name, target_names[t]) != 0)
		t++;
	return t;
}

/* Many processes write to it: whoever finds room may find it taken a moment later, and
 * would wait for a reader that has stopped. A description of our own does not wait, and
 * is nobody else's; where there can be none (no /proc, another's pipe) and we are the
 * first process of a container, the flag harms nobody. */
static void stderr_open(struct log *l)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	l->err_socket = S_ISSOCK(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return;
	l->err = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (l->err >= 0)
		return;
	l->err = STDERR_FILENO;
	if (getpid() == 1)
		fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) | O_NONBLOCK);
}

static void journal_open(struct log *l)
{
	l->path = "/run/systemd/journal/socket";
	if (log_connect(l) == 0)
		return;
	l->path = "/dev/log";
	l->target = LOG_TO_SYSLOG;
	l->tried = 0;
	log_connect(l);
}

bool log_is_journal(void)
{
	char to[64];
	ssize_t n = readlink("/dev/log", to, sizeof(to) - 1);

	to[n > 0 ? n : 0] = '\0';
	return strcmp(to, "/run/systemd/journal/dev-log") == 0;
}

void log_open(struct log *l, enum log_target target, int level, _Atomic uint64_t *lost)
{
	*l = (struct log){
		.target = target, .level = level, .fd = -1, .path = "/dev/log", .lost = lost,
		.err = STDERR_FILENO
	};
	if (target == LOG_TO_JOURNAL)
		journal_open(l);
	else if (target == LOG_TO_SYSLOG)
		log_connect(l);
	else
		stderr_open(l);
}

static bool to_socket(const struct log *l)
{
	return l->target == LOG_TO_SYSLOG || l->target == LOG_TO_JOURNAL;
}

void log_ready(struct log *l)
{
	if (to_socket(l) && l->fd < 0)
		log_connect(l);
}

void log_close(struct log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->err > STDERR_FILENO)
		close(l->err);
	l->fd = -1;
	l->err = STDERR_FILENO;
}

/* What goes out in one datagram. */
struct sending {
	struct iovec *parts;
	size_t count;
	pid_t as;
};

static ssize_t send_as(int fd, const struct sending *s)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	struct ucred who = { .pid = s->as, .uid = getuid(), .gid = getgid() };
	struct msghdr m = {
		.msg_iov = s->parts, .msg_iovlen = s->count, .msg_control = &control,
		.msg_controllen = sizeof(control)
	};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_CREDENTIALS;
	control.head.cmsg_len = CMSG_LEN(sizeof(who));
	memcpy(CMSG_DATA(&control.head), &who, sizeof(who));
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_once(struct log *l, const struct sending *s)
{
	struct msghdr m = { .msg_iov = s->parts, .msg_iovlen = s->count };

	if (l->fd < 0 && log_connect(l) < 0)
		return -1;
	/* a pid that has ended cannot be named any more (ESRCH), nor may users (EPERM) */
	if (s->as > 0 && geteuid() == 0 && send_as(l->fd, s) >= 0)
		return 0;
	return sendmsg(l->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void socket_send(struct log *l, const struct sending *s)
{
	if (send_once(l, s) >= 0)
		return;
	if (l->fd >= 0 && errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE) {
		close(l->fd); /* the reader went away and may be back */
		l->fd = -1;
		if (send_once(l, s) >= 0)
			return;
	}
	count_lost(l);
}

static void stderr_send(struct log *l, const char *line, size_t n)
{
	struct pollfd p = { .fd = l->err, .events = POLLOUT };
	ssize_t done = -1;

	if (l->err_socket)
		done = send(l->err, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (poll(&p, 1, 0) == 1 && p.revents & POLLOUT)
		done = write(l->err, line, n);
	if (done == (ssize_t)n)
		return;
	count_lost(l);
	if (done > 0 && write(l->err, "\n", 1) < 0) /* a terminal took a part of it */
		count_lost(l);
}

/* Whose line it is, and what about. */
struct speaker {
	int priority;
	const char *tag;
	pid_t pid, as;
	const struct log_about *about;
};

static int with_facility(int priority)
{
	return priority & ~PRIORITIES ? priority : FACILITY_CRON | priority;
}

static size_t head_syslog(char *line, const struct speaker *who)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = snprintf(line, LINE_MOST, "<%d>%s %2d %02d:%02d:%02d %.32s[%d]: ",
		with_facility(who->priority), months[tm.tm_mon % 12],
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, who->tag, (int)who->pid);
	return n > 0 ? (size_t)n : 0;
}

/* How much of it steers a terminal: a control byte, or one of U+0080 to U+009F as UTF-8 or as the
 * byte that it is in other character sets. 0: *more bytes are harmless. */
static size_t steers(struct slice s, size_t *more)
{
	unsigned char c = (unsigned char)s.s[0];
	size_t n = c < 0x80 ? 1 : text_utf8(s);

	*more = n ? n : 1;
	if (n == 1)
		return (c < 0x20 && c != '\t') || c == 0x7f;
	if (n == 2 && c == 0xc2 && (unsigned char)s.s[1] < 0xa0)
		return 2;
	return n == 0 && c < 0xa0;
}

/* One line is one line whoever had a say in it: file names, paths, what a helper says.
 * Commands come here with such bytes spelled out. */
static void plain(char *line, size_t from, size_t n)
{
	struct slice s = { line + from, n };
	size_t more;

	for (; s.n; s.s += more, s.n -= more) {
		size_t bad = steers(s, &more);

		memset(line + (s.s - line), '?', bad);
		more = bad ? bad : more;
	}
}

static void stderr_line(struct log *l, const struct speaker *who, struct slice text)
{
	struct logline line = { .priority = who->priority, .tag = who->tag, .pid = who->pid,
		.about = who->about, .json = l->target == LOG_TO_JSON };
	char out[LOGLINE_MOST];
	size_t taken;

	stderr_send(l, out, logline_put(out, &line, text, &taken));
}

static void journal_send(struct log *l, const struct speaker *who, struct slice text)
{
	struct journal j = { .count = 0 };
	struct sending s = { j.parts, 0, who->as };

	journal_line(&j, with_facility(who->priority), who->tag, who->pid, text, who->about);
	s.count = j.count;
	socket_send(l, &s);
}

static void __attribute__((format(printf, 3, 0)))
say(struct log *l, const struct speaker *who, const char *fmt, va_list ap)
{
	char line[LINE_MOST];
	size_t n = 0;
	int more;

	if ((who->priority & PRIORITIES) > l->level)
		return;
	if (to_socket(l) && l->fd < 0 && log_connect(l) < 0) {
		count_lost(l); /* nobody is there: not worth being put together */
		return;
	}
	if (l->target == LOG_TO_SYSLOG)
		n = head_syslog(line, who);
	more = vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	if (more < 0)
		more = 0;
	if ((size_t)more >= sizeof(line) - n)
		more = (int)(sizeof(line) - n) - 1;
	if (!to_socket(l)) {
		stderr_line(l, who, (struct slice){ line, (size_t)more });
		return;
	}
	plain(line, n, (size_t)more);
	if (l->target == LOG_TO_SYSLOG)
		socket_send(l, &(struct sending){ &(struct iovec){ line, n + (size_t)more }, 1, who->as });
	else
		journal_send(l, who, (struct slice){ line, (size_t)more });
}

void log_line(struct log *l, int priority, const char *tag, pid_t pid, pid_t as, const char *fmt, ...)
{
	struct speaker who = { priority, tag, pid, as, l->about };
	va_list ap;

	va_start(ap, fmt);
	say(l, &who, fmt, ap);
	va_end(ap);
}

void log_about(struct log *l, const struct log_about *about, int priority, const char *tag,
	const char *fmt, ...)
{
	struct speaker who = { priority, tag, getpid(), 0, about };
	va_list ap;

	va_start(ap, fmt);
	say(l, &who, fmt, ap);
	va_end(ap);
}

size_t log_output(struct log *l, const char *job, const char *run, const char *stream,
	struct slice text, bool more)
{
	struct logline who = { .priority = PRIORITY_INFO, .job = job, .run = run, .stream = stream,
		.json = l->target == LOG_TO_JSON, .more = more };
	struct slice left = text;
	char out[LOGLINE_MOST];
	size_t taken;

	do { /* an empty line is one, too */
		size_t n = logline_put(out, &who, left, &taken);

		if (taken || !left.n)
			stderr_send(l, out, n);
		left.s += taken;
		left.n -= taken;
	} while (taken && left.n);
	return text.n - left.n;
}

void log_classic(struct log *l, const char *tag, pid_t pid, pid_t as, const char *user,
	const char *what, const char *detail)
{
	/* text_visible() writes at most DETAIL_MOST bytes, so this never grows */
	char room[DETAIL_MOST * 2];
	struct buf visible = { .data = room, .cap = sizeof(room) };

	text_visible(&visible, slice_of(detail), DETAIL_MOST);
	log_line(l, PRIORITY_INFO, tag, pid, as, "(%.64s) %.32s (%.*s)", user, what,
		(int)visible.len, visible.data);
}
