/* dialect: what Debian's cron and cronie do differently, as one table.
 * Flow: chosen at start (configure, name called by, crond.conf), asked by
 * parsers, loader, keeper's spec and crontab(1). */
#include "crond/core/dialect.h"

/* A guard, not a rule of either family: more settings than a process could be given. */
enum { ENVS_MOST = 10000 };

static const struct dialect dialects[DIALECTS] = {
	[DIALECT_DEBIAN] = {
		.id = DIALECT_DEBIAN,
		.name = "debian",
		.grammar = GRAMMAR_DEBIAN,
		.bad_line_drops_file = true,
		.no_newline_drops_file = true,
		.command_may_be_empty = true,
		.command_keeps_blanks = true,
		.empty_value_is_error = true,
		.trim_value = true,
		.backslash_pair_halved = true,
		.dash_flag = false,
		.cron_tz = false,
		.random_delay = false,
		.entries_most = 0,
		.envs_most = ENVS_MOST,
		.spool_dir = "/var/spool/cron/crontabs",
		.system_tab = "/etc/crontab",
		.system_dir = "/etc/cron.d",
		.reboot_lock = "/run/crond.reboot",
		.allow = "/etc/cron.allow",
		.deny = "/etc/cron.deny",
		.everyone_without_lists = true,
		.table_mode_mask = 07777,
		.table_mode = 0600,
		.table_symlinks = false,
		.path = "/usr/bin:/bin",
		.env_user = false,
		.chdir_must_work = false,
		.pam_service = "cron",
		.daemon_tag = "cron",
		.job_tag = "CRON",
	},
	[DIALECT_CRONIE] = {
		.id = DIALECT_CRONIE,
		.name = "cronie",
		.grammar = GRAMMAR_CRONIE,
		.bad_line_drops_file = false,
		.no_newline_drops_file = false,
		.command_may_be_empty = false,
		.command_keeps_blanks = false,
		.empty_value_is_error = false,
		.trim_value = false,
		.backslash_pair_halved = false,
		.dash_flag = true,
		.cron_tz = true,
		.random_delay = true,
		.entries_most = 0,
		.envs_most = ENVS_MOST,
		.spool_dir = "/var/spool/cron",
		.system_tab = "/etc/crontab",
		.system_dir = "/etc/cron.d",
		.reboot_lock = "/run/cron.reboot",
		.allow = "/etc/cron.allow",
		.deny = "/etc/cron.deny",
		.everyone_without_lists = false,
		.table_mode_mask = 07533,
		.table_mode = 0400,
		.table_symlinks = true,
		.path = "/usr/bin:/bin:/usr/sbin:/sbin",
		.env_user = true,
		.chdir_must_work = true,
		.pam_service = "crond",
		.daemon_tag = "crond",
		.job_tag = "CROND",
	},
};

const struct dialect *dialect_get(enum dialect_id id)
{
	return &dialects[id];
}

const struct dialect *dialect_find(struct slice name)
{
	for (size_t i = 0; i < DIALECTS; i++) {
		if (slice_is(name, dialects[i].name))
			return &dialects[i];
	}
	return NULL;
}

/* run-parts' classic set: a dot means a package's leftover or an editor's backup. */
static bool name_plain(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-";

	return *name && name[strspn(name, plain)] == '\0';
}

static bool name_ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

static bool name_no_leftover(const char *name)
{
	static const char *const leftovers[] = { "~", ".rpmsave", ".rpmorig", ".rpmnew" };

	if (*name == '\0' || *name == '.' || *name == '#' || strcmp(name, "~") == 0)
		return false;
	for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
		if (name_ends(name, leftovers[i]))
			return false;
	}
	return true;
}

bool dialect_system_name_ok(const struct dialect *d, const char *name)
{
	return d->id == DIALECT_DEBIAN ? name_plain(name) : name_no_leftover(name);
}
