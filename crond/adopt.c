/* adopt: what a scheduler before us left under way.
 * Flow: at start, before anything is due: each directory below runs/ is a keeper that
 * lives, an outcome to take in, a run that waits in a queue, or a loss. */
#include "config.h"

#include "crond/crond.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/kernel.h"
#include "crond/base/text.h"
#include "crond/debug.h"
#include "crond/room.h"
#include "crond/rundir.h"

enum { LOOK_AGAIN_MS = 100, READ_AGAIN_MS = 1000 };

static int pidfd_of(pid_t pid)
{
	errno = ESRCH;
	return pid > 0 ? kernel_pidfd(pid) : -1;
}

/* --- the launcher before ours: while it lives its queue is not judged */

static bool is_launcher(pid_t pid)
{
	char path[64], comm[32] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, comm, sizeof(comm) - 1);
	close(fd);
	return n > 0 && strncmp(comm, "crond-launcher", 14) == 0;
}

static void old_launcher_watch(struct crond *c)
{
	struct buf b = { 0 };
	struct stat st;
	uint64_t pid = 0;
	int fd = file_open(c->run_fd, "launcher", 0, &st);

	if (fd < 0)
		return;
	if (file_read(fd, 64, &b) == 0 && b.len > 1)
		text_number((struct slice){ b.data, b.len - 1 }, INT32_MAX, &pid);
	close(fd);
	buf_free(&b);
	c->w_old.fd = pidfd_of((pid_t)pid);
	if (c->w_old.fd >= 0 && !is_launcher((pid_t)pid)) {
		close(c->w_old.fd);
		c->w_old.fd = -1;
	}
	if (c->w_old.fd >= 0)
		wait_for(c, &c->w_old, EPOLLIN);
}

/* --- one run */

/* It is not known yet, and looked for again; said once. */
static void adopt_later(struct crond *c, const char *what, int error)
{
	if (!c->adopt_said)
		trouble_say(c, what, strerror(error));
	c->adopt_unread = c->adopt_again = true;
}

static void say_left(struct crond *c, const char *id, const char *why)
{
	log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) ERROR (run %s is left as it is: %s)", id, why);
}

/* Its lock is held. The recorded pid is its keeper's if the lock is still held after
 * the pidfd was opened. */
static void adopt_live(struct crond *c, struct live_run *run, const struct run_progress *p)
{
	int pidfd = pidfd_of(p->keeper_pid), lock;
	bool named = pidfd >= 0 || errno != ESRCH; /* without pidfds its lock is looked at */

	lock = rundir_lock(c->runs, run->id);
	if (lock < 0 && errno == EAGAIN && named && p->phase != RUN_CLAIMED) {
		backlog_start_late(c, run);
		run_event(c, run, RUN_EVENT_TAKEN);
		run_watch_keeper(c, run, p->keeper_pid, pidfd);
		if (p->phase == RUN_RUNNING)
			drain_hold(c, run, p->keeper_pid, p->pipes);
		run_overran(c, run);
		run_stop_adopt(c, run);
		return;
	}
	if (pidfd >= 0)
		close(pidfd);
	if (lock >= 0)
		close(lock);
	c->adopt_again = true; /* on its way: between the lock and the mark, or ending */
}

/* Claimed and never started, as its phase and its free lock say. Within its second it is
 * sent to our launcher, as a due second that was not claimed yet would be: a scheduler
 * that starts again within a second leaves nothing out. A launcher that outlived its
 * scheduler may still have it in its queue: the lock lets one keeper have it. Later it is
 * lost, after a second look: a keeper may be on its way. A daemon is never too late. */
static void adopt_claimed(struct crond *c, struct live_run *run)
{
	bool looked = run->looks++ > 0;

	if (run->flags & RUN_DAEMON || run->scheduled >= c->clock.real.tv_sec - LATE_START) {
		run->adopted = false;
		run_stop_adopt(c, run);
		grace_begin(c, run, NULL, 0);
		launch_send(c, run);
		backlog_start_late(c, run);
	} else if (!looked || c->w_old.fd >= 0) {
		c->adopt_again = true;
	} else {
		run_event(c, run, RUN_EVENT_KEEPER_GONE);
	}
}

static void adopt_free(struct crond *c, struct live_run *run, const struct run_progress *p)
{
	int ended = rundir_has_outcome(c->runs, run->id);

	if (ended < 0)
		c->adopt_again = true;
	else if (ended > 0)
		run_event(c, run, RUN_EVENT_ENDED);
	else if (p->phase == RUN_PENDING || (p->phase == RUN_CLAIMED && p->not_before_ns))
		c->adopt_again |= pending_adopt(c, run) < 0;
	else if (p->phase == RUN_CLAIMED)
		adopt_claimed(c, run);
	else
		run_event(c, run, RUN_EVENT_KEEPER_GONE);
}

