/* Executes each command twice, once through /bin/sh -c and once by the words of
 * direct_words() as the keeper does (spawn.c), and compares all that anybody can see: exit status,
 * output, and (by direct_tool) arguments, environment, directory, descriptors, signals.
 *
 *   direct_test [COUNT [SEED]]
 *
 * COUNT random commands, as this user and, when that is root, also as nobody. Before
 * them: every byte at every place of a word, every word and every variable that stands
 * in the shell's own binary. Exits with 77 where /bin/sh is none that only adds PWD. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/core/direct.h"
#include "crond/core/run.h"
#include "crond/spawn.h"
#include "tests/system/direct_world.h"

enum { OUTPUT_MOST = 64 * 1024, SHOWN_MOST = 5, NOBODY = 65534, WAIT_MS = 20000 };

struct result {
	int status;
	size_t out_n, err_n;
	char out[OUTPUT_MOST], err[OUTPUT_MOST];
};

struct test {
	struct world world;
	struct sample sample;
	struct result shell, direct;
	int in, out, err; /* the last two: files that take the output */
	unsigned long tried, compared, wrong;
};

static void env_pointers(struct sample *s, const char **env)
{
	size_t i;

	for (i = 0; i < s->env_count; i++)
		env[i] = s->env[i];
	env[i] = NULL;
}

/* --- one execution, by the keeper's own hand */

static size_t take_output(int fd, char *text)
{
	ssize_t n = pread(fd, text, OUTPUT_MOST, 0);

	return n < 0 ? 0 : (size_t)n;
}

/* What the keeper does when a signal ended what it executed in the shell's place. */
static void tell_death(struct test *t, int *status)
{
	char line[64];

	if (!WIFSIGNALED(*status))
		return;
	*status = direct_death(WTERMSIG(*status), WCOREDUMP(*status), line, sizeof line) << 8;
	dprintf(t->err, "%s", line);
}

static void wait_for(struct spawn *s, int *status)
{
	struct pollfd ended = { .fd = s->pidfd, .events = POLLIN };

	if (poll(&ended, 1, WAIT_MS) != 1)
		kill(s->pid, SIGKILL);
	while (waitpid(s->pid, status, 0) < 0 && errno == EINTR)
		;
	close(s->pidfd);
}

static void broken(const char *what)
{
	fprintf(stderr, "direct_test: %s: %s\n", what, strerror(errno));
	exit(99);
}

/* words: n of them, or none for the shell. */
static void execute(struct test *t, char *words, size_t n, struct result *r)
{
	const char *env[SAMPLE_ENV_MOST + 2];
	char *argv[DIRECT_WORDS_MOST + 1], dir[64];
	struct run run = { .shell = "/bin/sh",
		.command = t->sample.command,
		.dir = dir,
		.flags = RUN_DASH_PWD | RUN_CHDIR_MUST };
	struct spawn s = { .run = &run,
		.words = n ? argv : NULL,
		.shell = true,
		.env = (char **)env,
		.env_count = t->sample.env_count,
		.in = t->in,
		.out = t->out,
		.err = t->err,
		.umask = 022 };
	size_t i;

	/* by descriptor, for directories that no path leads to any more */
	snprintf(dir, sizeof dir, "/proc/%d/fd/%d", (int)getpid(), t->world.cwd[t->sample.cwd]);
	for (i = 0; i < n; i++, words += strlen(words) + 1)
		argv[i] = words;
	argv[n] = NULL;
	env_pointers(&t->sample, env);
	if (ftruncate(t->out, 0) || ftruncate(t->err, 0))
		broken("output");
	if (spawn(&s) < 0) {
		errno = s.error;
		broken(s.what);
	}
	wait_for(&s, &r->status);
	if (n > 0)
		tell_death(t, &r->status);
	r->out_n = take_output(t->out, r->out);
	r->err_n = take_output(t->err, r->err);
}

/* --- comparison */

static void show(const char *what, const char *s, size_t n)
{
	fprintf(stderr, "  %s: ", what);
	for (; n > 0; s++, n--)
		if (*s == '\n')
			fprintf(stderr, n > 1 ? "\n    " : "");
		else if (*s < ' ' || *s == '\\')
			fprintf(stderr, "\\x%02x", (unsigned char)*s);
		else
			fputc(*s, stderr);
	fputc('\n', stderr);
}

