/* say: what the log is told of the daemon and of tables, in the words of the dialect.
 * Flow: main, load and place have something to say; rules of log readers match these lines. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/text.h"

static bool cronie(const struct crond *c)
{
	return c->set.dialect->id == DIALECT_CRONIE;
}

/* cronie says why behind the line, and counts it among the errors then. */
void say_error(struct crond *c, const char *who, const char *what, const char *detail, int error)
{
	bool why = error && cronie(c);

	log_line(&c->log, why ? LOG_ERR : LOG_INFO, c->set.dialect->daemon_tag, getpid(), 0,
		"(%s) %s (%s)%s%s", who, what, detail, why ? ": " : "", why ? strerror(error) : "");
}

static void say_info(struct crond *c, const char *detail)
{
	say_error(c, "CRON", "INFO", detail, 0);
}

/* --- the daemon */

static void startup_cronie(struct crond *c)
{
	char text[96];

	say_error(c, "CRON", "STARTUP", PACKAGE_VERSION, 0);
	if (c->no_mailer)
		say_info(c, "Syslog will be used instead of sendmail.");
	snprintf(text, sizeof(text), "RANDOM_DELAY will be scaled with factor %u%% if used.",
		c->delay_scale / (DELAY_WHOLE / 100));
	say_info(c, text);
	if (c->set.no_inotify)
		say_error(c, "CRON", "No inotify - daemon runs with -i or -c option", "", 0);
	else if (c->w_files.fd >= 0)
		say_info(c, "running with inotify support");
}

void say_startup(struct crond *c)
{
	char text[32];

	if (c->set.only_files)
		return;
	if (cronie(c)) {
		startup_cronie(c);
		return;
	}
	snprintf(text, sizeof(text), "pidfile fd = %d", c->pid_fd);
	say_info(c, text);
	if (!c->set.foreground)
		say_error(c, "CRON", "STARTUP", "fork ok", 0);
}

void say_loaded(struct crond *c)
{
	log_line(&c->log, LOG_INFO, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) INFO (%s, dialect %s: %zu jobs in force)", PACKAGE_STRING,
		c->set.dialect->name, c->reload.jobs);
}

void say_reboot(struct crond *c, bool first)
{
	if (!cronie(c))
		say_info(c,
			first ? "Running @reboot jobs"
			      : "Skipping @reboot jobs -- not system startup");
	else if (!first)
		say_info(c, "@reboot jobs will be run at computer's startup.");
}

void say_locked(struct crond *c, const char *other, int error)
{
	char text[PATH_MAX + 96];

	snprintf(text, sizeof(text), "can't lock %s, otherpid may be %s", c->set.pid_file, other);
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, text, strerror(error));
	fprintf(stderr, "%s: another cron daemon runs: stop it first\n", program_invocation_short_name);
	if (!cronie(c))
		snprintf(text, sizeof(text), "can't lock %s, otherpid may be %s: %s",
			c->set.pid_file, other, strerror(error));
	say_error(c, "CRON", "DEATH", text, error);
}

void say_ended(struct crond *c)
{
	if (cronie(c))
		say_info(c, "Shutting down");
	else
		say_info(c, c->stop.stage ? "Shut down" : "Shutting down; running jobs go on");
}

void say_cluster(struct crond *c, const char *spool, bool ours, int error)
{
	if (error) {
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"(CRON) ERROR (cluster: %s/.cron.hostname: %s; users' jobs are not run)", spool,
			strerror(error));
		return;
	}
	log_line(&c->log, LOG_INFO, c->set.dialect->daemon_tag, getpid(), 0,
		"(CRON) INFO (cluster: %s/.cron.hostname %s %s)", spool,
		ours ? "names this host" : "does not name this host, and users' jobs are not run:",
		c->fqdn);
}

/* --- tables */

void say_no_directory(struct crond *c, const char *path, int error)
{
	say_error(c, "CRON", "STAT FAILED", path, error);
	say_error(c, "CRON", "OPENDIR FAILED", path, error);
}

void say_no_table(struct crond *c, const char *path)
{
	if (!cronie(c))
		say_error(c, "CRON", "STAT FAILED", path, 0);
}

/* crontabs/root, as Debian's cron calls a user's table. */
static const char *shown(const struct crond *c, const struct source *s, char *out, size_t room)
{
	const char *base = strrchr(s->path, '/');

	if (cronie(c) || s->kind != SOURCE_USER || !base)
		return s->path;
	snprintf(out, room, "crontabs/%s", base + 1);
	return out;
}

/* What is refused is said once, until it changes: in these words, which rules match, and
 * by the caller with its place where they do not say it all. */
bool say_refused(struct crond *c, struct source *s, const char *what, int error)
{
	uint64_t hash = text_hash(1, what, strlen(what));
	char room[PATH_MAX];

	if (s->complaint == hash)
		return false;
	s->complaint = hash;
	if (!c->set.check)
		say_error(c, cronie(c) && s->kind != SOURCE_USER ? "root" : s->owner, what,
			shown(c, s, room, sizeof(room)), error);
	return true;
}

void say_orphan(struct crond *c, struct source *s)
{
	uint64_t hash = text_hash(1, "ORPHAN", 6);

	if (s->complaint != hash && !c->set.check)
		say_error(c, s->owner, "ORPHAN", "no passwd entry", 0);
	s->complaint = hash;
}

void say_ignored(struct crond *c, const struct source *s, bool unfinished)
{
	if (!c->set.check && !cronie(c))
		say_error(c, s->owner, "ERROR",
			unfinished ? "Missing newline before EOF, this crontab file will be ignored"
				   : "Syntax error, this crontab file will be ignored",
			0);
}

void say_reload(struct crond *c, const struct source *s)
{
	char room[PATH_MAX];

	say_error(c, cronie(c) && s->kind != SOURCE_USER ? "*system*" : s->owner, "RELOAD",
		shown(c, s, room, sizeof(room)), 0);
}

static void fault_cronie(struct crond *c, const struct source *s, const struct diag *d)
{
	if (s->kind == SOURCE_USER && strcmp(d->text, "bad option") == 0)
		say_error(c, "CRON", "ERROR", "Only privileged user can disable logging", 0);
	say_error(c, "CRON", d->text, s->path, 0);
}

/* Debian's stops at the first error of a file, and says of an end without newline only
 * that. */
void say_fault(struct crond *c, const struct source *s, const struct diag *d, bool first)
{
	bool user = s->kind == SOURCE_USER, end = strncmp(d->text, "missing newline", 15) == 0;

	if (c->set.check || c->set.only_files || s->kind == SOURCE_TASKS)
		return;
	if (cronie(c))
		fault_cronie(c, s, d);
	else if (first && !end)
		log_line(&c->log, LOG_ERR, c->set.dialect->daemon_tag, getpid(), 0,
			"Error: %s; while reading %s%s", d->text, user ? "crontab for user " : "",
			user ? s->owner : s->path);
}

void say_no_user(
	struct crond *c, const struct source *s, const char *name, const struct diag *d, bool first)
{
	if (!cronie(c))
		say_fault(c, s, d, first);
	else if (!c->set.check && !c->set.only_files)
		say_error(c, name, "ERROR", "getpwnam() failed - user unknown", 0);
}
