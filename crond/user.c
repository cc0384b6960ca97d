/* user: identities, looked up once and kept up to date.
 * Flow: load resolves names here; start copies uid, gid and groups into each run. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/base/nsswitch.h"
#include "crond/core/options_value.h"

enum { GROUPS_MOST = 65536, FRESH_MS = 60 * 1000 };

static uint32_t *groups_of(const char *name, gid_t gid, uint32_t *count)
{
	int n = 32;
	gid_t *list = NULL;

	for (;;) {
		gid_t *more = realloc(list, (size_t)n * sizeof(*list));
		int had = n;

		if (!more)
			break;
		list = more;
		if (getgrouplist(name, gid, list, &n) >= 0) {
			*count = (uint32_t)n;
			return list;
		}
		n = n > had ? n : had * 2;
		if (n > GROUPS_MOST)
			break;
	}
	free(list);
	return NULL;
}

/* 0 and *u filled anew; -1: no entry (errno 0) or no answer (errno). */
static int user_fill(struct job_user *u, const struct passwd *pw)
{
	uint32_t count = 0, *groups = groups_of(pw->pw_name, pw->pw_gid, &count);
	char *home = strdup(pw->pw_dir && *pw->pw_dir ? pw->pw_dir : "/");

	if (!groups || !home) {
		free(groups);
		free(home);
		return -1;
	}
	if (!u->home || strcmp(u->home, home) != 0)
		u->generation++;
	free(u->groups);
	u->groups = groups;
	u->group_count = count;
	free(u->home);
	u->home = home;
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	u->gone = false;
	return 0;
}

static struct job_user *user_new(struct crond *c, const struct passwd *pw)
{
	struct job_user *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->name = strdup(pw->pw_name);
	if (!u->name || user_fill(u, pw) < 0) {
		free(u->name);
		free(u);
		return NULL;
	}
	TAILQ_INIT(&u->held);
	u->epoch = c->users_epoch;
	u->checked = wait_now_ms();
	SLIST_INSERT_HEAD(&c->users, u, link);
	return u;
}

/* root is root for root's daemon, also where an image has no account of that name. NULL:
 * no entry (errno 0 or ENOENT) or no answer (errno). */
static const struct passwd *account_find(const char *name)
{
	static char root_name[] = "root", root_home[] = "/root";
	static const struct passwd root = { .pw_name = root_name, .pw_dir = root_home };
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(name);
	if (!pw && (errno == 0 || errno == ENOENT) && geteuid() == 0 && strcmp(name, "root") == 0)
		return &root;
	return pw;
}

/* A directory service that does not answer leaves what was known in force. */
static void user_again(struct crond *c, struct job_user *u)
{
	const struct passwd *pw;

	u->epoch = c->users_epoch;
	u->checked = wait_now_ms();
	pw = account_find(u->name);
	if (pw) {
		user_fill(u, pw);
	} else if ((errno == 0 || errno == ENOENT) && !u->gone) {
		u->gone = true;
		log_classic(&c->log, c->set.dialect->daemon_tag, getpid(), 0, u->name, "ORPHAN",
			"no passwd entry");
	}
}

/* Who is due is looked up, not everybody: what others cost delays no start. */
void user_current(struct crond *c, const struct job_user *user)
{
	struct job_user *u = (struct job_user *)user; /* ours: others only read it */
	bool old = c->users_remote && wait_now_ms() - u->checked > FRESH_MS;

	if (c->set.root && (u->epoch != c->users_epoch || old))
		user_again(c, u);
}

const struct job_user *user_known(const struct crond *c, const char *name)
{
	const struct job_user *u;

	SLIST_FOREACH(u, &c->users, link) {
		if (strcmp(u->name, name) == 0)
			break;
	}
	return u;
}

const struct job_user *user_get(struct crond *c, const char *name)
{
	const struct passwd *pw;
	struct job_user *u;

	SLIST_FOREACH(u, &c->users, link) {
		if (strcmp(u->name, name) != 0)
			continue;
		user_current(c, u);
		return u->gone ? NULL : u;
	}
	pw = account_find(name);
	return pw ? user_new(c, pw) : NULL;
}

/* A uid without an entry, as containers have them: its name and home are what the
 * environment says, if that can be a name and a path at all. */
static void user_made_up(struct passwd *pw, char name[32])
{
	static char root_dir[] = "/";
	char *from[] = { getenv("LOGNAME"), getenv("USER") }, *home = getenv("HOME");

	snprintf(name, 32, "uid%u", (unsigned)geteuid());
	*pw = (struct passwd){ .pw_name = name, .pw_dir = home && *home == '/' ? home : root_dir,
		.pw_uid = geteuid(), .pw_gid = getegid() };
	for (size_t i = 2; i-- > 0;) {
		if (from[i] && option_user_ok(slice_of(from[i])) && !getpwnam(from[i]))
			pw->pw_name = from[i];
	}
}

const struct job_user *user_self(struct crond *c)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct passwd made_up;
	char name[32];
	struct job_user *u;

	if (!pw && geteuid() == 0)
		pw = account_find("root");
	if (!pw) {
		user_made_up(&made_up, name);
		pw = &made_up;
	}
	SLIST_FOREACH(u, &c->users, link) {
		if (strcmp(u->name, pw->pw_name) == 0)
			return u;
	}
	return user_new(c, pw);
}

static bool file_changed(struct stat *was, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		memset(&st, 0, sizeof(st));
	if (st.st_ino == was->st_ino && st.st_size == was->st_size &&
		st.st_ctim.tv_sec == was->st_ctim.tv_sec && st.st_ctim.tv_nsec == was->st_ctim.tv_nsec)
		return false;
	*was = st;
	return true;
}

/* Is there a source of accounts that changes without a file of this host changing? */
static void source_judge(void *arg, const char *database, const char *source)
{
	static const char *const accounts[] = { "passwd", "group", "initgroups" };
	static const char *const local[] = { "files", "compat", "systemd", "db" };
	bool concerns = false, known = false, *remote = arg;

	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
		concerns |= strcmp(database, accounts[i]) == 0;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		known |= strcmp(source, local[i]) == 0;
	*remote |= concerns && !known;
}

static bool accounts_remote(void)
{
	bool remote = false;

	nsswitch_read(NSSWITCH_FILE, &(struct nsswitch_sink){ source_judge, &remote });
	return remote;
}

void user_refresh(struct crond *c)
{
	bool changed = file_changed(&c->passwd, "/etc/passwd");

	changed |= file_changed(&c->group, "/etc/group");
	if (file_changed(&c->nsswitch, NSSWITCH_FILE)) {
		c->users_remote = accounts_remote();
		changed = true;
	}
	if (changed)
		c->users_epoch++;
}
