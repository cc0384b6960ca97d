/* host: which machine of a cluster runs the users' tables.
 * Flow: see host.h. */
#include "config.h"

#include "crontab-tool/host.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crontab-tool/audit.h"
#include "crontab-tool/spool.h"

static const char name[] = ".cron.hostname";

int host_set(const struct request *r, const struct spool *s)
{
	char line[HOST_NAME_MAX + 2] = "";
	const char *host = r->host;

	if (!host) {
		gethostname(line, HOST_NAME_MAX + 1);
		host = line;
	} else if (strlen(host) > HOST_NAME_MAX || strchr(host, '\n')) {
		fputs("crontab: usage error: hostname too long\n", stderr);
		return 1;
	}
	size_t n = strlen(host);
	memmove(line, host, n);
	line[n] = '\n';
	identity_own(&r->identity);
	int rc = spool_put(s, r, name, (struct slice){ line, n + 1 });
	identity_caller(&r->identity);
	line[n] = '\0';
	if (rc == 0)
		audit_log(r->caller, "SET HOST", line);
	return rc != 0;
}

int host_get(const struct request *r, const struct spool *s)
{
	struct buf file = { 0 };

	identity_own(&r->identity);
	int error = spool_read(s, name, &file) == 0 ? 0 : errno;
	identity_caller(&r->identity);
	const char *text = error ? NULL : buf_text(&file);
	size_t n = text ? strcspn(text, "\n") : 0;
	if (error == ENOENT)
		fprintf(stderr, "File %s/%s not found\n", s->path, name);
	else if (error)
		fprintf(stderr, "%s/%s: %s\n", s->path, name, strerror(error));
	else if (!text || text[n] != '\n')
		fprintf(stderr, "Error reading from %s/%s\n", s->path, name);
	else
		printf("%.*s\n", (int)n, text);
	bool good = text && text[n] == '\n';
	if (good) {
		fflush(stdout);
		file.data[n] = '\0';
		audit_log(r->caller, "GET HOST", file.data);
	}
	buf_free(&file);
	return !good;
}
