/* due: what comes next.
 * Flow: the table puts jobs in, the loop asks when to wake and takes what is due. */
#include "crond/core/due.h"

#include <stdlib.h>
#include <string.h>

enum { LATE_ORDINARY = 60 }; /* seconds; the Vixie family's "difference of one minute" */

/* --- heap: by next, ties in any order */

static void heap_put(struct due *d, size_t i, struct timer *t)
{
	d->heap[i] = t;
	t->place = (uint32_t)i;
}

static void heap_up(struct due *d, size_t i)
{
	struct timer *t = d->heap[i];

	while (i > 0 && d->heap[(i - 1) / 2]->next > t->next) {
		heap_put(d, i, d->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(d, i, t);
}

static void heap_down(struct due *d, size_t i)
{
	struct timer *t = d->heap[i];

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= d->count)
			break;
		if (c + 1 < d->count && d->heap[c + 1]->next < d->heap[c]->next)
			c++;
		if (d->heap[c]->next >= t->next)
			break;
		heap_put(d, i, d->heap[c]);
		i = c;
	}
	heap_put(d, i, t);
}

static void heap_remove(struct due *d, struct timer *t)
{
	size_t i = t->place;
	struct timer *last = d->heap[--d->count];

	if (last == t)
		return;
	heap_put(d, i, last);
	heap_up(d, i);
	heap_down(d, last->place);
}

/* Room is made when the timer is, so that placing one later cannot fail. */
static int heap_room(struct due *d)
{
	size_t room = d->room ? d->room * 2 : 64;
	struct timer **heap;

	if (d->timers < d->room)
		return 0;
	heap = realloc(d->heap, room * sizeof(*heap));
	if (!heap)
		return -1;
	d->heap = heap;
	d->room = room;
	return 0;
}

static void timer_set(struct due *d, struct timer *t, int64_t next, bool placed)
{
	bool wanted = next != SCHEDULE_NEVER;

	if (placed && !wanted) {
		heap_remove(d, t);
		t->next = next;
		return;
	}
	t->next = next;
	if (!wanted)
		return;
	if (!placed)
		heap_put(d, d->count++, t);
	heap_up(d, t->place);
	heap_down(d, t->place);
}

static void timer_compute(struct due *d, struct timer *t, int64_t after)
{
	timer_set(d, t, schedule_next(&t->schedule, t->zone, t->source, after),
		t->next != SCHEDULE_NEVER);
}

/* --- hash table of timers */

static int table_grow(struct due *d)
{
	size_t slots = d->slots ? d->slots * 2 : 64;
	struct timer **table;

	if (d->timers < d->slots)
		return 0;
	table = calloc(slots, sizeof(struct timer *));
	if (!table)
		return -1;
	for (size_t i = 0; i < d->slots; i++) {
		while (d->table[i]) {
			struct timer *t = d->table[i];

			d->table[i] = t->chain;
			t->chain = table[t->hash & (slots - 1)];
			table[t->hash & (slots - 1)] = t;
		}
	}
	free(d->table);
	d->table = table;
	d->slots = slots;
	return 0;
}

static struct timer *timer_find(const struct due *d, uint64_t hash, const struct schedule *s,
	const struct zone *zone, enum step_source source)
{
	if (!d->slots)
		return NULL;
	for (struct timer *t = d->table[hash & (d->slots - 1)]; t; t = t->chain) {
		if (t->hash == hash && t->zone == zone && t->source == source &&
			schedule_equal(&t->schedule, s))
			return t;
	}
	return NULL;
}

/* extra is small and rare: each timer has a copy of its own. */
static struct timer *timer_new(struct due *d, uint64_t hash, const struct schedule *s,
	const struct zone *zone, enum step_source source, struct slice text)
{
	struct timer *t;

	if (heap_room(d) < 0 || table_grow(d) < 0)
		return NULL;
	t = malloc(sizeof(*t) + text.n + 1);
	if (!t)
		return NULL;
	*t = (struct timer){ .zone = zone, .source = source, .hash = hash, .next = SCHEDULE_NEVER };
	if (schedule_copy(&t->schedule, s, &t->memory) < 0) {
		arena_free(&t->memory);
		free(t);
		return NULL;
	}
	memcpy(t->text, text.s, text.n);
	t->text[text.n] = '\0';
	t->chain = d->table[hash & (d->slots - 1)];
	d->table[hash & (d->slots - 1)] = t;
	d->timers++;
	timer_compute(d, t, d->now);
	return t;
}

