/* table: all jobs in force, by the file they came from.
 * Flow: load hands in a parsed file, its jobs go into due and those of the version
 * before go out, in one step. */
#include "crond/core/table.h"

#include <stdlib.h>
#include <string.h>

#include "crond/base/large.h"

struct job_file *job_file_new(const char *path, size_t jobs, size_t text)
{
	struct job_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->path = arena_copy(&f->arena, path, strlen(path));
	f->jobs = calloc(jobs + 1, sizeof(*f->jobs));
	f->text = malloc(text + 1);
	f->room = jobs;
	large_pages(f->jobs, (jobs + 1) * sizeof(*f->jobs));
	large_pages(f->text, text);
	f->text_room = text + 1;
	if (!f->path || !f->jobs || !f->text) {
		job_file_free(f);
		return NULL;
	}
	return f;
}

void job_file_free(struct job_file *f)
{
	if (!f)
		return;
	free(f->jobs);
	free(f->text);
	arena_free(&f->arena);
	free(f);
}

struct job *job_file_add(struct job_file *f)
{
	struct job *job = f->count < f->room ? &f->jobs[f->count] : NULL;

	if (!job)
		return NULL;
	f->count++;
	job->command = JOB_NO_COMMAND;
	return job;
}

static int text_room(struct job_file *f, size_t room)
{
	char *text = room > JOB_NO_COMMAND ? NULL : realloc(f->text, room);

	if (!text)
		return -1;
	f->text = text;
	f->text_room = room;
	return 0;
}

int job_file_command(struct job_file *f, struct job *job, struct slice command)
{
	size_t end = f->text_used + command.n + 1;

	if (end > f->text_room && text_room(f, end * 2) < 0)
		return -1;
	job->command = (uint32_t)f->text_used;
	if (command.n)
		memcpy(f->text + f->text_used, command.s, command.n);
	f->text[end - 1] = '\0';
	f->text_used = end;
	return 0;
}

/* How often each identity came; so many are looked up that it pays to fetch ahead. */
struct seen {
	uint64_t *keys; /* 0: free */
	uint32_t *again;
	size_t slots;
};

enum { AHEAD = 8 };

static uint32_t seen_count(struct seen *s, uint64_t identity)
{
	uint64_t key = identity ? identity : 1;
	size_t i = key & (s->slots - 1);

	while (s->keys[i] && s->keys[i] != key)
		i = (i + 1) & (s->slots - 1);
	if (s->keys[i])
		return ++s->again[i];
	s->keys[i] = key;
	return 0;
}

int job_file_number(struct job_file *f)
{
	struct seen s = { .slots = 64 };
	int rc;

	while (s.slots < f->count * 2)
		s.slots *= 2;
	s.keys = calloc(s.slots, sizeof(*s.keys));
	s.again = calloc(s.slots, sizeof(*s.again));
	rc = s.keys && s.again ? 0 : -1;
	large_pages(s.keys, s.slots * sizeof(*s.keys));
	for (size_t i = 0; rc == 0 && i < f->count; i++) {
		struct job *job = &f->jobs[i];
		uint32_t same;

		if (i + AHEAD < f->count)
			__builtin_prefetch(&s.keys[job[AHEAD].identity & (s.slots - 1)]);
		same = seen_count(&s, job->identity);
		if (same)
			job->identity = job_identity_again(job->identity, same);
	}
	free(s.keys);
	free(s.again);
	return rc;
}

void job_file_fit(struct job_file *f)
{
	text_room(f, f->text_used ? f->text_used : 1); /* where not, it is as good as it was */
}

/* --- one version and the next */

/* Where jobs are, by identity. */
struct places {
	uint32_t *slots; /* index + 1; 0: free */
	size_t count;
};

enum { FOUND = UINT32_MAX }; /* was there, and has its match */

static int places_fill(struct places *p, const struct job_file *f)
{
	p->count = 64;
	while (p->count < f->count * 2)
		p->count *= 2;
	p->slots = calloc(p->count, sizeof(*p->slots));
	if (!p->slots)
		return -1;
	for (size_t i = 0; i < f->count; i++) {
		size_t at = f->jobs[i].identity & (p->count - 1);

		while (p->slots[at])
			at = (at + 1) & (p->count - 1);
		p->slots[at] = (uint32_t)i + 1;
	}
	return 0;
}

static const struct job *places_take(struct places *p, const struct job_file *f, uint64_t identity)
{
	for (size_t at = identity & (p->count - 1); p->slots[at]; at = (at + 1) & (p->count - 1)) {
		const struct job *job = p->slots[at] == FOUND ? NULL : &f->jobs[p->slots[at] - 1];

		if (!job || job->identity != identity)
			continue;
		p->slots[at] = FOUND;
		return job;
	}
	return NULL;
}

static bool same_job(const char *a_text, const struct job *a, const char *b_text, const struct job *b)
{
	bool none = a->command == JOB_NO_COMMAND;

	if (none != (b->command == JOB_NO_COMMAND))
		return false;
	if (!none && strcmp(a_text + a->command, b_text + b->command) != 0)
		return false;
	return !a->common || !b->common || options_equal(a->common->options, b->common->options);
}

bool table_same(const struct job *a, const struct job *b)
{
	return same_job(a->common->file->text, a, b->common->file->text, b);
}

static void sink_say(const struct table_sink *sink, enum change what, const struct job *job)
{
	if (sink)
		sink->each(sink->arg, what, job);
}

/* Of those that have no match: in the order they stand in. */
static void say_removed(const struct places *p, const struct job_file *before,
	const struct table_sink *sink)
{
	for (size_t i = 0; sink && i < before->count; i++) {
		size_t at = before->jobs[i].identity & (p->count - 1);

		while (p->slots[at] && p->slots[at] != i + 1)
			at = (at + 1) & (p->count - 1);
		if (p->slots[at])
			sink_say(sink, CHANGE_REMOVED, &before->jobs[i]);
	}
}

static void say_all(const struct job_file *f, enum change what, const struct table_sink *sink)
{
	for (size_t i = 0; f && i < f->count; i++)
		sink_say(sink, what, &f->jobs[i]);
}

void table_compare(const struct job_file *before, const struct job_file *after,
	struct table_change *change, const struct table_sink *sink)
{
	size_t n = before ? before->count : 0, m = after ? after->count : 0, both = 0;
	struct places places = { 0 };

	*change = (struct table_change){ .added = m, .removed = n };
	if (!n || !m || places_fill(&places, before) < 0) {
		say_all(after, CHANGE_ADDED, sink);
		say_all(before, CHANGE_REMOVED, sink);
		return;
	}
	for (size_t i = 0; i < m; i++) {
		const struct job *job = &after->jobs[i], *was = places_take(&places, before, job->identity);
		bool same = was && same_job(before->text, was, after->text, job);

		both += was != NULL;
		change->changed += was && !same;
		if (!same)
			sink_say(sink, was ? CHANGE_CHANGED : CHANGE_ADDED, job);
	}
	say_removed(&places, before, sink);
	change->added = m - both;
	change->removed = n - both;
	change->kept = both - change->changed;
	free(places.slots);
}

void table_take_out(struct due *due, struct job_file *f)
{
	for (size_t i = 0; i < f->count; i++)
		due_remove(due, &f->jobs[i]);
}
