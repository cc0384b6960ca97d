/* table: all jobs in force, by the file they came from.
 * Flow: load hands in a parsed file, its jobs go into due and those of the version
 * before go out, in one step. */
#include "crond/core/table.h"

#include <stdlib.h>
#include <string.h>

struct job_file *job_file_new(const char *path)
{
	struct job_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->path = arena_copy(&f->arena, path, strlen(path));
	if (!f->path) {
		job_file_free(f);
		return NULL;
	}
	return f;
}

void job_file_free(struct job_file *f)
{
	if (!f)
		return;
	free(f->blocks);
	arena_free(&f->arena);
	free(f);
}

/* The first block is small: most files have few lines. */
static size_t block_of(size_t i, size_t *within, size_t *size)
{
	if (i < JOB_BLOCK_FIRST) {
		*within = i;
		*size = JOB_BLOCK_FIRST;
		return 0;
	}
	*within = (i - JOB_BLOCK_FIRST) % JOB_BLOCK;
	*size = JOB_BLOCK;
	return 1 + (i - JOB_BLOCK_FIRST) / JOB_BLOCK;
}

static int block_room(struct job_file *f, size_t block)
{
	size_t room = f->block_room ? f->block_room * 2 : 1;
	struct job **blocks;

	if (block < f->block_room)
		return 0;
	blocks = realloc(f->blocks, room * sizeof(*blocks));
	if (!blocks)
		return -1;
	f->blocks = blocks;
	f->block_room = room;
	return 0;
}

struct job *job_file_add(struct job_file *f)
{
	size_t within, size, block = block_of(f->count, &within, &size);

	if (within == 0) {
		if (block_room(f, block) < 0)
			return NULL;
		f->blocks[block] = arena_alloc(&f->arena, size * sizeof(struct job));
		if (!f->blocks[block])
			return NULL;
	}
	f->count++;
	memset(&f->blocks[block][within], 0, sizeof(struct job));
	return &f->blocks[block][within];
}

struct job *job_file_get(const struct job_file *f, size_t i)
{
	size_t within, size, block = block_of(i, &within, &size);

	return &f->blocks[block][within];
}

static int identity_order(const void *a, const void *b)
{
	const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;

	return x->identity < y->identity ? -1 : x->identity > y->identity;
}

static struct job **by_identity(const struct job_file *f, size_t *count)
{
	struct job **all;

	*count = f ? f->count : 0;
	all = malloc((*count + 1) * sizeof(struct job *));
	if (!all)
		return NULL;
	for (size_t i = 0; i < *count; i++)
		all[i] = job_file_get(f, i);
	qsort(all, *count, sizeof(struct job *), identity_order);
	return all;
}

static bool same_job(const struct job *a, const struct job *b)
{
	if (a->command != b->command && (!a->command || !b->command || strcmp(a->command, b->command)))
		return false;
	return !a->common || !b->common || options_equal(a->common->options, b->common->options);
}

void table_compare(const struct job_file *before, const struct job_file *after,
	struct table_change *change)
{
	size_t n, m, i = 0, j = 0, both = 0;
	struct job **old = by_identity(before, &n), **new = by_identity(after, &m);

	*change = (struct table_change){ .added = m, .removed = n };
	if (old && new) {
		while (i < n && j < m) {
			if (old[i]->identity < new[j]->identity) {
				i++;
			} else if (old[i]->identity > new[j]->identity) {
				j++;
			} else {
				both++;
				change->changed += !same_job(old[i], new[j]);
				i++;
				j++;
			}
		}
		change->added = m - both;
		change->removed = n - both;
		change->kept = both - change->changed;
	}
	free(old);
	free(new);
}

void table_take_out(struct due *due, struct job_file *f)
{
	for (size_t i = 0; i < f->count; i++)
		due_remove(due, job_file_get(f, i));
}
