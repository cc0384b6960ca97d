/* mail: what a run printed, to its owner.
 * Flow: after the outcome stands the keeper hands the output to the mailer, as the
 * job's user; whatever the mailer does, the keeper comes back. */
#include "config.h"

#include "crond/mail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/core/dialect.h"
#include "crond/core/mailtext.h"
#include "crond/guard.h"
#include "crond/launch.h"
#include "crond/mailturn.h"
#include "crond/mailwait.h"
#include "crond/output.h"

/* A pipe takes this much whole or not at all. */
enum { PIECE = 4096, LINE_MOST = 900, WORDS_MOST = 100 };
/* How long a mail waits for its turn, and how often it looks. */
enum { TURN_PATIENCE_MS = 5 * 60 * 1000, TURN_LOOK_MS = 50, TURN_LOOK_MOST_MS = 1000 };

/* Units before the second, third... try. */
static const unsigned delays[] = { 5, 30, 120, 600 };

enum { RETRIES = sizeof(delays) / sizeof(delays[0]) };

struct mail {
	struct mail_means means;
	struct mailturn turn;
	unsigned tries;
	struct run run;
	struct spawn s;
	struct output *output;
	struct buf head;
	size_t head_at;
	uint64_t body_at, bytes; /* of the output; of it mailed */
	struct buf env;          /* as its head shows it, where that is not the run's */
	char *command;           /* cronie's -m, in pieces */
	const char *words[WORDS_MOST + 1];
	int in, status;
	int waits; /* mailwait_begin()'s; -1: it does not wait, or nobody could know */
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

static void mail_step(struct mail *m, int64_t left_ns)
{
	struct timespec ts = { .tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000 };
	struct pollfd p[4] = {
		{ .fd = m->s.pidfd, .events = POLLIN },
		{ .fd = m->in, .events = POLLOUT },
		{ .fd = m->output->streams[0].fd, .events = POLLIN },
		{ .fd = m->output->streams[1].fd, .events = POLLIN },
	};

	if (ppoll(p, 4, &ts, m->means.mask) <= 0)
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

static void mail_watch(struct mail *m)
{
	int64_t until = guard_now() + (int64_t)MAIL_PATIENCE_MS * 1000000, left;

	while (!m->gone && (left = until - guard_now()) > 0)
		mail_step(m, left);
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

static bool absent(const struct mail *m)
{
	return m->s.step == SPAWN_EXEC && (m->s.error == ENOENT || m->s.error == ENOTDIR);
}

/* Debian's daemon looks whether there is a mailer, cronie's finds out. */
static void no_mailer(const struct mail *m)
{
	const struct run *r = m->s.run;
	struct log *log = m->means.log;
	char text[256];

	if (r->dialect == DIALECT_CRONIE && m->s.step == SPAWN_EXEC) {
		log_line(log, LOG_ERR, tag_of(r), getpid(), 0, "(CRON) EXEC FAILED (%.500s): %s",
			r->mailer, strerror(m->s.error));
		output_to_log(r, log, m->output);
	} else if (absent(m)) {
		log_classic(log, tag_of(r), getpid(), 0, "CRON", "info",
			"No MTA installed, discarding output");
	} else {
		spawn_reason(&m->s, text, sizeof(text));
		log_classic(log, tag_of(r), getpid(), 0, r->user, "MAIL", text);
	}
}

/* As the daemon of the dialect counts. */
static void say_status(const struct mail *m)
{
	const struct run *r = m->s.run;
	bool cronie = r->dialect == DIALECT_CRONIE;
	unsigned status = WIFEXITED(m->status) ? (unsigned)WEXITSTATUS(m->status) :
		cronie ? (unsigned)WTERMSIG(m->status) : ~0U;

	log_line(m->means.log, LOG_INFO, tag_of(r), getpid(), 0,
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

/* --- turns and tries */

/* From now on somebody else is to say so where we are killed. */
static void waits_note(struct mail *m)
{
	if (m->waits < 0)
		m->waits = mailwait_begin(m->means.runs, m->run.id, m->run.user, m->output->total);
	spawn_memory_free();
}

/* So long, unless we are told to end: false. */
static bool mail_pause(struct mail *m, int64_t ms)
{
	int64_t until = guard_now() + ms * 1000000, left;
	struct timespec ts;

	while (!*m->means.told && (left = until - guard_now()) > 0) {
		struct pollfd p[2] = {
			{ .fd = m->output->streams[0].fd, .events = POLLIN },
			{ .fd = m->output->streams[1].fd, .events = POLLIN },
		};

		ts = (struct timespec){ .tv_sec = left / 1000000000, .tv_nsec = left % 1000000000 };
		if (ppoll(p, 2, &ts, m->means.mask) > 0)
			output_discard(m->output);
	}
	return !*m->means.told;
}

/* Until few enough mailers of this user are at work. */
static bool turn_wait(struct mail *m)
{
	int64_t until = guard_now() + (int64_t)TURN_PATIENCE_MS * 1000000;
	int64_t ms = TURN_LOOK_MS;
	bool taken = mailturn_take(&m->turn);

	if (taken || !mailturn_wait(&m->turn, MAILS_QUEUED_MOST))
		return taken;
	waits_note(m);
	while (!taken && guard_now() < until && mail_pause(m, ms)) {
		taken = mailturn_take(&m->turn);
		ms = ms * 2 < TURN_LOOK_MOST_MS ? ms * 2 : TURN_LOOK_MOST_MS;
	}
	mailturn_leave(&m->turn);
	return taken;
}

/* A mailer that was there is about to be replaced, and full tables become less full. A host that
 * never had one loses nothing by hearing of it at once. */
static bool start_failed(const struct mail *m)
{
	bool again = absent(m) ? atomic_load(&m->means.shared->mailer_seen) :
				 m->s.step == SPAWN_FORK || m->s.step == SPAWN_FILES;

	if (!again || !absent(m))
		no_mailer(m);
	return again;
}

/* The mailer's verdict; true: it is to be asked again. */
static bool mail_judged(const struct mail *m)
{
	const struct run *r = m->s.run;

	if (m->status != 0)
		say_status(m);
	else if (m->tries > 1)
		log_line(m->means.log, LOG_INFO, tag_of(r), getpid(), 0, "(%s) MAIL (mailed at try %u)",
			r->user, m->tries);
	return WIFEXITED(m->status) && WEXITSTATUS(m->status) == EX_TEMPFAIL;
}

/* One try, with a mailer's place. True: it is to be tried again. */
static bool mail_try(struct mail *m)
{
	m->tries++;
	m->head_at = 0;
	m->body_at = m->bytes = 0;
	m->status = 0;
	m->gone = false;
	if (mailer_start(m) < 0)
		return start_failed(m);
	atomic_store_explicit(&m->means.shared->mailer_seen, 1, memory_order_relaxed);
	mail_watch(m);
	return mail_judged(m);
}

static void given_up(const struct mail *m, const char *why)
{
	const struct run *r = m->s.run;

	if (m->tries && absent(m))
		no_mailer(m);
	log_line(m->means.log, LOG_ERR, tag_of(r), getpid(), 0,
		"(%s) MAIL (given up at try %u: %s; %llu bytes of output lost)", r->user, m->tries, why,
		(unsigned long long)m->output->total);
}

/* True: it is to be tried again. */
static bool mail_turn(struct mail *m)
{
	bool again;

	if (!turn_wait(m)) {
		given_up(m, "other mailers do not end");
		return false;
	}
	again = mail_try(m);
	mailturn_give(&m->turn);
	return again;
}

/* With a fifth of jitter, so that what failed together does not come again together. */
static int64_t delay_ms(const struct mail *m)
{
	int64_t unit = m->means.shared->mail_unit_ms, ms = (unit ? unit : 1000) * delays[m->tries - 1];

	return ms * 4 / 5 + (int64_t)((unsigned)getpid() * 2654435761U % 1024) * (ms * 2 / 5) / 1024;
}

/* Has it waited, and is to be tried? */
static bool retry_wait(struct mail *m)
{
	bool waited;

	if (m->tries > RETRIES || !mailturn_wait(&m->turn, MAILS_AGAIN_MOST)) {
		given_up(m, m->tries > RETRIES ? "the mailer cannot take it" : "too many mails wait");
		return false;
	}
	waits_note(m);
	waited = mail_pause(m, delay_ms(m));
	mailturn_leave(&m->turn);
	if (!waited)
		given_up(m, "told to end");
	return waited;
}

static void mail_free(struct mail *m)
{
	mailwait_end(m->means.runs, m->run.id, m->waits);
	free(m->command);
	buf_free(&m->head);
	buf_free(&m->env);
	free(m);
}

/* Everything of it but its turn. 0; -1: it cannot be made. */
static int mail_make(struct mail *m, const struct spawn *how, bool failed)
{
	struct run *r = &m->run;

	show_sessions(m, r, how);
	mailtext_head(r, failed, &m->head);
	r->flags &= ~(uint32_t)RUN_CHDIR_MUST;
	r->fallback_dir = "/";
	r->dress.given = 0;
	m->s.run = r;
	m->s.door = -1;
	m->s.dies_with = 0;
	m->s.patience_ms = SPAWN_PATIENCE_MS;
	m->s.limits = NULL; /* the job's limits and priorities are no mailer's */
	m->s.step = SPAWN_FILES;
	m->s.what = "a mail";
	m->s.error = ENOMEM;
	return mailer_choose(m) < 0 || m->head.failed ? -1 : 0;
}

struct mail *mail_send(const struct mail_means *means, const struct spawn *how, struct output *o,
	bool failed)
{
	struct mail *m = calloc(1, sizeof(*m));

	if (!m) {
		log_classic(means->log, tag_of(how->run), getpid(), 0, how->run->user, "MAIL",
			strerror(errno));
		return NULL;
	}
	m->means = *means;
	m->run = *how->run;
	m->s = *how;
	m->output = o;
	m->waits = -1;
	mailturn_init(&m->turn, means->shared, means->shared_fd, (uid_t)m->run.uid);
	if (!addresses_judge(&m->run, means->log))
		goto over;
	if (mail_make(m, how, failed) < 0)
		no_mailer(m);
	else if (mail_turn(m))
		return m;
over:
	mail_free(m);
	return NULL;
}

void mail_again(struct mail *m)
{
	if (!m)
		return;
	while (retry_wait(m) && mail_turn(m))
		;
	mail_free(m);
}
