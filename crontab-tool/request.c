/* request: the command line of crontab(1).
 * Flow: first step of the program; FILE is opened here, as the caller, before
 * anything else happens. Texts and their order are the dialect's. */
#include "config.h"

#include "crontab-tool/request.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crontab-tool/request_parts.h"
#include "crontab-tool/words.h"

int request_wrong(const struct request *r, const char *what)
{
	fprintf(stderr, "crontab: usage error: %s\n%s", what, words_get(r->dialect->id)->usage);
	return -1;
}

int request_take(struct request *r, enum operation operation)
{
	if (r->operation != OP_NONE)
		return request_wrong(r, "only one operation permitted");
	r->operation = operation;
	return 0;
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

int request_user(struct request *r, const char *name)
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

/* What is no file is waited for only where the dialect takes it: a shell's <(command). */
int request_source(struct request *r, bool regular)
{
	struct stat st;

	if (strcmp(r->file, "-") == 0) {
		r->source = STDIN_FILENO;
		return 0;
	}
	if (regular) {
		r->source = file_open(AT_FDCWD, r->file, 1, &st);
		return r->source < 0 ? -1 : 0;
	}
	r->source = open(r->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r->source < 0 || fstat(r->source, &st) != 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return 0;
	errno = EISDIR;
	return -1;
}

int request_read(struct request *r, int argc, char **argv)
{
	r->source = -1;
	if (read_caller(r) != 0)
		return -1;
	return r->dialect->id == DIALECT_CRONIE ? request_cronie(r, argc, argv)
	                                        : request_debian(r, argc, argv);
}

void request_free(struct request *r)
{
	if (r->source > STDERR_FILENO)
		close(r->source);
	free(r->caller);
	free(r->user);
}
