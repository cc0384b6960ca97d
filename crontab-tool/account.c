/* account: may the caller's account be used here, as PAM sees it?
 * Flow: see account.h. PAM's modules stay out of this program, which is half the
 * caller's: crontab-account, which is all root's, asks them and answers by its status. */
#include "config.h"

#include "crontab-tool/account.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/base/kernel.h"
#include "crontab-tool/request.h"

static const char helper[] = PKGLIBEXECDIR "/crontab-account";

/* What cannot be looked at counts as there: then crontab-account, as root, has to answer. */
static bool stands(const char *path)
{
	return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* As the daemon decides for jobs. */
static bool wanted(const struct request *r)
{
	char path[128];

	if (r->dialect->id != DIALECT_CRONIE || r->identity.uid == 0 || r->identity.own_uid != 0 ||
	        !stands(helper))
		return false;
	snprintf(path, sizeof(path), "/etc/pam.d/%s", r->dialect->pam_service);
	if (stands(path))
		return true;
	snprintf(path, sizeof(path), "/usr/lib/pam.d/%s", r->dialect->pam_service);
	return stands(path);
}

/* Nothing of the caller's is left: not its ids, its environment, its files, its place. */
static void become_root(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	if (setresuid(0, 0, 0) != 0 || setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 ||
	        chdir("/") != 0 || null < 0)
		_exit(127);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	kernel_close_from(STDERR_FILENO + 1);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child(const struct request *r)
{
	static const char *const environment[] = { "PATH=/usr/bin:/bin:/usr/sbin:/sbin", NULL };

	identity_own(&r->identity);
	become_root();
	execle(helper, "crontab", r->dialect->pam_service, r->user, (char *)NULL,
	        (char *const *)environment);
	_exit(127);
}

static bool asked(const struct request *r)
{
	int status = -1;

	signal(SIGCHLD, SIG_DFL);
	pid_t pid = fork();
	if (pid == 0)
		child(r);
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool account_check(const struct request *r)
{
	if (!wanted(r) || asked(r))
		return true;
	fprintf(stderr,
	        "You (%s) are not allowed to access to (crontab) because of pam configuration.\n",
	        r->user);
	return false;
}
