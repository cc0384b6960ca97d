/* trust: who owns a file decides what it may say.
 * Flow: load asks before it reads; what counts is the open descriptor, not the name. */
#include "config.h"

#include "crond/crond.h"

#include <unistd.h>

static const char *distrust_user(const struct dialect *d, const struct stat *st, uid_t owner)
{
	if (st->st_uid != owner && st->st_uid != 0)
		return "WRONG FILE OWNER";
	if ((st->st_mode & d->table_mode_mask) != d->table_mode)
		return d->id == DIALECT_DEBIAN ? "INSECURE MODE (mode 0600 expected)" : "BAD FILE MODE";
	if (st->st_nlink != 1)
		return d->id == DIALECT_DEBIAN ? "NUMBER OF HARD LINKS > 1" : "BAD LINK COUNT";
	return NULL;
}

static const char *distrust_system(const struct crond *c, const struct source *s,
	const struct stat *st)
{
	bool ours = st->st_uid == 0 || (!c->set.root && st->st_uid == geteuid());

	if (!ours)
		return "WRONG FILE OWNER";
	if (c->set.root || s->kind == SOURCE_TASKS) {
		if (st->st_mode & (S_IWGRP | S_IWOTH))
			return "INSECURE MODE (group/other writable)";
		if (st->st_nlink != 1 && s->kind == SOURCE_SYSTEM &&
			c->set.dialect->id == DIALECT_DEBIAN && !c->set.only_files)
			return "NUMBER OF HARD LINKS > 1";
	}
	return NULL;
}

const char *trust_link(const struct crond *c, const struct source *s)
{
	struct stat st;

	if (lstat(s->path, &st) < 0 || !S_ISLNK(st.st_mode))
		return NULL;
	if (s->kind == SOURCE_USER)
		return c->set.dialect->table_symlinks ? NULL : "NOT A REGULAR FILE";
	return st.st_uid == 0 || !c->set.root ? NULL : "WRONG SYMLINK OWNER";
}

const char *trust_file(struct crond *c, const struct source *s, const struct stat *st)
{
	const struct job_user *owner;

	if (s->kind != SOURCE_USER)
		return distrust_system(c, s, st);
	owner = user_get(c, s->owner);
	return owner ? distrust_user(c->set.dialect, st, owner->uid) : "ORPHAN";
}
