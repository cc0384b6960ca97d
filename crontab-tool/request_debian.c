/* request_debian: the command line of crontab(1) as Debian's cron has it.
 * Flow: see request.c. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "crontab-tool/request_parts.h"

static enum operation operation_of(int option)
{
	switch (option) {
	case 'h':
		return OP_HELP;
	case 'l':
		return OP_LIST;
	case 'r':
		return OP_REMOVE;
	case 'e':
		return OP_EDIT;
	default:
		return OP_NONE;
	}
}

static int read_option(struct request *r, int option)
{
	enum operation operation = operation_of(option);

	if (operation != OP_NONE)
		return request_take(r, operation);
	switch (option) {
	case 'u':
		return request_user(r, optarg);
	case 'i':
		r->ask = true;
		return 0;
	case 'n':
		r->dry_run = true;
		return 0;
	default:
		return request_wrong(r, "unrecognized option");
	}
}

/* A FIFO is refused and not waited for. */
static int open_source(struct request *r)
{
	if (request_source(r, true) == 0)
		return 0;
	if (errno == ENXIO || errno == EISDIR)
		fprintf(stderr, "%s: Not a regular file.\n", r->file);
	else
		perror(r->file);
	return -1;
}

int request_debian(struct request *r, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "u:hnleri")) != -1) {
		if (read_option(r, option) != 0)
			return -1;
	}
	if (r->operation != OP_NONE)
		return optind < argc ? request_wrong(r, "no arguments permitted after this option")
		                     : 0;
	if (optind >= argc && argc > 1)
		return request_wrong(r, "file name must be specified for replace");
	r->operation = OP_REPLACE;
	r->file = optind < argc ? argv[optind] : "-";
	return open_source(r);
}
