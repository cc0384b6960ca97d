/* request: the command line of crontab(1).
 * Flow: first step of the program; FILE is opened here, as the caller, before
 * anything else happens. Texts and their order are Debian's. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crontab-tool/request.h"

void request_usage(void)
{
	fputs("usage:\tcrontab [-u user] [-n] file\n"
	      "\tcrontab [ -u user ] [ -i ] { -e | -l | -r }\n"
	      "\n"
	      "\t-h\t(displays this help message)\n"
	      "\n"
	      "\tfile\t(default operation is replace, per 1003.2)\n"
	      "\t-n\t(dry run: checks the syntax, then bails out)\n"
	      "\t-u user\t(choose the user whose crontab is touched)\n"
	      "\n"
	      "\t-e\t(edit user's crontab)\n"
	      "\t-l\t(list user's crontab)\n"
	      "\t-r\t(delete user's crontab)\n"
	      "\n"
	      "\t-i\t(prompt before deleting user's crontab)\n",
		stderr);
}

static int usage_error(const char *what)
{
	fprintf(stderr, "crontab: usage error: %s\n", what);
	request_usage();
	return -1;
}

/* The caller is who the real uid says, whatever the environment claims. */
static int read_caller(struct request *r)
{
	const struct passwd *pw = getpwuid(r->identity.uid);
	if (!pw) {
		fputs("crontab: your UID isn't in the passwd file.\nbailing out.\n", stderr);
		return -1;
	}
	r->uid = pw->pw_uid;
	r->caller = strdup(pw->pw_name);
	r->user = strdup(pw->pw_name);
	if (r->caller && r->user)
		return 0;
	fputs("crontab: Cannot allocate memory.\n", stderr);
	return -1;
}

/* By name only: a number is a name like any other. */
static int read_user(struct request *r, const char *name)
{
	const struct passwd *pw = getpwnam(name);
	if (!pw) {
		fprintf(stderr, "crontab:  user `%s' unknown\n", name);
		return -1;
	}
	if (r->identity.uid != 0 && strcmp(pw->pw_name, r->caller) != 0) {
		fputs("must be privileged to use -u\n", stderr);
		return -1;
	}
	char *user = strdup(pw->pw_name);
	if (!user) {
		fputs("crontab: Cannot allocate memory.\n", stderr);
		return -1;
	}
	free(r->user);
	r->user = user;
	r->uid = pw->pw_uid;
	return 0;
}

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
	if (operation != OP_NONE) {
		if (r->operation != OP_NONE)
			return usage_error("only one operation permitted");
		r->operation = operation;
		return 0;
	}
	switch (option) {
	case 'u':
		return read_user(r, optarg);
	case 'i':
		r->ask = true;
		return 0;
	case 'n':
		r->dry_run = true;
		return 0;
	default:
		return usage_error("unrecognized option");
	}
}

/* A FIFO is refused and not waited for. */
static int open_source(struct request *r)
{
	if (strcmp(r->file, "-") == 0) {
		r->source = STDIN_FILENO;
		return 0;
	}
	struct stat st;
	r->source = file_open(AT_FDCWD, r->file, 1, &st);
	if (r->source >= 0)
		return 0;
	if (errno == ENXIO || errno == EISDIR)
		fprintf(stderr, "%s: Not a regular file.\n", r->file);
	else
		perror(r->file);
	return -1;
}

int request_read(struct request *r, int argc, char **argv)
{
	int option;

	r->source = -1;
	if (read_caller(r) != 0)
		return -1;
	while ((option = getopt(argc, argv, "u:hnleri")) != -1) {
		if (read_option(r, option) != 0)
			return -1;
	}
	if (r->operation != OP_NONE) {
		if (optind < argc)
			return usage_error("no arguments permitted after this option");
		return 0;
	}
	if (optind >= argc && argc > 1)
		return usage_error("file name must be specified for replace");
	r->operation = OP_REPLACE;
	r->file = optind < argc ? argv[optind] : "-";
	return open_source(r);
}

void request_free(struct request *r)
{
	if (r->source > STDERR_FILENO)
		close(r->source);
	free(r->caller);
	free(r->user);
}
