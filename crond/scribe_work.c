/* scribe_work: the scribe's own process.
 * Flow: opens the run's log, writes what its keeper hands it, and ends when that holds the
 * other end no more. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crond/runlog.h"
#include "crond/runlog_open.h"
#include "crond/scribe.h"

enum { CHANNEL = 3, PIECE_MOST = 64 * 1024 };

static void say(enum scribe_news news, int error, const char *path)
{
	struct scribe_word w = { .news = (int32_t)news, .error = error };
	size_t n = path ? strnlen(path, sizeof(w.path) - 1) : 0;

	if (n)
		memcpy(w.path, path, n);
	send(CHANNEL, &w, offsetof(struct scribe_word, path) + n, MSG_NOSIGNAL);
}

static void take_all(struct runlog *l)
{
	static char piece[PIECE_MOST];
	struct scribe_head head;
	ssize_t n;

	while (l->fd >= 0 && ((n = recv(CHANNEL, piece, sizeof(piece), 0)) > 0 || (n < 0 && errno == EINTR))) {
		if (n < (ssize_t)sizeof(head))
			continue;
		memcpy(&head, piece, sizeof(head));
		runlog_skip(l, head.lost);
		runlog_add(l, head.stream == 1, piece + sizeof(head), (size_t)n - sizeof(head));
	}
}

/* The run's lock above all is not to be held by what may hang in some disk. */
static void __attribute__((noreturn)) work(int channel, const struct spawn *as, int64_t started_ns)
{
	char path[sizeof(((struct scribe_word *)NULL)->path)] = "";
	struct runlog l = { .fd = -1 };

	if (dup2(channel, CHANNEL) < 0)
		_exit(1);
	kernel_close_from(CHANNEL + 1);
	signal(SIGTERM, SIG_IGN); /* at shutdown: the job still has something to say */
	if (runlog_open(&l, as, started_ns, path, sizeof(path)) < 0) {
		say(SCRIBE_OPENED, errno ? errno : EIO, path);
		_exit(0);
	}
	say(SCRIBE_OPENED, 0, path);
	take_all(&l);
	runlog_close(&l); /* before it is said: whoever follows it sees its end by the lock */
	say(SCRIBE_OVER, l.error, NULL);
	_exit(0);
}

/* By way of a process that ends at once, before the keeper becomes a subreaper: from then on
 * it is none of the keeper's descendants. */
int scribe_begin(struct scribe *s, const struct spawn *as, int64_t started_ns)
{
	int ends[2], status = 0;
	pid_t pid, done;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid == 0)
			work(ends[1], as, started_ns);
		_exit(pid < 0);
	}
	close(ends[1]);
	do
		done = pid < 0 ? pid : waitpid(pid, &status, 0);
	while (done < 0 && pid > 0 && errno == EINTR);
	if (pid < 0 || status) {
		close(ends[0]);
		errno = EAGAIN;
		return -1;
	}
	s->fd = ends[0];
	return 0;
}
