/* room: what the runs of users' own files may take of the run-time directory, which is memory
 * on most systems and everybody's.
 * Flow: start asks before it claims; a run gives back what it took when it is forgotten. */
#include "config.h"

#include "crond/room.h"

#include <sys/statvfs.h>

#include "crond/crond.h"

/* A run may come to have twice as many files (what it says, its socket, its outcome) as pages. */
enum { PAGE = 4096, PAGE_FILES = 2, SHARES = 4 };

/* Whole pages, and one for its directory. */
static uint64_t taken(size_t record)
{
	return ((uint64_t)record / PAGE + 2) * PAGE;
}

void room_measure(struct crond *c)
{
	struct statvfs fs;
	uint64_t files;

	c->room_each = UINT64_MAX;
	if (!c->set.root || fstatvfs(c->runs, &fs) < 0 || !fs.f_blocks)
		return;
	c->room_each = (uint64_t)fs.f_blocks * fs.f_frsize / SHARES;
	files = (uint64_t)fs.f_files / PAGE_FILES / SHARES * PAGE;
	if (files && files < c->room_each)
		c->room_each = files;
}

bool room_has(const struct crond *c, const struct job_user *u, size_t record)
{
	return u->taken + taken(record) <= c->room_each;
}

void room_take(struct live_run *run, const struct job_user *u, size_t record)
{
	run->taker = (struct job_user *)u; /* its count is ours */
	run->taken = u ? taken(record) : 0;
	if (u)
		run->taker->taken += run->taken;
}

void room_give(struct live_run *run)
{
	if (run->taker)
		run->taker->taken -= run->taken;
	run->taker = NULL;
}
