/* account: what this host knows of a name: by its own files, or by all its sources of accounts.
 * Flow: below user and lookup in the scheduler, and all that crond-lookup does. */
#include "config.h"

#include "crond/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUPS_MOST = 65536, GROUPS_FIRST = 32 };

void account_free(struct account *a)
{
	free(a->home);
	free(a->groups);
	*a = (struct account){ .home = NULL };
}

/* --- one entry */

static int groups_ask(const char *name, struct account *a)
{
	int n = GROUPS_FIRST;

	for (;;) {
		gid_t *more = realloc(a->groups, (size_t)n * sizeof(*more));
		int had = n;

		if (!more)
			return -1;
		a->groups = more;
		if (getgrouplist(name, a->gid, more, &n) >= 0) {
			a->group_count = (uint32_t)n;
			return 0;
		}
		n = n > had ? n : had * 2;
		if (n > GROUPS_MOST)
			return -1;
	}
}

static bool is_member(const struct group *g, const char *name)
{
	for (char **member = g->gr_mem; *member; member++)
		if (strcmp(*member, name) == 0)
			return true;
	return false;
}

static int group_add(struct account *a, gid_t gid, uint32_t *room)
{
	uint32_t *more;

	if (a->group_count == *room) {
		*room = *room ? *room * 2 : GROUPS_FIRST;
		more = realloc(a->groups, *room * sizeof(*more));
		if (!more)
			return -1;
		a->groups = more;
	}
	a->groups[a->group_count++] = gid;
	return 0;
}

static int groups_local(const char *name, struct account *a)
{
	FILE *f = fopen("/etc/group", "re");
	const struct group *g;
	uint32_t room = 0;
	int rc = group_add(a, a->gid, &room);

	while (f && rc == 0 && a->group_count < GROUPS_MOST && (g = fgetgrent(f))) {
		if (g->gr_gid != a->gid && is_member(g, name))
			rc = group_add(a, g->gr_gid, &room);
	}
	if (f)
		fclose(f);
	return rc;
}

static int account_make(const struct passwd *pw, int (*groups)(const char *name, struct account *a),
	struct account *a)
{
	*a = (struct account){ .uid = pw->pw_uid, .gid = pw->pw_gid };
	a->home = strdup(pw->pw_dir && *pw->pw_dir ? pw->pw_dir : "/");
	if (a->home && groups(pw->pw_name, a) == 0)
		return 0;
	account_free(a);
	errno = ENOMEM;
	return -1;
}

int account_of(const struct passwd *pw, struct account *a)
{
	return account_make(pw, groups_ask, a);
}

/* --- by name */

static const struct passwd *root_made_up(const char *name)
{
	static char root_name[] = "root", root_home[] = "/root";
	static const struct passwd root = { .pw_name = root_name, .pw_dir = root_home };

	return geteuid() == 0 && strcmp(name, "root") == 0 ? &root : NULL;
}

int account_ask(const char *name, struct account *a)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(name);
	if (!pw && errno == 0)
		errno = ENOENT;
	if (!pw && errno == ENOENT)
		pw = root_made_up(name);
	return pw ? account_make(pw, groups_ask, a) : -1;
}

int account_local(const char *name, struct account *a)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *pw = NULL;
	int rc = -1, error = f ? ENOENT : errno;

	errno = 0;
	while (f && *name != '+' && *name != '-' && (pw = fgetpwent(f)) && strcmp(pw->pw_name, name) != 0)
		errno = 0;
	if (f && !pw && errno)
		error = errno;
	if (!pw)
		pw = root_made_up(name);
	if (pw) {
		errno = ENOENT;
		rc = account_make(pw, groups_local, a);
		error = errno;
	}
	if (f)
		fclose(f);
	errno = error;
	return rc;
}

int account_group_ask(const char *name, gid_t *gid)
{
	const struct group *g;

	errno = 0;
	g = getgrnam(name);
	if (!g && errno == 0)
		errno = ENOENT;
	if (g)
		*gid = g->gr_gid;
	return g ? 0 : -1;
}

int account_group_local(const char *name, gid_t *gid)
{
	FILE *f = fopen("/etc/group", "re");
	const struct group *g = NULL;

	while (f && *name != '+' && *name != '-' && (g = fgetgrent(f)) && strcmp(g->gr_name, name) != 0)
		;
	if (g)
		*gid = g->gr_gid;
	if (f)
		fclose(f);
	errno = ENOENT;
	return g ? 0 : -1;
}

/* --- on the wire: this, its groups, and its home */

struct account_head {
	int32_t error;
	uint32_t uid, gid, groups;
};

void account_pack(int error, const struct account *a, struct buf *out)
{
	struct account_head head = { .error = error };

	if (!error)
		head = (struct account_head){ 0, a->uid, a->gid, a->group_count };
	buf_append(out, &head, sizeof(head));
	if (error)
		return;
	buf_append(out, a->groups, a->group_count * sizeof(*a->groups));
	buf_puts(out, a->home ? a->home : "/");
}

int account_unpack(struct slice bytes, struct account *a)
{
	struct account_head head;
	size_t list;

	*a = (struct account){ .home = NULL };
	errno = EPROTO;
	if (bytes.n < sizeof(head))
		return -1;
	memcpy(&head, bytes.s, sizeof(head));
	bytes = (struct slice){ bytes.s + sizeof(head), bytes.n - sizeof(head) };
	if (head.error) {
		errno = head.error;
		return -1;
	}
	list = head.groups * sizeof(*a->groups);
	if (head.groups > GROUPS_MOST || bytes.n <= list)
		return -1;
	*a = (struct account){ .uid = head.uid, .gid = head.gid, .group_count = head.groups };
	a->groups = malloc(list ? list : 1);
	a->home = strndup(bytes.s + list, bytes.n - list);
	if (!a->groups || !a->home) {
		account_free(a);
		errno = ENOMEM;
		return -1;
	}
	memcpy(a->groups, bytes.s, list);
	return 0;
}
