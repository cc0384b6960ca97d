/* main: options, then one daemon.
 * Flow: the command line -> settings -> crond_serve, or crond_check. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/text.h"

static const char usage_text[] =
	"usage: cron [-f] [-l] [-L levels] [-n]\n"
	"       crond -f [--config FILE] [--dialect NAME] [--prefix DIR] [--system] FILE...\n"
	"       crond -t [--config FILE] [--dialect NAME] [--system] [FILE...]\n"
	"       crond -V | -h\n"
	"  -f           stay in the foreground; with FILE... run just these, as the caller\n"
	"  -t           check everything that would be loaded, and end\n"
	"  -l           names in the system directory as the LSB allows them\n"
	"  -L levels    sum of 1 start, 2 end, 4 failed, 8 process ids (default 1)\n"
	"  -n           full host name in the subject of mails; in dialect cronie the same as -f\n"
	"  --config     read FILE in place of " SYSCONFDIR "/crond.conf\n"
	"  --prefix     keep run-time and state directories below DIR\n"
	"  --dialect    debian or cronie\n"
	"  --system     lines of FILE... have a user column\n"
	"  FILE         a crontab, or a task file if it ends in .conf\n";

enum { OPT_CONFIG = 256, OPT_PREFIX, OPT_SYSTEM, OPT_DIALECT };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "prefix", required_argument, NULL, OPT_PREFIX },
	{ "system", no_argument, NULL, OPT_SYSTEM },
	{ "dialect", required_argument, NULL, OPT_DIALECT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int usage(int status)
{
	fputs(usage_text, status ? stderr : stdout);
	return status;
}

static int option_levels(struct settings *s, const char *text)
{
	uint64_t mask;

	if (text_number(slice_of(text), 15, &mask) < 0) {
		fprintf(stderr, "crond: -L takes a number from 0 to 15, not \"%s\"\n", text);
		return -1;
	}
	s->log_mask = (unsigned)mask;
	return 0;
}

static int option_dialect(struct settings *s, const char *text)
{
	s->dialect = dialect_find(slice_of(text));
	s->dialect_named = true;
	if (s->dialect)
		return 0;
	fprintf(stderr, "crond: --dialect takes debian or cronie, not \"%s\"\n", text);
	return -1;
}

/* 0; 1 and *status: end at once. */
static int options_read(struct settings *s, int argc, char **argv, int *status)
{
	int o;

	*status = 2;
	while ((o = getopt_long(argc, argv, "flL:ntVh", long_options, NULL)) != -1) {
		switch (o) {
		case 'f':
			s->foreground = true;
			break;
		case 'l':
			s->lsb_names = true;
			break;
		case 'L':
			if (option_levels(s, optarg) < 0)
				return 1;
			break;
		case 'n':
			s->fqdn = true;
			break;
		case 't':
			s->check = true;
			break;
		case OPT_CONFIG:
			s->config = optarg;
			s->config_named = true;
			break;
		case OPT_PREFIX:
			s->prefix = optarg;
			break;
		case OPT_SYSTEM:
			s->system_format = true;
			break;
		case OPT_DIALECT:
			if (option_dialect(s, optarg) < 0)
				return 1;
			break;
		case 'V':
			puts(PACKAGE_STRING);
			*status = 0;
			return 1;
		case 'h':
			*status = usage(0);
			return 1;
		default:
			usage(2);
			return 1;
		}
	}
	/* the same letter, by whose manual it was written */
	if (s->dialect->id == DIALECT_CRONIE && s->fqdn) {
		s->foreground = true;
		s->fqdn = false;
	}
	s->files = argv + optind;
	s->file_count = (size_t)(argc - optind);
	s->only_files = s->file_count > 0;
	return 0;
}

static int settings_judge(const struct settings *s)
{
	if (s->only_files && !s->foreground && !s->check) {
		fprintf(stderr, "crond: FILE... needs -f (run them in the foreground) or -t (check them)\n");
		return -1;
	}
	if (s->prefix && s->prefix[0] != '/') {
		fprintf(stderr, "crond: --prefix takes an absolute path\n");
		return -1;
	}
	if (!s->only_files && !s->root && !s->check && !s->prefix) {
		fprintf(stderr, "crond: only root can run the system's jobs; "
			"to run files of your own: crond -f FILE...\n");
		return -1;
	}
	return 0;
}

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

/* The caller gets our status once everything is loaded: `cron` returns when jobs can
 * be relied on, or 1. The child's end of the pipe, or -1. */
static int daemonize(void)
{
	int ready[2], fd;
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
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		dup2(fd, 0);
	return ready[1];
}

/* Standard output and error are the caller's until everything went well. */
static void daemon_ready(int ready)
{
	int fd;

	if (ready < 0)
		return;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		dup2(fd, 1);
		dup2(fd, 2);
		close(fd);
	}
	if (write(ready, "", 1) < 0)
		fprintf(stderr, "crond: nobody waits for us\n");
	close(ready);
}

