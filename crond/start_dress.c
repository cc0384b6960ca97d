/* start_dress: what a run's options ask of its keeper beside the job itself.
 * Flow: start_run has the run, here it is dressed: priorities, limits, hooks, logs; a plain
 * line is asked no more than whether it has options at all. */
#include "config.h"

#include "crond/start.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "crond/core/logpath.h"
#include "crond/logdir.h"

static const char *refused(struct start *s, const char *name, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "group %.64s: %s", name, why);
	return s->refused = arena_copy(&s->c->scratch, text, strlen(text));
}

static bool is_member(const struct run *r, gid_t group)
{
	for (uint32_t i = 0; i < r->group_count; i++)
		if (r->groups[i] == group)
			return true;
	return r->gid == group;
}

/* Looked up again when the file has changed, not for each run. */
static int group_find(struct crond *c, struct job_common *m)
{
	gid_t gid;
	int rc;

	if (m->group_known && m->group_of == c->users_epoch)
		return 0;
	rc = user_group(c, m->options->group, &gid);
	if (rc < 0)
		return -1;
	m->group = gid;
	m->group_of = c->users_epoch;
	m->group_known = true;
	return 0;
}

/* It takes the place of the user's own group, which stays among the others. */
static int dress_group(struct start *s)
{
	struct job_common *m = (struct job_common *)s->common; /* its caches are ours */
	struct run *r = &s->run;
	uint32_t *more;

	if (group_find(s->c, m) < 0) {
		refused(s, m->options->group,
		        errno == EINPROGRESS ? "no answer from the name service" :
		        errno != ENOENT ? strerror(errno) : "no such group");
		return -1;
	}
	if (!s->c->set.root && m->group != r->gid) {
		refused(s, m->options->group, "only root's daemon can give another one");
		return -1;
	}
	if (!is_member(r, m->group)) {
		if (!m->trusted) {
			refused(s, m->options->group, "its user is no member");
			return -1;
		}
		more = arena_alloc(&s->c->scratch, (r->group_count + 1) * sizeof(*more));
		if (!more)
			return -1;
		memcpy(more, r->groups, r->group_count * sizeof(*more));
		more[r->group_count++] = m->group;
		r->groups = more;
	}
	r->gid = m->group;
	return 0;
}

static int dress_limits(struct start *s)
{
	const struct options *o = s->common->options;
	struct dress_limit all[OPTION_LIMITS];
	size_t n = 0;

	for (int i = 0; i < OPTION_LIMITS; i++) {
		enum option_id id = option_of_limit(i);

		if (id != OPTIONS && option_given(o, id))
			all[n++] = (struct dress_limit){ .resource = (uint32_t)i,
				.soft = o->limits[i].soft,
				.hard = o->limits[i].hard,
				.own = !s->common->trusted && option_own(o, id) };
	}
	if (n == 0)
		return 0;
	s->run.dress.limits.n = n * sizeof(*all);
	s->run.dress.limits.s = arena_copy(&s->c->scratch, (const char *)all, n * sizeof(*all));
	return s->run.dress.limits.s ? 0 : -1;
}

/* Root's jobs have directories of their own names, those of users one below theirs: no
 * name that a user gives can take another's. */
static void put_own(struct crond *c, const struct job_common *m, struct buf *out)
{
	if (!m->trusted && c->set.root)
		buf_printf(out, LOGDIR_USERS "/%s/", m->user->name);
}

static const char *kept(struct start *s, struct buf *b)
{
	const char *text = b->failed ? NULL : arena_copy(&s->c->scratch, b->data, b->len);

	buf_free(b);
	return text;
}

void start_log_format(struct crond *c, const struct job_common *m, const char *name, struct buf *out)
{
	const char *format = m->options->log;
	bool usual = strcmp(format, "yes") == 0;
	struct buf own = { 0 };

	if (*format == '/') {
		buf_puts(out, format);
		return;
	}
	put_own(c, m, &own);
	if (usual || !strchr(format, '/'))
		buf_printf(&own, "%s/", name);
	if (own.len && buf_text(&own))
		logpath_quote(out, own.data);
	out->failed |= own.failed;
	buf_puts(out, usual ? LOGPATH_DEFAULT : format);
	buf_free(&own);
}

static int dress_log(struct start *s)
{
	struct buf b = { 0 };

	start_log_format(s->c, s->common, s->name, &b);
	s->run.dress.log = kept(s, &b);
	return s->run.dress.log ? 0 : -1;
}

static int dress_home(struct start *s)
{
	struct buf b = { 0 };

	put_own(s->c, s->common, &b);
	buf_puts(&b, s->name);
	s->run.dress.home = kept(s, &b);
	return s->run.dress.home ? 0 : -1;
}

static int dress_kept(struct start *s)
{
	const struct options *o = s->common->options;
	struct dress *d = &s->run.dress;

	if (!o->log && !o->artifacts)
		return 0;
	d->log_dir = s->c->set.log_dir;
	d->log_most = o->log_max;
	if (o->artifacts)
		d->given |= DRESS_ARTIFACTS;
	return (o->log && dress_log(s) < 0) || (o->artifacts && dress_home(s) < 0) ? -1 : 0;
}

static void dress_simple(struct dress *d, const struct options *o)
{
	d->nice = (uint32_t)o->nice;
	d->ionice = o->ionice;
	d->umask = o->umask == OPTION_NO_UMASK ? 0 : o->umask;
	d->cpus = o->cpu_affinity;
	d->env_file = o->env_file;
	d->pre = o->pre;
	d->post = o->post;
	d->on_success = o->on_success;
	d->on_failure = o->on_failure;
	d->retention_ms = o->retention_ms; /* of its records, too: whether it has files or not */
	d->retention_count = o->retention_count;
	if (option_given(o, OPTION_NICE))
		d->given |= DRESS_NICE;
	if (option_given(o, OPTION_IONICE))
		d->given |= DRESS_IONICE;
	if (o->umask != OPTION_NO_UMASK)
		d->given |= DRESS_UMASK;
	if (option_given(o, OPTION_SUCCESS_EXIT))
		d->success =
		        (struct slice){ (const char *)o->success_exit, sizeof(o->success_exit) };
}

static void dress_failures(struct start *s)
{
	const struct job_state *state = state_find(s->c, s->job->identity);

	if (state)
		s->run.dress.failures = state->failures;
}

static bool is_dressed(const struct dress *d)
{
	return d->given || d->cpus || d->env_file || d->pre || d->post || d->on_success ||
	        d->on_failure || d->limits.n || d->log || d->home;
}

int start_dress(struct start *s)
{
	const struct options *o = s->common->options;
	struct dress *d = &s->run.dress;
	uint64_t any = 0;

	for (size_t i = 0; i < OPTION_SETS; i++)
		any |= o->set[i];
	if (!any)
		return 0;
	if (o->group && dress_group(s) < 0)
		return -1;
	dress_simple(d, o);
	if (d->given & DRESS_NICE && !s->common->trusted && option_own(o, OPTION_NICE))
		d->given |= DRESS_NICE_OWN;
	if (o->post || o->on_success || o->on_failure)
		dress_failures(s);
	if (dress_limits(s) < 0 || dress_kept(s) < 0)
		return -1;
	if (is_dressed(d))
		d->given |= DRESS_ON;
	return 0;
}