static void show_result(const char *who, const struct result *r)
{
	fprintf(stderr, " %s: wait status %#x\n", who, (unsigned)r->status);
	show("output", r->out, r->out_n);
	show("errors", r->err, r->err_n);
}

static void report(struct test *t)
{
	size_t i;

	if (++t->wrong > SHOWN_MOST)
		return;
	fprintf(stderr, "direct execution can be told from the shell (directory %d):\n",
	        t->sample.cwd);
	show("command", t->sample.command, strlen(t->sample.command));
	for (i = 0; i < t->sample.env_count; i++)
		show("with", t->sample.env[i], strlen(t->sample.env[i]));
	show_result("shell", &t->shell);
	show_result("direct", &t->direct);
}

static bool same(const struct result *a, const struct result *b)
{
	return a->status == b->status && a->out_n == b->out_n && a->err_n == b->err_n &&
	        memcmp(a->out, b->out, a->out_n) == 0 && memcmp(a->err, b->err, a->err_n) == 0;
}

/* Is the sample executed directly, and is that then the same? */
static bool try_sample(struct test *t)
{
	const char *env[SAMPLE_ENV_MOST + 1];
	char words[sizeof t->sample.command + 1];
	size_t n = direct_words(slice_of(t->sample.command), words);

	t->tried++;
	env_pointers(&t->sample, env);
	if (n == 0 || !direct_environment(env))
		return false;
	t->compared++;
	execute(t, NULL, 0, &t->shell);
	execute(t, words, n, &t->direct);
	if (!same(&t->shell, &t->direct))
		report(t);
	return true;
}

static void command(struct test *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void command(struct test *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->sample.command, sizeof t->sample.command, fmt, ap);
	va_end(ap);
}

static void plain_job(struct test *t)
{
	sample_plain(&t->world, &t->sample);
	sample_env(&t->sample, "PATH=%s/bin", t->world.root);
}

/* --- what is tried */

/* Each byte at each place. The plain ones must not need a shell. */
static void try_bytes(struct test *t, const char *locale)
{
	int c;

	plain_job(t);
	sample_env(&t->sample, "LC_ALL=%s", locale);
	for (c = 1; c < 256; c++) {
		command(t, "tool %c", c), try_sample(t);
		command(t, "tool a %cb", c), try_sample(t);
		command(t, "tool a%c b", c), try_sample(t);
		command(t, "tool a%cb", c), try_sample(t);
		command(t, "tool a=%cb", c), try_sample(t);
		command(t, "tool a=b:%c", c), try_sample(t);
		command(t, "tool a%c", c), try_sample(t);
		command(t, "tool%c", c), try_sample(t);
		command(t, "%ctool", c), try_sample(t);
		command(t, "to%col", c), try_sample(t);
		command(t, "%c tool", c), try_sample(t);
		command(t, "./%ctool", c), try_sample(t);
	}
}

static void try_shell_words(struct test *t)
{
	char **w;

	plain_job(t);
	for (w = t->world.words; *w; w++) {
		command(t, "%s", *w), try_sample(t);
		command(t, "%s a -b", *w), try_sample(t);
	}
}

static void try_names(struct test *t)
{
	static const char *const values[] = { "", "abc", "3", "/", "/bin:/usr/bin", "-1" };
	char **name;
	size_t i;

	command(t, "tool a");
	for (name = t->world.names; *name; name++)
		for (i = 0; i < sizeof values / sizeof *values; i++) {
			plain_job(t);
			sample_env(&t->sample, "%s=%s", *name, values[i]);
			try_sample(t);
		}
}

/* Forks and does not wait where it leads its group, as what replaces a shell does. */
static void try_setsid(struct test *t)
{
	plain_job(t);
	command(t, "/usr/bin/setsid %s/bin/tool status=3", t->world.root), try_sample(t);
	command(t, "nice /usr/bin/setsid %s/bin/tool status=3", t->world.root), try_sample(t);
}

