/* cronctl_check: files parsed and linted, without a daemon.
 * Flow: command line -> check.c, file by file. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>

#include "crond/base/arena.h"
#include "crond/core/conf.h"
#include "crond/core/dialect.h"
#include "crontab-tool/check.h"
#include "crontab-tool/cronctl.h"

/* 0, or -1 after a complaint. */
static int options(int argc, char **argv, struct check *check)
{
	static const struct option names[] = {
		{ "dialect", required_argument, NULL, 'd' },
		{ "system", no_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == '?')
			return -1;
		if (c == 's')
			check->system = true;
		else
			check->dialect = dialect_find(slice_of(optarg));
		if (c == 'd' && !check->dialect) {
			fprintf(stderr, "cronctl: --dialect takes debian or cronie, not \"%s\"\n", optarg);
			return -1;
		}
	}
	return 0;
}

int cronctl_check(int argc, char **argv)
{
	struct check check = { .out = stderr };
	struct arena arena = { 0 };
	struct conf conf;
	int status = CRONCTL_OK;

	if (options(argc, argv, &check) < 0 || optind == argc)
		return cronctl_usage(argv[0]);
	if (cronctl_conf(&conf, &arena) == 0)
		check.conf = &conf;
	if (!check.dialect) /* as the daemon would take it */
		check.dialect = conf.dialect ? conf.dialect : dialect_find(slice_of(DEFAULT_DIALECT));
	for (int i = optind; i < argc; i++) {
		if (check_file(&check, argv[i]))
			status = CRONCTL_FAILED;
	}
	arena_free(&arena);
	return status;
}
