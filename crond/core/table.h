/* table: all jobs in force, by the file they came from.
 * Flow: load hands in a parsed file, the table puts its jobs into due and takes those
 * of the version before out, in one step. */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/arena.h"
#include "crond/core/due.h"
#include "crond/core/job.h"

struct job_file {
	struct arena arena;       /* of everything below */
	const char *path;
	int64_t changed;          /* epoch second of the file's last change */
	struct job **blocks;      /* JOB_BLOCK jobs each */
	size_t count, block_room;
	uint32_t reboot_jobs;
};

enum { JOB_BLOCK = 1024, JOB_BLOCK_FIRST = 8 };

struct job_file *job_file_new(const char *path);
void job_file_free(struct job_file *f);
/* Room for one more job, cleared; NULL when memory is out. Stays where it is. */
struct job *job_file_add(struct job_file *f);
struct job *job_file_get(const struct job_file *f, size_t i);

/* What became of the jobs when one version of a file took another's place. */
struct table_change {
	size_t added, removed;
	size_t kept, changed; /* the same job, with the same command and options or not */
};

/* Compares by identity, then by what stands there. Either may be NULL. */
void table_compare(const struct job_file *before, const struct job_file *after,
	struct table_change *change);
/* Takes a file's jobs off their timers. */
void table_take_out(struct due *due, struct job_file *f);

#endif