static int adopt_read(struct crond *c, const char *id, struct run_progress *p, struct run *r,
	struct buf *b)
{
	struct diag d = { .text = "" };

	if (rundir_read(c->runs, id, "run", b) < 0) {
		if (errno == ENOENT) { /* died between mkdir and the file: nothing was to be run */
			rundir_remove(c->runs, id);
			return -1;
		}
		adopt_later(c, id, errno);
		return -1;
	}
	if (b->len == 0) { /* or before its first byte: the same, since it was not sent yet */
		rundir_remove(c->runs, id);
		return -1;
	}
	if (run_file_decode(p, r, (struct slice){ b->data, b->len }, &d) < 0) {
		say_left(c, id, d.text);
		return -1;
	}
	return 0;
}

static void adopt_judge(struct crond *c, struct live_run *run, const struct run_progress *p)
{
	int lock = rundir_lock(c->runs, run->id);

	if (lock >= 0) {
		close(lock);
		adopt_free(c, run, p);
	} else if (errno == EAGAIN) {
		adopt_live(c, run, p);
	} else { /* no descriptor is free, say */
		c->adopt_again = true;
	}
}

static struct live_run *adopt_new(struct crond *c, const char *id, const struct run *r, size_t record)
{
	struct live_run *run = run_new(c, id, r);

	if (run && !(r->flags & RUN_TRUSTED))
		room_take(run, user_known(c, r->user), record);
	return run;
}

static void adopt_one(struct crond *c, const char *id)
{
	struct run_progress p;
	struct live_run *run = run_find(c, id);
	struct buf b = { 0 };
	struct run r;

	if (run && (run->state != RUN_STATE_WAITING || !run->adopted))
		return;
	if (adopt_read(c, id, &p, &r, &b) == 0) {
		if (!run)
			run = adopt_new(c, id, &r, b.len);
		if (run) {
			run->adopted = true;
			run->first = p.version != RUN_PROGRESS_VERSION;
			debug_adopted(c, run, &p);
			adopt_judge(c, run, &p);
		} else {
			adopt_later(c, id, ENOMEM);
		}
	}
	buf_free(&b);
}

/* --- all */

static void adopt_look(struct crond *c)
{
	int fd = openat(c->runs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!dir) {
		adopt_later(c, "what is under way", errno);
		if (fd >= 0)
			close(fd);
		return;
	}
	while (errno = 0, (e = readdir(dir))) {
		if (run_id_ok(e->d_name, strlen(e->d_name)))
			adopt_one(c, e->d_name);
	}
	if (errno)
		adopt_later(c, "what is under way", errno);
	closedir(dir);
}

static void adopt_scan(struct crond *c)
{
	c->adopt_unread = false;
	adopt_look(c);
	c->adopt_said = c->adopt_unread;
}

static void adopt_wait(struct crond *c)
{
	if (c->adopt_again)
		wait_later(c, LATER_ADOPT, c->adopt_unread ? READ_AGAIN_MS : LOOK_AGAIN_MS);
}

void adopt_all(struct crond *c)
{
	old_launcher_watch(c);
	c->adopt_again = false;
	adopt_scan(c);
	adopt_wait(c);
}

/* A run of ours that no keeper reported: taken by one that reports elsewhere, ended, or
 * its name got lost with a keeper that was killed at once. */
void adopt_waiting(struct crond *c)
{
	struct live_run *run, *next;
	struct run_progress p;

	RB_FOREACH_SAFE(run, run_tree, &c->live, next) {
		struct buf b = { 0 };

		if (run->state == RUN_STATE_WAITING && !run->adopted &&
			rundir_read(c->runs, run->id, "run", &b) == 0 &&
			run_progress_decode(&p, (struct slice){ b.data, b.len }, NULL) == 0 &&
			p.phase != RUN_CLAIMED)
			adopt_judge(c, run, &p);
		buf_free(&b);
	}
	launch_resend(c);
}

/* Runs of the scheduler before us that nobody had taken when we looked. */
void adopt_unstarted(struct crond *c)
{
	struct live_run *run, *next;

	c->adopt_again = false;
	if (c->adopt_unread)
		adopt_scan(c);
	RB_FOREACH_SAFE(run, run_tree, &c->live, next) {
		if (run->adopted && run->state == RUN_STATE_WAITING)
			adopt_one(c, run->id);
	}
	adopt_wait(c);
}
