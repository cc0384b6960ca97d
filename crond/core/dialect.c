/* dialect: what Debian's cron and cronie do differently, as one table.
 * Flow: chosen at start (configure, name called by, crond.conf), asked by
 * parsers, loader, keeper's spec and crontab(1). */
#include "crond/core/dialect.h"

/* A guard, not a rule of either family: more settings than a process could be given. */
enum { ENVS_MOST = 10000 };

static const char *const inherited[] = { "LANG", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE",
	"LC_MONETARY", "LC_MESSAGES", "LC_PAPER", "LC_NAME", "LC_ADDRESS", "LC_TELEPHONE",
	"LC_MEASUREMENT", "LC_IDENTIFICATION", "LC_ALL", "LANGUAGE", "RANDOM_DELAY", "MAILFROM", NULL };

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
		.spool_mode = 01730,
		.spool_group = "crontab",
		.system_tab = "/etc/crontab",
		.system_dir = "/etc/cron.d",
		.reboot_lock = "/run/crond.reboot",
		.allow = "/etc/cron.allow",
		.deny = "/etc/cron.deny",
		.everyone_without_lists = true,
		.table_mode_mask = 07777,
		.table_mode = 0600,
		.table_symlinks = false,
		.system_mode_mask = 0022,
		.system_mode = 0,
		.system_links_count = true,
		.path = "/usr/bin:/bin",
		.env_user = false,
		.chdir_must_work = false,
		.pam_service = "cron",
		.pam_for_system_root = true,
		.inherited = NULL,
		.mail_letters = "@!:%-.,_+=/",
		.expands_addresses = false,
		.letters = "flLn",
		.daemon_tag = "cron",
		.job_tag = "CRON",
		.log_mask = 1,
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
		.spool_mode = 0700,
		.spool_group = NULL,
		.system_tab = "/etc/crontab",
		.system_dir = "/etc/cron.d",
		.reboot_lock = "/run/cron.reboot",
		.allow = "/etc/cron.allow",
		.deny = "/etc/cron.deny",
		.everyone_without_lists = false,
		.table_mode_mask = 07533,
		.table_mode = 0400,
		.table_symlinks = true,
		.system_mode_mask = 07533,
		.system_mode = 0400,
		.system_links_count = false,
		.path = "/usr/bin:/bin:/usr/sbin:/sbin",
		.env_user = true,
		.chdir_must_work = true,
		.pam_service = "crond",
		.pam_for_system_root = false,
		.inherited = inherited,
		.mail_letters = "@!:%-.,_+",
		.expands_addresses = true,
		.letters = "fnipPscmx",
		.daemon_tag = "crond",
		.job_tag = "CROND",
		.log_mask = 1 | 2,
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

/* --- names */

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool made_of(const char *name, const char *letters)
{
	return *name && name[strspn(name, letters)] == '\0';
}

static bool name_ends(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

/* What the LSB has packages call their files: words joined by hyphens, dots in all but the
 * last, and nothing that dpkg left behind; or letters, digits and hyphens alone. */
static bool name_lsb(const char *name)
{
	const char *last = strrchr(name, '-');

	if (last && *name != '-' && *name != '.' && !strstr(name, "--") &&
		made_of(name, LOWER DIGITS "_.-") && made_of(last + 1, LOWER DIGITS))
		return *name == '_' || (!name_ends(name, "dpkg-old") && !name_ends(name, "dpkg-dist"));
	return made_of(name, LOWER DIGITS "-") && *name != '-';
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

/* Debian's is run-parts' classic set: a dot means a package's leftover or an editor's
 * backup. */
bool dialect_system_name_ok(const struct dialect *d, const char *name, bool lsb)
{
	if (d->id == DIALECT_CRONIE)
		return name_no_leftover(name);
	return lsb ? name_lsb(name) : made_of(name, LOWER UPPER DIGITS "_-");
}

bool dialect_spool_name_ok(const struct dialect *d, const char *name)
{
	/* crontab(1) makes a table under such a name before it has its own */
	if (*name == '\0' || *name == '.' || strncmp(name, "tmp.", 4) == 0)
		return false;
	return d->id == DIALECT_DEBIAN || name_no_leftover(name);
}

bool dialect_address_ok(const struct dialect *d, struct slice address)
{
	for (size_t i = 0; i < address.n; i++) {
		char c = address.s[i];

		if (!c || (!strchr(LOWER UPPER DIGITS, c) && (i == 0 || !strchr(d->mail_letters, c))))
			return false;
	}
	return address.n > 0;
}
