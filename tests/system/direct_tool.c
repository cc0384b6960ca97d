/* Says everything about itself that whoever started it decides: what direct_test
 * executes once through the shell and once without it, and compares.
 * An argument status=N makes it exit with N, signal=N end by that signal. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void say_environment(char **env)
{
	size_t n = 0, i;

	while (env[n])
		n++;
	qsort(env, n, sizeof *env, compare);
	for (i = 0; i < n; i++)
		printf("env %s\n", env[i]);
}

static void say_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned long open_ones = 0;

	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			open_ones |= 1UL << (atoi(e->d_name) & 63);
	printf("descriptors %lx\n", open_ones);
	if (d)
		closedir(d);
}

static void say_signals(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "Sig", 3) == 0 && strncmp(line, "SigQ", 4) != 0)
			fputs(line, stdout);
	if (f)
		fclose(f);
}

static void say_process(void)
{
	struct rlimit core, files;
	char cwd[8192];
	mode_t mask = umask(0);

	getrlimit(RLIMIT_CORE, &core);
	getrlimit(RLIMIT_NOFILE, &files);
	printf("cwd %s\n", getcwd(cwd, sizeof cwd) ? cwd : "?");
	printf("umask %o nice %d ids %d %d %d %d\n", mask, getpriority(PRIO_PROCESS, 0),
	        (int)getuid(), (int)geteuid(), (int)getgid(), (int)getegid());
	printf("limits %lu %lu\n", (unsigned long)core.rlim_cur, (unsigned long)files.rlim_cur);
}

int main(int argc, char **argv, char **env)
{
	int status = 0, sig = 0, i;

	printf("file %s\n", (const char *)getauxval(AT_EXECFN));
	for (i = 0; i < argc; i++) {
		printf("arg %zu %s\n", strlen(argv[i]), argv[i]);
		sscanf(argv[i], "status=%d", &status);
		sscanf(argv[i], "signal=%d", &sig);
	}
	say_environment(env);
	say_descriptors();
	say_signals();
	say_process();
	fprintf(stderr, "%d arguments\n", argc);
	if (fflush(stdout) != 0)
		return 99;
	if (sig > 0)
		raise(sig);
	return status;
}
