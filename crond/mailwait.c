/* mailwait: a mail that waits for its turn or another try, on file while its keeper has it.
 * Flow: mail puts it there and takes it away; mails finds those whose keeper was killed. */
#include "config.h"

#include "crond/mailwait.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "crond/base/file.h"
#include "crond/core/run.h"

static void path_make(char path[RUN_ID_MOST + 16], const char *id)
{
	snprintf(path, RUN_ID_MOST + 16, MAILWAIT_DIR "/%s", id);
}

/* Its lock comes before its bytes: one that is empty is not there yet. */
int mailwait_begin(int runs, const char *id, const char *user, uint64_t bytes)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct mailwait m = { .magic = MAILWAIT_MAGIC, .bytes = bytes };
	char path[RUN_ID_MOST + 16];
	int fd;

	path_make(path, id);
	snprintf(m.user, sizeof(m.user), "%s", user);
	fd = openat(runs, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0 && file_write(fd, (const char *)&m, sizeof(m)) == 0)
		return fd;
	mailwait_end(runs, id, fd);
	return -1;
}

void mailwait_end(int runs, const char *id, int fd)
{
	char path[RUN_ID_MOST + 16];

	if (fd < 0)
		return;
	path_make(path, id);
	unlinkat(runs, path, 0);
	close(fd);
}
