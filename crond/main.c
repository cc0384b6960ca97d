/* main: options, then one daemon.
 * Flow: the command line -> settings -> crond_serve, or crond_check. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/helper.h"
#include "crond/metrics.h"

/* Descriptors 0 to 2 exist: what is opened later must not become one of them. */
static void descriptors_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

static void null_from_to(int first, int last)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = first; null >= 0 && fd <= last; fd++)
		dup2(null, fd);
	if (null >= 0)
		close(null);
}

/* The caller gets our status once everything is loaded: `cron` returns when jobs can
 * be relied on, or 1. The child's end of the pipe, or -1. */
static int daemonize(void)
{
	int ready[2];
	char status = 1;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		fprintf(stderr, "crond: can't fork: %s\n", strerror(errno));
		exit(1);
	}
	if (pid > 0) {
		close(ready[1]);
		while (read(ready[0], &status, 1) < 0 && errno == EINTR)
			;
		_exit(status);
	}
	close(ready[0]);
	setsid();
	if (chdir("/") < 0)
		fprintf(stderr, "crond: /: %s\n", strerror(errno));
	null_from_to(STDIN_FILENO, STDIN_FILENO);
	return ready[1];
}

/* Standard output and error are the caller's until all is loaded, and nobody's after
 * that: who reads them to their end is not to wait for the launcher. */
static void daemon_quiet(int ready)
{
	if (ready >= 0)
		null_from_to(STDOUT_FILENO, STDERR_FILENO);
}

static void daemon_ready(int ready)
{
	if (ready < 0)
		return;
	if (write(ready, "", 1) < 0)
		fprintf(stderr, "crond: nobody waits for us\n");
	close(ready);
}

static int set_up(struct crond *c)
{
	int64_t stamp = 0;

	c->run_fd = c->runs = c->pid_fd = c->stamp_fd = c->state_fd = c->handled_fd = c->daemon_fd = -1;
	c->w_notify = (struct watch){ .kind = WATCH_NOTIFY, .fd = -1 };
	c->w_history.fd = c->w_history_asked.fd = c->w_alerts_asked.fd = -1;
	if (loop_hold_signals() < 0 || place_open(c) < 0)
		return -1;
	if (loop_open(c) < 0 || launch_init(c) < 0) {
		fprintf(stderr, "crond: cannot start: %s\n", strerror(errno));
		return -1;
	}
	c->log.lost = &c->shared->log_lost;
	user_refresh(c);
	service_open(c);
	metrics_open(c);
	control_open(c);
	host_init(c);
	backlog_open(c);
	cgroup_place(c);
	if (state_open(c, &stamp) < 0) {
		fprintf(stderr, "crond: %s: %s\n", c->set.run_dir, strerror(errno));
		return -1;
	}
	if (!stamp) {
		stamp = downtime_read(c);
		c->clock.over_boot = stamp > 0;
	}
	clock_init(c, stamp);
	return 0;
}

static void reboot_jobs(struct crond *c)
{
	bool first = place_first_since_boot(c);

	say_reboot(c, first);
	if (first)
		start_reboot_jobs(c);
}

/* A job due at this very moment must not wait for what can be done later. */
static int crond_serve(struct crond *c, int ready)
{
	int status;

	watch_open(c);
	outbox_open(c);
	mails_open(c);
	say_startup(c);
	daemon_open(c);
	reload_first(c);
	daemon_quiet(ready);
	adopt_all(c);
	daemon_adopt(c);
	c->shell_adds_pwd = helper_probe_shell(c);
	launch_start(c);
	clock_missed(c);
	c->working = true;
	say_loaded(c);
	daemon_ready(ready);
	service_tell(c, SERVICE_READY);
	herald_started(c);
	reboot_jobs(c);
	alert_resume(c);
	heartbeat_config(c);
	clock_advance(c);
	history_more(c);
	status = loop_run(c);
	service_tell(c, SERVICE_STOPPING);
	say_ended(c);
	removed_keep(c);
	herald_stopped(c);
	control_close(c);
	alert_close(c);
	lookup_close(c);
	place_close(c);
	return status;
}

static int crond_check(struct crond *c)
{
	c->epoll = c->w_files.fd = -1;
	c->runs = c->run_fd = -1;
	host_init(c);
	clock_init(c, 0);
	reload_first(c);
	if (c->errors)
		fprintf(stderr, "crond: %zu error%s\n", c->errors, c->errors == 1 ? "" : "s");
	else
		printf("%zu jobs in %s: no errors\n", c->reload.jobs,
			c->set.only_files ? "these files" : "all tables");
	return c->errors ? 1 : 0;
}

enum { FILES_LEAST = 32 };

