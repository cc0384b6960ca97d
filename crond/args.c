/* args: the command line, in the letters of the dialect that is spoken.
 * Flow: main has it read before crond.conf, which may choose the dialect, and has the letters
 * judged behind it. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crond/base/text.h"

static const char usage_text[] =
	"usage: %s [options]                  the system's tables, in the background\n"
	"       crond -f [options] FILE...      just these files, as the caller\n"
	"       crond -t [options] [FILE...]    check everything that would be loaded, and end\n"
	"       crond -V | -h\n"
	"in both dialects:\n"
	"  -f             stay in the foreground; with FILE... run just these\n"
	"  --config FILE  read FILE in place of " SYSCONFDIR "/crond.conf\n"
	"  --dialect NAME debian or cronie; called as cron it is debian\n"
	"  --prefix DIR   keep run-time and state directories below DIR\n"
	"  --system       lines of FILE... have a user column\n"
	"  FILE           a crontab, or a task file if it ends in .conf\n"
	"in dialect debian:\n"
	"  -l             names in the system directory as the LSB has them\n"
	"  -L levels      sum of 1 start, 2 end, 4 failed, 8 process ids (default 1)\n"
	"  -n             full host name in the subject of mails\n"
	"in dialect cronie:\n"
	"  -n             the same as -f\n"
	"  -c             a cluster: users' tables count where .cron.hostname names this host\n"
	"  -i             no inotify: look each minute\n"
	"  -m off | CMD   mail nothing, or by this command line\n"
	"  -p             tables of any mode and owner\n"
	"  -P             jobs get our PATH\n"
	"  -s             what jobs print goes to the log in place of mail\n"
	"  -x FLAGS       stay in the foreground, the log to standard error at level debug\n";

enum { OPT_CONFIG = 256, OPT_PREFIX, OPT_SYSTEM, OPT_DIALECT };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "prefix", required_argument, NULL, OPT_PREFIX },
	{ "system", no_argument, NULL, OPT_SYSTEM },
	{ "dialect", required_argument, NULL, OPT_DIALECT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* A letter takes an argument in every dialect that has it, or in none. */
static const char letters[] = "cfhilL:m:npPstVx:";

static int usage(int status)
{
	fprintf(status ? stderr : stdout, usage_text, program_invocation_short_name);
	return status;
}

static int option_levels(struct settings *s, const char *text)
{
	uint64_t mask;

	if (text_number(slice_of(text), INT32_MAX, &mask) < 0) {
		fprintf(stderr, "%s: -L takes a number from 0 to 15, not \"%s\"\n",
			program_invocation_short_name, text);
		return -1;
	}
	s->log_mask = (unsigned)mask & 15;
	s->log_mask_given = true;
	return 0;
}

static int option_dialect(struct settings *s, const char *text)
{
	s->dialect = dialect_find(slice_of(text));
	s->dialect_named = true;
	if (s->dialect)
		return 0;
	fprintf(stderr, "%s: --dialect takes debian or cronie, not \"%s\"\n",
		program_invocation_short_name, text);
	return -1;
}

/* cronie's names of what to say more about. We say all of it; what would run no job must
 * not be taken for having been obeyed. */
static int option_debug(struct settings *s, const char *text)
{
	static const char *const flags[] = { "ext", "sch", "proc", "pars", "load", "misc", "bit" };
	const char *me = program_invocation_short_name;

	for (size_t n; *text; text += n + (text[n] == ',')) {
		size_t i = 0, count = sizeof(flags) / sizeof(flags[0]);

		n = strcspn(text, ",");
		while (i < count && (strlen(flags[i]) != n || strncmp(flags[i], text, n) != 0))
			i++;
		if (i == count && n == 4 && strncmp(text, "test", 4) == 0) {
			fprintf(stderr,
				"%s: -x test, to run nothing, is not there; -t checks all tables\n",
				me);
			return -1;
		}
		if (i == count) {
			fprintf(stderr,
				"%s: unrecognized debug flag <%.*s>; "
				"known are ext,sch,proc,pars,load,misc,bit\n",
				me, (int)n, text);
			return -1;
		}
	}
	s->debug = true;
	return 0;
}

