/* identity: switching between the caller's ids and the program's own.
 * Flow: see identity.h; each switch is read back. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crontab-tool/identity.h"

static void refused(const char *what, int status)
{
	perror(what);
	_exit(status);
}

static void become_caller(const struct identity *i, int status)
{
	if (setegid(i->gid) != 0 || seteuid(i->uid) != 0)
		refused("swapping uids", status);
	if (getegid() != i->gid || geteuid() != i->uid)
		refused("swapping uids", status);
}

void identity_start(struct identity *i)
{
	i->uid = getuid();
	i->gid = getgid();
	i->own_uid = geteuid();
	i->own_gid = getegid();
	identity_caller(i);
}

void identity_caller(const struct identity *i)
{
	become_caller(i, 1);
}

void identity_done(const struct identity *i, int rc)
{
	become_caller(i, rc != 0);
}

void identity_own(const struct identity *i)
{
	if (seteuid(i->own_uid) != 0 || setegid(i->own_gid) != 0)
		refused("swapping uids back", 1);
	if (geteuid() != i->own_uid || getegid() != i->own_gid)
		refused("swapping uids back", 1);
}

void identity_forget(const struct identity *i)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (setresgid(i->gid, i->gid, i->gid) != 0)
		refused("setgid(getgid())", 1);
	if (setresuid(i->uid, i->uid, i->uid) != 0)
		refused("setuid(getuid())", 1);
	if (getresgid(&rgid, &egid, &sgid) != 0 || getresuid(&ruid, &euid, &suid) != 0)
		refused("getresuid", 1);
	if (rgid != i->gid || egid != i->gid || sgid != i->gid || ruid != i->uid ||
		euid != i->uid || suid != i->uid)
		refused("setuid(getuid())", 1);
}
