/* entry: one event of the spool, and how far each of its targets is.
 * Flow: made from a record that came or was found; its state file is read and written
 * by the spool. */
#include "config.h"

#include "crond/notify/entry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crond/base/buf.h"
#include "crond/base/text.h"
#include "crond/core/event.h"

static const char *const state_names[] = {
	[TARGET_WAIT] = "wait",
	[TARGET_DONE] = "done",
	[TARGET_FAILED] = "failed",
};

/* A word of a waiting target's own. */
static const char sent_name[] = "sent";
enum { WHY_MOST = 200 };

static struct slice list_next(struct slice *list)
{
	const char *end = memchr(list->s, 0, list->n);
	struct slice word = { list->s, end ? (size_t)(end - list->s) : list->n };
	size_t taken = word.n + (end != NULL);

	list->s += taken;
	list->n -= taken;
	return word;
}

static bool is_listed(struct slice *names, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(names[i], name))
			return true;
	return false;
}

static size_t targets_of(struct slice list, struct slice *names, size_t *bytes, size_t *dropped)
{
	size_t count = 0;

	*bytes = *dropped = 0;
	while (list.n > 0) {
		struct slice name = list_next(&list);

		if (name.n == 0 || is_listed(names, count, name))
			continue;
		if (count == SPOOL_TARGETS) {
			++*dropped;
			continue;
		}
		names[count++] = name;
		*bytes += name.n + 1;
	}
	return count;
}

struct entry *entry_new(const struct event *e, size_t bytes, int64_t received, size_t *dropped)
{
	struct slice names[SPOOL_TARGETS];
	size_t id_room = strlen(e->id) + 1, name_bytes;
	size_t count = targets_of(e->targets, names, &name_bytes, dropped);
	size_t head = sizeof(struct entry) + count * sizeof(struct target);
	struct entry *made = calloc(1, head + id_room + name_bytes);
	char *text;

	if (!made)
		return NULL;
	text = (char *)made + head;
	made->bytes = bytes;
	made->received = received;
	made->trusted = e->trusted;
	made->uid = e->uid;
	made->notice = e->note != NULL;
	made->count = (uint32_t)count;
	made->id = memcpy(text, e->id, id_room);
	text += id_room;
	for (size_t i = 0; i < count; i++) {
		made->targets[i].entry = made;
		made->targets[i].name = memcpy(text, names[i].s, names[i].n);
		text += names[i].n + 1;
	}
	return made;
}

bool entry_waits(const struct entry *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (e->targets[i].state == TARGET_WAIT)
			return true;
	return false;
}

bool entry_failed(const struct entry *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (e->targets[i].state == TARGET_FAILED)
			return true;
	return false;
}

struct target *entry_target(struct entry *e, const char *name)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (strcmp(e->targets[i].name, name) == 0)
			return &e->targets[i];
	return NULL;
}

void target_why(struct target *t, const char *why)
{
	free(t->why);
	t->why = why && why[0] ? strndup(why, WHY_MOST) : NULL;
}

void entry_free(struct entry *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		free(e->targets[i].why);
	free(e->members);
	free(e);
}

void entry_state_put(const struct entry *e, struct buf *out)
{
	for (uint32_t i = 0; i < e->count; i++) {
		const struct target *t = &e->targets[i];

		buf_printf(out, "%s %u %" PRId64 " ",
			t->sent && t->state == TARGET_WAIT ? sent_name : state_names[t->state],
			t->tries, t->due_s);
		text_visible(out, slice_of(t->name), 128);
		if (t->why) {
			buf_putc(out, '\t');
			text_visible(out, slice_of(t->why), WHY_MOST);
		}
		buf_putc(out, '\n');
	}
}

static struct slice cut_at(struct slice *rest, char c)
{
	const char *end = rest->n ? memchr(rest->s, c, rest->n) : NULL;
	struct slice word = { rest->s, end ? (size_t)(end - rest->s) : rest->n };

	rest->s += word.n + (end != NULL);
	rest->n -= word.n + (end != NULL);
	return word;
}

static int state_line(struct target *t, struct slice line)
{
	struct slice word = cut_at(&line, ' ');
	uint64_t tries, due;
	int state = slice_is(word, sent_name) ? TARGET_WAIT : -1;

	for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (slice_is(word, state_names[i]))
			state = (int)i;
	if (state < 0 || text_number(cut_at(&line, ' '), UINT32_MAX, &tries) ||
		text_number(cut_at(&line, ' '), INT64_MAX / 1000, &due))
		return -1;
	t->state = (enum target_state)state;
	t->tries = (uint32_t)tries;
	t->due_s = (int64_t)due;
	t->sent = slice_is(word, sent_name);
	return 0;
}

/* What stands behind the name, in a line that was read. */
static void state_why(struct target *t, struct slice line)
{
	char text[WHY_MOST * 4 + 1];

	cut_at(&line, '\t');
	if (line.n == 0 || line.n >= sizeof(text))
		return;
	memcpy(text, line.s, line.n);
	text[line.n] = '\0';
	target_why(t, text);
}

int entry_state_get(struct entry *e, struct slice text)
{
	struct target found[SPOOL_TARGETS];
	struct slice lines = text;

	for (uint32_t i = 0; i < e->count; i++) {
		found[i] = e->targets[i];
		if (text.n == 0 || state_line(&found[i], cut_at(&text, '\n')))
			return -1;
	}
	if (text.n > 0)
		return -1;
	if (e->count > 0)
		memcpy(e->targets, found, e->count * sizeof(found[0]));
	for (uint32_t i = 0; i < e->count; i++)
		state_why(&e->targets[i], cut_at(&lines, '\n'));
	return 0;
}
