/* cronctl: asks and steers the daemon, and answers questions about schedules.
 * Flow: finds the verb and hands it the rest of the command line. */
#include "config.h"

#include "crontab-tool/cronctl.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "crond/base/text.h"

static int cronctl_version(int argc, char **argv)
{
	if (argc > 1)
		return cronctl_usage(argv[0]);
	printf("cronctl %s\n", PACKAGE_VERSION);
	return CRONCTL_OK;
}

static int cronctl_help(int argc, char **argv);

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; /* behind the name */
} verbs[] = {
	{ "list", cronctl_list, " [--json] [--wide] [--socket PATH] [PATTERN...]" },
	{ "show", cronctl_show, " [--json] [--socket PATH] JOB" },
	{ "next", cronctl_next,
		" [-n COUNT] [--from EPOCH] [--json] [--socket PATH] JOB\n"
		"       cronctl next"
		" [-n COUNT] [--dialect debian|cronie] [--timezone ZONE] [--from EPOCH] EXPRESSION...\n"
		"       cronctl next [--dialect debian|cronie] -" },
	{ "log", cronctl_log, " [-f] [--socket PATH] JOB|RUN" },
	{ "runs", cronctl_runs,
		" [--job PATTERN] [--since TIME] [--until TIME] [--result WORD[,WORD...]]\n"
		"                    [--exit N] [--limit N] [--artifacts] [--stderr] [--json] [--wide]\n"
		"                    [--socket PATH] [PATTERN|RUN]" },
	{ "stats", cronctl_stats,
		" [--since TIME] [--until TIME] [--json] [--wide] [--socket PATH] [PATTERN]" },
	{ "alerts", cronctl_alerts,
		" [--json] [--wide] [--socket PATH] [list]\n"
		"       cronctl alerts [--json] [--socket PATH] retry|drop ID...|--all" },
	{ "check", cronctl_check, " [--dialect debian|cronie] [--system] FILE..." },
	{ "run", cronctl_run, " [--wait] [--json] [--socket PATH] JOB" },
	{ "kill", cronctl_kill, " [--json] [--socket PATH] JOB|RUN" },
	{ "signal", cronctl_signal, " [--json] [--socket PATH] JOB|RUN SIGNAL" },
	{ "restart", cronctl_restart, " [--json] [--socket PATH] JOB" },
	{ "pause", cronctl_pause, " [--json] [--socket PATH] JOB" },
	{ "resume", cronctl_resume, " [--json] [--socket PATH] JOB" },
	{ "reload", cronctl_reload, " [--json] [--socket PATH]" },
	{ "status", cronctl_status, " [--json] [--socket PATH]" },
	{ "notify", cronctl_notify,
		" [--ready] [--status TEXT] [--watchdog] [--stopping] [--alert TEXT] [--pid]\n"
		"       cronctl notify NAME=VALUE..." },
	{ "version", cronctl_version, "" },
	{ "help", cronctl_help, "" },
};

#define CALLED "cronctl "

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]), CALLED_MOST = 32 };

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
	return CRONCTL_OK;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

/* A verb's argv[0] has the program in front, which is how getopt begins its complaints. */
int cronctl_usage(const char *called)
{
	print_usage(stderr, find_verb(called + strlen(CALLED)), "usage:");
	return CRONCTL_USAGE;
}

int cronctl_options(struct cronctl_options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{ "json", no_argument, NULL, CRONCTL_JSON },
		{ "wide", no_argument, NULL, CRONCTL_WIDE },
		{ "wait", no_argument, NULL, CRONCTL_WAIT },
		{ "follow", no_argument, NULL, CRONCTL_FOLLOW },
		{ "socket", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int option, which;

	while ((option = getopt_long(argc, argv, o->takes & CRONCTL_FOLLOW ? "f" : "", names, &which)) != -1) {
		if (option == '?')
			return -1;
		if (option == 'f')
			option = CRONCTL_FOLLOW;
		if (option != 's' && !(o->takes & (unsigned)option)) {
			fprintf(stderr, "%s: unrecognized option '--%s'\n", argv[0], names[which].name);
			return -1;
		}
		o->json |= option == CRONCTL_JSON;
		o->wide |= option == CRONCTL_WIDE;
		o->wait |= option == CRONCTL_WAIT;
		o->follow |= option == CRONCTL_FOLLOW;
		if (option == 's')
			o->socket = optarg;
	}
	o->rest = optind;
	return 0;
}

static int unknown_verb(const char *name)
{
	const char *names[VERBS + 1] = { NULL }, *near;

	for (size_t i = 0; i < VERBS; i++)
		names[i] = verbs[i].name;
	near = text_nearest(slice_of(name), names);
	fprintf(stderr, "cronctl: unknown verb \"%s\"%s%s%s (cronctl help lists them)\n", name,
		near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return CRONCTL_USAGE;
}

/* What other programs take as options. */
static const char *verb_meant(const char *word)
{
	if (strcmp(word, "--version") == 0)
		return "version";
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ? "help" : word;
}

/* An answer that could not be written whole is none, whatever the verb made of it. */
static int finished(int status)
{
	if (status || (fflush(stdout) == 0 && !ferror(stdout)))
		return status;
	perror("cronctl: standard output");
	return CRONCTL_FAILED;
}

int main(int argc, char **argv)
{
	char called[CALLED_MOST];
	const struct verb *v;

	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		for (size_t i = 0; i < VERBS; i++)
			print_usage(stderr, &verbs[i], i ? "      " : "usage:");
		return CRONCTL_USAGE;
	}
	v = find_verb(verb_meant(argv[1]));
	if (!v)
		return unknown_verb(argv[1]);
	snprintf(called, sizeof(called), CALLED "%s", v->name);
	argv[1] = called;
	return finished(v->run(argc - 1, argv + 1));
}
