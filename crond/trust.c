/* trust: who owns a file decides what it may say.
 * Flow: load asks before it reads; what counts is the open descriptor, not the name. */
#include "config.h"

#include "crond/crond.h"

#include <errno.h>
#include <unistd.h>

static const char *distrust_user(const struct dialect *d, const struct stat *st, uid_t owner)
{
	bool mode = (st->st_mode & d->table_mode_mask) == d->table_mode;

	if (!mode && d->id == DIALECT_CRONIE) /* the order in which it looks */
		return "BAD FILE MODE";
	if (st->st_uid != owner && st->st_uid != 0)
		return "WRONG FILE OWNER";
	if (!mode)
		return "INSECURE MODE (mode 0600 expected)";
	if (st->st_nlink != 1)
		return d->id == DIALECT_DEBIAN ? "NUMBER OF HARD LINKS > 1" : "BAD LINK COUNT";
	return NULL;
}

static const char *distrust_system(const struct crond *c, const struct source *s,
	const struct stat *st)
{
	const struct dialect *d = c->set.dialect;
	bool ours = st->st_uid == 0 || (!c->set.root && st->st_uid == geteuid());
	bool classic = s->kind == SOURCE_SYSTEM && c->set.root && !c->set.only_files;

	if (classic && d->id == DIALECT_CRONIE && (st->st_mode & d->system_mode_mask) != d->system_mode)
		return "BAD FILE MODE";
	if (!ours)
		return "WRONG FILE OWNER";
	if (!c->set.root && s->kind != SOURCE_TASKS)
		return NULL;
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "INSECURE MODE (group/other writable)";
	if (classic && d->system_links_count && st->st_nlink != 1)
		return "NUMBER OF HARD LINKS > 1";
	return NULL;
}

/* Who can write there can put any of root's files in any other's place. */
static const char *distrust_place(const struct source *s)
{
	struct stat st;

	if (s->kind != SOURCE_TASKS || s->directory->only || stat(s->directory->path, &st) < 0)
		return NULL;
	return st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX) ? "INSECURE DIRECTORY (other writable)"
		: NULL;
}

const char *trust_link(const struct crond *c, const struct source *s)
{
	struct stat st;

	if (c->set.any_table || lstat(s->path, &st) < 0 || !S_ISLNK(st.st_mode))
		return NULL;
	if (s->kind == SOURCE_USER)
		return c->set.dialect->table_symlinks ? NULL : "CAN'T OPEN";
	if (s->kind == SOURCE_SYSTEM && !c->set.dialect->system_links_count)
		return NULL;
	return st.st_uid == 0 || !c->set.root ? NULL : "WRONG SYMLINK OWNER";
}

const char *trust_file(struct crond *c, struct source *s, const struct stat *st)
{
	const struct job_user *owner;

	if (s->kind != SOURCE_USER && c->set.any_table && s->kind == SOURCE_SYSTEM)
		return NULL;
	if (s->kind != SOURCE_USER)
		return distrust_place(s) ? distrust_place(s) : distrust_system(c, s, st);
	owner = user_get(c, s->owner);
	if (!owner) {
		s->unread |= load_passes(errno);
		s->awaits = errno == EINPROGRESS;
		return "ORPHAN";
	}
	return c->set.any_table ? NULL : distrust_user(c->set.dialect, st, owner->uid);
}
