/* sendmail: mails through the system's mailer.
 * Flow: deliver starts one for a target, and takes its result when it has ended. */
#include "config.h"

#include "crond/notify/sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/notify/post.h"

enum { ERRORS_MOST = 1024 };

/* The mail is a file, so that a mailer that reads slowly or not at all stops nobody. */
static int mail_file(struct slice mail)
{
	int fd = memfd_create("mail", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (file_write(fd, mail.s, mail.n) || lseek(fd, 0, SEEK_SET)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* For its complaints: a file that cannot grow. */
static int error_file(void)
{
	int fd = memfd_create("errors", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, ERRORS_MOST) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	return posix_spawnattr_setsigmask(attr, &none) ||
		posix_spawnattr_setsigdefault(attr, &all) || posix_spawnattr_setpgroup(attr, 0) ||
		posix_spawnattr_setflags(attr,
			POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

/* The descriptors are above 2, or dup2 would leave them close-on-exec. */
static int spawn(pid_t *pid, const char *mailer, const char *address, int in, int errors)
{
	const char *argv[] = { "sendmail", "-FCronDaemon", "-i", "-B8BITMIME", "-oem", address,
		NULL };
	const char *env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int bad;

	if (posix_spawn_file_actions_init(&files))
		return ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&files);
		return ENOMEM;
	}
	bad = posix_spawn_file_actions_adddup2(&files, in, 0) ||
		posix_spawn_file_actions_adddup2(&files, errors, 1) ||
		posix_spawn_file_actions_adddup2(&files, errors, 2) || set_signals(&attr);
	bad = bad ? ENOMEM
		  : posix_spawn(pid, mailer, &files, &attr, (char *const *)argv,
			    (char *const *)env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return bad;
}

static struct sending *free_slot(struct sendmail *s)
{
	for (size_t i = 0; i < SENDMAIL_MOST; i++)
		if (s->list[i].pid == 0)
			return &s->list[i];
	return NULL;
}

int sendmail_start(struct sendmail *s, const char *mailer, const char *address, struct slice mail,
	struct target *t, int64_t now_ms, struct diag *d)
{
	struct sending *slot = free_slot(s);
	int in = -1, errors = -1, bad = -1;
	pid_t pid;

	if (!slot)
		return diag_error(d, 0, 0, "too many mailers are at work");
	in = mail_file(mail);
	errors = in < 0 ? -1 : error_file();
	if (errors < 0) {
		diag_error(d, 0, 0, "no room for a mail: %m");
		goto out;
	}
	errno = spawn(&pid, mailer, address, in, errors);
	if (errno) {
		diag_error(d, 0, 0, "cannot run %s: %m", mailer);
		goto out;
	}
	*slot = (struct sending){ .pid = pid, .errors = errors, .target = t,
		.deadline_ms = now_ms + s->deadline_ms,
		.pidfd = (int)syscall(SYS_pidfd_open, pid, 0) };
	s->active++;
	errors = -1;
	bad = 0;
out:
	if (in >= 0)
		close(in);
	if (errors >= 0)
		close(errors);
	return bad;
}

static void judge(struct sending *one, int status, struct sendmail_result *r)
{
	char said[ERRORS_MOST + 1] = "";
	ssize_t got = pread(one->errors, said, ERRORS_MOST, 0);
	int n;

	said[got > 0 ? got : 0] = '\0';
	n = (int)strcspn(said, "\r\n");
	*r = (struct sendmail_result){ .target = one->target, .unsure = WIFSIGNALED(status) };
	if (one->killed)
		snprintf(r->why, sizeof(r->why), "the mailer took too long and was killed");
	else if (WIFSIGNALED(status))
		snprintf(r->why, sizeof(r->why), "the mailer was ended by signal %d",
			WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(r->why, sizeof(r->why), "the mailer exited with %d%s%.*s",
			WEXITSTATUS(status), n > 0 ? ": " : "", n > 160 ? 160 : n, said);
	else
		r->accepted = true;
}

static void slot_free(struct sendmail *s, struct sending *one)
{
	close(one->errors);
	if (one->pidfd >= 0)
		close(one->pidfd);
	*one = (struct sending){ 0 };
	s->active--;
}

bool sendmail_next(struct sendmail *s, int64_t now_ms, struct sendmail_result *r)
{
	for (size_t i = 0; i < SENDMAIL_MOST; i++) {
		struct sending *one = &s->list[i];
		int status;

		if (one->pid == 0)
			continue;
		if (waitpid(one->pid, &status, WNOHANG) == one->pid) {
			judge(one, status, r);
			slot_free(s, one);
			return true;
		}
		if (now_ms >= one->deadline_ms && !one->killed) {
			one->killed = true;
			kill(-one->pid, SIGKILL);
			kill(one->pid, SIGKILL);
		}
	}
	return false;
}

size_t sendmail_fds(const struct sendmail *s, struct post_fd *fds)
{
	size_t n = 0;

	for (size_t i = 0; i < SENDMAIL_MOST; i++)
		if (s->list[i].pid && s->list[i].pidfd >= 0)
			fds[n++] = (struct post_fd){ .fd = s->list[i].pidfd, .in = true };
	return n;
}

/* Without a pidfd (a system call filter may refuse it) the mailer is looked at often. */
static int64_t look_at(const struct sending *one)
{
	return one->pidfd < 0 ? 0 : one->killed ? INT64_MAX : one->deadline_ms;
}

int64_t sendmail_due(const struct sendmail *s)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < SENDMAIL_MOST; i++)
		if (s->list[i].pid && look_at(&s->list[i]) < due)
			due = look_at(&s->list[i]);
	return due;
}

void sendmail_free(struct sendmail *s)
{
	for (size_t i = 0; i < SENDMAIL_MOST; i++) {
		if (s->list[i].pid == 0)
			continue;
		kill(-s->list[i].pid, SIGKILL);
		slot_free(s, &s->list[i]);
	}
}