/* With fewer descriptors tables could not be read, and it would seem that there were none. */
static int limits_take(struct crond *c)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0) {
		fprintf(stderr, "crond: the limit of open files: %s\n", strerror(errno));
		return -1;
	}
	if (files.rlim_max < FILES_LEAST) {
		fprintf(stderr, "crond: the hard limit of open files is %ju: at least %d are needed\n",
			(uintmax_t)files.rlim_max, FILES_LEAST);
		return -1;
	}
	c->files_soft = files.rlim_cur;
	c->files_hard = files.rlim_max;
	/* A pidfd for each keeper: put back for everything we start. */
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	return 0;
}

static bool pam_wanted(const struct settings *s)
{
	char path[PATH_MAX + 32];

	if (!s->root || s->only_files)
		return false;
	snprintf(path, sizeof(path), "%s/crond-launcher-pam", s->helpers);
	if (access(path, X_OK) < 0)
		return false;
	snprintf(path, sizeof(path), "/etc/pam.d/%s", s->dialect->pam_service);
	if (access(path, F_OK) == 0)
		return true;
	snprintf(path, sizeof(path), "/usr/lib/pam.d/%s", s->dialect->pam_service);
	return access(path, F_OK) == 0;
}

static void log_start(struct crond *c)
{
	const struct settings *s = &c->set;
	enum log_target asked = s->conf.log_target ? log_target_find(s->conf.log_target) : LOG_TARGETS;
	enum log_target to = log_is_journal() ? LOG_TO_JOURNAL : LOG_TO_SYSLOG;

	/* in the background standard error leads nowhere */
	if (asked == LOG_TO_SYSLOG || asked == LOG_TO_JOURNAL ||
		(s->foreground && asked != LOG_TARGETS))
		to = asked;
	else if (s->foreground && (s->only_files || access("/dev/log", F_OK) < 0))
		to = LOG_TO_STDERR; /* as in a container: nobody else would take it */
	log_open(&c->log, to, s->conf.log_level, NULL);
	if (asked == LOG_TO_JOURNAL && c->log.target != asked && !s->check)
		trouble_say(c, "log-target", "the journal has no socket here, the log goes to syslog");
}

/* cronie's -x: what it says more than we do is said at our level debug. */
static void debug_begin(struct settings *s)
{
	s->conf.log_target = "stderr";
	s->conf.log_level = LOG_DEBUG;
	fprintf(stderr, "%s: debugging: in the foreground, the log is here\n",
		program_invocation_short_name);
}

/* Where there is nobody to take mail when it starts, cronie's log takes its place. */
static void mailer_look(struct crond *c)
{
	const struct settings *s = &c->set;
	const char *mailer = s->conf.mailer ? s->conf.mailer : "/usr/sbin/sendmail";

	c->no_mailer = s->dialect->id == DIALECT_CRONIE && !s->only_files && !s->output_to_log &&
		!s->mail_command && strcmp(mailer, "off") != 0 && access(mailer, X_OK) < 0;
}

/* cronie's: one factor for all, another one at each start. */
static void delay_choose(struct crond *c)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint32_t)getpid() * 2654435761U;
	c->delay_scale = random % DELAY_WHOLE;
}

int main(int argc, char **argv)
{
	static struct crond crond; /* large, and the only one */
	struct crond *c = &crond;
	struct settings *s = &c->set;
	uint32_t errors = 0;
	int status, ready = -1;

	*s = (struct settings){ .config = SYSCONFDIR "/crond.conf", .root = geteuid() == 0 };
	s->dialect = args_called(argv[0] ? argv[0] : "crond", &s->dialect_named);
	if (args_read(s, argc, argv, &status))
		return status;
	descriptors_fill();
	conf_default(&s->conf);
	/* -f FILE... is a world of its own: the system's configuration has no say in it. */
	if ((!s->only_files || s->config_named) && place_config(s, NULL, NULL, &errors) < 0 && !s->check)
		return 1;
	c->errors = errors;
	c->umask = 022;
	if (s->conf.dialect && !s->dialect_named)
		s->dialect = s->conf.dialect;
	if (args_judge(s) < 0 || place_settle(s) < 0)
		return 1;
	if (s->debug)
		debug_begin(s);
	log_start(c);
	if (s->check)
		return crond_check(c);
	if (limits_take(c) < 0)
		return 1;
	c->pam = pam_wanted(s);
	if (given_take(c) < 0)
		return 1;
	mailer_look(c);
	delay_choose(c);
	if (!s->foreground)
		ready = daemonize();
	umask(022);
	if (set_up(c) < 0)
		return 1;
	return crond_serve(c, ready);
}
