/* daemon_job: what the files say of daemons.
 * Flow: load puts jobs in force and takes them out, here it is noted for each daemon which one
 * is its; the checks in daemon.c ask how many copies there are to be, and on which terms. */
#include "config.h"

#include "crond/daemon.h"

#include <string.h>

#include "crond/base/text.h"
#include "crond/crond.h"

/* --- what its job asks for */

struct restart_policy daemon_policy(const struct daemon *d)
{
	const struct options *o = d->job->common->options;

	return (struct restart_policy){ .when = o->restart, .delay_ms = o->restart_delay_ms,
		.max_delay_ms = o->restart_max_delay_ms, .count = o->restart_count,
		.window_ms = o->restart_window_ms };
}

size_t daemon_max(const struct daemon *d)
{
	const struct options *o = d->job ? d->job->common->options : NULL;

	if (!o || !o->enabled)
		return 0;
	return o->max ? o->max : 1;
}

size_t daemon_wanted(struct crond *c, const struct daemon *d)
{
	const char *const *hosts = d->job ? d->job->common->options->hosts : NULL;

	return !hosts || hosts_match(hosts, host_self(c)) ? daemon_max(d) : 0;
}

/* What the manager itself looks at, so that no copy runs as something else: 1 where it says
 * when to start again, 2 where it says how many and where. */
static int managed(enum option_id id)
{
	switch (id) {
	case OPTION_RESTART:
	case OPTION_RESTART_DELAY:
	case OPTION_RESTART_MAX_DELAY:
	case OPTION_RESTART_LIMIT:
		return 1;
	case OPTION_MAX:
	case OPTION_ENABLED:
	case OPTION_HOSTS:
		return 2;
	default:
		return 0;
	}
}

static uint64_t options_hash(const struct job *job, int which)
{
	const char *command = which ? NULL : job_command(job);
	struct buf b = { 0 };
	uint64_t hash;

	buf_printf(&b, "%s\n%s\n", job->common->user->name, command ? command : "");
	for (unsigned i = 0; i < OPTIONS; i++) {
		if (managed((enum option_id)i) == which)
			option_print(job->common->options, (enum option_id)i, &b);
		buf_putc(&b, '\n');
	}
	hash = text_hash(3, b.data, b.len);
	buf_free(&b);
	return hash ? hash : 1;
}

/* --- jobs come and go with their files */

static void job_in(struct crond *c, const struct job *job)
{
	struct daemon *d = daemon_get(c, job->identity);

	if (!d) {
		trouble_say(c, "a daemon is not looked after", "out of memory");
		return;
	}
	d->job = job;
	d->gone_since = 0;
	d->definition = options_hash(job, 0);
	d->terms = options_hash(job, 1);
	d->file = text_hash(4, job->common->file->path, strlen(job->common->file->path));
	daemon_look_at(c, d);
}

/* What one that no file has waits for may be known by now. */
static void look_doubtful(struct crond *c)
{
	if (c->daemons_doubt)
		daemon_look(c);
	c->daemons_doubt = false;
}

void daemon_file_in(struct crond *c, const struct job_file *file)
{
	for (size_t i = 0; file->daemons && i < file->count; i++) {
		if (file->jobs[i].common->options->type == JOB_TYPE_DAEMON)
			job_in(c, &file->jobs[i]);
	}
	look_doubtful(c);
}

void daemon_file_out(struct crond *c, const struct job_file *file)
{
	for (size_t i = 0; file->daemons && i < file->count; i++) {
		struct daemon *d = daemon_find(c, file->jobs[i].identity);

		if (!d || d->job != &file->jobs[i])
			continue;
		d->job = NULL;
		d->gone_since = wait_now_ms();
		daemon_look_at(c, d);
	}
	look_doubtful(c);
}

bool daemon_in_doubt(struct crond *c, const struct daemon *d)
{
	const struct directory *dir;
	struct source *s;

	SLIST_FOREACH(dir, &c->directories, link) {
		if (dir->complained)
			return true;
	}
	RB_FOREACH(s, source_tree, &c->sources) {
		if ((s->faulty || s->awaits) && (!d->file || text_hash(4, s->path, strlen(s->path)) == d->file))
			return true;
	}
	return false;
}
