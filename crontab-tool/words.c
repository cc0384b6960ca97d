/* words: what crontab(1) says differently in the two dialects.
 * Flow: see words.h. */
#include "config.h"

#include "crontab-tool/words.h"

static const struct words words[DIALECTS] = {
	[DIALECT_DEBIAN] = {
		.errors = "errors in crontab file, can't install.\n",
		.unfinished = "new crontab file is missing newline before EOF, can't install.\n",
		.good = "The syntax of the crontab file was successfully checked.\n",
		.unchanged = "No modification made\n",
		.retry = "Do you want to retry the same edit? (y/n) ",
		.which = "Enter Y or N\n",
		.header = true,
	},
	[DIALECT_CRONIE] = {
		.errors = "Invalid crontab file, can't install.\n",
		.unfinished = "Invalid crontab file, can't install.\n",
		.good = "No syntax issues were found in the crontab file.\n",
		.unchanged = "crontab: no changes made to crontab\n",
		.retry = "Do you want to retry the same edit? (Y/N) ",
		.which = "Enter Y or N\n",
		.header = false,
	},
};

const struct words *words_get(enum dialect_id id)
{
	return &words[id];
}
