/* backup: the table that is about to go, kept in the caller's cache directory.
 * Flow: see backup.h. The copy is put in place by a rename: no link that stands there
 * leads it anywhere else, whoever's directory it is. */
#include "config.h"

#include "crontab-tool/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"
#include "crontab-tool/spool.h"

struct backup {
	char directory[PATH_MAX], path[PATH_MAX];
};

static bool set(char out[PATH_MAX], int n)
{
	if (n >= 0 && n < PATH_MAX)
		return true;
	out[0] = '\0';
	fputs("backup path too long\n", stderr);
	return false;
}

static bool place(const struct request *r, struct backup *b)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	bool own = r->identity.uid == r->uid;

	if (cache && *cache)
		home = "";
	else if (!home) {
		fputs("Could not find environment variable XDG_CACHE_HOME or HOME to save the "
		      "backup\n",
		        stderr);
		return false;
	} else
		cache = "/.cache";
	return set(b->directory, snprintf(b->directory, PATH_MAX, "%s%s/crontab", home, cache)) &&
	        set(b->path,
	                snprintf(b->path, PATH_MAX, "%s/crontab%s%s.bak", b->directory,
	                        own ? "" : ".", own ? "" : r->user));
}

/* With its parent, which a new user has not got. */
static bool directory_made(const struct backup *b)
{
	char parent[PATH_MAX];
	struct stat st;

	if (stat(b->directory, &st) == 0 || errno != ENOENT)
		return true;
	snprintf(parent, sizeof(parent), "%s", b->directory);
	*strrchr(parent, '/') = '\0';
	if (*parent && stat(parent, &st) != 0 && errno == ENOENT)
		(void)mkdir(parent, 0700);
	if (mkdir(b->directory, 0755) == 0)
		return true;
	fprintf(stderr, "%s: mkdir: %s\n", b->directory, strerror(errno));
	return false;
}

/* For people: what reads this program's output does not expect the line. */
static void tell(const struct request *r, const struct backup *b)
{
	if (!isatty(STDOUT_FILENO))
		return;
	printf("Backup of %s's previous crontab saved to %s\n", r->user, b->path);
	fflush(stdout);
}

enum backup_result backup_table(const struct request *r, const struct spool *s)
{
	enum backup_result result = BACKUP_FAILED;
	struct buf table = { 0 };
	struct backup b;
	bool placed = place(r, &b);

	identity_own(&r->identity);
	int error = spool_read(s, r->user, &table) == 0 ? 0 : errno;
	identity_caller(&r->identity);
	if (error == ENOENT) {
		result = BACKUP_NO_TABLE;
	} else if (error) {
		spool_complain(s, r->user, error);
		result = BACKUP_UNREADABLE;
	} else if (placed && directory_made(&b)) {
		if (file_replace(AT_FDCWD, b.path, 0600, table.data, table.len, 0) == 0) {
			result = BACKUP_DONE;
			tell(r, &b);
		} else {
			fprintf(stderr, "Failed to write to the backup file: %s: %s\n", b.path,
			        strerror(errno));
		}
	}
	buf_free(&table);
	return result;
}
