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
#include "crontab-tool/answer.h"
#include "crontab-tool/audit.h"
#include "crontab-tool/edit.h"
#include "crontab-tool/header.h"
#include "crontab-tool/install.h"
#include "crontab-tool/request.h"
#include "crontab-tool/spool.h"
#include "crontab-tool/words.h"

/* Debian's rule: set, and beginning with N, means that the header is wanted. */
static bool header_wanted(void)
{
	const char *value = getenv("CRONTAB_NOHEADER");

	return value && (*value == 'N' || *value == 'n');
}

/* The two bytes that move a terminal's cursor back, and so hide what stands before
 * them, are spelled out. */
static void append_marked(struct buf *out, struct slice text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.s[i] != '\r' && text.s[i] != '\b')
			continue;
		buf_append(out, text.s + from, i - from);
		buf_puts(out, text.s[i] == '\r' ? "\\r" : "\\b");
		from = i + 1;
	}
	buf_append(out, text.s + from, text.n - from);
}

static int write_out(const char *bytes, size_t n)
{
	if (file_write(STDOUT_FILENO, bytes, n) == 0)
		return 0;
	if (errno != EPIPE)
		perror("crontab: standard output");
	return 1;
}

static int print_table(const struct request *r, struct slice table)
{
	struct buf marked = { 0 };
	int rc;

	if (!words_get(r->dialect->id)->header)
		return write_out(table.s, table.n);
	size_t skip = header_wanted() ? 0 : header_length(table);
	append_marked(&marked, (struct slice){ table.s + skip, table.n - skip });
	if (marked.failed) {
		fputs("crontab: Cannot allocate memory.\n", stderr);
		rc = 1;
	} else {
		rc = write_out(marked.data, marked.len);
	}
	buf_free(&marked);
	return rc;
}

static int list(const struct request *r, const struct spool *s)
{
	struct buf table = { 0 };

	audit_log(r->caller, "LIST", r->user);
	identity_own(&r->identity);
	int rc = spool_read(s, r->user, &table);
	int saved = errno;
	identity_caller(&r->identity);
	if (rc == 0 && table.len)
		rc = print_table(r, (struct slice){ table.data, table.len });
	else if (rc != 0 && saved == ENOENT)
		fprintf(stderr, "no crontab for %s\n", r->user);
	else if (rc != 0)
		fprintf(stderr, "%s/%s/: fopen: %s\n", s->name, r->user, strerror(saved));
	buf_free(&table);
	return rc != 0;
}

static bool sure(const struct request *r)
{
	char question[512];

	if (!r->ask)
		return true;
	snprintf(question, sizeof(question), "crontab: really delete %s's crontab? (y/n) ", r->user);
	return answer_yes(question, "Please enter Y or N: ", false);
}

static int no_table(const struct request *r)
{
	fprintf(stderr, "no crontab for %s\n", r->user);
	return 1;
}

static int remove_table(const struct request *r, const struct spool *s)
{
	identity_own(&r->identity);
	int found = spool_has(s, r->user);
	identity_caller(&r->identity);
	if (!found)
		return no_table(r);
	if (!sure(r))
		return 0;
	audit_log(r->caller, "DELETE", r->user);
	identity_own(&r->identity);
	int rc = spool_remove(s, r->user);
	int saved = errno;
	identity_caller(&r->identity);
	if (rc == 0)
		return 0;
	if (saved == ENOENT)
		return no_table(r);
	fprintf(stderr, "%s/: unlink: %s\n", s->parent, strerror(saved));
	return 1;
}

static int replace(const struct request *r, const struct spool *s)
{
	struct buf table = { 0 };
	int status = 1;

	if (file_read(r->source, TABLE_MOST, &table) != 0) {
		if (errno == EFBIG)
			fprintf(stderr, "crontab: %s: larger than %zu MB, can't install.\n", r->file,
				TABLE_MOST >> 20);
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
		return list(r, s);
	case OP_REMOVE:
		return remove_table(r, s);
	case OP_EDIT:
		return edit_run(r, s);
	case OP_REPLACE:
		return replace(r, s);
	default:
		request_usage();
		return 1;
	}
}

/* A user's name is the name of a file in the spool. */
static bool name_is_file(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

static int run(struct request *r, int argc, char **argv)
{
	struct spool spool = { .dir = -1 };

	if (request_read(r, argc, argv) != 0)
		return 1;
	if (!name_is_file(r->user)) {
		fprintf(stderr, "crontab: a user named `%s' can have no crontab\n", r->user);
		return 1;
	}
	identity_own(&r->identity);
	bool allowed = access_check(r);
	int rc = allowed ? spool_open(&spool, r->dialect) : -1;
	int saved = errno;
	identity_caller(&r->identity);
	if (!allowed)
		return 1;
	if (rc != 0) {
		fprintf(stderr, "%s: %s\n", spool.name, strerror(saved));
		return 1;
	}
	int status = perform(r, &spool);
	spool_close(&spool);
	return status;
}

/* With one of these closed, a table could be opened as what messages are written to. */
static void standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(1);
	}
}

#ifdef __SANITIZE_ADDRESS__
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

	standard_descriptors();
	identity_start(&request.identity);
	request.dialect = dialect_find(slice_of(DEFAULT_DIALECT));
	int status = run(&request, argc, argv);
	request_free(&request);
	return status;
}
