/* mail: what a run printed, to its owner.
 * Flow: after the outcome stands the keeper hands the output to the mailer, as the
 * job's user; whatever the mailer does, the keeper comes back. */
#include "config.h"

#include "crond/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
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
enum { PIECE = 4096, LINE_MOST = 900, WORDS_MOST = 100 };

struct mail {
	struct spawn s;
	struct output *output;
	struct buf head;
	size_t head_at;
	uint64_t body_at, bytes; /* of the output; of it mailed */
	struct buf env;          /* as its head shows it, where that is not the run's */
	char *command;           /* cronie's -m, in pieces */
	const char *words[WORDS_MOST + 1];
	int in, status;
	bool gone;
};

static const char *tag_of(const struct run *r)
{
	return dialect_get((enum dialect_id)r->dialect)->job_tag;
}

/* cronie mails no carriage returns. How many bytes are left. */
static size_t without_returns(char *piece, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (piece[i] != '\r')
			piece[left++] = piece[i];
	return left;
}

/* Output that is no head any more: how much of it is in piece, and how much it was. */
static size_t body_piece(struct mail *m, char *piece, size_t *took)
{
	size_t n = *took = output_body(m->output, m->body_at, piece, PIECE);

	return m->s.run->dialect == DIALECT_CRONIE ? without_returns(piece, n) : n;
}

/* One piece; false when all is written or nobody reads any more. */
static bool piece_write(struct mail *m)
{
	char piece[PIECE];
	size_t n = m->head.len - m->head_at, took = 0;
	ssize_t done = 0;

	if (n > 0) {
		n = n < PIECE ? n : PIECE;
		memcpy(piece, m->head.data + m->head_at, n);
	} else {
		n = body_piece(m, piece, &took);
		if (took == 0)
			return false;
	}
	if (n > 0)
		done = write(m->in, piece, n);
	if (done < 0)
		return errno == EAGAIN || errno == EINTR;
	m->bytes += took ? (uint64_t)done : 0;
	m->body_at += took;
	m->head_at += took ? 0 : (size_t)done;
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

/* Debian's daemon looks whether there is a mailer, cronie's finds out. */
static void no_mailer(const struct mail *m, struct log *log)
{
	const struct run *r = m->s.run;
	bool absent = m->s.step == SPAWN_EXEC && (m->s.error == ENOENT || m->s.error == ENOTDIR);
	char text[256];

	if (r->dialect == DIALECT_CRONIE && m->s.step == SPAWN_EXEC) {
		log_line(log, LOG_ERR, tag_of(r), getpid(), 0, "(CRON) EXEC FAILED (%.500s): %s",
			r->mailer, strerror(m->s.error));
		output_to_log(r, log, m->output);
	} else if (absent) {
		log_classic(log, tag_of(r), getpid(), 0, "CRON", "info",
			"No MTA installed, discarding output");
	} else {
		spawn_reason(&m->s, text, sizeof(text));
		log_classic(log, tag_of(r), getpid(), 0, r->user, "MAIL", text);
	}
}

/* As the daemon of the dialect counts. */
static void say_status(const struct mail *m, struct log *log)
{
	const struct run *r = m->s.run;
	bool cronie = r->dialect == DIALECT_CRONIE;
	unsigned status = WIFEXITED(m->status) ? (unsigned)WEXITSTATUS(m->status) :
		cronie ? (unsigned)WTERMSIG(m->status) : ~0U;

	log_line(log, LOG_INFO, tag_of(r), getpid(), 0,
		"(%s) MAIL (mailed %llu byte%s of output but got status 0x%04x%s)", r->user,
		(unsigned long long)m->bytes, m->bytes == 1 ? "" : "s", status,
		cronie ? "" : " from MTA");
}

static bool address_ok(const struct run *r, const char *address, struct log *log)
{
	const struct dialect *d = dialect_get((enum dialect_id)r->dialect);
	bool own = d->id == DIALECT_DEBIAN && *address != '-' && strcmp(address, r->user) == 0;

	if (own || dialect_address_ok(d, slice_of(address)))
		return true;
	log_classic(log, tag_of(r), getpid(), 0, r->user,
		d->id == DIALECT_DEBIAN ? "UNSAFE MAIL" : "UNSAFE", address);
	return false;
}

/* Nobody but the owner of the crontab chose these: no option and no list of words may be
 * made of them. false: it is not to be mailed. */
static bool addresses_judge(struct run *r, struct log *log)
{
	if (r->mail_to && *r->mail_to && !address_ok(r, r->mail_to, log))
		return false;
	if (r->mail_from && *r->mail_from && !address_ok(r, r->mail_from, log))
		r->mail_from = NULL;
	return true;
}

/* The words of the command line, as cronie cuts it: at blanks, no shell. 0; -1: memory. */
static int command_cut(struct mail *m)
{
	char *save = NULL;
	size_t n = 0;

	m->command = strdup(m->s.run->mailer);
	if (!m->command)
		return -1;
	for (char *w = strtok_r(m->command, " \t\n", &save); w && n < WORDS_MOST;
		w = strtok_r(NULL, " \t\n", &save))
		m->words[n++] = w;
	m->words[n] = NULL;
	return n ? 0 : -1;
}

static int mailer_choose(struct mail *m)
{
	const struct run *r = m->s.run;

	m->s.log = NULL;
	m->s.shell = false;
	m->s.file = NULL;
	m->s.words = (char *const *)(uintptr_t)m->words;
	if (r->flags & RUN_MAIL_COMMAND)
		return command_cut(m);
	mailtext_mailer(r, m->words);
	m->s.file = r->mailer && *r->mailer ? r->mailer : "/usr/sbin/sendmail";
	return 0;
}

/* cronie shows what PAM has set too, and first. Those stand behind the run's own in how. */
static void show_sessions(struct mail *m, struct run *r, const struct spawn *how)
{
	struct slice list = r->env;
	size_t own = 0;

	while (run_list_next(&list))
		own++;
	if (r->dialect != DIALECT_CRONIE || own >= how->env_count)
		return;
	for (size_t i = own; i < how->env_count; i++)
		buf_append(&m->env, how->env[i], strlen(how->env[i]) + 1);
	buf_append(&m->env, r->env.s, r->env.n);
	if (!m->env.failed)
		r->env = (struct slice){ m->env.data, m->env.len };
}

void mail_send(const struct spawn *how, struct log *log, struct output *o, bool failed,
	const sigset_t *mask)
{
	struct run r = *how->run;
	struct mail m = { .s = *how, .output = o };

	if (!addresses_judge(&r, log))
		return;
	show_sessions(&m, &r, how);
	mailtext_head(&r, failed, &m.head);
	r.flags &= ~(uint32_t)RUN_CHDIR_MUST;
	r.fallback_dir = "/";
	r.dress.given = 0;
	m.s.run = &r;
	m.s.door = -1;
	m.s.dies_with = 0;
	m.s.patience_ms = SPAWN_PATIENCE_MS;
	m.s.limits = NULL; /* the job's limits and priorities are no mailer's */
	if (mailer_choose(&m) < 0 || m.head.failed || mailer_start(&m) < 0) {
		no_mailer(&m, log);
		goto out;
	}
	mail_watch(&m, mask);
	if (m.status != 0)
		say_status(&m, log);
out:
	free(m.command);
	buf_free(&m.head);
	buf_free(&m.env);
}
