/* request_cronie: the command line of crontab(1) as cronie has it, built without SELinux
 * (so -s is no option).
 * Flow: see request.c. Each option is judged where it stands, so their order matters. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crontab-tool/request_parts.h"

static int forbidden(const char *why)
{
	fprintf(stderr, "%s\n", why);
	return -1;
}

static int take_user(struct request *r)
{
	if (r->identity.uid != 0)
		return forbidden("must be privileged to use -u");
	if (r->operation == OP_HOST_SET || r->operation == OP_HOST_GET || r->operation == OP_TEST)
		return forbidden("cannot use -u with -n, -c or -T");
	return request_user(r, optarg);
}

/* The host is everybody's, so it goes with nobody's name. */
static int take_host(struct request *r, enum operation operation)
{
	if (operation == OP_HOST_SET && r->identity.uid != 0)
		return forbidden("must be privileged to set host with -n");
	if (r->operation == OP_NONE && strcmp(r->user, r->caller) != 0)
		return forbidden("cannot use -u with -n or -c");
	return request_take(r, operation);
}

/* -V ends the reading: what stands behind it is not looked at. */
static int read_option(struct request *r, int option)
{
	switch (option) {
	case 'u':
		return take_user(r);
	case 'l':
		return request_take(r, OP_LIST);
	case 'r':
		return request_take(r, OP_REMOVE);
	case 'e':
		return request_take(r, OP_EDIT);
	case 'T':
		return request_take(r, OP_TEST);
	case 'n':
	case 'c':
		return take_host(r, option == 'n' ? OP_HOST_SET : OP_HOST_GET);
	case 'b':
		r->no_backup = true;
		return 0;
	case 'i':
		r->ask = true;
		return 0;
	case 'x': /* there is nothing to debug by it */
		return 0;
	default:
		return request_wrong(r, "unrecognized option");
	}
}

static int open_source(struct request *r)
{
	if (request_source(r, false) == 0)
		return 0;
	if (errno == EISDIR)
		fprintf(stderr, "invalid crontab file: '%s' is a directory\n", r->file);
	else
		perror(r->file);
	return -1;
}

/* Nobody types a table: without FILE, a terminal is not read. */
static int take_file(struct request *r, char **argv)
{
	if (argv[optind])
		r->file = argv[optind++];
	else if (isatty(STDIN_FILENO))
		return request_wrong(r, "file name or - (for stdin) must be specified");
	else
		r->file = "-";
	return 0;
}

int request_cronie(struct request *r, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "u:lerincbx:VT")) != -1) {
		if (option == 'V') {
			r->operation = OP_VERSION;
			return 0;
		}
		if (read_option(r, option) != 0)
			return -1;
	}
	if (r->operation == OP_HOST_SET && argv[optind])
		r->host = argv[optind++];
	if (r->operation == OP_NONE)
		r->operation = OP_REPLACE;
	if (r->operation == OP_REPLACE || r->operation == OP_TEST) {
		if (take_file(r, argv) != 0)
			return -1;
	}
	if (argv[optind])
		return request_wrong(r, "no arguments permitted after this option");
	return r->file ? open_source(r) : 0;
}
