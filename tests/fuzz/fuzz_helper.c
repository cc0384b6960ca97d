/* Any bytes as what crond-notify says to the scheduler, a message a line: of the events that wait
 * those go whose ids are named, and no other file; and lines for the log stay lines. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/core/event.h"
#include "crond/crond.h"
#include "crond/rundir.h"

static const char *const waiting[] = { "one-1-1.end", "two-2-1.end", "x" };
static const char *const others[] = { "../beside", "run-1-1", "../outbox.x" };
static char dir[PATH_MAX];
static int runs = -1, log_fd = -1, ends[2];

enum { WAITING = sizeof(waiting) / sizeof(waiting[0]), OTHERS = sizeof(others) / sizeof(others[0]) };

static void demand(int holds)
{
	if (!holds)
		abort();
}

static const char *path_of(const char *id)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", RUNDIR_OUTBOX, id);
	return path;
}

static void end(void)
{
	for (size_t i = 0; i < WAITING; i++)
		unlinkat(runs, path_of(waiting[i]), 0);
	for (size_t i = 0; i < OTHERS; i++)
		unlinkat(runs, others[i], 0);
	unlinkat(runs, RUNDIR_OUTBOX, AT_REMOVEDIR);
	unlinkat(runs, "../runs", AT_REMOVEDIR);
	rmdir(dir);
}

static void put(const char *path)
{
	int fd = openat(runs, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	demand(fd >= 0);
	close(fd);
}

static void begin(void)
{
	char path[PATH_MAX + 8];

	snprintf(dir, sizeof(dir), "%s/fuzz_helper.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	demand(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/runs", dir);
	demand(mkdir(path, 0700) == 0);
	runs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	demand(runs >= 0 && log_fd >= 0 && mkdirat(runs, RUNDIR_OUTBOX, 0700) == 0);
	demand(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	for (size_t i = 0; i < OTHERS; i++)
		put(others[i]);
	atexit(end);
}

/* Is it named by a message so far? */
static bool named(const char *id, struct slice message)
{
	const char *nul = message.n ? memchr(message.s, '\0', message.n) : NULL;
	size_t n = nul ? (size_t)(nul - message.s) : message.n;

	return n > 1 && message.s[0] == NOTICE_SPOOLED && n - 1 == strlen(id) &&
		memcmp(message.s + 1, id, n - 1) == 0;
}

static void check_message(struct crond *c, struct slice message, bool gone[WAITING])
{
	size_t left = 0;

	if (message.n == 0 || send(ends[1], message.s, message.n, MSG_DONTWAIT) != (ssize_t)message.n)
		return;
	alert_ready(c, EPOLLIN);
	for (size_t i = 0; i < WAITING; i++) {
		gone[i] |= named(waiting[i], message);
		demand((faccessat(runs, path_of(waiting[i]), F_OK, 0) < 0) == gone[i]);
		left += !gone[i];
	}
	for (size_t i = 0; i < OTHERS; i++)
		demand(faccessat(runs, others[i], F_OK, 0) == 0);
	demand(c->outbox_count == left);
}

/* What it has logged is one line for each message, whatever was in them. */
static size_t lines_logged(void)
{
	char text[4096];
	size_t lines = 0;
	ssize_t n;

	demand(lseek(log_fd, 0, SEEK_SET) == 0);
	while ((n = read(log_fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += text[i] == '\n';
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crond *c = calloc(1, sizeof(*c));
	const char *at = (const char *)data, *stop = at + size;
	bool gone[WAITING] = { false };
	size_t messages = 0;

	if (runs < 0)
		begin();
	demand(c != NULL && ftruncate(log_fd, 0) == 0 && lseek(log_fd, 0, SEEK_SET) == 0);
	c->set.dialect = dialect_get(DIALECT_DEBIAN);
	c->log = (struct log){ .target = LOG_TO_STDERR, .level = 7, .fd = -1, .err = log_fd };
	c->runs = runs;
	c->w_files.fd = c->outbox_wd = c->w_later.fd = -1;
	c->room_each = 1 << 20;
	TAILQ_INIT(&c->outbox_queue);
	c->notify = getpid(); /* it is there, and nothing is sent to it */
	c->w_notify.fd = -1;
	for (size_t i = 0; i < WAITING; i++) {
		put(path_of(waiting[i]));
		outbox_add(c, waiting[i]);
	}
	c->w_notify.fd = ends[0];
	while (at < stop && messages < 64) {
		const char *line = memchr(at, '\n', (size_t)(stop - at));
		size_t n = line ? (size_t)(line - at) : (size_t)(stop - at);

		check_message(c, (struct slice){ at, n }, gone);
		messages++;
		at += n + 1;
	}
	demand(lines_logged() <= messages);
	for (size_t i = 0; i < WAITING; i++)
		outbox_told(c, waiting[i]);
	demand(c->outbox_count == 0);
	free(c);
	return 0;
}
