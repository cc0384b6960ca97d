/* helper: how the scheduler starts the few programs it does start, and the probe that
 * tells what /bin/sh does to what it executes.
 * Flow: launch, alert and history_wire ask for a helper; main asks once what the shell adds. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/account.h"
#include "crond/base/clients.h"
#include "crond/base/kernel.h"
#include "crond/base/text.h"
#include "crond/helper.h"

enum { PROBE_MS = 5000, FD_FIRST = 3, FDS_MOST = 8, BACKOFF_FIRST_MS = 1000,
	BACKOFF_MOST_MS = 60 * 1000 };

struct helper {
	const char *path;
	const char *const *argv;
	const char *const *env;
	int fds[FDS_MOST], n;
	int out;           /* standard output, or -1: leave it */
	uid_t uid;
	gid_t gid;
	struct rlimit files;
};

/* Between vfork and exec: nothing here may touch memory that the scheduler uses. */
static void __attribute__((noreturn)) helper_child(const struct helper *h)
{
	sigset_t none;
	int at[FDS_MOST];

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	for (int i = 0; i < h->n; i++) { /* out of the way first: targets may be sources */
		at[i] = fcntl(h->fds[i], F_DUPFD_CLOEXEC, FD_FIRST + FDS_MOST);
		if (at[i] < 0)
			_exit(126);
	}
	for (int i = 0; i < h->n; i++) {
		if (dup2(at[i], FD_FIRST + i) < 0)
			_exit(126);
	}
	if (h->out >= 0 && dup2(h->out, 1) < 0)
		_exit(126);
	kernel_close_from(FD_FIRST + h->n);
	setrlimit(RLIMIT_NOFILE, &h->files);
	if (h->uid != (uid_t)-1) {
		uid_t r, e, s;

		if (setgroups(0, NULL) < 0 || setresgid(h->gid, h->gid, h->gid) < 0 ||
			setresuid(h->uid, h->uid, h->uid) < 0)
			_exit(126);
		if (getresuid(&r, &e, &s) < 0 || r != h->uid || e != h->uid || s != h->uid)
			_exit(126);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(h->path, (char *const *)h->argv, (char *const *)h->env);
	_exit(127);
}

static pid_t __attribute__((noinline)) helper_start(const struct helper *h)
{
	sigset_t all, was;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	pid = vfork();
	if (pid == 0)
		helper_child(h);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return pid;
}

static const char *const clean_env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };

pid_t helper_run(struct crond *c, const char *name, const char *const *argv, const int *fds, int n,
	uid_t uid, gid_t gid)
{
	char path[PATH_MAX + 32];
	struct helper h = { .path = path, .argv = argv, .env = clean_env, .n = n, .out = -1,
		.uid = uid, .gid = gid, .files = { c->files_soft, c->files_hard } };

	snprintf(path, sizeof(path), "%s/%s", c->set.helpers, name);
	memcpy(h.fds, fds, (size_t)n * sizeof(*fds));
	if (access(path, X_OK) < 0) {
		trouble_say(c, path, strerror(errno));
		return -1;
	}
	return helper_start(&h);
}

int helper_user(struct crond *c, const char *name, const char *configured, const char *usual,
	uid_t *uid, gid_t *gid)
{
	const char *wanted = configured ? configured : usual;
	const struct job_user *user;
	struct account a;
	char why[96];

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (!c->set.root || c->set.only_files)
		return 0;
	/* of this host's files, where it is no other that is wanted: nobody need be asked. That they cannot be
	 * read now makes nobody of no one: what is there would be given to him */
	if (account_local(wanted, &a) == 0 ||
		(!configured && errno == ENOENT && account_local("nobody", &a) == 0)) {
		*uid = a.uid;
		*gid = a.gid;
		account_free(&a);
	} else if ((user = user_get(c, wanted))) {
		*uid = user->uid;
		*gid = user->gid;
	} else if (errno == EINPROGRESS) {
		return -1;
	}
	if (*uid == (uid_t)-1 || *uid == 0) {
		snprintf(why, sizeof(why), "%s's user does not exist, or is root", name);
		trouble_say(c, wanted, why);
		return -1;
	}
	return 0;
}

int helper_directory(const char *path, uid_t uid, gid_t gid)
{
	struct stat st;
	int fd, rc = 0;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	if (uid == (uid_t)-1)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* on a disk that has turned read-only it may be read all the same */
	if (fstat(fd, &st) < 0 || st.st_uid != uid || st.st_gid != gid || (st.st_mode & 07777) != 0700)
		rc = fchown(fd, uid, gid) < 0 || fchmod(fd, 0700) < 0 ? -1 : 0;
	close(fd);
	return rc;
}

