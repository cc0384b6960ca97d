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
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"

/* as syslog.h has them */
enum { FACILITY_CRON = 9 << 3, PRIORITY_INFO = 6, LINE_MOST = 2048, DETAIL_MOST = 1000 };

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

void log_open(struct log *l, enum log_target target, int level, _Atomic uint64_t *lost)
{
	*l = (struct log){
		.target = target, .level = level, .fd = -1, .path = "/dev/log", .lost = lost
	};
	if (target == LOG_TO_STDERR)
		l->fd = STDERR_FILENO;
	else
		log_connect(l);
}

void log_close(struct log *l)
{
	if (l->target == LOG_TO_SYSLOG && l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static ssize_t send_as(int fd, const char *line, size_t n, pid_t as)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	struct ucred who = { .pid = as, .uid = getuid(), .gid = getgid() };
	struct iovec text = { (void *)(uintptr_t)line, n };
	struct msghdr m = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control)
	};

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_CREDENTIALS;
	control.head.cmsg_len = CMSG_LEN(sizeof(who));
	memcpy(CMSG_DATA(&control.head), &who, sizeof(who));
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t send_once(struct log *l, const char *line, size_t n, pid_t as)
{
	if (l->fd < 0 && log_connect(l) < 0)
		return -1;
	/* a pid that has ended cannot be named any more (ESRCH), nor may users (EPERM) */
	if (as > 0 && geteuid() == 0 && send_as(l->fd, line, n, as) >= 0)
		return 0;
	return send(l->fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void syslog_send(struct log *l, const char *line, size_t n, pid_t as)
{
	if (send_once(l, line, n, as) >= 0)
		return;
	if (l->fd >= 0 && errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE) {
		close(l->fd); /* the reader went away and may be back */
		l->fd = -1;
		if (send_once(l, line, n, as) >= 0)
			return;
	}
	count_lost(l);
}

static void stderr_send(struct log *l, const char *line, size_t n)
{
	struct pollfd p = { .fd = l->fd, .events = POLLOUT };

	/* a full pipe or a stopped terminal: the flag O_NONBLOCK would be everybody's */
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT) || write(l->fd, line, n) != (ssize_t)n)
		count_lost(l);
}

static size_t head_stderr(char *line, const char *tag, pid_t pid)
{
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = snprintf(line, LINE_MOST, "%04d-%02d-%02d %02d:%02d:%02d.%03d %.32s[%d]: ",
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		(int)(now.tv_nsec / 1000000), tag, (int)pid);
	return n > 0 ? (size_t)n : 0;
}

static size_t head_syslog(char *line, int priority, const char *tag, pid_t pid)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	struct timespec now;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = snprintf(line, LINE_MOST, "<%d>%s %2d %02d:%02d:%02d %.32s[%d]: ",
		FACILITY_CRON | priority, months[tm.tm_mon % 12], tm.tm_mday, tm.tm_hour, tm.tm_min,
		tm.tm_sec, tag, (int)pid);
	return n > 0 ? (size_t)n : 0;
}

/* One line is one line whoever had a say in it: file names, paths, what a helper says.
 * Commands come here with such bytes spelled out. Where it ends. */
static size_t plain(char *line, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			line[i] = '?';
	}
	return from + n;
}

void log_line(struct log *l, int priority, const char *tag, pid_t pid, pid_t as, const char *fmt, ...)
{
	char line[LINE_MOST];
	va_list ap;
	size_t n;
	int more;

	if (priority > l->level)
		return;
	n = l->target == LOG_TO_STDERR ? head_stderr(line, tag, pid) :
		head_syslog(line, priority, tag, pid);
	va_start(ap, fmt);
	more = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	if (more > 0)
		n = plain(line, n, (size_t)more < sizeof(line) - n - 2 ? (size_t)more : sizeof(line) - n - 2);
	if (l->target == LOG_TO_SYSLOG) {
		syslog_send(l, line, n, as);
		return;
	}
	line[n++] = '\n';
	stderr_send(l, line, n);
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
