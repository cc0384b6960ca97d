/* user: identities, looked up once and kept up to date.
 * Flow: load resolves names here; start copies uid, gid and groups into each run. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

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
	SLIST_INSERT_HEAD(&c->users, u, link);
	return u;
}

const struct job_user *user_get(struct crond *c, const char *name)
{
	struct job_user *u;
	struct passwd *pw;

	SLIST_FOREACH(u, &c->users, link) {
		if (strcmp(u->name, name) == 0)
			return u->gone ? NULL : u;
	}
	pw = getpwnam(name);
	return pw ? user_new(c, pw) : NULL;
}

const struct job_user *user_self(struct crond *c)
{
	struct passwd *pw = getpwuid(geteuid());
	static char unknown[] = "unknown", root_dir[] = "/";
	struct passwd made_up = { .pw_name = unknown, .pw_dir = root_dir };
	struct job_user *u;

	if (!pw) { /* a uid without an entry, as containers have them */
		made_up.pw_uid = geteuid();
		made_up.pw_gid = getegid();
		if (getenv("HOME"))
			made_up.pw_dir = getenv("HOME");
		if (getenv("LOGNAME"))
			made_up.pw_name = getenv("LOGNAME");
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

/* A directory service that does not answer leaves what was known in force. */
static void user_again(struct crond *c, struct job_user *u)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(u->name);
	if (pw) {
		user_fill(u, pw);
	} else if ((errno == 0 || errno == ENOENT) && !u->gone) {
		u->gone = true;
		log_classic(&c->log, c->set.dialect->daemon_tag, getpid(), 0, u->name, "ORPHAN",
			"no passwd entry");
	}
}

bool user_refresh(struct crond *c)
{
	struct job_user *u;
	int64_t now = wait_now_ms();
	bool changed = file_changed(&c->passwd, "/etc/passwd");

	changed |= file_changed(&c->group, "/etc/group");
	changed |= file_changed(&c->nsswitch, "/etc/nsswitch.conf");
	if (!c->set.root || (!changed && now - c->users_checked < FRESH_MS))
		return false;
	c->users_checked = now;
	SLIST_FOREACH(u, &c->users, link)
		user_again(c, u);
	return true;
}
