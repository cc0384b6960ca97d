/* linting: what is legal in a file and yet hardly meant, under crond -t.
 * Flow: loading hands in each job that it took; a daemon at work has no time for it. */
#include "config.h"

#include "crond/loading.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/core/lint.h"

static void say(void *arg, const struct diag *d)
{
	loading_diag(arg, d);
}

static bool program(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool group(void *arg, const char *name)
{
	(void)arg;
	return getgrnam(name) != NULL;
}

void loading_lint(struct loading *l, const struct job *job, const struct schedule *s,
	struct slice command)
{
	const struct job_common *m = job->common;
	const struct dialect *dialect = l->c->set.dialect;
	struct lint_job lint = { .options = m->options, .schedule = s, .env = m->env,
		.command = command, .line = job->line };
	struct lint_world world = { .program = program, .group = group, .zone = m->zone,
		.dialect = dialect };
	struct diag_sink sink = { say, l };

	if (m->options->hosts) /* they are read anew each time */
		world.self = host_self(l->c);
	lint_job(&lint, &world, &sink);
}
