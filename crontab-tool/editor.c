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
#include "crontab-tool/request.h"

#define SHELL "/bin/sh"

static const int held[] = { SIGHUP, SIGINT, SIGQUIT };
enum { HELD = sizeof(held) / sizeof(held[0]) };

static const char *editor_name(const char *otherwise)
{
	const char *editor = getenv("VISUAL");

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	return editor && *editor ? editor : otherwise;
}

/* Whatever the caller of this program ignored or blocked is not the editor's fate. But
 * the shell that waits for it must not die of the keys that are the editor's to handle. */
static void default_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, sig == SIGINT || sig == SIGQUIT ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child(const struct request *r, const char *command, const char *path)
{
	identity_forget(&r->identity);
	default_signals();
	if (r->dialect->id == DIALECT_DEBIAN && chdir("/tmp") != 0)
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

/* What came meanwhile has been the editor's: to be ignored once more makes it gone. */
static void release_signals(const struct sigaction *before)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	for (int n = 0; n < HELD; n++) {
		sigaction(held[n], &ignore, NULL);
		sigaction(held[n], &before[n], NULL);
	}
}

/* The editor itself may be the shell's child, or that one's. */
static void terminate(pid_t pid)
{
	char path[64];
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *children = fopen(path, "re");
	while (children && fscanf(children, "%ld", &child) == 1)
		terminate((pid_t)child);
	if (children)
		fclose(children);
	kill(pid, SIGTERM);
}

/* A TERM, which the caller holds back, is the editor's: with its end ours comes too. */
static int wait_for(pid_t pid, int *status)
{
	siginfo_t came;
	sigset_t set;
	pid_t ended;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	while ((ended = waitpid(pid, status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
		if (ended == 0 && sigwaitinfo(&set, &came) == SIGTERM)
			terminate(pid);
	}
	return ended < 0 ? -1 : 0;
}

static int run(const struct request *r, const char *command, const char *path, int *status)
{
	sigset_t child_ends, before;

	/* An ignored SIGCHLD would reap the editor behind our back. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child_ends);
	sigaddset(&child_ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_ends, &before);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		child(r, command, path);
	int rc = pid < 0 ? -1 : wait_for(pid, status);
	if (rc != 0)
		perror(pid < 0 ? "fork" : "waitpid");
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int editor_run(const struct request *r, const char *otherwise, const char *path)
{
	struct sigaction before[HELD];
	const char *editor = editor_name(otherwise);
	char *command = NULL;
	int status;

	if (asprintf(&command, "%s \"$1\"", editor) < 0) {
		fputs("crontab: Cannot allocate memory.\n", stderr);
		return -1;
	}
	hold_signals(before);
	int rc = run(r, command, path, &status);
	if (rc == 0)
		rc = judge(editor, status);
	release_signals(before);
	free(command);
	return rc;
}
