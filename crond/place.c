/* place: where everything is, and that there is one scheduler of it.
 * Flow: main settles paths from options and crond.conf, then opens the directories and
 * takes the pid file's lock before anything is loaded. */
#include "config.h"

#include "crond/crond.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/diag.h"
#include "crond/base/file.h"
#include "crond/base/text.h"
#include "crond/room.h"
#include "crond/webhooks.h"

enum { CONFIG_MOST = 1 << 20, BOOT_ID = 36 };

/* --- crond.conf */

struct config_say {
	const char *path;
	struct log *log;
	const struct dialect *dialect;
	struct changes *refused; /* or NULL */
	struct fault *fault;
};

/* One more thing that a reload refused. */
static void config_refused(const struct config_say *s, const char *at, const char *why)
{
	char text[PATH_MAX + 320] = "";

	if (changes_names(s->refused, CHANGE_REFUSED))
		snprintf(text, sizeof(text), "%s%s: %s", s->path, at, why);
	changes_add(s->refused, CHANGE_REFUSED, text);
}

static void config_say(void *arg, const struct diag *d)
{
	const struct config_say *s = arg;
	char at[32] = "";

	if (d->line && d->column)
		snprintf(at, sizeof(at), ":%u:%u", (unsigned)d->line, (unsigned)d->column);
	else if (d->line)
		snprintf(at, sizeof(at), ":%u", (unsigned)d->line);
	if (d->level == DIAG_ERROR)
		fault_add(s->fault, s->path, at, d->text);
	if (s->refused && d->level == DIAG_ERROR)
		config_refused(s, at, d->text);
	if (s->log)
		log_line(s->log, d->level == DIAG_ERROR ? LOG_ERR : LOG_WARNING, s->dialect->daemon_tag,
			getpid(), 0, "(CRON) %s (%s%s: %s)", d->level == DIAG_ERROR ? "ERROR" : "WARNING",
			s->path, at, d->text);
	else
		fprintf(stderr, "%s%s: %s: %s\n", s->path, at,
			d->level == DIAG_ERROR ? "error" : "warning", d->text);
}

/* Of a file that crond.conf names. */
static void config_say_of(void *arg, const char *path, const struct diag *d)
{
	struct config_say s = *(const struct config_say *)arg;

	s.path = path;
	config_say(&s, d);
}

static int config_fail(const struct config_say *s, const char *what)
{
	struct diag d;

	diag_error(&d, 0, 0, "%s", what);
	config_say((void *)s, &d);
	return -1;
}

/* It names what root's daemon runs and where: nobody else may have written it. */
static const char *config_distrust(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "is not root's";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "can be written by others than its owner";
	return NULL;
}

/* Where tables are: these point into the configuration, so they change with it. */
static void place_tables(struct settings *s)
{
	s->spool_dir = s->conf.spool_dir ? s->conf.spool_dir : s->dialect->spool_dir;
	s->system_tab = s->conf.system_tab ? s->conf.system_tab : s->dialect->system_tab;
	s->system_dir = s->conf.system_dir ? s->conf.system_dir : s->dialect->system_dir;
}

/* The new settings come whole or not at all: a file that is broken leaves what was. */
int place_config(struct settings *s, struct log *log, struct changes *refused, uint32_t *errors)
{
	struct config_say say = { s->config, log, s->dialect, refused, &s->fault };
	struct diag_sink sink = { config_say, &say };
	struct arena arena = { 0 };
	struct buf bytes = { 0 };
	struct conf conf;
	struct stat st;
	int fd = file_open(AT_FDCWD, s->config, 1, &st), result = -1;

	s->fault = (struct fault){ 0 };
	conf_default(&conf);
	if (fd < 0 && errno == ENOENT && !s->config_named)
		result = 0; /* no configuration is a fine one */
	else if (fd < 0)
		config_fail(&say, strerror(errno));
	else if (config_distrust(&st))
		config_fail(&say, config_distrust(&st));
	else if (file_read(fd, CONFIG_MOST, &bytes) < 0)
		config_fail(&say, strerror(errno));
	else {
		fault_of(&s->fault, s->config, (struct slice){ bytes.data, bytes.len });
		conf.keeps_secrets = !(st.st_mode & S_IRWXO);
		result = conf_parse(&conf, (struct slice){ bytes.data, bytes.len }, s->config, &arena, &sink,
			errors);
	}
	if (fd >= 0)
		close(fd);
	buf_free(&bytes);
	if (result < 0) {
		++*errors;
		arena_free(&arena);
		return -1;
	}
	webhooks_read(&conf, &s->conf, &arena, config_say_of, &say, errors);
	arena_free(&s->conf_arena);
	s->conf = conf;
	s->conf_arena = arena;
	place_tables(s);
	return 0;
}

