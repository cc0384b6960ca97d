/* control_jobs: which jobs there are, for whom, and by what name.
 * Flow: the verbs walk over the table's files here, a piece at a time: a reload in between
 * may come and go. */
#include "config.h"

#include "crond/control.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VISITS_EACH = 1000, SOURCES_EACH = 200, WALK_US = 1000 };

/* --- rights */

/* Root's; in an instance that is not root's its user's; control-group's. */
bool control_all(const struct crond *c, const struct control_client *k)
{
	return k->uid == 0 || k->group || (!c->set.root && k->uid == geteuid());
}

bool control_sees(const struct crond *c, const struct control_client *k, const struct job *job)
{
	return control_all(c, k) || job->common->user->uid == k->uid;
}

/* What root's files have run as somebody is seen by him, and steered by root. */
bool control_steers(const struct crond *c, const struct control_client *k, const struct job *job)
{
	return control_all(c, k) || (job->common->user->uid == k->uid && !job->common->trusted);
}

void control_who(const struct crond *c, const struct control_client *k, char *out, size_t n)
{
	const struct job_user *user;
	const struct passwd *entry;
	const char *name = NULL;

	SLIST_FOREACH(user, &c->users, link) {
		if (user->uid == k->uid && !user->gone)
			name = user->name;
	}
	if (!name && !c->users_remote && (entry = getpwuid(k->uid)))
		name = entry->pw_name;
	snprintf(out, n, "uid %u (%s)", (unsigned)k->uid, name ? name : "?");
}

/* --- the walk */

static struct source *walk_source(struct crond *c, const struct control_walk *w)
{
	struct source key = { .path = w->path };

	return w->path ? RB_NFIND(source_tree, &c->sources, &key) : RB_MIN(source_tree, &c->sources);
}

/* A user's table is all his: another's need not be looked through. */
static bool source_concerns(const struct crond *c, const struct control_client *k,
	const struct source *s)
{
	if (!s->jobs || !s->jobs->count)
		return false;
	return s->kind != SOURCE_USER || control_sees(c, k, &s->jobs->jobs[0]);
}

/* false: the place to go on at is kept. */
static bool walk_keep(struct control_walk *w, const struct source *s, size_t at)
{
	char *path = s ? strdup(s->path) : NULL;

	free(w->path);
	w->path = path;
	w->at = at;
	w->over = !path;
	return false;
}

void control_walk_end(struct control_walk *w)
{
	free(w->path);
	*w = (struct control_walk){ 0 };
}

void control_walk(struct crond *c, struct control_client *k,
	bool (*visit)(struct crond *c, struct control_client *k, const struct job *job))
{
	struct control_walk *w = &k->walk;
	struct source *s = walk_source(c, w);
	size_t at = s && w->path && strcmp(s->path, w->path) == 0 ? w->at : 0, visits = 0, sources = 0;
	int64_t until = control_now_us() + WALK_US; /* patterns may make a visit dear */

	for (; s && sources < SOURCES_EACH; s = RB_NEXT(source_tree, &c->sources, s), at = 0, sources++) {
		if (!source_concerns(c, k, s))
			continue;
		for (; at < s->jobs->count; at++) {
			const struct job *job = &s->jobs->jobs[at];

			if (visits++ >= VISITS_EACH || (visits > 1 && control_now_us() > until) ||
				(control_sees(c, k, job) && load_in_force(c, job) && !visit(c, k, job))) {
				walk_keep(w, s, at);
				return;
			}
		}
	}
	walk_keep(w, s, 0);
}

/* --- one of them, by name */

/* How well a name fits: not at all, its beginning does, all but USER: in front of it, wholly. */
enum { FIT_NOT, FIT_BEGINNING, FIT_OWN, FIT_WHOLE };

static unsigned name_fits(const char *name, const char *asked)
{
	size_t n = strlen(asked);
	const char *own = strchr(name, ':');

	if (strncmp(name, asked, n) == 0)
		return name[n] ? FIT_BEGINNING : FIT_WHOLE;
	if (!own || strncmp(own + 1, asked, n) != 0)
		return FIT_NOT;
	return own[1 + n] ? FIT_BEGINNING : FIT_OWN;
}

static void found_take(struct control_client *k, const struct job *job, const char *name, unsigned fit)
{
	struct control_found *f = &k->found;

	if (fit > f->fit)
		f->count = 0;
	f->fit = fit;
	f->count++;
	free(f->path);
	f->path = strdup(job->common->file->path);
	f->at = (size_t)(job - job->common->file->jobs);
	f->identity = job->identity;
	memcpy(f->names[1], f->names[0], sizeof(f->names[1]));
	snprintf(f->names[0], sizeof(f->names[0]), "%s", name);
}

static bool find_visit(struct crond *c, struct control_client *k, const struct job *job)
{
	char name[JOB_NAME_MOST];
	unsigned fit;

	(void)c;
	job_name(job, job->common->user->name, name);
	fit = name_fits(name, k->asked.job);
	if (fit != FIT_NOT && fit >= k->found.fit)
		found_take(k, job, name, fit);
	return true;
}

/* It was found, and may be gone or another one by now. */
static const struct job *find_again(struct crond *c, const struct control_found *f)
{
	struct source key = { .path = f->path };
	struct source *s = f->path ? RB_FIND(source_tree, &c->sources, &key) : NULL;
	const struct job *job = s && s->jobs && f->at < s->jobs->count ? &s->jobs->jobs[f->at] : NULL;

	return job && job->identity == f->identity ? job : NULL;
}

enum control_step control_find(struct crond *c, struct control_client *k, const struct job **job)
{
	const struct control_found *f = &k->found;

	*job = NULL;
	if (!k->walk.over)
		control_walk(c, k, find_visit);
	if (!k->walk.over)
		return CONTROL_MORE;
	if (!f->count)
		return control_fail(k, CTLMSG_UNKNOWN, "no job \"%s\"%s", k->asked.job,
			control_all(c, k) ? "" : " among yours");
	if (f->count > 1)
		return control_fail(k, CTLMSG_AMBIGUOUS, "\"%s\" fits %zu jobs, as %s and %s", k->asked.job,
			f->count, f->names[1], f->names[0]);
	*job = find_again(c, f);
	if (!*job)
		return control_fail(k, CTLMSG_REFUSED, "the tables have just changed: try again");
	return CONTROL_DONE;
}

enum control_step control_find_own(struct crond *c, struct control_client *k, const struct job **job)
{
	enum control_step step = control_find(c, k, job);

	if (step != CONTROL_DONE || !*job || control_steers(c, k, *job))
		return step;
	*job = NULL;
	return control_fail(k, CTLMSG_DENIED, "%s is of root's files: root alone may %s it",
		k->found.names[0], ctlmsg_verb_name(k->asked.verb));
}
