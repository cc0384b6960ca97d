/* titles: names that one file gives to its jobs, each once.
 * Flow: the parsers of task files and crontabs ask whether a name came before. */
#include "crond/core/titles.h"

#include <stdlib.h>

#include "crond/base/text.h"

struct title {
	struct slice name; /* s NULL: free */
	uint32_t line;
};

static struct title *slot_of(const struct titles *t, struct slice name)
{
	size_t i = (size_t)text_hash(0, name.s, name.n) & (t->room - 1);

	while (t->slots[i].name.s && !slice_equal(t->slots[i].name, name))
		i = (i + 1) & (t->room - 1);
	return &t->slots[i];
}

static int grow(struct titles *t)
{
	struct titles bigger = { .count = t->count, .room = t->room ? t->room * 2 : 64 };

	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < t->room; i++) {
		if (t->slots[i].name.s)
			*slot_of(&bigger, t->slots[i].name) = t->slots[i];
	}
	free(t->slots);
	*t = bigger;
	return 0;
}

int64_t titles_before(struct titles *t, struct slice name, uint32_t line)
{
	struct title *slot;

	if (t->count * 2 >= t->room && grow(t))
		return -1;
	slot = slot_of(t, name);
	if (slot->name.s)
		return slot->line;
	*slot = (struct title){ name, line };
	t->count++;
	return 0;
}

void titles_free(struct titles *t)
{
	free(t->slots);
	*t = (struct titles){ 0 };
}
