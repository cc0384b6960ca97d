/* changes: what a reload did, by name.
 * Flow: load notes what became of each job, reload logs it, cronctl reload prints it. */
#include "crond/core/changes.h"

#include <string.h>

const char *change_name(enum change what)
{
	static const char *const names[] = {
		[CHANGE_ADDED] = "added",
		[CHANGE_CHANGED] = "changed",
		[CHANGE_REMOVED] = "removed",
		[CHANGE_REFUSED] = "refused",
	};

	return names[what];
}

bool changes_names(const struct changes *c, enum change what)
{
	return c->of[what].named < CHANGES_NAMED;
}

void changes_add(struct changes *c, enum change what, const char *name)
{
	c->of[what].count++;
	if (!changes_names(c, what))
		return;
	buf_append(&c->of[what].names, name, strlen(name) + 1);
	if (!c->of[what].names.failed)
		c->of[what].named++;
}

const char *changes_next(const struct changes *c, enum change what, size_t *at)
{
	const struct buf *names = &c->of[what].names;
	const char *name = names->data + *at;

	if (*at >= names->len)
		return NULL;
	*at += strlen(name) + 1;
	return name;
}

void changes_text(const struct changes *c, enum change what, size_t most, struct buf *out)
{
	size_t at = 0, shown = 0, began = out->len;

	for (const char *name; (name = changes_next(c, what, &at)); shown++) {
		if (shown && out->len - began + strlen(name) > most)
			break;
		buf_printf(out, "%s%s", shown ? ", " : "", name);
	}
	if (c->of[what].count > shown)
		buf_printf(out, "%s%zu%s", shown ? " and " : "", c->of[what].count - shown,
			shown ? " more" : "");
}

void changes_free(struct changes *c)
{
	for (int i = 0; i < CHANGES; i++)
		buf_free(&c->of[i].names);
	*c = (struct changes){ 0 };
}
