/* aside: a damaged database is kept, out of the way.
 * Flow: history puts it aside and opens a new one; what was not acknowledged is in the backlog. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crond/history/db.h"

enum { KEPT_MOST = 3, NAME_MOST = 256 };

/* The first by name, which is the oldest; how many there are. */
static size_t oldest_find(const char *prefix, char *oldest, size_t room)
{
	DIR *dir = opendir(".");
	size_t count = 0, n = strlen(prefix);
	struct dirent *e;

	*oldest = '\0';
	while (dir && (e = readdir(dir))) {
		size_t length = strlen(e->d_name);

		if (strncmp(e->d_name, prefix, n) != 0 || length >= room ||
			strcmp(e->d_name + length - 4, "-wal") == 0)
			continue;
		count++;
		if (!*oldest || strcmp(e->d_name, oldest) < 0)
			snprintf(oldest, room, "%s", e->d_name);
	}
	if (dir)
		closedir(dir);
	return count;
}

static void old_ones_remove(const char *name)
{
	char prefix[NAME_MOST], oldest[NAME_MOST], wal[NAME_MOST + 8];

	snprintf(prefix, sizeof(prefix), "%s.corrupt-", name);
	while (oldest_find(prefix, oldest, sizeof(oldest)) > KEPT_MOST) {
		snprintf(wal, sizeof(wal), "%s-wal", oldest);
		unlink(wal);
		if (unlink(oldest) < 0)
			return;
	}
}

static void directory_sync(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int db_put_aside(struct db *db, int64_t now, char *into, size_t room)
{
	char from[NAME_MOST], to[NAME_MOST + 32], when[32];
	const time_t t = (time_t)now;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return -1;
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(into, room, "%s.corrupt-%s", db->name, when);
	if (rename(db->name, into) < 0)
		return -1;
	snprintf(from, sizeof(from), "%s-wal", db->name);
	snprintf(to, sizeof(to), "%s-wal", into);
	if (rename(from, to) < 0 && errno != ENOENT)
		unlink(from); /* what is in it is of the old one */
	snprintf(from, sizeof(from), "%s-shm", db->name);
	unlink(from);
	db->distrust = false;
	old_ones_remove(db->name);
	directory_sync();
	return 0;
}