static int set_up(struct crond *c)
{
	int64_t stamp = 0;

	c->run_fd = c->runs = c->pid_fd = c->stamp_fd = c->state_fd = -1;
	c->w_notify = (struct watch){ .kind = WATCH_NOTIFY, .fd = -1 };
	if (place_open(c) < 0)
		return -1;
	if (loop_open(c) < 0 || launch_init(c) < 0) {
		fprintf(stderr, "crond: cannot start: %s\n", strerror(errno));
		return -1;
	}
	c->log.lost = &c->shared->log_lost;
	service_open(c);
	host_init(c);
	if (state_open(c, &stamp) < 0) {
		fprintf(stderr, "crond: %s: %s\n", c->set.run_dir, strerror(errno));
		return -1;
	}
	clock_init(c, stamp);
	return 0;
}

static void say_started(struct crond *c)
{
	const char *tag = c->set.dialect->daemon_tag;

	if (!c->set.only_files)
		log_line(&c->log, LOG_INFO, tag, getpid(), 0, "(CRON) INFO (pidfile fd = %d)", c->pid_fd);
	if (!c->set.foreground)
		log_classic(&c->log, tag, getpid(), 0, "CRON", "STARTUP", "fork ok");
	log_line(&c->log, LOG_INFO, tag, getpid(), 0, "(CRON) INFO (%s, dialect %s: %zu jobs in force)",
		PACKAGE_STRING, c->set.dialect->name, c->due.jobs);
}

static void reboot_jobs(struct crond *c)
{
	bool first = place_first_since_boot(c);

	log_classic(&c->log, c->set.dialect->daemon_tag, getpid(), 0, "CRON", "INFO",
		first ? "Running @reboot jobs" : "Skipping @reboot jobs -- not system startup");
	if (first)
		start_reboot_jobs(c);
}

/* A job due at this very moment must not wait for what can be done later. */
static int crond_serve(struct crond *c, int ready)
{
	int status;

	watch_open(c);
	reload_first(c);
	adopt_all(c);
	c->shell_adds_pwd = helper_probe_shell(c);
	launch_start(c);
	clock_missed(c);
	c->working = true;
	say_started(c);
	daemon_ready(ready);
	service_tell(c, SERVICE_READY);
	reboot_jobs(c);
	alert_resume(c);
	clock_advance(c);
	status = loop_run(c);
	service_tell(c, SERVICE_STOPPING);
	log_classic(&c->log, c->set.dialect->daemon_tag, getpid(), 0, "CRON", "INFO",
		c->stop.stage ? "Shut down" : "Shutting down; running jobs go on");
	place_close(c);
	return status;
}

static int crond_check(struct crond *c)
{
	size_t reboot_jobs = 0;
	struct source *s;

	c->epoll = c->w_files.fd = -1;
	c->runs = c->run_fd = -1;
	host_init(c);
	clock_init(c, 0);
	reload_first(c);
	RB_FOREACH(s, source_tree, &c->sources)
		reboot_jobs += s->jobs ? s->jobs->reboot_jobs : 0;
	if (c->errors)
		fprintf(stderr, "crond: %zu error%s\n", c->errors, c->errors == 1 ? "" : "s");
	else
		printf("%zu jobs in %s: no errors\n", c->due.jobs + reboot_jobs,
			c->set.only_files ? "these files" : "all tables");
	return c->errors ? 1 : 0;
}

static void limits_take(struct crond *c)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	c->files_soft = files.rlim_cur;
	c->files_hard = files.rlim_max;
	/* A pidfd for each keeper: put back for everything we start. */
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
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
	enum log_target to = LOG_TO_SYSLOG;

	/* in the background standard error leads nowhere */
	if (s->foreground && s->conf.log_target)
		to = log_target_find(s->conf.log_target);
	else if (s->foreground && (s->only_files || access("/dev/log", F_OK) < 0))
		to = LOG_TO_STDERR; /* as in a container: nobody else would take it */
	log_open(&c->log, to, s->conf.log_level, NULL);
}

static const struct dialect *dialect_called(const char *argv0, bool *named)
{
	const char *base = strrchr(argv0, '/');

	base = base ? base + 1 : argv0;
	*named = strcmp(base, "cron") == 0;
	return *named ? dialect_get(DIALECT_DEBIAN) : dialect_find(slice_of(DEFAULT_DIALECT));
}

int main(int argc, char **argv)
{
	static struct crond crond; /* large, and the only one */
	struct crond *c = &crond;
	struct settings *s = &c->set;
	uint32_t errors = 0;
	int status, ready = -1;

	*s = (struct settings){ .config = SYSCONFDIR "/crond.conf", .log_mask = 1,
		.root = geteuid() == 0 };
	s->dialect = dialect_called(argv[0] ? argv[0] : "crond", &s->dialect_named);
	s->foreground = getpid() == 1; /* its end is the container's: nobody to return to */
	if (options_read(s, argc, argv, &status))
		return status;
	if (settings_judge(s) < 0)
		return 2;
	descriptors_fill();
	conf_default(&s->conf);
	/* -f FILE... is a world of its own: the system's configuration has no say in it. */
	if ((!s->only_files || s->config_named) && place_config(s, NULL, &errors) < 0 && !s->check)
		return 1;
	c->errors = errors;
	c->umask = 022;
	if (place_settle(s) < 0)
		return 1;
	log_start(c);
	c->seed = text_hash(3, s->helpers, 0);
	limits_take(c);
	if (s->check)
		return crond_check(c);
	c->pam = pam_wanted(s);
	if (!s->foreground)
		ready = daemonize();
	umask(022);
	if (set_up(c) < 0)
		return 1;
	return crond_serve(c, ready);
}
