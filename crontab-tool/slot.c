/* slot: where a new table is written before it takes its place.
 * Flow: see slot.h. Made exclusively, so two that come at once never write to one; the
 * host's name keeps machines apart that share a spool. */
#include "config.h"

#include "crontab-tool/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crontab-tool/request.h"

enum { SLOTS = 16, ROUNDS = 200, WAIT_NS = 10 * 1000 * 1000 };

static void name_put(char name[NAME_MAX + 1], const struct request *r, int number)
{
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, HOST_NAME_MAX);
	for (char *slash = host; (slash = strchr(slash, '/')); slash++)
		*slash = '_';
	snprintf(name, NAME_MAX + 1, ".tmp.%s.%s.%u.%d", host, r->user, (unsigned)r->identity.uid,
	        number);
}

static bool still_named(int fd, int dir, const char *name)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	        S_ISREG(ours.st_mode) && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

void slot_sweep(int dir, const struct request *r)
{
	char name[NAME_MAX + 1];

	for (int i = 0; i < SLOTS; i++) {
		name_put(name, r, i);
		int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && still_named(fd, dir, name))
			unlinkat(dir, name, 0);
		close(fd);
	}
}

/* Between its making and its lock somebody may have swept it. Where there are no locks,
 * nobody sweeps. */
static int make(struct slot *slot, int dir)
{
	slot->fd =
	        openat(dir, slot->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (slot->fd < 0)
		return -1;
	if ((flock(slot->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
	        still_named(slot->fd, dir, slot->name))
		return 0;
	close(slot->fd);
	slot->fd = -1;
	errno = EEXIST;
	return -1;
}

int slot_open(struct slot *slot, int dir, const struct request *r)
{
	const struct timespec pause = { 0, WAIT_NS };

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < SLOTS; i++) {
			name_put(slot->name, r, i);
			if (make(slot, dir) == 0)
				return 0;
			if (errno != EEXIST)
				return -1;
		}
		nanosleep(&pause, NULL);
	}
	errno = EBUSY;
	return -1;
}
