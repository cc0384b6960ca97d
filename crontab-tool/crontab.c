/* crontab: crontab(1), the program that people keep their tables with.
 * Flow: request -> access -> list, remove, replace or edit. It may be installed setgid
 * (or setuid, where the dialect wants that), and is the caller but for moments. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crontab-tool/access.h"
#include "crontab-tool/account.h"
#include "crontab-tool/edit.h"
#include "crontab-tool/host.h"
#include "crontab-tool/install.h"
#include "crontab-tool/list.h"
#include "crontab-tool/place.h"
#include "crontab-tool/remove.h"
#include "crontab-tool/request.h"
#include "crontab-tool/spool.h"
#include "crontab-tool/words.h"

static int replace(const struct request *r, const struct spool *s)
{
	struct buf table = { 0 };
	int status = 1;

	if (file_read(r->source, TABLE_MOST, &table) != 0) {
		if (errno == EFBIG)
			fprintf(stderr, "crontab: %s: larger than %zu MB, can't install.\n",
			        r->file, TABLE_MOST >> 20);
		else
			perror(r->file);
		goto out;
	}
	struct slice bytes = { table.data ? table.data : "", table.len };
	status = install_table(r, s, r->file, bytes) == INSTALL_DONE ? 0 : 1;
out:
	buf_free(&table);
	return status;
}

static int perform(const struct request *r, const struct spool *s)
{
	switch (r->operation) {
	case OP_LIST:
		return list_run(r, s);
	case OP_REMOVE:
		return remove_run(r, s);
	case OP_EDIT:
		return edit_run(r, s);
	case OP_REPLACE:
	case OP_TEST:
		return replace(r, s);
	case OP_HOST_SET:
		return host_set(r, s);
	case OP_HOST_GET:
		return host_get(r, s);
	default:
		fputs(words_get(r->dialect->id)->usage, stderr);
		return 1;
	}
}

/* A user's name is the name of a file in the spool. */
static bool name_is_file(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

/* Who may not use the program is told so before the spool is touched. */
static int enter(const struct request *r, struct spool *s)
{
	identity_own(&r->identity);
	int rc = access_check(r) ? spool_open(s, r) : -1;
	identity_caller(&r->identity);
	return rc == 0 && account_check(r) ? 0 : -1;
}

static int settle(struct request *r, struct place *p)
{
	identity_own(&r->identity);
	int rc = place_read(p, SYSCONFDIR "/crond.conf");
	identity_caller(&r->identity);
	r->dialect = p->dialect;
	r->spool = p->spool;
	return rc;
}

static int run(struct request *r, struct place *place, int argc, char **argv)
{
	struct spool spool = { .dir = -1 };
	int status = 1;

	if (settle(r, place) != 0 || request_read(r, argc, argv) != 0)
		return 1;
	if (r->operation == OP_VERSION) {
		puts(PACKAGE_STRING);
		return 0;
	}
	if (!name_is_file(r->user))
		fprintf(stderr, "crontab: a user named `%s' can have no crontab\n", r->user);
	else if (enter(r, &spool) == 0)
		status = perform(r, &spool);
	spool_close(&spool);
	return status;
}

/* With one of these closed, a table could be opened as what messages are written to.
 * What is opened in its place can be neither read nor written, as before: an input that
 * is not there is no empty table. */
static void standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int closed = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF || open("/dev/null", closed) == fd)
			continue;
		perror("crontab: /dev/null");
		_exit(1);
	}
}

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__) /* which says it otherwise; without it nobody asks */
/* The leak checker traces its own process, which the kernel allows no setgid program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

int main(int argc, char **argv)
{
	struct request request = { .source = -1 };
	struct place place;

	standard_descriptors();
	identity_start(&request.identity);
	int status = run(&request, &place, argc, argv);
	request_free(&request);
	return status;
}