static void timer_drop(struct due *d, struct timer *t)
{
	struct timer **at = &d->table[t->hash & (d->slots - 1)];

	while (*at != t)
		at = &(*at)->chain;
	*at = t->chain;
	if (t->next != SCHEDULE_NEVER)
		heap_remove(d, t);
	d->timers--;
	arena_free(&t->memory);
	free(t);
}

int due_add(struct due *d, struct job *job, const struct schedule *s, const struct zone *zone,
	enum step_source source, struct slice text)
{
	uint64_t hash = schedule_hash(s) ^ ((uint64_t)(uintptr_t)zone >> 4) ^ (uint64_t)source << 32;
	struct timer *t = timer_find(d, hash, s, zone, source);

	if (!t)
		t = timer_new(d, hash, s, zone, source, text);
	if (!t)
		return -1;
	job->timer = t;
	job->next = t->jobs;
	job->back = &t->jobs;
	if (t->jobs)
		t->jobs->back = &job->next;
	t->jobs = job;
	d->jobs++;
	return 0;
}

void due_remove(struct due *d, struct job *job)
{
	struct timer *t = job->timer;

	if (!t)
		return;
	*job->back = job->next;
	if (job->next)
		job->next->back = job->back;
	job->timer = NULL;
	d->jobs--;
	if (!t->jobs)
		timer_drop(d, t);
}

int64_t due_first(const struct due *d)
{
	return d->count ? d->heap[0]->next : SCHEDULE_NEVER;
}

/* One timer that fell due, in a time that passed as it should. */
static void due_ordinary(struct due *d, struct timer *t, void (*found)(void *, const struct due_found *),
	void *arg)
{
	struct due_found f = { .timer = t, .scheduled = t->next, .start = true };
	int64_t at = t->next;

	found(arg, &f);
	timer_compute(d, t, at);
}

/* The last nominal second of a timer up to now, from one that is due. */
static int64_t due_last(const struct timer *t, int64_t now)
{
	int64_t last = t->next;

	for (int64_t at = last; at <= now; at = schedule_next(&t->schedule, t->zone, t->source, at))
		last = at;
	return last;
}

/* One timer with something behind a step: made up for at once, or skipped; then it
 * goes on after now. A nominal second that is `now` itself always counts. */
static void due_stepped(struct due *d, struct timer *t, int64_t now, enum step_class class,
	void (*found)(void *, const struct due_found *), void *arg)
{
	struct due_found f = { .timer = t, .scheduled = t->next };

	f.start = step_action(class, schedule_wildcard(&t->schedule), t->source) == STEP_RUN_ONCE;
	if (f.start) /* at most three hours: STEP_JUMP never gets here */
		f.scheduled = due_last(t, now);
	f.more = schedule_next(&t->schedule, t->zone, t->source, t->next) <= now;
	if (!f.start && schedule_next(&t->schedule, t->zone, t->source, now - 1) == now) {
		found(arg, &f);
		f.start = true;
		f.more = false;
		f.scheduled = now;
	}
	found(arg, &f);
	timer_compute(d, t, now);
}

void due_advance(struct due *d, int64_t now, int64_t step,
	void (*found)(void *arg, const struct due_found *f), void *arg)
{
	int64_t behind = step;
	enum step_class class;

	if (due_first(d) <= now && now - due_first(d) > behind)
		behind = now - due_first(d);
	class = behind < LATE_ORDINARY ? STEP_NONE : step_classify(behind);
	while (due_first(d) <= now) {
		struct timer *t = d->heap[0];

		if (class == STEP_NONE || t->next == now)
			due_ordinary(d, t, found, arg);
		else
			due_stepped(d, t, now, class, found, arg);
	}
	d->now = now;
}

void due_reset(struct due *d, int64_t now, int64_t step)
{
	enum step_class class = step < 0 ? step_classify(step) : STEP_JUMP;

	d->now = now;
	for (size_t i = 0; i < d->slots; i++) {
		for (struct timer *t = d->table[i]; t; t = t->chain) {
			bool wildcard = schedule_wildcard(&t->schedule);

			if (class == STEP_BACK &&
				step_action(class, wildcard, t->source) == STEP_SUPPRESS)
				continue;
			timer_compute(d, t, now);
		}
	}
}

void due_free(struct due *d)
{
	for (size_t i = 0; i < d->slots; i++) {
		while (d->table[i]) {
			struct timer *t = d->table[i];

			d->table[i] = t->chain;
			arena_free(&t->memory);
			free(t);
		}
	}
	free(d->table);
	free(d->heap);
	memset(d, 0, sizeof(*d));
}
