/* crond-history: keeps the record of runs, so that the scheduler need not know a database.
 * Flow: started by the scheduler with one end of a socket; see history.h.
 *
 * It runs as a user of its own, shut in, behind everything else, and knows nothing but the records it
 * is sent: no command, no environment, no secret. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/cage.h"
#include "crond/base/process.h"
#include "crond/base/text.h"
#include "crond/history/history.h"

enum { NICE = 10, IOPRIO_PROCESS = 1, IOPRIO_LAST = 2 << 13 | 7 /* best effort, the last of it */ };

struct called {
	bool as_root;
	int wire, listening;
	const char *directory;
};

static const char usage[] =
	"usage: crond-history [--as-root] WIRE_FD LISTEN_FD DIRECTORY\n"
	"Started by crond, not by hand. --as-root allows root, for a private crond of root's.\n";

static int options_read(struct called *o, int argc, char **argv)
{
	static const struct option known[] = {
		{ "as-root", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t wire, listening;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c != 'r')
			return -1;
		o->as_root = true;
	}
	if (argc - optind != 3 || text_number(slice_of(argv[optind]), 1 << 20, &wire) < 0 ||
		text_number(slice_of(argv[optind + 1]), 1 << 20, &listening) < 0)
		return -1;
	o->wire = (int)wire;
	o->listening = (int)listening;
	o->directory = argv[optind + 2];
	return 0;
}

/* Behind everything else; where that is refused it works all the same. */
static void step_back(void)
{
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	(void)syscall(SYS_ioprio_set, IOPRIO_PROCESS, 0, IOPRIO_LAST);
}

/* From here on only its directory, and nobody but who is connected. */
static void shut_in(struct history *h, const char *directory)
{
	const struct cage_path paths[] = {
		{ .path = directory, .writes = true },
		{ .path = "/dev/null", .writes = true },
		{ .path = "/dev/urandom" },
		{ .path = "/proc/self" },
		{ .path = "/proc/sys/vm" },
	};
	const struct cage c = { .paths = paths, .count = sizeof(paths) / sizeof(paths[0]) };
	struct diag d;

	history_bind(h, directory);
	if (cage_enter(&c, &d) < 0)
		report_log(&h->report, LOG_WARNING, "not shut in as far as it should be: %s", d.text);
}

static int work(const struct called *o)
{
	struct history h;
	int signals = process_signals();

	if (signals < 0 || history_open(&h, o->wire, o->listening, signals, o->directory) < 0) {
		fprintf(stderr, "crond-history: cannot start: %s\n", strerror(errno));
		return 1;
	}
	shut_in(&h, o->directory);
	history_work(&h);
	history_free(&h);
	close(signals);
	return 0;
}

int main(int argc, char **argv)
{
	struct called o = { 0 };

	if (options_read(&o, argc, argv) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (!o.as_root && (getuid() == 0 || geteuid() == 0)) {
		fputs("crond-history: does not run as root (see --as-root)\n", stderr);
		return 1;
	}
	if (process_socket(o.wire, SOCK_SEQPACKET, false) < 0 ||
		process_socket(o.listening, SOCK_STREAM, true) < 0) {
		fprintf(stderr,
			"crond-history: descriptors %d and %d are not the sockets it needs\n",
			o.wire, o.listening);
		return 2;
	}
	if (process_descriptors((int[]){ o.wire, o.listening }, 2) < 0 || process_harden() < 0) {
		fprintf(stderr, "crond-history: cannot start: %s\n", strerror(errno));
		return 1;
	}
	step_back();
	return work(&o);
}
