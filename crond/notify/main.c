/* crond-notify: tells people, so that the scheduler need not.
 * Flow: started by the scheduler with one end of a socket; see notify.h.
 *
 * It runs as a user of its own, shut in, and knows nothing but the events it is sent. Mailers are
 * executed by a process of its own outside (mailer.h). */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/process.h"
#include "crond/base/text.h"
#include "crond/core/event.h"
#include "crond/notify/asked.h"
#include "crond/notify/notify.h"
#include "crond/notify/reach.h"

enum { FILE_MOST = 256 << 20 }; /* bytes: more than the whole spool may hold */

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
		else if ((c != 'u' || text_number(slice_of(optarg), 60000, &o->unit_ms)) &&
			(c != 'm' || text_number(slice_of(optarg), 600000, &o->mail_ms)))
			return -1;
	}
	if (argc - optind != 2 || text_number(slice_of(argv[optind]), 1 << 20, &fd))
		return -1;
	o->socket = (int)fd;
	o->spool = argv[optind + 1];
	return 0;
}

/* From here on only what is needed to deliver. */
static void shut_in(struct notify *n, const char *spool)
{
	const struct rlimit size = { FILE_MOST, FILE_MOST };
	struct diag d;

	(void)setrlimit(RLIMIT_FSIZE, &size);
	if (reach_restrict(spool, n->deliver.mails.pid, &d))
		report_log(&n->report, LOG_WARNING, "not shut in as far as it should be: %s", d.text);
}

static int work(struct notify *n, const struct options *o)
{
	int opened;

	n->socket = o->socket;
	n->signals = process_signals();
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
	if (opened == 0) {
		shut_in(n, o->spool);
		opened = notify_load(n);
	}
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
	if (process_socket(o.socket, SOCK_SEQPACKET, false)) {
		fprintf(stderr, "crond-notify: descriptor %d is no SEQPACKET socket\n", o.socket);
		return 2;
	}
	if (o.listening >= 0 && process_socket(o.listening, SOCK_STREAM, true)) {
		fprintf(stderr, "crond-notify: descriptor %d does not listen\n", o.listening);
		return 2;
	}
	/* a name server that does not answer keeps a resolver thread no longer than this */
	if (process_descriptors((int[]){ o.socket, o.listening }, 2) || process_harden() ||
		setenv("RES_OPTIONS", "timeout:2 attempts:2", 1)) {
		fprintf(stderr, "crond-notify: cannot start: %s\n", strerror(errno));
		return 1;
	}
	return work(&n, &o);
}