static void try_nasty_environments(struct test *t)
{
	static const char *const commands[] = { "tool a", "script", "missing", "scriptno", "ls" };
	size_t i, j;

	for (i = 0; i < sizeof commands / sizeof *commands; i++) {
		command(t, "%s", commands[i]);
		for (j = 0; sample_nasty(&t->world, &t->sample, j); j++)
			try_sample(t);
	}
}

/* What must be direct, else the whole were of no use. */
static void demand_direct(struct test *t)
{
	static const char *const plain[] = { "tool", "tool -v --x=y a:b 50%", "./tool", " tool\ta ",
		"script a", "tool status=3", "tool signal=9", "missing", "noexec", "adir",
		"scriptno", "scriptgone", "empty", "badelf", "tool signal=2", "tool signal=6",
		"tool signal=11", "tool signal=13", "dangling", "loop", "sub/tool", "secret",
		"xonly" };
	size_t i;

	for (i = 0; i < sizeof plain / sizeof *plain; i++) {
		plain_job(t);
		for (t->sample.cwd = 0; t->sample.cwd < WORLD_CWDS; t->sample.cwd++) {
			command(t, "%s", plain[i]);
			if (try_sample(t))
				continue;
			fprintf(stderr, "needs no shell, and was given one: %s\n", plain[i]);
			t->wrong++;
		}
	}
}

/* The rule that the daemon probes at its start. dash must pass: with it, a difference
 * is a fault of this test or of the rule, and no reason to skip anything. */
static bool shell_adds_only_pwd(struct test *t)
{
	char words[] = "tool", shell[4096];

	plain_job(t);
	command(t, "tool");
	execute(t, NULL, 0, &t->shell);
	execute(t, words, 1, &t->direct);
	return same(&t->shell, &t->direct) ||
	        (realpath("/bin/sh", shell) && strcmp(strrchr(shell, '/'), "/dash") == 0);
}

static int run(struct test *t, unsigned long count)
{
	unsigned long i;

	demand_direct(t);
	try_bytes(t, "C");
	try_bytes(t, "C.UTF-8");
	try_shell_words(t);
	try_names(t);
	try_nasty_environments(t);
	try_setsid(t);
	for (i = 0; i < count; i++) {
		sample_any(&t->world, &t->sample);
		try_sample(t);
	}
	printf("as uid %d: %lu commands, %lu of them executed both ways, %lu told apart\n",
	        (int)geteuid(), t->tried, t->compared, t->wrong);
	fflush(stdout);
	if (t->compared < count / 5) {
		fprintf(stderr, "too few were executed directly\n");
		return 1;
	}
	return t->wrong > 0;
}

static int run_as_nobody(struct test *t, unsigned long count)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY) ||
		        prctl(PR_SET_DUMPABLE, 1)) /* else /proc/self/fd is root's */
			_exit(98);
		_exit(run(t, count));
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status != 0;
}

static int try_all(struct test *t, unsigned long count)
{
	int failed = 0;

	if (!shell_adds_only_pwd(t)) {
		show_result("shell", &t->shell);
		show_result("direct", &t->direct);
		fprintf(stderr, "direct_test: skipped, /bin/sh adds more than PWD\n");
		return 77;
	}
	if (geteuid() == 0)
		failed = run_as_nobody(t, count);
	else
		printf("not root: the run as another user is left out\n");
	return run(t, count) || failed;
}

int main(int argc, char **argv)
{
	static struct test t;
	char tool[4096];
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
	ssize_t n = readlink("/proc/self/exe", tool, sizeof tool - 16);
	int status;

	t.world.seed = argc > 2 ? strtoull(argv[2], NULL, 10) | 1 : 20240229;
	if (n < 0)
		return 99;
	tool[n] = '\0';
	strcpy(strrchr(tool, '/'), "/direct_tool");
	t.out = memfd_create("out", MFD_CLOEXEC);
	t.err = memfd_create("err", MFD_CLOEXEC);
	t.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	umask(022);
	if (t.in < 0 || t.out < 0 || t.err < 0 || fcntl(t.out, F_SETFL, O_APPEND) ||
	        fcntl(t.err, F_SETFL, O_APPEND))
		return 99;
	status = world_make(&t.world, tool) ? 99 : try_all(&t, count);
	world_remove(&t.world);
	return status;
}