/* --- paths */

static int path_set(char *out, const char *prefix, const char *path)
{
	if (snprintf(out, PATH_MAX, "%s%s", prefix ? prefix : "", path) < PATH_MAX)
		return 0;
	fprintf(stderr, "crond: path too long: %s\n", path);
	return -1;
}

/* Nobody else may swap what we make in there: ours, or anybody's with the sticky bit. */
static bool parent_usable(const char *dir)
{
	struct stat st;

	return dir && *dir == '/' && stat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
		(st.st_uid == geteuid() || st.st_uid == 0) &&
		(st.st_mode & S_ISVTX || !(st.st_mode & (S_IWGRP | S_IWOTH)));
}

/* Several private instances may run side by side: each has a directory of its own. In
 * memory where there is such; a read-only container has /dev/shm at least, or /run. */
static int make_own_dir(struct settings *s)
{
	const char *const parents[] = { getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp", "/var/tmp",
		"/dev/shm", "/run" };

	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		if (!parent_usable(parents[i]) || snprintf(s->own_dir, PATH_MAX, "%s/crond-%u-XXXXXX",
			parents[i], (unsigned)geteuid()) >= PATH_MAX)
			continue;
		if (mkdtemp(s->own_dir))
			return 0;
	}
	fprintf(stderr, "crond: nowhere to write: not below $XDG_RUNTIME_DIR, $TMPDIR, /tmp, /var/tmp, "
		"/dev/shm and /run; --prefix names another directory\n");
	return -1;
}

/* One that is missing may still come, but where all are somebody meant something else. */
static int files_there(const struct settings *s)
{
	for (size_t i = 0; i < s->file_count; i++) {
		if (access(s->files[i], F_OK) == 0)
			return 0;
	}
	for (size_t i = 0; i < s->file_count; i++)
		fprintf(stderr, "crond: %s: %s\n", s->files[i], strerror(ENOENT));
	return s->only_files ? -1 : 0;
}

/* A private instance: below --prefix, else below a directory that goes with it; state
 * where the user keeps such. */
static int place_private(struct settings *s)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (s->prefix || !s->only_files)
		return 0;
	if (make_own_dir(s) < 0)
		return -1;
	s->remove_dir = true;
	if (path_set(s->run_dir, s->own_dir, "/run") < 0 ||
		path_set(s->pid_file, s->own_dir, "/crond.pid") < 0)
		return -1;
	if (state && *state == '/')
		return path_set(s->state_dir, state, "/crond");
	if (home && *home == '/')
		return path_set(s->state_dir, home, "/.local/state/crond");
	return path_set(s->state_dir, s->run_dir, "/state");
}

/* Beside the program where that is not the installed one: a build directory. */
static int place_helpers(struct settings *s)
{
	char exe[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *called = (const char *)(uintptr_t)getauxval(AT_EXECFN); /* where /proc is not there */

	snprintf(s->helpers, sizeof(s->helpers), "%s", PKGLIBEXECDIR);
	if (n <= 0)
		n = called && *called == '/' ? snprintf(exe, sizeof(exe), "%s", called) : 0;
	if (n <= 0 || (size_t)n >= sizeof(exe))
		return 0;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (!slash || strncmp(exe, SBINDIR "/", sizeof(SBINDIR)) == 0)
		return 0;
	snprintf(slash, sizeof(exe) - (size_t)(slash - exe), "/crond-launcher");
	if (access(exe, X_OK) < 0)
		return 0;
	*slash = '\0';
	snprintf(s->helpers, sizeof(s->helpers), "%s", exe);
	return 0;
}

int place_settle(struct settings *s)
{
	const struct conf *conf = &s->conf;

	if (path_set(s->run_dir, s->prefix, conf->run_dir ? conf->run_dir : RUNDIR) < 0 ||
		path_set(s->state_dir, s->prefix, conf->state_dir ? conf->state_dir : STATEDIR) < 0 ||
		path_set(s->log_dir, s->prefix, conf->log_dir ? conf->log_dir : LOGDIR) < 0 ||
		path_set(s->pid_file, s->prefix, conf->pid_file ? conf->pid_file : "/run/crond.pid") < 0 ||
		path_set(s->reboot_lock, s->prefix, s->dialect->reboot_lock) < 0)
		return -1;
	place_tables(s);
	if (!s->check && (files_there(s) < 0 || place_private(s) < 0))
		return -1;
	return place_helpers(s);
}

/* --- directories */

/* mkdir -p; what is there already stays as it is. */
static int make_path(const char *path, mode_t mode)
{
	char part[PATH_MAX];

	for (const char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdir(part, *p ? 0755 : mode) < 0 && errno != EEXIST)
			return -1;
		if (!*p)
			return 0;
	}
}

