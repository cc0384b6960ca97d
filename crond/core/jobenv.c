/* jobenv: a job's environment, as a block of NUL-terminated "NAME=value".
 * Flow: a crontab's settings or a task's env option, and who the user is -> the block
 * that goes into each of its runs. */
#include "crond/core/jobenv.h"

#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"

enum { SETTINGS_AT_ONCE = 256 };

/* Among the first bytes, as many as until says. */
static bool has(const struct buf *b, size_t until, const char *name, size_t n)
{
	for (size_t i = 0; i < until; i += strlen(b->data + i) + 1) {
		if (strncmp(b->data + i, name, n) == 0 && b->data[i + n] == '=')
			return true;
	}
	return false;
}

void jobenv_put(struct buf *out, const char *name, const char *value)
{
	if (has(out, out->len, name, strlen(name)))
		return;
	buf_puts(out, name);
	buf_putc(out, '=');
	buf_append(out, value, strlen(value) + 1);
}

/* Whose job it is cannot be set; where it was tried the truth stands in that place. What
 * stands behind until has other names. */
static void put_assignment(struct buf *out, size_t until, const struct dialect *d,
	const char *assignment, const char *user)
{
	size_t n = strcspn(assignment, "=");

	if (strncmp(assignment, "LOGNAME=", 8) == 0)
		jobenv_put(out, "LOGNAME", user);
	else if (d->env_user && strncmp(assignment, "USER=", 5) == 0)
		jobenv_put(out, "USER", user);
	else if (!has(out, until, assignment, n))
		buf_append(out, assignment, strlen(assignment) + 1);
}

/* The last value of a name that is set by e or after it; they hang from last to first. */
static const struct crontab_env *in_force(const struct crontab_env *last, const struct crontab_env *e)
{
	while (last != e && (last->name_length != e->name_length ||
		strncmp(last->assignment, e->assignment, e->name_length) != 0))
		last = last->before;
	return last;
}

/* One of many settings; the lower its rank, the later it stands. */
struct ranked {
	const struct crontab_env *e;
	size_t rank;
};

static int name_order(const struct crontab_env *a, const struct crontab_env *b)
{
	uint32_t n = a->name_length < b->name_length ? a->name_length : b->name_length;
	int order = memcmp(a->assignment, b->assignment, n);

	return order ? order : (a->name_length > b->name_length) - (a->name_length < b->name_length);
}

static int ranked_order(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int order = name_order(x->e, y->e);

	return order ? order : (x->rank > y->rank) - (x->rank < y->rank);
}

/* A file with hundreds: the last of a name still wins, the order is of no account, and their
 * number counts once, not squared. */
static void put_many(struct buf *out, const struct dialect *d, const struct crontab_env *last,
	size_t n, const char *user)
{
	struct ranked *all = calloc(n, sizeof(*all));
	size_t until = out->len, i = 0;

	if (!all) {
		out->failed = true;
		return;
	}
	for (const struct crontab_env *e = last; e; e = e->before, i++)
		all[i] = (struct ranked){ e, i };
	qsort(all, n, sizeof(*all), ranked_order);
	for (i = 0; i < n; i++)
		if (i == 0 || name_order(all[i - 1].e, all[i].e) != 0)
			put_assignment(out, until, d, all[i].e->assignment, user);
	free(all);
}

/* A name stands where it was set first, with the value that it was set to last. */
static void put_settings(struct buf *out, const struct dialect *d, const struct crontab_env *last,
	const char *user)
{
	const struct crontab_env *all[SETTINGS_AT_ONCE];
	size_t n = 0;

	for (const struct crontab_env *e = last; e; e = e->before, n++)
		if (n < SETTINGS_AT_ONCE)
			all[n] = e;
	if (n > SETTINGS_AT_ONCE) {
		put_many(out, d, last, n, user);
		return;
	}
	while (n-- > 0)
		put_assignment(out, out->len, d, in_force(last, all[n])->assignment, user);
}

/* The assignment in force to the name that another one has; NULL: none. */
static const char *setting(const struct crontab_env *last, const char *like)
{
	size_t n = strcspn(like, "=");

	while (last && (last->name_length != n || strncmp(last->assignment, like, n) != 0))
		last = last->before;
	return last ? last->assignment : NULL;
}

/* What the daemon was given and jobs inherit; a setting of the table counts more. */
static void put_inherited(struct buf *out, const struct jobenv_of *of)
{
	struct slice list = of->inherited;

	for (size_t n; list.n; list.s += n, list.n -= n) {
		const char *mine = setting(of->settings, list.s);

		n = strlen(list.s) + 1;
		put_assignment(out, out->len, of->dialect, mine ? mine : list.s, of->user);
	}
}

void jobenv_build(struct buf *out, const struct jobenv_of *of)
{
	const struct dialect *d = of->dialect;

	if (of->shell)
		jobenv_put(out, "SHELL", of->shell);
	for (const char *const *own = of->own; own && *own; own++)
		put_assignment(out, out->len, d, *own, of->user);
	put_inherited(out, of);
	put_settings(out, d, of->settings, of->user);
	jobenv_put(out, "SHELL", "/bin/sh");
	jobenv_put(out, "HOME", of->home);
	jobenv_put(out, "PATH", of->path ? of->path : d->path);
	jobenv_put(out, "LOGNAME", of->user);
	if (d->env_user)
		jobenv_put(out, "USER", of->user);
}

const char *jobenv_value(struct slice block, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < block.n; i += strlen(block.s + i) + 1) {
		if (strncmp(block.s + i, name, n) == 0 && block.s[i + n] == '=')
			return block.s + i + n + 1;
	}
	return NULL;
}
