/* editor: the caller's editor, run on one file.
 * Flow: see editor.h. The path is handed to the shell as a parameter, so that nothing
 * in it is read as shell. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crontab-tool/editor.h"
#include "crontab-tool/identity.h"

#define SHELL "/bin/sh"

static const int held[] = { SIGHUP, SIGINT, SIGQUIT };
enum { HELD = sizeof(held) / sizeof(held[0]) };

static const char *editor_name(void)
{
	const char *editor = getenv("VISUAL");

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	return editor && *editor ? editor : "/usr/bin/editor";
}

/* Whatever the caller of this program ignored or blocked is not the editor's fate. */
static void default_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child(const struct identity *i, const char *command, const char *path)
{
	identity_forget(i);
	default_signals();
	if (chdir("/tmp") != 0)
		perror("chdir(/tmp)");
	execl(SHELL, SHELL, "-c", command, SHELL, path, (char *)NULL);
	perror(SHELL);
	_exit(127);
}

static int judge(const char *editor, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		fprintf(stderr, "crontab: \"%s\" exited with status %d\n", editor,
			WEXITSTATUS(status));
	else
		fprintf(stderr, "crontab: \"%s\" killed; signal %d (%score dumped)\n", editor,
			WTERMSIG(status), WCOREDUMP(status) ? "" : "no ");
	return -1;
}

/* The keys that stop a program are the editor's while it runs. */
static void hold_signals(struct sigaction *before)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	for (int n = 0; n < HELD; n++)
		sigaction(held[n], &ignore, &before[n]);
}

static void release_signals(const struct sigaction *before)
{
	for (int n = 0; n < HELD; n++)
		sigaction(held[n], &before[n], NULL);
}

static int wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return 0;
}

int editor_run(const struct identity *i, const char *path)
{
	struct sigaction before[HELD];
	const char *editor = editor_name();
	char *command = NULL;
	int status;

	if (asprintf(&command, "%s \"$1\"", editor) < 0) {
		fputs("crontab: Cannot allocate memory.\n", stderr);
		return -1;
	}
	/* An ignored SIGCHLD would reap the editor behind our back. */
	signal(SIGCHLD, SIG_DFL);
	hold_signals(before);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		child(i, command, path);
	int rc = pid < 0 ? -1 : wait_for(pid, &status);
	if (rc != 0)
		perror(pid < 0 ? "fork" : "waitpid");
	else
		rc = judge(editor, status);
	release_signals(before);
	free(command);
	return rc;
}
