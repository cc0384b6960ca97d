/* mailturn: whose mailer may be at work now, and which mails may wait.
 * Flow: mail asks before it starts a mailer, and before it waits for another try: a mailer that
 * hangs or fails must not fill the machine, nor keep another user's from theirs. */
#include "config.h"

#include "crond/mailturn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "crond/launch.h"

void mailturn_init(struct mailturn *t, struct launch_shared *shared, int fd, uid_t uid)
{
	*t = (struct mailturn){ .shared = shared, .fd = fd, .user = (unsigned)uid % MAIL_USERS,
		.place = -1 };
}

static int lock(int fd, short type, off_t at)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	return fcntl(fd, F_SETLK, &l);
}

/* Where nothing can be locked nobody waits. */
bool mailturn_take(struct mailturn *t)
{
	for (unsigned i = 0; i < MAILERS_MOST; i++) {
		off_t at = (off_t)t->user * MAILERS_MOST + (off_t)i;

		if (lock(t->fd, F_WRLCK, at) == 0) {
			t->place = at;
			return true;
		}
		if (errno != EAGAIN && errno != EACCES)
			return true;
	}
	return false;
}

void mailturn_give(struct mailturn *t)
{
	if (t->place >= 0)
		lock(t->fd, F_UNLCK, t->place);
	t->place = -1;
}

bool mailturn_wait(struct mailturn *t, unsigned most)
{
	_Atomic uint32_t *waiting = &t->shared->mails_waiting[t->user];

	if (atomic_fetch_add(waiting, 1) < most)
		return true;
	atomic_fetch_sub(waiting, 1);
	return false;
}

void mailturn_leave(struct mailturn *t)
{
	atomic_fetch_sub(&t->shared->mails_waiting[t->user], 1);
}
