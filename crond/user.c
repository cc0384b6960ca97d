/* user: identities, looked up once and kept up to date.
 * Flow: load resolves names here; start copies uid, gid and groups into each run. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "crond/account.h"
#include "crond/base/nsswitch.h"
#include "crond/core/options_value.h"
#include "crond/lookup.h"

enum { FRESH_MS = 60 * 1000 };

/* Are there accounts that only a service knows, which may not answer? A check is for people, who may
 * wait. */
static bool by_service(const struct crond *c)
{
	return c->users_remote && c->set.root && !c->set.check;
}

/* *u filled anew; *a is empty then. */
static void user_fill(struct job_user *u, struct account *a)
{
	if (!u->home || strcmp(u->home, a->home) != 0)
		u->generation++;
	free(u->groups);
	free(u->home);
	u->groups = a->groups;
	u->group_count = a->group_count;
	u->home = a->home;
	u->uid = a->uid;
	u->gid = a->gid;
	u->gone = false;
	*a = (struct account){ .home = NULL };
}

/* As user_fill(); NULL: memory. */
static struct job_user *user_new(struct crond *c, const char *name, struct account *a)
{
	struct job_user *u = calloc(1, sizeof(*u));

	if (u)
		u->name = strdup(name);
	if (!u || !u->name) {
		free(u);
		account_free(a);
		errno = ENOMEM;
		return NULL;
	}
	user_fill(u, a);
	TAILQ_INIT(&u->held);
	u->epoch = c->users_epoch;
	u->checked = wait_now_ms();
	SLIST_INSERT_HEAD(&c->users, u, link);
	return u;
}

static struct job_user *user_find(const struct crond *c, const char *name)
{
	struct job_user *u;

	SLIST_FOREACH(u, &c->users, link) {
		if (strcmp(u->name, name) == 0)
			break;
	}
	return u;
}

const struct job_user *user_known(const struct crond *c, const char *name)
{
	return user_find(c, name);
}

static void user_gone(struct crond *c, struct job_user *u)
{
	if (!u->gone)
		log_classic(&c->log, c->set.dialect->daemon_tag, getpid(), 0, u->name, "ORPHAN",
			"no passwd entry");
	u->gone = true;
}

/* --- where some are known to a service: what it says is taken in when it says it */

void user_answered(struct crond *c, const char *name, struct account *a, bool early, bool said)
{
	struct job_user *u = user_find(c, name);

	if (said)
		log_line(&c->log, LOG_INFO, c->set.dialect->daemon_tag, getpid(), 0,
			"(%s) INFO (the name service answers again)", name);
	if (!u && a && (u = user_new(c, name, a)))
		u->late = early && c->working;
	else if (u && a)
		user_fill(u, a);
	else if (u)
		user_gone(c, u);
}

void user_unanswered(struct crond *c, const char *name, bool first)
{
	struct job_user *u = user_find(c, name);
	struct account a;

	if (first)
		log_line(&c->log, LOG_WARNING, c->set.dialect->daemon_tag, getpid(), 0,
			"(%s) WARNING (no answer from the name service: %s)", name,
			u ? "what was known of this user stays in force" :
			"this user's jobs are left out until there is one");
	if (!u || !u->local)
		return;
	if (account_local(name, &a) == 0)
		account_free(&a);
	else if (errno == ENOENT) /* it was of this host's files, and is not any more */
		user_gone(c, u);
}

/* Of this host's files, for whom nobody need be waited for; but a service may know more groups. */
static struct job_user *user_local(struct crond *c, const char *name)
{
	struct job_user *u = NULL;
	struct account a;

	if (account_local(name, &a) == 0 && (u = user_new(c, name, &a))) {
		u->local = true;
		lookup_user(c, name);
	}
	return u;
}

static struct job_user *user_served(struct crond *c, const char *name)
{
	struct job_user *u = user_local(c, name);

	if (u || lookup_user(c, name) < 0)
		return u;
	u = user_find(c, name);
	errno = u ? 0 : ENOMEM;
	return u;
}

/* What is known stays in force until there is an answer; what files say counts at once. */
static void user_again_served(struct crond *c, struct job_user *u)
{
	struct account a;

	if (u->epoch != c->users_epoch && account_local(u->name, &a) == 0) {
		u->local = true;
		if (u->gone || a.uid != u->uid || a.gid != u->gid || strcmp(a.home, u->home) != 0)
			user_fill(u, &a);
		account_free(&a);
	}
	u->epoch = c->users_epoch;
	lookup_user(c, u->name);
}

/* --- where files of this host have all */

/* A directory that does not answer leaves what was known in force. */
static void user_again(struct crond *c, struct job_user *u)
{
	struct account a;

	u->checked = wait_now_ms();
	if (by_service(c)) {
		user_again_served(c, u);
		return;
	}
	u->epoch = c->users_epoch;
	if (account_ask(u->name, &a) == 0)
		user_fill(u, &a);
	else if (errno == ENOENT)
		user_gone(c, u);
}

/* Who is due is looked up, not everybody: what others cost delays no start. */
void user_current(struct crond *c, const struct job_user *user)
{
	struct job_user *u = (struct job_user *)user; /* ours: others only read it */
	bool old = c->users_remote && wait_now_ms() - u->checked > FRESH_MS;

	if (c->set.root && (u->epoch != c->users_epoch || old))
		user_again(c, u);
}

const struct job_user *user_get(struct crond *c, const char *name)
{
	struct job_user *u = user_find(c, name);
	struct account a;

	if (u) {
		user_current(c, u);
		errno = by_service(c) && lookup_awaits(c, name) ? EINPROGRESS : ENOENT;
		return u->gone ? NULL : u;
	}
	if (by_service(c))
		return user_served(c, name);
	return account_ask(name, &a) == 0 ? user_new(c, name, &a) : NULL;
}

int user_group(struct crond *c, const char *name, gid_t *gid)
{
	return by_service(c) ? lookup_group(c, name, gid) : account_group_ask(name, gid);
}

void user_group_soon(struct crond *c, const char *name)
{
	gid_t gid;

	if (by_service(c))
		lookup_group(c, name, &gid);
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
	static char root_name[] = "root", root_home[] = "/root";
	struct passwd made_up = { .pw_name = root_name, .pw_dir = root_home };
	const struct passwd *pw;
	struct account a;
	struct job_user *u;
	char name[32];

	if (by_service(c))
		return user_get(c, root_name);
	pw = getpwuid(geteuid());
	if (!pw) {
		if (geteuid() != 0)
			user_made_up(&made_up, name);
		pw = &made_up;
	}
	u = user_find(c, pw->pw_name);
	if (u)
		return u;
	return account_of(pw, &a) == 0 ? user_new(c, pw->pw_name, &a) : NULL;
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