static int fail(const char *path)
{
	fprintf(stderr, "crond: %s: %s\n", path, strerror(errno));
	return -1;
}

/* Without these nothing goes: whose place they are may be elsewhere. */
static int fail_place(const char *path, const char *setting)
{
	fprintf(stderr, "crond: %s: %s; another place is named by %s in crond.conf, or by --prefix\n",
		path, strerror(errno), setting);
	return -1;
}

/* The run-time directory must be ours: whoever could write there could have jobs run. */
static int open_private(int at, const char *path, const char *shown, mode_t mode)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return fail(shown);
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		fprintf(stderr, "crond: %s: must belong to us, and be writable by nobody else\n", shown);
		close(fd);
		return -1;
	}
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0) {
		close(fd);
		return fail(shown);
	}
	return fd;
}

/* Files that one before us, who was killed, had not put in place yet: nobody else writes here. */
static void sweep(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	const struct dirent *e;

	if (!dir && again >= 0)
		close(again);
	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, ".tmp-", 5) == 0)
			unlinkat(fd, e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static int open_run_dir(struct crond *c)
{
	const struct settings *s = &c->set;
	char runs[PATH_MAX + 8];

	if (make_path(s->run_dir, 0755) < 0)
		return fail_place(s->run_dir, "run-dir");
	c->run_fd = open_private(AT_FDCWD, s->run_dir, s->run_dir, s->root ? 0755 : 0700);
	if (c->run_fd < 0)
		return -1;
	snprintf(runs, sizeof(runs), "%s/runs", s->run_dir);
	if (mkdirat(c->run_fd, "runs", 0700) < 0 && errno != EEXIST)
		return fail_place(runs, "run-dir");
	if (mkdirat(c->run_fd, "notify", 0711) < 0 ? errno != EEXIST : fchmodat(c->run_fd, "notify", 0711, 0))
		return fail_place("notify", "run-dir");
	c->runs = open_private(c->run_fd, "runs", runs, 0700);
	if (c->runs < 0)
		return -1;
	sweep(c->run_fd);
	room_measure(c);
	return 0;
}

/* --- the pid file */

static void pid_other(struct crond *c, int error)
{
	char text[32] = "";
	ssize_t n = pread(c->pid_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
	say_locked(c, text, error);
}

static bool still_named(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
		ours.st_ino == named.st_ino;
}

/* Both kinds of lock: Debian's cron takes flock, cronie too; a daemon of either that
 * runs is seen, and sees us. */
static int open_pid_file(struct crond *c)
{
	const char *path = c->set.pid_file;
	char text[32];
	int n;

	do { /* one that ends takes its file with it: a lock on that one holds off nobody */
		if (c->pid_fd >= 0)
			close(c->pid_fd);
		c->pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (c->pid_fd < 0)
			return fail_place(path, "pid-file");
		if (flock(c->pid_fd, LOCK_EX | LOCK_NB) < 0) {
			pid_other(c, errno);
			return -1;
		}
	} while (!still_named(c->pid_fd, path));
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(c->pid_fd, 0) < 0 || pwrite(c->pid_fd, text, (size_t)n, 0) != n)
		return fail(path);
	return 0;
}

/* Jobs need no state: what does is kept with the run-time files, as long as these last. */
static int open_state_dir(struct crond *c)
{
	struct settings *s = &c->set;
	int error = 0;

	if (make_path(s->state_dir, s->root ? 0755 : 0700) < 0 || access(s->state_dir, W_OK | X_OK) < 0)
		error = errno;
	if (!error)
		return 0;
	log_line(&c->log, LOG_WARNING, s->dialect->daemon_tag, getpid(), 0,
		"(CRON) WARNING (%s: %s; alerts on their way are kept in %s, and lost with it)",
		s->state_dir, strerror(error), s->run_dir);
	if (path_set(s->state_dir, s->run_dir, "/state") < 0)
		return -1;
	return make_path(s->state_dir, s->root ? 0755 : 0700) < 0 ? fail(s->state_dir) : 0;
}

/* A system without users' tables yet: crontab(1) needs the place as soon as we are there. Where
 * it cannot be made it is missed when it is read. */
static void make_spool(struct crond *c)
{
	const struct dialect *d = c->set.dialect;
	const struct group *group = d->spool_group ? getgrnam(d->spool_group) : NULL;
	struct stat st;

	if (!c->set.root || c->set.only_files || c->set.prefix || c->set.conf.spool_dir ||
		lstat(d->spool_dir, &st) == 0 || make_path(d->spool_dir, d->spool_mode) < 0)
		return;
	if ((group && chown(d->spool_dir, (uid_t)-1, group->gr_gid) < 0) ||
		chmod(d->spool_dir, (mode_t)d->spool_mode) < 0)
		fail(d->spool_dir);
	else
		fprintf(stderr, "%s: %s: created\n", program_invocation_short_name, d->spool_dir);
}

/* Jobs' logs; that it cannot be made is said once one of them wants it. A private instance
 * has them with its state. */
static int settle_log_dir(struct settings *s)
{
	if (s->only_files && !s->prefix && !s->conf.log_dir &&
		path_set(s->log_dir, s->state_dir, "/log") < 0)
		return -1;
	make_path(s->log_dir, s->root ? 0755 : 0700);
	return 0;
}

int place_open(struct crond *c)
{
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", c->set.pid_file);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		if (make_path(dir, 0755) < 0)
			return fail_place(dir, "pid-file");
	}
	if (open_pid_file(c) < 0 || open_run_dir(c) < 0)
		return -1;
	make_spool(c);
	if (open_state_dir(c) < 0)
		return -1;
	return settle_log_dir(&c->set);
}

