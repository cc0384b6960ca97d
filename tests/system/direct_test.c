/* Executes each command twice, once through /bin/sh -c and once by the words of
 * direct_words() as the keeper does, and compares all that anybody can see: exit status,
 * output, and (by direct_tool) arguments, environment, directory, descriptors, signals.
 *
 *   direct_test [COUNT [SEED]]
 *
 * COUNT random commands, as this user and, when that is root, also as nobody. Before
 * them: every byte at every place of a word, every word and every variable that stands
 * in the shell's own binary. Exits with 77 where /bin/sh is none that only adds PWD. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crond/core/direct.h"
#include "tests/system/direct_world.h"

enum { OUTPUT_MOST = 64 * 1024, SHOWN_MOST = 5, NOBODY = 65534 };

struct result {
	int status;
	size_t out_n, err_n;
	char out[OUTPUT_MOST], err[OUTPUT_MOST];
};

/* Shared with the children. */
struct start {
	pid_t pid;
	bool direct; /* no shell took over */
};

struct test {
	struct world world;
	struct sample sample;
	struct result shell, direct;
	struct start *start;
	int out, err; /* files that take the output */
	unsigned long tried, compared, wrong;
};

static void env_pointers(struct sample *s, const char **env)
{
	size_t i;

	for (i = 0; i < s->env_count; i++)
		env[i] = s->env[i];
	env[i] = NULL;
}

/* --- the two ways to execute; both in a child that may change anything */

static void exec_shell(struct sample *s)
{
	const char *env[SAMPLE_ENV_MOST + 1];
	char *const argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" }, s->command, NULL };

	env_pointers(s, env);
	execve(argv[0], argv, (char *const *)env);
}

static bool is_executable_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

static void exec_from_path(char **argv, const char **env)
{
	char file[8192];
	const char *path = NULL;
	size_t i, n;

	for (i = 0; env[i]; i++)
		if (strncmp(env[i], "PATH=", 5) == 0)
			path = env[i] + 5;
	for (; path; path = path[n] ? path + n + 1 : NULL) {
		n = strcspn(path, ":");
		snprintf(file, sizeof file, "%.*s/%s", (int)n, path, argv[0]);
		if (!is_executable_file(file))
			continue;
		execve(file, argv, (char *const *)env);
		return;
	}
}

/* Returns when the shell has to do it. */
static void exec_words(struct sample *s, char *words, size_t n)
{
	const char *env[SAMPLE_ENV_MOST + 2];
	char *argv[DIRECT_WORDS_MOST + 1], cwd[4096 + 4] = "PWD=";
	size_t i;

	if (!getcwd(cwd + 4, sizeof cwd - 4))
		return;
	for (i = 0; i < n; i++, words += strlen(words) + 1)
		argv[i] = words;
	argv[n] = NULL;
	env_pointers(s, env);
	env[s->env_count] = cwd;
	env[s->env_count + 1] = NULL;
	if (strchr(argv[0], '/'))
		execve(argv[0], argv, (char *const *)env);
	else
		exec_from_path(argv, env);
}

/* --- one execution */

/* dash forks: what it executes does not lead the session that was made for it. Without
 * the shell it takes a process that only makes the session, and its sibling. */
static void leave_the_lead(struct test *t)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);

	if (pid == 0)
		return;
	t->start->pid = pid;
	_exit(pid < 0 ? 92 : 0);
}

static void child(struct test *t, char *words, size_t n)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (setsid() < 0 || fchdir(t->world.cwd[t->sample.cwd]) || dup2(null, 0) != 0 ||
		dup2(t->out, 1) != 1 || dup2(t->err, 2) != 2)
		_exit(90);
	if (n > 0) {
		leave_the_lead(t);
		alarm(20);
		t->start->direct = true;
		exec_words(&t->sample, words, n);
		t->start->direct = false;
	}
	alarm(20);
	exec_shell(&t->sample);
	_exit(91);
}

static void wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			break;
}

static size_t take_output(int fd, char *text)
{
	ssize_t n = pread(fd, text, OUTPUT_MOST, 0);

	return n < 0 ? 0 : (size_t)n;
}

/* What the keeper does when a signal ended what it executed in the shell's place. */
static void tell_death(struct test *t, int *status)
{
	char line[64];

	if (!t->start->direct || !WIFSIGNALED(*status))
		return;
	*status = W_EXITCODE(direct_death(WTERMSIG(*status), WCOREDUMP(*status), line, sizeof line), 0);
	dprintf(t->err, "%s", line);
}

static void execute(struct test *t, char *words, size_t n, struct result *r)
{
	pid_t pid;

	t->start->pid = -1;
	t->start->direct = false;
	if (ftruncate(t->out, 0) || ftruncate(t->err, 0) || (pid = fork()) < 0) {
		perror("direct_test");
		exit(99);
	}
	if (pid == 0)
		child(t, words, n);
	wait_for(pid, &r->status);
	if (t->start->pid > 0)
		wait_for(t->start->pid, &r->status);
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
	fprintf(stderr, "direct execution can be told from the shell (directory %d):\n", t->sample.cwd);
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
		command(t, "tool %s", *w), try_sample(t);
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

/* What must be direct, else the whole were of no use. */
static void demand_direct(struct test *t)
{
	static const char *const plain[] = {
		"tool", "tool -v --x=y a:b 50%", "./tool", " tool\ta ", "script a", "tool status=3",
		"tool signal=9", "missing", "noexec", "adir", "scriptno", "scriptgone", "empty", "badelf",
		"dangling", "loop", "sub/tool", "secret", "xonly",
	};
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
	for (i = 0; i < count; i++) {
		sample_any(&t->world, &t->sample);
		try_sample(t);
	}
	printf("as uid %d: %lu commands, %lu of them executed both ways, %lu told apart\n", (int)geteuid(),
		t->tried, t->compared, t->wrong);
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
		if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
			_exit(98);
		_exit(run(t, count));
	}
	if (pid > 0)
		wait_for(pid, &status);
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
	t.start = mmap(NULL, sizeof *t.start, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	umask(022);
	if (t.start == MAP_FAILED || t.out < 0 || t.err < 0 || fcntl(t.out, F_SETFL, O_APPEND) ||
		fcntl(t.err, F_SETFL, O_APPEND))
		return 99;
	status = world_make(&t.world, tool) ? 99 : try_all(&t, count);
	world_remove(&t.world);
	return status;
}
