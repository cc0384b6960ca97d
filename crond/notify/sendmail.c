/* sendmail: mails through the system's mailer.
 * Flow: deliver hands one for a target to the process that executes the mailer (mailer.c), and takes its
 * result when it has ended. */
#include "config.h"

#include "crond/notify/sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/notify/post.h"

enum { ERRORS_MOST = 1024, ANSWER_MS = 5000 };

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

/* --- the process that executes it */

int sendmail_open(struct sendmail *s)
{
	*s = (struct sendmail){ .deadline_ms = SENDMAIL_DEADLINE_MS };
	s->wire = mailer_open(&s->pid);
	return s->wire < 0 ? -1 : 0;
}

/* It is of no use any more: whatever it does, it does no longer. */
static void give_up(struct sendmail *s)
{
	s->over = true;
	if (s->pid > 0)
		kill(s->pid, SIGKILL);
	s->pid = 0;
}

static int order_send(struct sendmail *s, const struct mailer_order *o, size_t n, int in, int errors)
{
	const int fds[2] = { in, errors };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	struct iovec part = { (void *)(uintptr_t)o, n };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };

	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fds)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), fds, sizeof(fds));
	if (sendmsg(s->wire, &m, MSG_NOSIGNAL) == (ssize_t)n)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET)
		give_up(s);
	return -1;
}

static int order(struct sendmail *s, const char *address, int in, int errors)
{
	struct mailer_order o = { .number = ++s->number ? s->number : ++s->number,
		.ms = (int32_t)s->deadline_ms };
	int n = snprintf(o.text, sizeof(o.text), "%s%c%s", s->mailer, 0, address);

	if (n < 0 || (size_t)n >= sizeof(o.text)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return order_send(s, &o, offsetof(struct mailer_order, text) + (size_t)n + 1, in, errors);
}

/* --- a mail */

static struct sending *free_slot(struct sendmail *s)
{
	for (size_t i = 0; i < SENDMAIL_MOST; i++)
		if (s->list[i].number == 0)
			return &s->list[i];
	return NULL;
}

int sendmail_mailer(struct sendmail *s, const char *path)
{
	const size_t room = strlen(path) + 1;

	if (strcmp(path, "off") == 0 || strcmp(path, s->mailer) == 0)
		return 0;
	if (s->mailer[0] || room > sizeof(s->mailer))
		return -1;
	memcpy(s->mailer, path, room);
	return 0;
}

int sendmail_start(struct sendmail *s, const char *address, struct slice mail,
	struct target *t, int64_t now_ms, struct diag *d)
{
	struct sending *slot = free_slot(s);
	int in = -1, errors = -1, bad = -1;

	if (!slot)
		return diag_error(d, 0, 0, "too many mailers are at work");
	in = mail_file(mail);
	errors = in < 0 ? -1 : error_file();
	if (errors < 0) {
		diag_error(d, 0, 0, "no room for a mail: %m");
		goto out;
	}
	if (order(s, address, in, errors)) {
		diag_error(d, 0, 0, "cannot run %s: %m", s->mailer);
		goto out;
	}
	*slot = (struct sending){ .number = s->number, .errors = errors, .target = t,
		.deadline_ms = now_ms + s->deadline_ms + ANSWER_MS };
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

static void judge(const struct sendmail *s, const struct sending *one, const struct mailer_end *end, struct sendmail_result *r)
{
	char said[ERRORS_MOST + 1] = "";
	ssize_t got = pread(one->errors, said, ERRORS_MOST, 0);
	const int status = end->status;
	int n;

	said[got > 0 ? got : 0] = '\0';
	n = (int)strcspn(said, "\r\n");
	*r = (struct sendmail_result){ .target = one->target,
		.unsure = !end->error && WIFSIGNALED(status) };
	if (end->error)
		snprintf(r->why, sizeof(r->why), "cannot run %.160s: %s", s->mailer,
			strerror(end->error));
	else if (end->killed)
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
	*one = (struct sending){ 0 };
	s->active--;
}

/* The process is gone or stands still: what it was doing may be done, or not. */
static bool lost_next(struct sendmail *s, struct sendmail_result *r)
{
	for (size_t i = 0; i < SENDMAIL_MOST; i++) {
		struct sending *one = &s->list[i];

		if (one->number == 0)
			continue;
		*r = (struct sendmail_result){ .target = one->target, .unsure = true,
			.why = "the process that runs mailers has died" };
		slot_free(s, one);
		return true;
	}
	return false;
}

static struct sending *late_one(struct sendmail *s, int64_t now_ms)
{
	for (size_t i = 0; i < SENDMAIL_MOST; i++)
		if (s->list[i].number && now_ms >= s->list[i].deadline_ms)
			return &s->list[i];
	return NULL;
}

bool sendmail_next(struct sendmail *s, int64_t now_ms, struct sendmail_result *r)
{
	struct mailer_end end;
	ssize_t n;

	while (!s->over && (n = recv(s->wire, &end, sizeof(end), MSG_DONTWAIT)) != sizeof(end))
		if (n < 0 && errno == EINTR)
			continue;
		else if (n >= 0 || errno != EAGAIN || late_one(s, now_ms))
			give_up(s);
		else
			return false;
	if (s->over)
		return lost_next(s, r);
	for (size_t i = 0; i < SENDMAIL_MOST; i++) {
		if (s->list[i].number != end.number)
			continue;
		judge(s, &s->list[i], &end, r);
		slot_free(s, &s->list[i]);
		return true;
	}
	return false;
}

size_t sendmail_fds(const struct sendmail *s, struct post_fd *fds)
{
	if (s->over || s->wire < 0)
		return 0;
	fds[0] = (struct post_fd){ .fd = s->wire, .in = true };
	return 1;
}

int64_t sendmail_due(const struct sendmail *s)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < SENDMAIL_MOST; i++)
		if (s->list[i].number && s->list[i].deadline_ms < due)
			due = s->list[i].deadline_ms;
	return due;
}

void sendmail_free(struct sendmail *s)
{
	for (size_t i = 0; i < SENDMAIL_MOST; i++)
		if (s->list[i].number)
			slot_free(s, &s->list[i]);
	if (s->wire >= 0)
		close(s->wire);
	s->wire = -1;
}
