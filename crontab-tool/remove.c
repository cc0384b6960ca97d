/* remove: crontab -r.
 * Flow: see remove.h. */
#include "config.h"

#include "crontab-tool/remove.h"

#include <errno.h>
#include <stdio.h>

#include "crontab-tool/answer.h"
#include "crontab-tool/audit.h"
#include "crontab-tool/backup.h"
#include "crontab-tool/spool.h"

static bool sure(const struct request *r)
{
	bool cronie = r->dialect->id == DIALECT_CRONIE;
	char question[512];

	if (!r->ask)
		return true;
	snprintf(question, sizeof(question), "crontab: really delete %s's crontab? %s", r->user,
	        cronie ? "" : "(y/n) ");
	return cronie ? answer_once(question)
	              : answer_yes(question, "Please enter Y or N: ", false);
}

static int no_table(const struct request *r)
{
	fprintf(stderr, "no crontab for %s\n", r->user);
	return 1;
}

static bool found(const struct request *r, const struct spool *s)
{
	identity_own(&r->identity);
	bool there = spool_has(s, r->user);
	identity_caller(&r->identity);
	return there;
}

/* 0, or an errno. */
static int unlink_table(const struct request *r, const struct spool *s)
{
	identity_own(&r->identity);
	int error = spool_remove(s, r) == 0 ? 0 : errno;
	identity_done(&r->identity, error);
	return error;
}

static int remove_debian(const struct request *r, const struct spool *s)
{
	if (!found(r, s))
		return no_table(r);
	if (!sure(r))
		return 0;
	audit_log(r->caller, "DELETE", r->user);
	int error = unlink_table(r, s);
	if (error == ENOENT)
		return no_table(r);
	if (error)
		fprintf(stderr, "%s/: unlink: %s\n", s->parent, strerror(error));
	return error != 0;
}

/* Without a backup nobody looks for the table before, so the words are others. */
static int remove_cronie(const struct request *r, const struct spool *s)
{
	if (!sure(r))
		return 0;
	audit_log(r->caller, "DELETE", r->user);
	if (!r->no_backup) {
		enum backup_result kept = backup_table(r, s);
		if (kept == BACKUP_NO_TABLE)
			return no_table(r);
		if (kept == BACKUP_UNREADABLE)
			return 1;
	}
	int error = unlink_table(r, s);
	if (error)
		fprintf(stderr, "%s/%s: %s\n", s->path, r->user, strerror(error));
	return error != 0;
}

int remove_run(const struct request *r, const struct spool *s)
{
	return r->dialect->id == DIALECT_CRONIE ? remove_cronie(r, s) : remove_debian(r, s);
}
