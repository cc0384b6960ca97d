/* crond-notify: tells people, so that the scheduler need not.
 * Flow: started by the scheduler with one end of a socket; see notify.h.
 *
 * It runs as a user of its own and knows nothing but the events it is sent. It does not
 * set no_new_privs: the usual sendmail programs put mail into their queue by a set-group-id
 * bit, and would fail. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/notify/asked.h"
#include "crond/notify/notify.h"

struct options {
	bool as_root;
	uint64_t unit_ms, mail_ms; /* 0: as usual */
	int socket, listening; /* -1: nobody asks */
	const char *spool;
};

static const char usage[] =
	"usage: crond-notify [--as-root] [--listen=FD] SOCKET_FD SPOOL_DIR\n"
	"Started by crond, not by hand. --as-root allows root, for a private crond of root's; at\n"
	"--listen people ask what has become of alerts.\n"
	"For tests: --retry-unit=MS (a second of the retry table), --mail-deadline=MS.\n";

static int options_read(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "as-root", no_argument, NULL, 'r' },
		{ "listen", required_argument, NULL, 'l' },
		{ "retry-unit", required_argument, NULL, 'u' },
		{ "mail-deadline", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t fd, listening;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'r')
			o->as_root = true;
		else if (c == 'l' && text_number(slice_of(optarg), 1 << 20, &listening) == 0)
			o->listening = (int)listening;
		else if (c == 'u' && text_number(slice_of(optarg), 60000, &o->unit_ms) == 0)
			continue;
		else if (c == 'm' && text_number(slice_of(optarg), 600000, &o->mail_ms) == 0)
			continue;
		else
			return -1;
	}
	if (argc - optind != 2 || text_number(slice_of(argv[optind]), 1 << 20, &fd))
		return -1;
	o->socket = (int)fd;
	o->spool = argv[optind + 1];
	return 0;
}

static int socket_check(int fd)
{
	int type;
	socklen_t n = sizeof(type);

	if (fd < 3 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) || type != SOCK_SEQPACKET)
		return -1;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static int listening_check(int fd)
{
	int listens;
	socklen_t n = sizeof(listens);

	if (fd < 3 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) || !listens)
		return -1;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void close_between(unsigned first, unsigned last)
{
#ifdef SYS_close_range
	/* what an older kernel does not know is no loss: the scheduler leaves nothing open */
	if (first <= last)
		(void)syscall(SYS_close_range, first, last, 0U);
#else
	(void)first;
	(void)last;
#endif
}

/* Nothing that was inherited by mistake stays open, and 0 to 2 are taken. */
static int descriptors_settle(int socket, int listening)
{
	unsigned low = (unsigned)socket, high = low;
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -1;
	} while (fd <= 2);
	close(fd);
	if (listening >= 0) {
		low = (unsigned)(listening < socket ? listening : socket);
		high = (unsigned)(listening < socket ? socket : listening);
		close_between(low + 1, high - 1);
	}
	close_between(3, low - 1);
	close_between(high + 1, ~0U);
	return 0;
}

/* No dump, no core: a webhook's token passes through this memory. */
static int process_harden(void)
{
	const struct rlimit none = { 0, 0 };

	setsid(); /* keys at a terminal are for the scheduler */
	umask(077);
	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0) ||
		signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGHUP, SIG_IGN) == SIG_ERR)
		return -1;
	/* a name server that does not answer keeps a resolver thread no longer than this */
	return setenv("RES_OPTIONS", "timeout:2 attempts:2", 1);
}

static int signals_open(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	if (sigprocmask(SIG_BLOCK, &ends, NULL))
		return -1;
	return signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int work(struct notify *n, const struct options *o)
{
	int opened;

	n->socket = o->socket;
	n->signals = signals_open();
	n->message = malloc(NOTICE_MOST + 1);
	if (n->signals < 0 || !n->message ||
		deliver_open(&n->deliver, &n->spool, &n->report)) {
		fprintf(stderr, "crond-notify: cannot start: %s\n", strerror(errno));
		return 1;
	}
	if (o->unit_ms)
		n->deliver.unit_ms = (int64_t)o->unit_ms;
	if (o->mail_ms)
		n->deliver.mails.deadline_ms = (int64_t)o->mail_ms;
	n->clients.fd = -1;
	if (o->listening >= 0 && asked_open(&n->clients, o->listening, n)) {
		fprintf(stderr, "crond-notify: nobody can ask: %s\n", strerror(errno));
		return 1;
	}
	opened = notify_open(n, o->spool);
	if (opened == 0)
		notify_work(n);
	clients_close(&n->clients);
	deliver_free(&n->deliver);
	spool_free(&n->spool);
	report_free(&n->report);
	free(n->message);
	close(n->signals);
	return opened < 0;
}

int main(int argc, char **argv)
{
	struct options o = { .listening = -1 };
	struct notify n = { 0 };

	if (options_read(&o, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	if (!o.as_root && (getuid() == 0 || geteuid() == 0)) {
		fputs("crond-notify: does not run as root (see --as-root)\n", stderr);
		return 1;
	}
	if (socket_check(o.socket)) {
		fprintf(stderr, "crond-notify: descriptor %d is no SEQPACKET socket\n", o.socket);
		return 2;
	}
	if (o.listening >= 0 && (o.listening == o.socket || listening_check(o.listening))) {
		fprintf(stderr, "crond-notify: descriptor %d does not listen\n", o.listening);
		return 2;
	}
	if (descriptors_settle(o.socket, o.listening) || process_harden()) {
		fprintf(stderr, "crond-notify: cannot start: %s\n", strerror(errno));
		return 1;
	}
	return work(&n, &o);
}
