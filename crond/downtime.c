/* downtime: until when due seconds were handled, on disk, for jobs with catchup or grace.
 * Flow: clock writes it when such a job was due, and asks at a start in a new boot, when the
 * stamp of the run-time directory is gone. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DOWNTIME_MAGIC = 0x646e7243, DOWNTIME_VERSION = 1 };

/* So small that it is written whole or not at all. */
struct downtime_record {
	uint32_t magic, version;
	int64_t second;
};

static int downtime_open(struct crond *c, int flags)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/handled", c->set.state_dir);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int64_t downtime_read(struct crond *c)
{
	struct downtime_record r = { 0 };
	int fd = downtime_open(c, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, &r, sizeof(r));
	close(fd);
	if (n == sizeof(r) && r.magic == DOWNTIME_MAGIC && r.version == DOWNTIME_VERSION)
		return r.second;
	trouble_say(c, "handled", "not of a version that is known: what was missed before this boot is not");
	return 0;
}

/* Not synced: no start waits for a disk. */
void downtime_write(struct crond *c, int64_t second)
{
	struct downtime_record r = { DOWNTIME_MAGIC, DOWNTIME_VERSION, second };

	if (c->handled_fd < 0)
		c->handled_fd = downtime_open(c, O_WRONLY | O_CREAT);
	if (c->handled_fd >= 0 && pwrite(c->handled_fd, &r, sizeof(r), 0) == sizeof(r)) {
		c->handled_said = false;
		return;
	}
	if (!c->handled_said)
		trouble_say(c, "handled", strerror(errno));
	c->handled_said = true;
}
