/* cronctl_notify: the verb notify: a job says how it is, from a shell script.
 * Flow: options to one message of systemd's notify protocol, to the socket of the job's
 * keeper; back once the keeper has read it. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/core/sdnotify.h"
#include "crontab-tool/cronctl.h"

enum { READ_MS = 5000 };

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "cronctl notify: %s: %s\n", what, why);
	return CRONCTL_FAILED;
}

/* One line of the message. 0 or -1 (said). */
static int put(struct buf *out, const char *name, const char *value)
{
	if (strchr(value, '\n')) {
		fail(*name ? name : "NAME=VALUE", "a value has one line only");
		return -1;
	}
	buf_printf(out, "%s%s\n", name, value);
	return 0;
}

/* The options of the command line. 0; -1: said, or (*usage) it is not used like that. */
static int message(int argc, char **argv, struct buf *out, bool *usage)
{
	static const struct option options[] = {
		{ "ready", no_argument, NULL, 'r' },
		{ "status", required_argument, NULL, 's' },
		{ "watchdog", no_argument, NULL, 'w' },
		{ "stopping", no_argument, NULL, 'e' },
		{ "alert", required_argument, NULL, 'a' },
		{ "pid", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	char pid[16];
	int c, bad = 0;

	snprintf(pid, sizeof(pid), "%d", (int)getppid());
	while (!bad && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			bad = put(out, "READY=", "1");
			break;
		case 's':
			bad = put(out, "STATUS=", optarg);
			break;
		case 'w':
			bad = put(out, "WATCHDOG=", "1");
			break;
		case 'e':
			bad = put(out, "STOPPING=", "1");
			break;
		case 'a':
			bad = put(out, "X_CRON_ALERT=", optarg);
			break;
		case 'p':
			bad = put(out, "MAINPID=", pid);
			break;
		default:
			*usage = true;
			return -1;
		}
	}
	for (; !bad && optind < argc; optind++) {
		*usage = !strchr(argv[optind], '=') || *argv[optind] == '=';
		bad = *usage ? -1 : put(out, "", argv[optind]);
	}
	*usage |= !bad && out->len == 0;
	return bad || *usage ? -1 : 0;
}

static int notify_connect(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n) {
		fail("NOTIFY_SOCKET is not set",
		        "this is for jobs that crond has started as tasks, or "
		        "from lines with options");
		return -1;
	}
	if ((*path != '/' && *path != '@') || n >= sizeof(a.sun_path)) {
		fail(path, "NOTIFY_SOCKET is no address of a socket");
		return -1;
	}
	memcpy(a.sun_path, path, n);
	if (*path == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	        connect(fd, (struct sockaddr *)&a,
	                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*path != '@'))) ==
	                0)
		return fd;
	fail(path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The keeper closes what comes with a message once it has read it: the other end tells. Who
 * ended before that would be harder to know as one of the job's. */
static int barrier(int fd)
{
	static char text[] = "BARRIER=1";
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { text, sizeof(text) - 1 };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct pollfd p = { .events = POLLHUP };
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	control.head = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS
	};
	memcpy(CMSG_DATA(&control.head), &ends[1], sizeof(int));
	rc = sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
	close(ends[1]);
	p.fd = ends[0];
	if (rc == 0 && poll(&p, 1, READ_MS) <= 0) {
		errno = ETIMEDOUT;
		rc = -1;
	}
	close(ends[0]);
	return rc;
}

static int notify_send(const struct buf *text)
{
	int fd, rc;

	if (text->failed || text->len > SDNOTIFY_MOST)
		return fail("too long", "a message has 4096 bytes at most");
	fd = notify_connect();
	if (fd < 0)
		return CRONCTL_FAILED;
	rc = send(fd, text->data, text->len, MSG_NOSIGNAL) < 0 || barrier(fd) < 0
	        ? fail(getenv("NOTIFY_SOCKET"), strerror(errno))
	        : CRONCTL_OK;
	close(fd);
	return rc;
}

int cronctl_notify(int argc, char **argv)
{
	struct buf text = { 0 };
	bool usage = false;
	int rc = CRONCTL_FAILED;

	if (message(argc, argv, &text, &usage) == 0)
		rc = notify_send(&text);
	else if (usage)
		rc = cronctl_usage(argv[0]);
	buf_free(&text);
	return rc;
}
