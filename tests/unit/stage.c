/* stage: what the tests of keepers have in common.
 * Flow: a player and a launcher for each test, their log in a file, questions about both. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/stage.h"

const char *stage_launcher(void)
{
	const char *path = getenv("CRONWARD_LAUNCHER");

	return path ? path : "crond/crond-launcher";
}

int stage_setup(void **state)
{
	struct player *p = malloc(sizeof(*p));

	if (!p || player_open(p) < 0)
		return -1;
	/* what the launcher and keepers log */
	p->err = openat(p->runs, ".log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	*state = p;
	return player_launch(p, stage_launcher()) > 0 ? 0 : -1;
}

int stage_teardown(void **state)
{
	struct player *p = *state;
	int status;

	unlinkat(p->runs, ".log", 0);
	close(p->err);
	status = player_close(p);
	free(p);
	return status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ? 0 : -1;
}

const char *stage_log(struct player *p)
{
	static char text[65536];
	ssize_t n = pread(p->err, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

bool stage_log_says(struct player *p, const char *what, int ms)
{
	for (; ms > 0; ms -= 10) {
		if (strstr(stage_log(p), what))
			return true;
		poll(NULL, 0, 10);
	}
	print_message("log has no \"%s\":\n%s", what, stage_log(p));
	return false;
}

struct outcome stage_run(struct player *p, const struct run *r)
{
	struct outcome o;

	assert_int_equal(player_send(p, r), 0);
	assert_true(player_report(p, REPORT_ENDED, r->id, SOON_MS));
	assert_int_equal(player_outcome(p, r->id, &o), 0);
	return o;
}

void stage_assert_output(const struct outcome *o, const char *text)
{
	if (!slice_is(o->stdout_tail, text))
		print_message("output: %.*s", (int)o->stdout_tail.n, o->stdout_tail.s);
	assert_true(slice_is(o->stdout_tail, text));
}

char *stage_file(struct player *p, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	return path;
}

/* How many processes have this text among their arguments? They get sig, unless it is 0. */
int stage_processes_signal(const char *marker, int sig)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int count = 0;

	while (dir && (e = readdir(dir))) {
		char path[300], text[4096];
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		if (*e->d_name < '1' || *e->d_name > '9' || (fd = open(path, O_RDONLY)) < 0)
			continue;
		n = read(fd, text, sizeof(text));
		close(fd);
		if (n <= 0 || !memmem(text, (size_t)n, marker, strlen(marker)))
			continue;
		count++;
		if (sig)
			kill(atoi(e->d_name), sig);
	}
	if (dir)
		closedir(dir);
	return count;
}

int stage_processes(const char *marker)
{
	return stage_processes_signal(marker, 0);
}

void stage_mailer(struct player *p, const char *script)
{
	int fd = open(stage_file(p, ".mailer"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	assert_true(fd >= 0 && write(fd, script, strlen(script)) == (ssize_t)strlen(script));
	close(fd);
}

void stage_file_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

uint32_t stage_slowness(void)
{
	const char *text = getenv("LAB_SLOWNESS");
	int slow = text ? atoi(text) : 1;

	return slow > 1 ? (uint32_t)slow : 1;
}

void stage_file_wait(const char *path, off_t size)
{
	struct stat st = { 0 };

	for (int ms = 0; ms < SOON_MS && (stat(path, &st) < 0 || st.st_size < size); ms += 10)
		poll(NULL, 0, 10);
	assert_true(st.st_size >= size);
}
