/* mails: of those that wait for another try, the ones whose keeper is killed are lost.
 * Flow: keepers put them on file (mailwait); here that is seen, and looked at again until they
 * have gone: whose lock is free has nobody to try it any more, which the log has. */
#include "config.h"

#include "crond/crond.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/mailwait.h"

enum { LOOK_MS = 5000 };

static void say_lost(struct crond *c, const char *id, struct mailwait *m)
{
	struct log_about about = { .run = id, .user = m->user, .exit_code = -1 };

	m->user[sizeof(m->user) - 1] = '\0';
	log_about(&c->log, &about, LOG_ERR, c->set.dialect->job_tag,
	        "(%s) MAIL (given up: the keeper of run %s died; %" PRIu64 " bytes of output lost)",
	        m->user, id, m->bytes);
}

/* Does its keeper live? Of one that is empty it died before it waited, or is about to lock it. */
static bool mail_waits(struct crond *c, int dir, const char *id)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(dir, id, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct mailwait m;
	bool held;

	if (fd < 0)
		return errno != ENOENT;
	held = fcntl(fd, F_OFD_SETLK, &whole) < 0;
	if (!held) {
		if (read(fd, &m, sizeof(m)) == (ssize_t)sizeof(m) && m.magic == MAILWAIT_MAGIC)
			say_lost(c, id, &m);
		unlinkat(dir, id, 0);
	}
	close(fd);
	return held;
}

void mails_wait(struct crond *c)
{
	wait_later(c, LATER_MAILS, LOOK_MS);
}

void mails_look(struct crond *c)
{
	int fd = openat(c->runs, MAILWAIT_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	bool some = false;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (e = readdir(dir))) {
		if (run_id_ok(e->d_name, strlen(e->d_name)))
			some |= mail_waits(c, fd, e->d_name);
	}
	if (dir)
		closedir(dir);
	if (some)
		mails_wait(c);
}

void mails_open(struct crond *c)
{
	char path[PATH_MAX + 32];

	c->mails_wd = -1;
	if (mkdirat(c->runs, MAILWAIT_DIR, 0700) < 0 && errno != EEXIST)
		trouble_say(c, MAILWAIT_DIR, strerror(errno));
	snprintf(path, sizeof(path), "%s/mails", c->set.run_dir);
	if (c->w_files.fd >= 0)
		c->mails_wd = inotify_add_watch(c->w_files.fd, path, IN_CREATE | IN_ONLYDIR);
	mails_look(c);
}
