/* cronctl: answers questions about schedules.
 * Flow: finds the verb and hands it the rest of the command line. */
#include "config.h"

#include "crontab-tool/cronctl.h"

#include <stdio.h>
#include <string.h>

static int cronctl_version(int argc, char **argv)
{
	if (argc > 1)
		return cronctl_usage(argv[0]);
	printf("cronctl %s\n", PACKAGE_VERSION);
	return fflush(stdout) ? CRONCTL_FAILED : CRONCTL_OK;
}

static int cronctl_help(int argc, char **argv);

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; /* behind the name */
} verbs[] = {
	{ "next", cronctl_next,
		" [-n COUNT] [--dialect debian|cronie] [--timezone ZONE] [--from EPOCH] EXPRESSION...\n"
		"       cronctl next [--dialect debian|cronie] -" },
	{ "notify", cronctl_notify,
		" [--ready] [--status TEXT] [--watchdog] [--stopping] [--alert TEXT] [--pid]\n"
		"       cronctl notify NAME=VALUE..." },
	{ "version", cronctl_version, "" },
	{ "help", cronctl_help, "" },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static void print_usage(FILE *to, const struct verb *v, const char *before)
{
	fprintf(to, "%s cronctl %s%s\n", before, v->name, v->usage);
}

static int cronctl_help(int argc, char **argv)
{
	if (argc > 1)
		return cronctl_usage(argv[0]);
	for (size_t i = 0; i < VERBS; i++)
		print_usage(stdout, &verbs[i], i ? "      " : "usage:");
	return fflush(stdout) ? CRONCTL_FAILED : CRONCTL_OK;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

int cronctl_usage(const char *verb)
{
	print_usage(stderr, find_verb(verb), "usage:");
	return CRONCTL_USAGE;
}

int main(int argc, char **argv)
{
	const struct verb *v;

	if (argc < 2) {
		for (size_t i = 0; i < VERBS; i++)
			print_usage(stderr, &verbs[i], i ? "      " : "usage:");
		return CRONCTL_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = (char[]){ "version" };
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		argv[1] = (char[]){ "help" };
	v = find_verb(argv[1]);
	if (!v) {
		fprintf(stderr, "cronctl: unknown verb \"%s\" (cronctl help lists them)\n", argv[1]);
		return CRONCTL_USAGE;
	}
	return v->run(argc - 1, argv + 1);
}
