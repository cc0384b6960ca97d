/* pam_probe: a PAM module that behaves as it is told, well or badly.
 * Flow: pam_test.py puts it into a stack of the lab; the file DIR/USER (argument dir=DIR)
 * has one STEP=ACTION a line (account, setcred, reinit, delete, open, close), and what was
 * called is appended to DIR/calls as "STEP USER PID UID". */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

enum { SPARE_GROUP = 2999, LEAKS = 20 };

static void say_called(const char *dir, const char *step, const char *user)
{
	char path[256], line[256];
	int fd;

	snprintf(path, sizeof(path), "%s/calls", dir);
	snprintf(line, sizeof(line), "%s %s %d %d\n", step, user, (int)getpid(), (int)getuid());
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		syslog(LOG_ERR, "pam_probe: %s: %m", path);
	if (fd >= 0)
		close(fd);
}

static int hang(void)
{
	for (;;)
		pause();
	return PAM_SUCCESS;
}

static int hang_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	return hang();
}

/* As pam_exec with a program that does not end: a child, and a child of its own. */
static int hang_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		execl("/bin/sh", "sh", "-c", "sleep 601 & sleep 602; true", (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, NULL, 0) != pid)
		;
	return PAM_SUCCESS;
}

static int crash(void)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return PAM_SUCCESS;
}

static int leave(void)
{
	exit(0);
}

static int leak_files(void)
{
	for (int i = 0; i < LEAKS; i++)
		if (open("/etc/passwd", O_RDONLY) < 0)
			return PAM_SYSTEM_ERR;
	return PAM_SUCCESS;
}

static int close_files(void)
{
	for (int i = 0; i < 3; i++)
		close(i);
	return PAM_SUCCESS;
}

static int leave_child(void)
{
	if (fork() == 0) {
		sleep(600);
		_exit(0);
	}
	return PAM_SUCCESS;
}

static void *sleeper(void *arg)
{
	sleep(600);
	return arg;
}

static int leave_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, sleeper, NULL) == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
}

static int mess(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	return chdir("/usr") == 0 && seteuid(1) == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
}

static int drop_rights(void)
{
	return setuid(1) == 0 ? PAM_SUCCESS : PAM_SYSTEM_ERR;
}

static int mask_files(void)
{
	umask(027);
	return PAM_SUCCESS;
}

static int add_group(void)
{
	gid_t groups[64];
	int n = getgroups(63, groups);

	if (n < 0)
		return PAM_CRED_ERR;
	groups[n] = SPARE_GROUP;
	return setgroups((size_t)n + 1, groups) == 0 ? PAM_SUCCESS : PAM_CRED_ERR;
}

static int deny(void)
{
	return PAM_PERM_DENIED;
}

static int nice_limits(void)
{
	static const struct rlimit few = { 5, 5 }, little = { 1 << 20, 1 << 20 };

	return setpriority(PRIO_PROCESS, 0, 7) == 0 && setrlimit(RLIMIT_NOFILE, &few) == 0 &&
	                setrlimit(RLIMIT_CORE, &little) == 0
	        ? PAM_SUCCESS
	        : PAM_SYSTEM_ERR;
}

static int act(const char *action)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} actions[] = {
		{ "deny", deny },
		{ "hang", hang },
		{ "hang-blocked", hang_blocked },
		{ "hang-child", hang_child },
		{ "crash", crash },
		{ "exit", leave },
		{ "leak-files", leak_files },
		{ "close-files", close_files },
		{ "leave-child", leave_child },
		{ "leave-thread", leave_thread },
		{ "mess", mess },
		{ "drop-rights", drop_rights },
		{ "umask", mask_files },
		{ "group", add_group },
		{ "limits", nice_limits },
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(action, actions[i].name) == 0)
			return actions[i].run();
	syslog(LOG_ERR, "pam_probe: no such action: %s", action);
	return PAM_SYSTEM_ERR;
}

/* Every action of this step. */
static int acts(const char *dir, const char *step, const char *user)
{
	char path[256], line[128];
	size_t n = strlen(step);
	int rc = PAM_SUCCESS;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, user);
	f = fopen(path, "re");
	while (f && rc == PAM_SUCCESS && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, step, n) == 0 && line[n] == '=')
			rc = act(line + n + 1);
	}
	if (f)
		fclose(f);
	return rc;
}

static int probe(pam_handle_t *handle, const char *step, int argc, const char **argv)
{
	const void *tty = NULL;
	const char *user = NULL, *dir = NULL;

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "dir=", 4) == 0)
			dir = argv[i] + 4;
	if (!dir || pam_get_user(handle, &user, NULL) != PAM_SUCCESS || !user)
		return PAM_SYSTEM_ERR;
	if (pam_get_item(handle, PAM_TTY, &tty) != PAM_SUCCESS || !tty || strcmp(tty, "cron") != 0)
		pam_syslog(handle, LOG_ERR, "the terminal is not cron");
	say_called(dir, step, user);
	return acts(dir, step, user);
}

int pam_sm_authenticate(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	(void)flags;
	return probe(handle, "authenticate", argc, argv);
}

int pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	return probe(handle,
	        flags & PAM_REINITIALIZE_CRED     ? "reinit"
	                : flags & PAM_DELETE_CRED ? "delete"
	                                          : "setcred",
	        argc, argv);
}

int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	(void)flags;
	return probe(handle, "account", argc, argv);
}

int pam_sm_open_session(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	(void)flags;
	return probe(handle, "open", argc, argv);
}

int pam_sm_close_session(pam_handle_t *handle, int flags, int argc, const char **argv)
{
	(void)flags;
	return probe(handle, "close", argc, argv);
}