void place_close(struct crond *c)
{
	static const char *const files[] = { "stamp", "jobs", "daemons", "launcher", "last" };

	if (c->set.remove_dir)
		pending_abandon(c);
	backlog_close(c);
	unlink(c->set.pid_file);
	if (!c->set.remove_dir)
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(c->run_fd, files[i], 0);
	unlinkat(c->run_fd, "outbox", AT_REMOVEDIR); /* if nothing waits there */
	unlinkat(c->run_fd, "notify", AT_REMOVEDIR);
	unlinkat(c->run_fd, "mails", AT_REMOVEDIR);
	unlinkat(c->run_fd, "runs", AT_REMOVEDIR); /* stays where jobs still run */
	unlinkat(c->run_fd, "state/paused", 0);
	unlinkat(c->run_fd, "state/handled", 0);
	unlinkat(c->run_fd, "state/alerted", 0);
	unlinkat(c->run_fd, "state/alerts", AT_REMOVEDIR); /* and where alerts wait */
	unlinkat(c->run_fd, "state/log", AT_REMOVEDIR);    /* and where there are logs of theirs */
	unlinkat(c->run_fd, "state", AT_REMOVEDIR);
	rmdir(c->set.run_dir);
	rmdir(c->set.own_dir);
}

/* --- @reboot */

static void boot_id(char out[BOOT_ID + 2])
{
	struct buf b = { 0 };
	struct stat st;
	int fd = file_open(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 0, &st);

	out[0] = '\0';
	if (fd >= 0 && file_read(fd, 128, &b) == 0 && b.len >= BOOT_ID)
		snprintf(out, BOOT_ID + 2, "%.*s\n", BOOT_ID, b.data);
	if (fd >= 0)
		close(fd);
	buf_free(&b);
}

/* As the first process of a container we are what begins and ends there. */
void place_boot(char *out, size_t room)
{
	char id[BOOT_ID + 2];

	boot_id(id);
	id[strcspn(id, "\n")] = '\0';
	if (getpid() == 1)
		snprintf(out, room, "%s-%lld", id, (long long)time(NULL));
	else
		snprintf(out, room, "%s", *id ? id : "unknown");
}

/* Once a boot: the lock of the dialect's own daemon counts too (it is empty), so that a
 * switch does not run them again. Ours holds the boot's id: a /run that outlives a
 * boot (a container's) does not hide the next. */
bool place_first_since_boot(struct crond *c)
{
	char now[BOOT_ID + 2], was[BOOT_ID + 2] = "";
	const char *path = c->set.reboot_lock;
	bool first = true;
	int fd;

	if (c->set.only_files || getpid() == 1)
		return true;
	boot_id(now);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 && pread(fd, was, BOOT_ID + 1, 0) > 0)
			first = *now && strcmp(was, now) != 0;
		else
			first = false;
	}
	if (fd < 0)
		log_classic(&c->log, c->set.dialect->daemon_tag, getpid(), 0, "CRON", "ERROR",
			"Can't create reboot check file");
	else if (first && pwrite(fd, now, strlen(now), 0) < 0)
		first = true; /* it exists, which is what counts for the next start */
	if (fd >= 0)
		close(fd);
	return first;
}
