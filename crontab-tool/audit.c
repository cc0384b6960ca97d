/* audit: crontab(1)'s lines in the system log.
 * Flow: see audit.h; filters on log lines know them by heart, so they do not change.
 * Sent without syslog(3), which waits for ever where the log's reader is stuck. */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crontab-tool/audit.h"

enum { LINE_MOST = 1024, WAIT_MS = 1000 };

/* A line is worth a moment's wait, not the caller's evening. */
static void send_line(const char *line, size_t n)
{
	struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&log, sizeof(log)) == 0) {
		struct pollfd wait = { .fd = fd, .events = POLLOUT };
		if (send(fd, line, n, MSG_NOSIGNAL) < 0 && poll(&wait, 1, WAIT_MS) > 0)
			(void)!send(fd, line, n, MSG_NOSIGNAL);
	}
	close(fd);
}

void audit_log(const char *who, const char *what, const char *detail)
{
	char line[LINE_MOST], date[32];
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&now, &tm) || !strftime(date, sizeof(date), "%b %e %T", &tm))
		return;
	int n = snprintf(line, sizeof(line), "<%d>%s crontab[%d]: (%s) %s (%s)",
		LOG_CRON | LOG_INFO, date, (int)getpid(), who, what, detail);
	if (n > 0)
		send_line(line, n < LINE_MOST ? (size_t)n : LINE_MOST - 1);
}
