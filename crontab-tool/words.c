/* words: what crontab(1) says differently in the two dialects.
 * Flow: see words.h. */
#include "config.h"

#include "crontab-tool/words.h"

#include <stddef.h>

static const char debian_usage[] = "usage:\tcrontab [-u user] [-n] file\n"
                                   "\tcrontab [ -u user ] [ -i ] { -e | -l | -r }\n"
                                   "\n"
                                   "\t-h\t(displays this help message)\n"
                                   "\n"
                                   "\tfile\t(default operation is replace, per 1003.2)\n"
                                   "\t-n\t(dry run: checks the syntax, then bails out)\n"
                                   "\t-u user\t(choose the user whose crontab is touched)\n"
                                   "\n"
                                   "\t-e\t(edit user's crontab)\n"
                                   "\t-l\t(list user's crontab)\n"
                                   "\t-r\t(delete user's crontab)\n"
                                   "\n"
                                   "\t-i\t(prompt before deleting user's crontab)\n";

static const char cronie_usage[] = "Usage:\n"
                                   " crontab [options] file\n"
                                   " crontab [options]\n"
                                   " crontab -n [hostname]\n"
                                   "\n"
                                   "Options:\n"
                                   " -u <user>  define user\n"
                                   " -e         edit user's crontab\n"
                                   " -l         list user's crontab\n"
                                   " -r         delete user's crontab\n"
                                   " -i         prompt before deleting\n"
                                   " -n <host>  set host in cluster to run users' crontabs\n"
                                   " -c         get host in cluster to run users' crontabs\n"
                                   " -b         don't backup old crontab\n"
                                   " -T <file>  test a crontab file syntax\n"
                                   " -V         print version and exit\n"
                                   " -x <mask>  enable debugging\n"
                                   "\n"
                                   "Default operation is replace, per 1003.2\n";

static const char debian_first[] =
        "# Edit this file to introduce tasks to be run by cron.\n"
        "# \n"
        "# Each task to run has to be defined through a single line\n"
        "# indicating with different fields when the task will be run\n"
        "# and what command to run for the task\n"
        "# \n"
        "# To define the time you can provide concrete values for\n"
        "# minute (m), hour (h), day of month (dom), month (mon),\n"
        "# and day of week (dow) or use '*' in these fields (for 'any').\n"
        "# \n"
        "# Notice that tasks will be started based on the cron's system\n"
        "# daemon's notion of time and timezones.\n"
        "# \n"
        "# Output of the crontab jobs (including errors) is sent through\n"
        "# email to the user the crontab file belongs to (unless redirected).\n"
        "# \n"
        "# For example, you can run a backup of all your user accounts\n"
        "# at 5 a.m every week with:\n"
        "# 0 5 * * 1 tar -zcf /var/backups/home.tgz /home/\n"
        "# \n"
        "# For more information see the manual pages of crontab(5) and cron(8)\n"
        "# \n"
        "# m h  dom mon dow   command\n";

static const struct words words[DIALECTS] = {
	[DIALECT_DEBIAN] = {
		.usage = debian_usage,
		.errors = "errors in crontab file, can't install.\n",
		.unfinished = "new crontab file is missing newline before EOF, can't install.\n",
		.good = "The syntax of the crontab file was successfully checked.\n",
		.unchanged = "No modification made\n",
		.retry = "Do you want to retry the same edit? (y/n) ",
		.which = "Enter Y or N\n",
		.first = debian_first,
		.editor = "/usr/bin/editor",
		.header = true,
	},
	[DIALECT_CRONIE] = {
		.usage = cronie_usage,
		.errors = "Invalid crontab file, can't install.\n",
		.unfinished = "Invalid crontab file, can't install.\n",
		.good = "No syntax issues were found in the crontab file.\n",
		.bad = "Invalid crontab file. Syntax issues were found.\n",
		.unchanged = "crontab: no changes made to crontab\n",
		.retry = "Do you want to retry the same edit? (Y/N) ",
		.which = "Enter Y or N\n",
		.first = "",
		.editor = "/usr/bin/vi",
		.header = false,
	},
};

const struct words *words_get(enum dialect_id id)
{
	return &words[id];
}