/* Who says nothing more is no help, whether it lives or not. */
static void helper_over(struct crond *c, const struct watch *wire, pid_t pid)
{
	epoll_ctl(c->epoll, EPOLL_CTL_DEL, wire->fd, NULL);
	if (pid > 0) /* a child that was not waited for: nobody else has its number */
		kill(pid, SIGKILL);
}

ssize_t helper_hear(struct crond *c, const struct watch *wire, pid_t pid, char *text, size_t room)
{
	ssize_t n;

	do /* after a reset there may still be messages */
		n = recv(wire->fd, text, room - 1, MSG_DONTWAIT);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n == 0)
		helper_over(c, wire, pid);
	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* Emergencies go to everybody's terminal: they are not for who has no rights to cry. */
void helper_log(struct crond *c, const char *name, pid_t pid, const char *line)
{
	int priority = *line >= '0' + LOG_ERR && *line <= '0' + LOG_DEBUG ? *line - '0' : LOG_ERR;

	if (*line)
		log_line(&c->log, priority, name, pid, 0, "%s", line + 1);
}

void helper_listen(struct crond *c, struct watch *w, enum watch_kind kind, const char *name)
{
	if (w->fd >= 0)
		return;
	*w = (struct watch){ .kind = kind, .fd = clients_listen(c->run_fd, c->set.run_dir, name) };
	if (w->fd >= 0 && wait_for(c, w, EPOLLIN) == 0)
		return;
	trouble_say(c, name, strerror(errno));
	unlinkat(c->run_fd, name, 0);
	wait_end(c, w);
}

void helper_wait_for(struct crond *c, struct watch *w, const char *name)
{
	if (wait_for(c, w, EPOLLIN) == 0)
		return;
	trouble_say(c, name, strerror(errno));
	wait_end(c, w);
}

int64_t helper_backoff_ms(unsigned fails)
{
	int64_t wait = BACKOFF_FIRST_MS;

	for (unsigned i = 0; i < fails && wait < BACKOFF_MOST_MS; i++)
		wait *= 2;
	return wait < BACKOFF_MOST_MS ? wait : BACKOFF_MOST_MS;
}

/* --- the probe: what does /bin/sh add to an environment? */

static bool selinux_on(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static size_t probe_read(int fd, char *out, size_t room)
{
	int64_t until = wait_now_ms() + PROBE_MS;
	size_t n = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = until - wait_now_ms();
		ssize_t got;

		if (left <= 0 || n == room || poll(&p, 1, (int)left) <= 0)
			return 0;
		got = read(fd, out + n, room - n);
		if (got <= 0)
			return got == 0 ? n : 0;
		n += (size_t)got;
	}
}

/* Exactly what was given, and PWD; then the pid of what the shell executed. */
static bool probe_judge(const char *out, size_t n, pid_t shell, bool *waits)
{
	char cwd[PATH_MAX + 8] = "PWD=";
	bool given = false, pwd = false;
	uint64_t pid = 0;

	if (n == 0 || out[n - 1] != '\0' || !getcwd(cwd + 4, PATH_MAX))
		return false;
	for (const char *e = out; e < out + n; e += strlen(e) + 1) {
		if (strcmp(e, "PROBE=1") == 0 && !given)
			given = true;
		else if (strcmp(e, cwd) == 0 && !pwd)
			pwd = true;
		else if (text_number(slice_of(e), INT32_MAX, &pid) < 0)
			return false;
	}
	*waits = (pid_t)pid != shell;
	return given && pwd && pid;
}

bool helper_probe_shell(struct crond *c)
{
	char command[PATH_MAX + 64], out[4096];
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };
	const char *const env[] = { "PROBE=1", NULL };
	struct helper h = { .path = "/bin/sh", .argv = argv, .env = env, .uid = (uid_t)-1,
		.files = { c->files_soft, c->files_hard } };
	int pipes[2];
	size_t n;
	pid_t pid;

	if (!c->set.conf.direct_exec || selinux_on() || strchr(c->set.helpers, '\''))
		return false;
	snprintf(command, sizeof(command), "'%s/crond-launcher' --environment", c->set.helpers);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	h.out = pipes[1];
	pid = helper_start(&h);
	close(pipes[1]);
	n = pid > 0 ? probe_read(pipes[0], out, sizeof(out)) : 0;
	close(pipes[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return probe_judge(out, n, pid, &c->shell_waits);
}
