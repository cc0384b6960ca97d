/* mail: what a run printed, to its owner.
 * Flow: after the outcome stands the keeper hands the output to the mailer, as the
 * job's user; whatever the mailer does, the keeper comes back. */
#include "config.h"

#include "crond/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/core/dialect.h"
#include "crond/core/mailtext.h"
#include "crond/guard.h"
#include "crond/output.h"

/* A pipe takes this much whole or not at all. */
enum { PIECE = 4096, LINE_MOST = 900 };

struct mail {
	struct spawn s;
	struct output *output;
	struct buf head;
	size_t head_at;
	uint64_t body_at;
	int in, status;
	bool gone;
};

static const char *tag_of(const struct run *r)
{
	return dialect_get((enum dialect_id)r->dialect)->job_tag;
}

/* One piece; false when all is written or nobody reads any more. */
static bool piece_write(struct mail *m)
{
	char piece[PIECE];
	size_t n = m->head.len - m->head_at;
	ssize_t done;

	if (n > 0) {
		n = n < PIECE ? n : PIECE;
		memcpy(piece, m->head.data + m->head_at, n);
	} else {
		n = output_body(m->output, m->body_at, piece, PIECE);
	}
	if (n == 0)
		return false;
	done = write(m->in, piece, n);
	if (done < 0)
		return errno == EAGAIN || errno == EINTR;
	if (m->head_at < m->head.len)
		m->head_at += (size_t)done;
	else
		m->body_at += (uint64_t)done;
	return true;
}

static void mailer_reap(struct mail *m, int flags)
{
	pid_t pid;

	/* what the job left may end here too */
	while ((pid = waitpid(m->s.pid, &m->status, flags)) < 0 && errno == EINTR)
		;
	m->gone = pid != 0;
}

static void mail_step(struct mail *m, int64_t left_ns, const sigset_t *mask)
{
	struct timespec ts = { .tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000 };
	struct pollfd p[4] = {
		{ .fd = m->s.pidfd, .events = POLLIN },
		{ .fd = m->in, .events = POLLOUT },
		{ .fd = m->output->streams[0].fd, .events = POLLIN },
		{ .fd = m->output->streams[1].fd, .events = POLLIN },
	};

	if (ppoll(p, 4, &ts, mask) <= 0)
		return;
	if (p[2].revents || p[3].revents)
		output_discard(m->output);
	if (p[1].revents && !piece_write(m)) {
		close(m->in);
		m->in = -1;
	}
	if (p[0].revents)
		mailer_reap(m, WNOHANG);
}

static void mail_watch(struct mail *m, const sigset_t *mask)
{
	int64_t until = guard_now() + (int64_t)MAIL_PATIENCE_MS * 1000000, left;

	while (!m->gone && (left = until - guard_now()) > 0)
		mail_step(m, left, mask);
	if (!m->gone) {
		kill(-m->s.pid, SIGKILL);
		mailer_reap(m, 0);
	}
	if (m->in >= 0)
		close(m->in);
	close(m->s.pidfd);
}

static int mailer_start(struct mail *m)
{
	int in[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), rc = -1;

	m->in = -1;
	m->s.step = SPAWN_FILES;
	m->s.what = "mail's pipe";
	m->s.error = errno;
	if (null < 0)
		return -1;
	if (pipe2(in, O_CLOEXEC) == 0) {
		m->s.in = in[0];
		m->s.out = m->s.err = null;
		rc = spawn(&m->s);
		close(in[0]);
		fcntl(in[1], F_SETFL, O_NONBLOCK);
		m->in = in[1];
	} else {
		m->s.error = errno;
	}
	close(null);
	if (rc < 0 && m->in >= 0)
		close(m->in);
	return rc;
}

/* In dialect cronie the log gets what cannot be mailed; no more than a screenful. */
static void output_to_log(const struct run *r, struct log *log, struct output *o)
{
	char room[PIECE], line[LINE_MOST + 1];
	size_t n = output_body(o, 0, room, sizeof(room)), used = 0;

	for (size_t i = 0; i < n; i++) {
		if (room[i] != '\n' && used < LINE_MOST)
			line[used++] = room[i];
		if (room[i] != '\n' && i + 1 < n && used < LINE_MOST)
			continue;
		line[used] = '\0';
		log_classic(log, tag_of(r), getpid(), 0, r->user, "CMDOUT", line);
		used = 0;
	}
}

static void no_mailer(const struct mail *m, struct log *log)
{
	const struct run *r = m->s.run;
	char text[256];

	if (m->s.step == SPAWN_EXEC && (m->s.error == ENOENT || m->s.error == ENOTDIR)) {
		if (r->dialect == DIALECT_CRONIE)
			output_to_log(r, log, m->output);
		else
			log_classic(log, tag_of(r), getpid(), 0, "CRON", "info",
				"No MTA installed, discarding output");
		return;
	}
	spawn_reason(&m->s, text, sizeof(text));
	log_classic(log, tag_of(r), getpid(), 0, r->user, "MAIL", text);
}

/* As Debian's cron prints it: the exit status, or what wait said of a signal. */
static unsigned mailer_status(int status)
{
	return WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : (unsigned)status & 0xffff;
}

void mail_send(const struct spawn *how, struct log *log, struct output *o, bool failed,
	const sigset_t *mask)
{
	struct run r = *how->run;
	struct mail m = { .s = *how, .output = o };
	const char *words[16];

	if (r.mail_to && *r.mail_to && !mailtext_safe(slice_of(r.mail_to))) {
		log_classic(log, tag_of(&r), getpid(), 0, r.user, "UNSAFE MAIL", r.mail_to);
		return;
	}
	mailtext_head(&r, failed, &m.head);
	mailtext_mailer(&r, words);
	r.flags &= ~(uint32_t)RUN_CHDIR_MUST;
	r.fallback_dir = "/";
	m.s.run = &r;
	m.s.log = NULL;
	m.s.shell = false;
	m.s.words = (char *const *)(uintptr_t)words;
	m.s.file = r.mailer && *r.mailer ? r.mailer : "/usr/sbin/sendmail";
	if (m.head.failed || mailer_start(&m) < 0) {
		no_mailer(&m, log);
		goto out;
	}
	mail_watch(&m, mask);
	if (m.status != 0)
		log_line(log, LOG_INFO, tag_of(&r), getpid(), 0,
			"(%s) MAIL (mailed %llu byte%s of output but got status 0x%04x from MTA)",
			r.user, (unsigned long long)m.body_at, m.body_at == 1 ? "" : "s",
			mailer_status(m.status));
out:
	buf_free(&m.head);
}
