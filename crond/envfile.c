/* envfile: a job's env-file, read with its user's rights.
 * Flow: before the job starts; what stands in it goes into the job's environment. */
#include "config.h"

#include "crond/envfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/kernel.h"
#include "crond/core/envfile.h"
#include "crond/core/run.h"
#include "crond/errand.h"
#include "crond/spawn.h"

/* Who the job runs as and what its run is called is not for a file to say. */
static bool is_ours(const char *setting)
{
	static const char *const names[] = { "LOGNAME=", "USER=", "CRON_JOB=", "CRON_RUN_ID=",
		"CRON_SCHEDULED_AT=", "CRON_ATTEMPT=", "CRON_HOST=", "CRON_ARTIFACTS=", "CRON_RESULT=",
		"CRON_EXIT_CODE=", "CRON_SIGNAL=", "CRON_REASON=", "CRON_DURATION=", "CRON_FAILURES=",
		"CRON_LOG=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(setting, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static bool may_be_missing(const struct run *r)
{
	return *r->dress.env_file == '-';
}

static const char *path_of(const struct run *r)
{
	return r->dress.env_file + may_be_missing(r);
}

/* The file's bytes come back in memory that has no name: its disk may hang, this cannot. */
static void read_as_user(void *arg, struct errand *e)
{
	const struct run *r = arg;
	struct buf bytes = { 0 };
	struct stat st;
	int fd;

	if (*path_of(r) != '/' && chdir(r->dir) < 0) {
		e->error = errno;
		return;
	}
	fd = file_open(AT_FDCWD, path_of(r), 1, &st);
	if (fd < 0 && errno == ENOENT && may_be_missing(r))
		return;
	if (fd < 0 || file_read(fd, ENVFILE_MOST, &bytes) < 0) {
		e->error = errno;
		return;
	}
	e->fd = kernel_shared(-1, 0);
	if (e->fd < 0 || (bytes.len && file_write(e->fd, bytes.data, bytes.len) < 0) ||
	        lseek(e->fd, 0, SEEK_SET) < 0)
		e->error = errno;
}

static int settings_read(struct slice bytes, struct buf *out, struct diag *d)
{
	struct envfile f = { .rest = bytes };
	size_t from = out->len;
	int more;

	while ((more = envfile_next(&f, out, d)) > 0) {
		if (is_ours(out->data + from))
			out->len = from;
		from = out->len;
	}
	return more;
}

int envfile_read(const struct spawn *as, struct buf *out, char *reason, size_t n)
{
	const struct run *r = as->run;
	struct errand e;
	struct buf bytes = { 0 };
	struct diag d;
	int rc = errand_run(as, read_as_user, (void *)(uintptr_t)r, &e);

	if (rc == 0 && e.fd >= 0 && file_read(e.fd, ENVFILE_MOST, &bytes) < 0) {
		e.error = errno;
		rc = -1;
	}
	if (rc < 0) {
		snprintf(reason, n, "env-file %.150s: %s", path_of(r), strerror(e.error));
	} else if (settings_read((struct slice){ bytes.data, bytes.len }, out, &d) < 0) {
		snprintf(reason, n, "env-file %.120s:%u: %.100s", path_of(r), (unsigned)d.line,
		        d.text);
		rc = -1;
	}
	if (e.fd >= 0)
		close(e.fd);
	buf_free(&bytes);
	return rc;
}