static int option_take(struct settings *s, int o)
{
	if (o < OPT_CONFIG)
		s->letters |= UINT64_C(1) << (o - 'A');
	switch (o) {
	case 'L':
		return option_levels(s, optarg);
	case 'x':
		return option_debug(s, optarg);
	case 'm':
		s->mail_command = optarg[strspn(optarg, " \t")] ? optarg : NULL;
		break;
	case 't':
		s->check = true;
		break;
	case OPT_CONFIG:
		s->config = optarg;
		s->config_named = true;
		break;
	case OPT_PREFIX:
		s->prefix = optarg;
		break;
	case OPT_SYSTEM:
		s->system_format = true;
		break;
	case OPT_DIALECT:
		return option_dialect(s, optarg);
	default:
		break;
	}
	return 0;
}

int args_read(struct settings *s, int argc, char **argv, int *status)
{
	int o;

	*status = 1;
	while ((o = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (o == 'V' || o == 'h') {
			*status = o == 'V' ? puts(PACKAGE_STRING) < 0 : usage(0);
			return 1;
		}
		if (o == '?') {
			usage(1);
			return 1;
		}
		if (option_take(s, o) < 0)
			return 1;
	}
	s->files = argv + optind;
	s->file_count = (size_t)(argc - optind);
	s->only_files = s->file_count > 0;
	return 0;
}

static bool given(const struct settings *s, char letter)
{
	return s->letters >> (letter - 'A') & 1;
}

/* A letter of the other dialect alone would be obeyed in another sense or in none. */
static int letters_judge(const struct settings *s)
{
	for (enum dialect_id id = 0; id < DIALECTS; id++) {
		const struct dialect *d = dialect_get(id);

		for (const char *l = d->letters; d != s->dialect && *l; l++) {
			if (!given(s, *l) || strchr(s->dialect->letters, *l))
				continue;
			fprintf(stderr,
				"%s: -%c is an option of dialect %s, and the dialect here is %s\n",
				program_invocation_short_name, *l, d->name, s->dialect->name);
			return -1;
		}
	}
	return 0;
}

static int place_judge(const struct settings *s)
{
	const char *me = program_invocation_short_name;

	if (s->only_files && !s->foreground && !s->check) {
		fprintf(stderr,
			"%s: FILE... needs -f (run them in the foreground) or -t (check them)\n",
			me);
		return -1;
	}
	if (s->prefix && s->prefix[0] != '/') {
		fprintf(stderr, "%s: --prefix takes an absolute path\n", me);
		return -1;
	}
	if (!s->only_files && !s->root && !s->check && !s->prefix) {
		fprintf(stderr,
			"%s: only root can run the system's jobs; "
			"to run files of your own: crond -f FILE...\n",
			me);
		return -1;
	}
	return 0;
}

int args_judge(struct settings *s)
{
	bool cronie = s->dialect->id == DIALECT_CRONIE;

	if (letters_judge(s) < 0)
		return -1;
	/* the end of the first process is its container's: it has nobody to return to */
	s->foreground = given(s, 'f') || (cronie && given(s, 'n')) || s->debug || getpid() == 1;
	s->fqdn = !cronie && given(s, 'n');
	s->lsb_names = given(s, 'l');
	s->any_table = given(s, 'p');
	s->keep_path = given(s, 'P');
	s->cluster = given(s, 'c');
	s->no_inotify = given(s, 'i') || s->cluster;
	s->output_to_log = given(s, 's');
	if (!s->log_mask_given)
		s->log_mask = s->dialect->log_mask;
	return place_judge(s);
}

const struct dialect *args_called(const char *argv0, bool *named)
{
	const char *base = strrchr(argv0, '/');

	base = base ? base + 1 : argv0;
	*named = strcmp(base, "cron") == 0;
	return *named ? dialect_get(DIALECT_DEBIAN) : dialect_find(slice_of(DEFAULT_DIALECT));
}
