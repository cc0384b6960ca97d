/* due: what comes next.
 * Flow: the table puts jobs in, the loop asks when to wake and takes what is due. */
#include "crond/core/due.h"

#include <stdlib.h>
#include <string.h>

#include "crond/core/schedule_extra.h"

_Static_assert(sizeof(struct timer) <= 80 && STEP_SOURCES <= 2, "hundreds of thousands are usual");

enum { LATE_ORDINARY = 60 }; /* seconds; the Vixie family's "difference of one minute" */
enum { MARK_EACH = 16 };

/* --- heap: by next, ties in any order */

static void heap_put(struct due *d, size_t i, struct timer *t)
{
	d->heap[i] = t;
	t->place = (uint32_t)i & INT32_MAX;
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

static int64_t timer_next(const struct timer *t, int64_t after)
{
	return schedule_next(&t->schedule, t->zone, (enum step_source)t->source, after);
}

static void timer_compute(struct due *d, struct timer *t, int64_t after)
{
	bool wildcard = schedule_wildcard(&t->schedule);

	if (after < d->repeat && step_action(STEP_BACK, wildcard, t->source) == STEP_SUPPRESS)
		after = d->repeat;
	timer_set(d, t, timer_next(t, after), t->next != SCHEDULE_NEVER);
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

static struct timer *timer_find(const struct due *d, const struct timer *like)
{
	if (!d->slots)
		return NULL;
	for (struct timer *t = d->table[like->hash & (d->slots - 1)]; t; t = t->chain) {
		if (t->hash == like->hash && t->zone == like->zone && t->source == like->source &&
			schedule_equal(&t->schedule, &like->schedule))
			return t;
	}
	return NULL;
}

static void timer_free(struct timer *t)
{
	free((struct schedule_extra *)t->schedule.extra);
	free(t);
}

/* extra is small and rare: each timer has a copy of its own. */
static struct timer *timer_copy(const struct timer *like, struct slice text)
{
	struct timer *t = malloc(sizeof(*t) + text.n + 1);
	struct schedule_extra *x = NULL;

	if (t && like->schedule.extra) {
		x = malloc(sizeof(*x));
		if (!x) {
			free(t);
			return NULL;
		}
		*x = *like->schedule.extra;
	}
	if (!t)
		return NULL;
	*t = *like;
	t->schedule.extra = x;
	memcpy(t->text, text.s, text.n);
	t->text[text.n] = '\0';
	return t;
}

static struct timer *timer_new(struct due *d, const struct timer *like, struct slice text)
{
	struct timer *t;

	if (heap_room(d) < 0 || table_grow(d) < 0)
		return NULL;
	t = timer_copy(like, text);
	if (!t)
		return NULL;
	t->chain = d->table[t->hash & (d->slots - 1)];
	d->table[t->hash & (d->slots - 1)] = t;
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
	timer_free(t);
}

/* --- a timer's jobs: no job says which timer it hangs on, but the first hangs on it */

static void list_put(struct job **list, struct job *job)
{
	job->next = *list;
	job->back = list;
	job->first = 1;
	if (job->next) {
		job->next->back = &job->next;
		job->next->first = 0;
	}
	*list = job;
}

static void list_take(struct job *job)
{
	*job->back = job->next;
	if (job->next) {
		job->next->back = job->back;
		job->next->first = job->first;
	}
	job->back = NULL;
}

/* --- in and out */

int due_add(struct due *d, struct job *job, const struct schedule *s, const struct zone *zone,
	enum step_source source, struct slice text)
{
	uint64_t hash = schedule_hash(s) ^ (uint64_t)(uintptr_t)zone >> 4 ^ source;
	struct timer like = { .schedule = *s, .zone = zone, .next = SCHEDULE_NEVER,
		.hash = (uint32_t)(hash ^ hash >> 32), .source = source & 1 };
	struct timer *t = timer_find(d, &like);

	if (!t)
		t = timer_new(d, &like, text);
	if (!t)
		return -1;
	list_put(&t->jobs, job);
	d->jobs++;
	d->changes++;
	return 0;
}

void due_remove(struct due *d, struct job *job)
{
	struct timer *t = NULL;

	if (!job->back)
		return;
	if (job->first && !job->next)
		t = (struct timer *)(void *)((char *)job->back - offsetof(struct timer, jobs));
	list_take(job);
	d->jobs--;
	d->changes++;
	if (t)
		timer_drop(d, t);
}

static struct due_mark *mark_of(struct due_marks *marks, const struct job *job)
{
	return &marks->marks[((uintptr_t)job >> 3) * 2654435761U / 1024 % DUE_MARKS];
}

static const struct job *job_before(const struct job *job)
{
	return (const struct job *)(void *)((char *)job->back - offsetof(struct job, next));
}

/* From job back to the first of its list, or to one that is marked. */
static const struct timer *timer_seek(const struct job *job, struct due_marks *marks)
{
	while (!job->first) {
		const struct due_mark *mark = marks ? mark_of(marks, job) : NULL;

		if (mark && mark->job == job)
			return mark->timer;
		job = job_before(job);
	}
	return (const struct timer *)(void *)((char *)job->back - offsetof(struct timer, jobs));
}

const struct timer *due_timer(const struct due *d, const struct job *job, struct due_marks *marks)
{
	const struct timer *t;
	const struct job *at = job;

	if (!job->back)
		return NULL;
	if (marks && marks->changes != d->changes) {
		memset(marks, 0, sizeof(*marks));
		marks->changes = d->changes;
	}
	t = timer_seek(job, marks);
	/* one in so many, so that neighbours are found without going all the way */
	for (size_t n = 1; marks && !at->first && mark_of(marks, at)->job != at; n++) {
		if (n % MARK_EACH == 0)
			*mark_of(marks, at) = (struct due_mark){ at, t };
		at = job_before(at);
	}
	return t;
}

int64_t due_first(const struct due *d)
{
	return d->count ? d->heap[0]->next : SCHEDULE_NEVER;
}

/* One timer that fell due, in a time that passed as it should. */
static void due_ordinary(struct due *d, struct timer *t, void (*found)(void *, const struct due_found *),
	void *arg)
{
	int64_t at = t->next;
	struct due_found f = { .timer = t, .scheduled = at, .first = at, .until = at, .start = true };

	found(arg, &f);
	timer_compute(d, t, at);
}

/* The last nominal second of a timer up to now, from one that is due. */
static int64_t due_last(const struct timer *t, int64_t now)
{
	int64_t last = t->next;

	for (int64_t at = last; at <= now; at = timer_next(t, at))
		last = at;
	return last;
}

/* One timer with something behind a step: made up for at once, or skipped; then it
 * goes on after now. A nominal second that is `now` itself always counts. */
static void due_stepped(struct due *d, struct timer *t, int64_t now, enum step_class class,
	void (*found)(void *, const struct due_found *), void *arg)
{
	struct due_found f = { .timer = t, .scheduled = t->next, .first = t->next, .until = now };

	f.start = step_action(class, schedule_wildcard(&t->schedule), t->source) == STEP_RUN_ONCE;
	if (f.start) /* at most three hours: STEP_JUMP never gets here */
		f.scheduled = due_last(t, now);
	f.more = timer_next(t, t->next) <= now;
	if (!f.start && timer_next(t, now - 1) == now) {
		f.until = now - 1;
		found(arg, &f);
		f.start = true;
		f.more = false;
		f.scheduled = f.first = f.until = now;
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

void due_skip(struct due *d, int64_t now, void (*found)(void *arg, const struct due_found *f),
	void *arg)
{
	while (due_first(d) <= now) {
		struct timer *t = d->heap[0];
		struct due_found f = { .timer = t, .scheduled = t->next, .first = t->next, .until = now,
			.more = timer_next(t, t->next) <= now };

		found(arg, &f);
		timer_compute(d, t, now);
	}
	d->now = now;
}

void due_reset(struct due *d, int64_t now, int64_t step)
{
	enum step_class class = step_classify(step);

	if (class == STEP_BACK && d->repeat < d->now)
		d->repeat = d->now;
	else if (class == STEP_JUMP)
		d->repeat = now;
	d->now = now;
	for (size_t i = 0; i < d->slots; i++) {
		for (struct timer *t = d->table[i]; t; t = t->chain)
			timer_compute(d, t, now);
	}
}

void due_free(struct due *d)
{
	for (size_t i = 0; i < d->slots; i++) {
		while (d->table[i]) {
			struct timer *t = d->table[i];

			d->table[i] = t->chain;
			timer_free(t);
		}
	}
	free(d->table);
	free(d->heap);
	memset(d, 0, sizeof(*d));
}
