/* table: all jobs in force, by the file they came from.
 * Flow: load hands in a parsed file, the table puts its jobs into due and takes those
 * of the version before out, in one step. */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crond/base/arena.h"
#include "crond/core/changes.h"
#include "crond/core/due.h"
#include "crond/core/job.h"

struct job_file {
	struct arena arena;       /* of what its jobs share */
	const char *path;
	int64_t changed;          /* epoch second of the file's last change */
	struct job *jobs;         /* they stay where they are */
	size_t count, room;
	char *text;               /* commands, one behind the other, each with a NUL */
	size_t text_used, text_room;
	uint32_t reboot_jobs, daemons;
	struct zone_use *zones;   /* that it uses; the scheduler's */
};

/* With room for so many jobs; what is not used costs no memory where it is much. */
struct job_file *job_file_new(const char *path, size_t jobs, size_t text);
void job_file_free(struct job_file *f);
/* One more job, cleared; NULL when there is no room left. */
struct job *job_file_add(struct job_file *f);
/* Copies the command of a job. 0 or -1 when memory is out, or the text above 4 GiB. */
int job_file_command(struct job_file *f, struct job *job, struct slice command);
/* Equal lines are jobs of their own: where several have one identity, the later ones get
 * others, by how many stand before them. 0 or -1 when memory is out. */
int job_file_number(struct job_file *f);
/* Gives back what room for text is left. */
void job_file_fit(struct job_file *f);

/* What became of the jobs when one version of a file took another's place. */
struct table_change {
	size_t added, removed;
	size_t kept, changed; /* the same job, with the same command and options or not */
};

/* Called for each job that was added, changed (as it is now) or removed (as it was). */
struct table_sink {
	void (*each)(void *arg, enum change what, const struct job *job);
	void *arg;
};

/* Compares by identity, then by what stands there. Either may be NULL, sink too. */
void table_compare(const struct job_file *before, const struct job_file *after,
	struct table_change *change, const struct table_sink *sink);
/* Two versions of one job: do both ask for the same? */
bool table_same(const struct job *a, const struct job *b);
/* Takes a file's jobs off their timers. */
void table_take_out(struct due *due, struct job_file *f);

#endif
