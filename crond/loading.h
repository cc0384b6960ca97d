/* loading: one file's entries and tasks into jobs, while it is being parsed.
 * Flow: load starts the parser; what it finds comes here one by one and becomes a job on
 * its timer. */
#ifndef CROND_LOADING_H
#define CROND_LOADING_H

#include "crond/core/crontab.h"
#include "crond/core/options_trust.h"
#include "crond/crond.h"

struct taskfile_task;

/* Lines are counted in 29 bits: a file is no larger. */
enum { LINES_MOST = 1 << 29, STRETCHES_KEPT = 8 };

struct loading {
	struct crond *c;
	struct source *source;
	struct job_file *file;
	const struct options *defaults[2]; /* what jobs begin with, by enum job_kind */
	struct job_common *recent[STRETCHES_KEPT];
	unsigned stretches;
	const char *last_user;
	const struct job_user *user;
	const struct job_user *place_of; /* whose lines' identities begin with this */
	uint64_t place;
	size_t said;
	size_t named; /* jobs that have a name */
	bool erred;   /* an error was met */
	bool awaits;  /* the user of what is being read, whom a service has not answered about */
	bool refused; /* a user or zone that is not there, where the dialect drops the file */
	bool memory;  /* ran out */
};

/* What the parsers call for each thing they find; non-zero: memory is out. */
int loading_entry(void *arg, const struct crontab_entry *e);
int loading_task(void *arg, const struct taskfile_task *t);
/* load.c: what jobs of files that are not root's may have at most; in *caps. */
const struct options_caps *load_caps(const struct crond *c, enum job_kind kind,
	struct options_caps *caps);
/* linting.c: under crond -t, what is hardly meant. command is empty where there is argv. */
void loading_lint(struct loading *l, const struct job *job, const struct schedule *s,
	struct slice command);
/* load.c: what is wrong with the file, by the parser's word or ours. */
void loading_diag(struct loading *l, const struct diag *d);
void loading_say(struct loading *l, uint32_t line, const char *text);

#endif
