/* jobenv: a job's environment, as a block of NUL-terminated "NAME=value".
 * Flow: a crontab's settings or a task's env option, and who the user is -> the block
 * that goes into each of its runs. */
#include "crond/core/jobenv.h"

#include <string.h>

#include "crond/base/buf.h"

enum { SETTINGS_AT_ONCE = 256 };

static bool has(const struct buf *b, const char *name, size_t n)
{
	for (size_t i = 0; i < b->len; i += strlen(b->data + i) + 1) {
		if (strncmp(b->data + i, name, n) == 0 && b->data[i + n] == '=')
			return true;
	}
	return false;
}

void jobenv_put(struct buf *out, const char *name, const char *value)
{
	if (has(out, name, strlen(name)))
		return;
	buf_puts(out, name);
	buf_putc(out, '=');
	buf_append(out, value, strlen(value) + 1);
}

static bool is_identity(const struct dialect *d, const char *assignment)
{
	return strncmp(assignment, "LOGNAME=", 8) == 0 ||
		(d->env_user && strncmp(assignment, "USER=", 5) == 0);
}

static void put_assignment(struct buf *out, const char *assignment)
{
	size_t n = strcspn(assignment, "=");

	if (!has(out, assignment, n))
		buf_append(out, assignment, strlen(assignment) + 1);
}

/* Is there a later one of this name? They hang from the last to the first. */
static bool set_again(const struct crontab_env *last, const struct crontab_env *e)
{
	for (; last != e; last = last->before) {
		if (last->name_length == e->name_length &&
			strncmp(last->assignment, e->assignment, e->name_length) == 0)
			return true;
	}
	return false;
}

static void put_settings(struct buf *out, const struct dialect *d, const struct crontab_env *last)
{
	const struct crontab_env *all[SETTINGS_AT_ONCE];
	const struct crontab_env *e = last;
	size_t n = 0;

	for (; e && n < SETTINGS_AT_ONCE; e = e->before)
		all[n++] = e;
	while (n-- > 0) {
		if (!is_identity(d, all[n]->assignment) && !set_again(last, all[n]))
			put_assignment(out, all[n]->assignment);
	}
	/* A file with hundreds: the last of a name still wins, the order is of no account. */
	for (; e; e = e->before) {
		if (!is_identity(d, e->assignment))
			put_assignment(out, e->assignment);
	}
}

void jobenv_build(struct buf *out, const struct dialect *d, const struct crontab_env *settings,
	const char *const *list, const char *user, const char *home)
{
	for (; list && *list; list++) {
		if (!is_identity(d, *list))
			put_assignment(out, *list);
	}
	put_settings(out, d, settings);
	jobenv_put(out, "SHELL", "/bin/sh");
	jobenv_put(out, "HOME", home);
	jobenv_put(out, "PATH", d->path);
	jobenv_put(out, "LOGNAME", user);
	if (d->env_user)
		jobenv_put(out, "USER", user);
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
